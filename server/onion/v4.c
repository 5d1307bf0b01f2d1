/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * v4 payload to request, reply to v4 payload.
 */
#include "onion/v4.h"

#include "onion/bencode.h"
#include "router/headers.h"
#include "router/json_out.h"

static enum err read_meta(struct arena *mem, struct span json, struct request *req)
{
    static const struct header_rules rules = {.numbers = true};
    struct span text;
    AUTO_JSON_FLAT struct json_flat flat;
    enum err e = json_flat_read(mem, json, &flat);
    if (e == OK)
        e = json_flat_text(&flat, SPAN("method"), &text);
    if (e == OK)
        e = request_set_method(req, mem, text);
    if (e == OK)
        e = json_flat_text(&flat, SPAN("endpoint"), &text);
    if (e == OK)
        e = request_set_endpoint(req, mem, text);
    return e == OK ? headers_read(&flat, &rules, req) : e;
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
    return read_meta(mem, pair.first, req);
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

/*
 * {"code":200,"headers":{"content-type":"application/json"}}: headers always, even when empty
 * (desktop insists).
 */
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
