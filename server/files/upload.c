/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /file (protocol 03, 1.1): the file-server half's upload. Anonymous; what is stored is known by its content hash.
 */
#include "base/base64.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "crypto/sign.h"
#include "files/blob.h"
#include "files/files.h"
#include "files/status.h"
#include "metrics/metrics.h"
#include "router/json_out.h"

/* The wish of the header X-FS-TTL, or the default. ERR_MALFORMED: not whole seconds, or above [files] max_ttl. */
static enum err wanted_ttl_ms(const struct call *call, int64_t *ret_ttl_ms)
{
    const struct conf *conf = call->services->conf;
    struct span text;
    if (!request_find_header(call->req, "X-FS-TTL", &text)) {
        *ret_ttl_ms = conf->files.default_ttl_ms;
        return OK;
    }
    int64_t seconds;
    if (span_to_i64(text, &seconds) != OK || seconds > conf->files.max_ttl_ms / SECOND_MS)
        return ERR_MALFORMED;
    *ret_ttl_ms = seconds * SECOND_MS;
    return OK;
}

static enum err write_stored(struct call *call, const struct blob_put *put, double expiry)
{
    char id[64];
    size_t id_len = base64url_write(span_of(put->hash.b, sizeof(put->hash.b)), id);
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '{');
    json_out_key(out, "id");
    json_out_text(out, span_of(id, id_len));
    json_out_key(out, "size");
    buf_put_u64(out, put->body.len);
    json_out_key(out, "uploaded");
    json_out_double(out, put->now);
    json_out_key(out, "expires");
    json_out_double(out, expiry);
    json_out_close(out, '}');
    return buf_verdict(out);
}

enum err file_upload(struct call *call)
{
    const struct conf *conf = call->services->conf;
    if (!call->db)
        return ERR_RETRY;
    struct span body = call->req->body;
    if (body.len == 0 || body.len > conf->files.max_bytes)
        return files_status(call->reply, 413);
    int64_t ttl_ms;
    if (wanted_ttl_ms(call, &ttl_ms) != OK)
        return files_status(call->reply, 400);

    struct blob_put put = {.body = body,
                           .now = (double)call->now_ms / SECOND_MS,
                           .expiry = (double)(call->now_ms + ttl_ms) / SECOND_MS,
                           .day = (call->now_ms + conf->files.default_ttl_ms) / DAY_MS};
    hash_file_id(put.hash.b, body);
    double expiry = 0;
    enum err e = blob_put(call->db, call->services->ring, &put, &expiry);
    if (e == ERR_DENIED)
        return files_status(call->reply, 403);
    if (e == ERR_BUSY)
        return files_status(call->reply, 503);
    if (e != OK)
        return e;
    metrics_add(call->services->metrics, METRIC_UPLOADS, 1);
    return write_stored(call, &put, expiry);
}
