/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * v3 payload to request, reply to v3 payload. What v3 cannot carry (inner headers, error bodies) is lost, as it always
 * was.
 */
#include "onion/v3.h"

#include "onion/metadata.h"

/* Where endpoints of before 2022 lived; we have none of them (design D10), so this is answered with 404. */
#define LEGACY_PREFIX "/legacy/"

static enum err read_endpoint(struct json_in *in, struct request *req)
{
    struct span endpoint = json_text(in, "endpoint");
    if (!json_ok(in) || endpoint.len > REQUEST_PATH_MAX_BYTES)
        return ERR_MALFORMED;
    if (span_starts_with(endpoint, SPAN("/")))
        return request_set_endpoint(req, in->mem, endpoint);
    size_t prefix_len = sizeof(LEGACY_PREFIX) - 1;
    uint8_t *prefixed = arena_alloc(in->mem, prefix_len + endpoint.len);
    if (prefixed == NULL)
        return ERR_NO_MEMORY;
    memcpy(prefixed, LEGACY_PREFIX, prefix_len);
    memcpy(prefixed + prefix_len, endpoint.p, endpoint.len);
    return request_set_endpoint(req, in->mem, span_of(prefixed, prefix_len + endpoint.len));
}

/* Only POST and PUT have one; "null" on others is what old Android sent for none (protocol 02, 1.3). */
static enum err read_body(struct json_in *in, struct request *req)
{
    struct span body = {NULL, 0};
    if (json_object_get(in->root, "body") != NULL)
        body = json_text(in, "body");
    if (!json_ok(in))
        return ERR_MALFORMED;
    if (req->method != METHOD_POST && req->method != METHOD_PUT)
        return body.len == 0 || span_eq_text(body, "null") ? OK : ERR_MALFORMED;
    req->body = arena_dup(in->mem, body);
    return req->body.len == body.len ? OK : ERR_NO_MEMORY;
}

enum err v3_parse(struct arena *mem, struct span plain, struct request *req)
{
    if (!span_starts_with(plain, SPAN("{")))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(mem, plain);
    enum err e = metadata_method(&in, req);
    if (e == OK)
        e = read_endpoint(&in, req);
    if (e == OK)
        e = metadata_headers(&in, CONTENT_JSON, req);
    return e == OK ? read_body(&in, req) : e;
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
