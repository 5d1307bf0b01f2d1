/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the elements of a batch ask for (docs/protocol/community.md, 1.9). Apart from batch.c, which
 * runs them: here is only parsing.
 */
#include "router/batch_read.h"

#include "base/arena.h"
#include "base/base64.h"
#include "router/batch_scan.h"
#include "router/headers.h"
#include "router/reply.h"

/* The element with an empty b64, for the JSON reader. Copies only if there is one. */
static enum err text_without_b64(struct arena *mem, const struct batch_item *item,
                                 struct span *ret_text)
{
    if (item->b64.len == 0) {
        *ret_text = item->text;
        return OK;
    }
    size_t before = (size_t)(item->b64.p - item->text.p);
    struct span after = span_skip(item->text, before + item->b64.len);
    uint8_t *text = arena_alloc(mem, before + after.len);
    if (text == NULL)
        return ERR_NO_MEMORY;
    memcpy(text, item->text.p, before);
    memcpy(text + before, after.p, after.len);
    *ret_text = span_of(text, before + after.len);
    return OK;
}

/*
 * `raw` is what the scanner cut out. It does not see a name that is written with escapes; the value
 * is then in the JSON like any other text, and raw.p is NULL.
 */
static enum err read_b64_body(const struct json_flat *flat, const struct json_member *value,
                              struct span raw, struct span *ret_body)
{
    if (value->kind != JSON_KIND_TEXT)
        return ERR_MALFORMED;
    struct span text = raw;
    enum err e = raw.p == NULL ? json_member_bytes(flat, value, &text) : OK;
    if (e != OK)
        return e;
    uint8_t *out = arena_alloc(flat->mem, base64_max_decoded(text.len));
    size_t len = 0;
    if (out == NULL)
        return ERR_NO_MEMORY;
    e = batch_scan_decode(text, out, &len);
    if (e == OK)
        *ret_body = span_of(out, len);
    return e;
}

static enum err read_bytes_body(const struct json_flat *flat, const struct json_member *value,
                                struct span *ret_body)
{
    return value->kind == JSON_KIND_TEXT ? json_member_bytes(flat, value, ret_body) : ERR_MALFORMED;
}

static bool takes_body(const struct request *req)
{
    return req->method == METHOD_POST || req->method == METHOD_PUT;
}

/*
 * Exactly one of json, b64 and bytes for POST and PUT, none for GET and DELETE. Sets the body and
 * its default type; null behaves as no body.
 */
static enum err read_body(const struct json_flat *flat, const struct batch_item *item,
                          struct request *req, struct span *ret_type)
{
    struct json_member json, b64, bytes;
    bool has_json = json_flat_find(flat, SPAN("json"), &json);
    bool has_b64 = json_flat_find(flat, SPAN("b64"), &b64);
    bool has_bytes = json_flat_find(flat, SPAN("bytes"), &bytes);
    bool wanted = takes_body(req);
    if (has_json + has_b64 + has_bytes != (wanted ? 1 : 0))
        return ERR_MALFORMED;
    if (!wanted)
        return OK;
    *ret_type = has_json ? SPAN(CONTENT_JSON) : SPAN(CONTENT_BINARY);
    const struct json_member *value = has_json ? &json : has_b64 ? &b64 : &bytes;
    if (value->kind == JSON_KIND_NULL)
        return OK;
    if (has_json)
        return json_member_json(flat, value, &req->body);
    return has_b64 ? read_b64_body(flat, value, item->b64, &req->body)
                   : read_bytes_body(flat, value, &req->body);
}

/*
 * Signed headers are the outer request's alone (docs/protocol/community.md, 1.4); the body's real
 * length counts.
 */
static bool is_dropped_header(struct span name)
{
    return span_eq_nocase(span_first(name, 7), SPAN("x-sogs-")) ||
           span_eq_nocase(name, SPAN("content-length"));
}

/* The method has to be upper case here; in an envelope it need not be. */
static enum err read_method_and_path(const struct json_flat *flat, struct request *req)
{
    struct span method, path;
    enum err e = json_flat_text(flat, SPAN("method"), &method);
    if (e == OK)
        e = json_flat_text(flat, SPAN("path"), &path);
    if (e == OK)
        e = request_set_method(req, flat->mem, method);
    if (e != OK)
        return e;
    if (req->method == METHOD_OTHER || !span_eq(req->method_text, method))
        return ERR_MALFORMED;
    return request_set_endpoint(req, flat->mem, path);
}

/* On failure *ret_req is of no use. */
static enum err read_element(struct arena *mem, const struct batch_item *item,
                             struct request *ret_req)
{
    struct header_rules rules = {.is_dropped = is_dropped_header};
    struct span text;
    enum err e = text_without_b64(mem, item, &text);
    if (e != OK)
        return e;
    AUTO_JSON_FLAT struct json_flat flat;
    *ret_req = (struct request){.method = METHOD_OTHER};
    e = json_flat_read(mem, text, &flat);
    if (e == OK)
        e = read_method_and_path(&flat, ret_req);
    if (e != OK || (json_flat_count(&flat) == 2 && !takes_body(ret_req)))
        return e; /* most elements of a poll have a method and a path, and nothing else */
    e = read_body(&flat, item, ret_req, &rules.default_type);
    return e == OK ? headers_read(&flat, &rules, ret_req) : e;
}

enum err batch_read(struct arena *mem, const struct request *batch,
                    struct batch_elements *ret_elements)
{
    if (!request_is_json(batch))
        return ERR_MALFORMED;
    size_t most = batch_scan_most(batch->body);
    struct batch_item *items = ARENA_ARRAY(mem, most, struct batch_item);
    if (items == NULL)
        return ERR_NO_MEMORY;
    size_t count = 0;
    enum err e = batch_scan(batch->body, items, &count);
    if (e != OK)
        return e;
    struct batch_elements elements = {ARENA_ARRAY(mem, count, struct request), count, true};
    if (elements.requests == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        e = read_element(mem, &items[i], &elements.requests[i]);
        if (e != OK)
            return e;
        elements.only_gets = elements.only_gets && elements.requests[i].method == METHOD_GET;
    }
    *ret_elements = elements;
    return OK;
}
