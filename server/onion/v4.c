/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * v4 payload to request, reply to v4 payload.
 */
#include "onion/v4.h"

#include "onion/bencode.h"
#include "onion/metadata.h"
#include "router/json_out.h"

static enum err read_meta(struct json_in *in, struct request *req)
{
    enum err e = metadata_method(in, req);
    if (e != OK)
        return e;
    struct span endpoint = json_text(in, "endpoint");
    if (!json_ok(in))
        return ERR_MALFORMED;
    e = request_set_endpoint(req, in->mem, endpoint);
    return e == OK ? metadata_headers(in, NULL, req) : e;
}

static enum err read_plain_meta(const struct json_plain *meta, struct arena *mem,
                                struct request *req)
{
    const struct json_plain_member *method = json_plain_find(meta, "method");
    const struct json_plain_member *endpoint = json_plain_find(meta, "endpoint");
    if (method == NULL || method->kind != JSON_PLAIN_TEXT || endpoint == NULL ||
        endpoint->kind != JSON_PLAIN_TEXT)
        return ERR_MALFORMED;
    struct span text;
    enum err e = json_plain_value(method, mem, &text);
    if (e == OK)
        e = request_set_method(req, mem, text);
    if (e == OK)
        e = json_plain_value(endpoint, mem, &text);
    if (e == OK)
        e = request_set_endpoint(req, mem, text);
    return e == OK ? metadata_plain_headers(meta, mem, req) : e;
}

enum err v4_parse(struct arena *mem, struct span plain, struct request *req)
{
    struct bencode_pair pair;
    enum err e = bencode_read_pair(plain, &pair);
    if (e != OK)
        return e;
    if (pair.first.len > V4_META_MAX_BYTES)
        return ERR_MALFORMED;
    req->body = pair.second;
    struct json_plain meta;
    if (json_plain_read(pair.first, &meta))
        return read_plain_meta(&meta, mem, req);
    AUTO_JSON struct json_in in = json_in_object(mem, pair.first);
    return read_meta(&in, req);
}

/* One value per name: the last one wins. */
static bool replaced_later(const struct reply *reply, size_t index)
{
    struct span name = span_of_text(reply->headers[index].name);
    for (size_t i = index + 1; i < reply->header_count; i++) {
        if (span_eq_text(name, reply->headers[i].name))
            return true;
    }
    return false;
}

/* {"code":200,"headers":{"content-type":"application/json"}}: headers always, even when empty (desktop insists). */
static void write_meta(struct buf *out, const struct reply *reply)
{
    json_out_open(out, '{');
    json_out_key(out, "code");
    buf_put_i64(out, reply->status);
    json_out_key(out, "headers");
    json_out_open(out, '{');
    if (reply->content_type != NULL) {
        json_out_key(out, "content-type");
        json_out_text(out, span_of_text(reply->content_type));
    }
    for (size_t i = 0; i < reply->header_count; i++) {
        if (replaced_later(reply, i))
            continue;
        json_out_key(out, reply->headers[i].name);
        json_out_text(out, reply->headers[i].value);
    }
    json_out_close(out, '}');
    json_out_close(out, '}');
}

void v4_write_head(const struct reply *reply, uint64_t body_len, struct buf *out)
{
    AUTO_BUF struct buf meta = buf_make(V4_HEAD_MAX_BYTES / 2);
    write_meta(&meta, reply);
    if (buf_verdict(&meta) != OK) {
        out->failed = true;
        out->no_memory = meta.no_memory;
        return;
    }
    bencode_write_head(out, buf_span(&meta), body_len);
}
