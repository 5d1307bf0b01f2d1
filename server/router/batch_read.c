/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the elements of a batch ask for (protocol 02, 1.9). Apart from batch.c, which runs them: here is only parsing.
 */
#include "router/batch_read.h"

#include "base/arena.h"
#include "base/base64.h"
#include "router/batch_scan.h"
#include "router/json_in.h"
#include "router/json_plain.h"
#include "router/reply.h"

/* What Jansson is to see: the element with an empty b64. Copies only if there is one. */
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

static enum err read_json_body(struct arena *mem, const json_t *value, struct span *ret_body)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    if (json_is_null(value))
        return OK; /* behaves as no body */
    size_t len = json_dumpb(value, NULL, 0, flags);
    char *text = arena_alloc(mem, len);
    if (len == 0 || text == NULL)
        return ERR_NO_MEMORY; /* the value was parsed from text: only memory can fail */
    *ret_body = span_of(text, json_dumpb(value, text, len, flags));
    return OK;
}

static enum err read_b64_body(struct arena *mem, const json_t *value, struct span raw,
                              struct span *ret_body)
{
    if (json_is_null(value))
        return OK;
    if (!json_is_string(value))
        return ERR_MALFORMED;
    /* A name written with escapes is not seen by the scanner; its value then went through Jansson, as small text. */
    struct span text =
        raw.p != NULL ? raw : span_of(json_string_value(value), json_string_length(value));
    uint8_t *out = arena_alloc(mem, base64_max_decoded(text.len));
    size_t len = 0;
    if (out == NULL)
        return ERR_NO_MEMORY;
    enum err e = batch_scan_decode(text, out, &len);
    if (e == OK)
        *ret_body = span_of(out, len);
    return e;
}

static enum err copy_text(struct arena *mem, const json_t *value, struct span *ret_text)
{
    if (!json_is_string(value))
        return ERR_MALFORMED;
    struct span text = span_of(json_string_value(value), json_string_length(value));
    struct span copy = arena_dup(mem, text);
    if (copy.len != text.len)
        return ERR_NO_MEMORY;
    *ret_text = copy;
    return OK;
}

/* Exactly one of json, b64 and bytes for POST and PUT, none for GET and DELETE. Sets the body and its default type. */
static enum err read_body(struct arena *mem, const struct json_in *in,
                          const struct batch_item *item, struct request *req, struct span *ret_type)
{
    const json_t *json = json_object_get(in->root, "json");
    const json_t *b64 = json_object_get(in->root, "b64");
    const json_t *bytes = json_object_get(in->root, "bytes");
    int given = (json != NULL) + (b64 != NULL) + (bytes != NULL);
    bool wanted = req->method == METHOD_POST || req->method == METHOD_PUT;
    if (given != (wanted ? 1 : 0))
        return ERR_MALFORMED;
    if (!wanted)
        return OK;
    *ret_type = json != NULL ? SPAN(CONTENT_JSON) : SPAN(CONTENT_BINARY);
    if (json != NULL)
        return read_json_body(mem, json, &req->body);
    if (b64 != NULL)
        return read_b64_body(mem, b64, item->b64, &req->body);
    return json_is_null(bytes) ? OK : copy_text(mem, bytes, &req->body);
}

/* Signed headers are the outer request's alone (protocol 02, 1.4), and a body's length is what it is. */
static bool is_dropped_header(struct span name)
{
    return span_eq_nocase(span_first(name, 7), SPAN("x-sogs-")) ||
           span_eq_nocase(name, SPAN("content-length"));
}

/* The element's headers, then the default content type if they name none. */
static enum err read_headers(struct arena *mem, const struct json_in *in, struct span default_type,
                             struct request *req)
{
    json_t *object = json_object_get(in->root, "headers");
    if (object != NULL && !json_is_object(object))
        return ERR_MALFORMED;
    size_t given = json_object_size(object);
    if (given > REQUEST_HEADERS_MAX)
        return ERR_MALFORMED;
    struct header *headers = ARENA_ARRAY(mem, given + 1, struct header);
    if (headers == NULL)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        const char *key = json_object_iter_key(it);
        struct span name = span_of(key, json_object_iter_key_len(it));
        struct span value;
        enum err e = copy_text(mem, json_object_iter_value(it), &value);
        if (e == OK && span_find(value, 0) != value.len)
            e = ERR_MALFORMED;
        if (e != OK)
            return e;
        if (is_dropped_header(name))
            continue;
        struct span name_copy = arena_dup(mem, name);
        if (name_copy.len != name.len)
            return ERR_NO_MEMORY;
        headers[count++] = (struct header){name_copy, value};
    }
    req->headers = headers;
    req->header_count = count;
    if (default_type.len > 0 && request_header(req, "content-type").len == 0) {
        headers[count] = (struct header){SPAN("content-type"), default_type};
        req->header_count++;
    }
    return OK;
}

static enum err set_method_and_path(struct arena *mem, struct span method, struct span path,
                                    struct request *req)
{
    enum err e = request_set_method(req, mem, method);
    if (e != OK)
        return e;
    /* Upper case here, unlike in an envelope. */
    if (req->method == METHOD_OTHER || !span_eq(req->method_text, method))
        return ERR_MALFORMED;
    return request_set_endpoint(req, mem, path);
}

static enum err read_method_and_path(struct arena *mem, const struct json_in *in,
                                     struct request *req)
{
    const json_t *method = json_object_get(in->root, "method");
    const json_t *path = json_object_get(in->root, "path");
    if (!json_is_string(method) || !json_is_string(path))
        return ERR_MALFORMED;
    return set_method_and_path(mem, span_of(json_string_value(method), json_string_length(method)),
                               span_of(json_string_value(path), json_string_length(path)), req);
}

/* What a poll is made of: {"method":"GET","path":"..."} and nothing else. Returns its path, or NULL. */
static const struct json_plain_member *plain_get(struct span text, struct json_plain *plain)
{
    if (!json_plain_read(text, plain) || plain->count != 2)
        return NULL;
    const struct json_plain_member *method = json_plain_find(plain, "method");
    const struct json_plain_member *path = json_plain_find(plain, "path");
    bool is_get = method != NULL && method->kind == JSON_PLAIN_TEXT &&
                  span_eq_text(method->value, "GET") && path != NULL &&
                  path->kind == JSON_PLAIN_TEXT;
    return is_get ? path : NULL;
}

static enum err set_plain_get(struct arena *mem, const struct json_plain_member *path,
                              struct request *req)
{
    struct span text;
    enum err e = json_plain_value(path, mem, &text);
    return e == OK ? set_method_and_path(mem, SPAN("GET"), text, req) : e;
}

static enum err read_element(struct arena *mem, const struct batch_item *item,
                             struct request *ret_req)
{
    struct request req = {.method = METHOD_OTHER};
    struct span text, default_type = {NULL, 0};
    struct json_plain plain;
    const struct json_plain_member *path = plain_get(item->text, &plain);
    if (path != NULL) {
        *ret_req = req;
        return set_plain_get(mem, path, ret_req);
    }
    enum err e = text_without_b64(mem, item, &text);
    if (e != OK)
        return e;
    AUTO_JSON struct json_in in = json_in_object(mem, text);
    if (!json_ok(&in))
        return ERR_MALFORMED;
    e = read_method_and_path(mem, &in, &req);
    if (e == OK)
        e = read_body(mem, &in, item, &req, &default_type);
    if (e == OK)
        e = read_headers(mem, &in, default_type, &req);
    if (e == OK)
        *ret_req = req;
    return e;
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
