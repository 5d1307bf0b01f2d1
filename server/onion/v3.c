/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * v3 payload to request, reply to v3 payload. v3 cannot carry reply headers and error bodies: they
 * are dropped.
 */
#include "onion/v3.h"

#include "router/headers.h"

/*
 * Where endpoints of before 2022 lived; we have none of them (docs/design.md, D10), so this is
 * answered with 404.
 */
#define LEGACY_PREFIX "/legacy/"

static enum err read_method(const struct json_flat *flat, struct request *req)
{
    struct span method;
    enum err e = json_flat_text(flat, SPAN("method"), &method);
    return e == OK ? request_set_method(req, flat->mem, method) : e;
}

static enum err read_endpoint(const struct json_flat *flat, struct request *req)
{
    struct span endpoint;
    enum err e = json_flat_text(flat, SPAN("endpoint"), &endpoint);
    if (e != OK)
        return e;
    if (endpoint.len > REQUEST_PATH_MAX_BYTES)
        return ERR_MALFORMED;
    if (span_starts_with(endpoint, SPAN("/")))
        return request_set_endpoint(req, flat->mem, endpoint);
    size_t prefix_len = sizeof(LEGACY_PREFIX) - 1;
    uint8_t *prefixed = arena_alloc(flat->mem, prefix_len + endpoint.len);
    if (prefixed == NULL)
        return ERR_NO_MEMORY;
    memcpy(prefixed, LEGACY_PREFIX, prefix_len);
    memcpy(prefixed + prefix_len, endpoint.p, endpoint.len);
    return request_set_endpoint(req, flat->mem, span_of(prefixed, prefix_len + endpoint.len));
}

/*
 * Only POST and PUT have one; "null" on others is what old Android sent for none
 * (docs/protocol/community.md, 1.3).
 */
static enum err read_body(const struct json_flat *flat, struct request *req)
{
    struct span body = {NULL, 0};
    struct json_member member;
    if (json_flat_find(flat, SPAN("body"), &member)) {
        enum err e = json_flat_text(flat, SPAN("body"), &body);
        if (e != OK)
            return e;
    }
    if (req->method != METHOD_POST && req->method != METHOD_PUT)
        return body.len == 0 || span_eq_text(body, "null") ? OK : ERR_MALFORMED;
    req->body = body;
    return OK;
}

static bool is_content_type(struct span name)
{
    return span_eq_nocase(name, SPAN("content-type"));
}

enum err v3_parse(struct arena *mem, struct span plain, struct request *req)
{
    /* The content type is always JSON, whatever the client says. */
    const struct header_rules rules = {
        .numbers = true, .is_dropped = is_content_type, .default_type = SPAN(CONTENT_JSON)};
    if (!span_starts_with(plain, SPAN("{")))
        return ERR_MALFORMED;
    AUTO_JSON_FLAT struct json_flat flat;
    enum err e = json_flat_read(mem, plain, &flat);
    if (e == OK)
        e = read_method(&flat, req);
    if (e == OK)
        e = read_endpoint(&flat, req);
    if (e == OK)
        e = headers_read(&flat, &rules, req);
    return e == OK ? read_body(&flat, req) : e;
}

void v3_write(const struct reply *reply, struct buf *out)
{
    if (reply->status >= 200 && reply->status <= 299) {
        buf_put(out, buf_span(&reply->body));
        return;
    }
    buf_put_text(out, "{\"status_code\":");
    buf_put_i64(out, reply->status);
    buf_put_byte(out, '}');
}
