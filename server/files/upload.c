/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /file (docs/protocol/files.md, 1.1): the file-server half's upload. Anonymous; what is
 * stored is known by its content hash.
 */
#include "base/clock.h"
#include "conf/conf.h"
#include "crypto/sign.h"
#include "files/blob.h"
#include "files/files.h"
#include "files/id.h"
#include "files/limits.h"
#include "files/sniff.h"
#include "files/ttl.h"
#include "metrics/metrics.h"
#include "router/dispatch.h"
#include "store/trusted_time.h"
#include "work/disk.h"

/*
 * This half stores encrypted attachments: what is visibly none is counted, or refused
 * (docs/design.md, D9).
 */
static bool is_refused_type(const struct call *call)
{
    const struct conf *conf = call->services->conf;
    char type[SNIFF_TYPE_MAX];
    if (conf->files.type_check == CONF_TYPE_CHECK_OFF)
        return false;
    sniffer_type(files_sniffer(call->services->files), call->req->body, type);
    if (!sniff_is_plain(type, call->req->body.len))
        return false;
    metrics_add(call->services->metrics, METRIC_UPLOADS_PLAIN, 1);
    return conf->files.type_check == CONF_TYPE_CHECK_REFUSE;
}

static enum err store(struct call *call, const struct blob_put *put)
{
    struct file_hash hash;
    struct blob_result result;
    hash_file_id(hash.b, put->body);
    enum err e = blob_put_shared(call->db, call->services->ring, &hash, put, &result);
    if (e == ERR_DENIED)
        return files_refuse(call, result.refusal == BLOB_BLOCKED ? UPLOAD_BLOCKED : UPLOAD_QUOTA);
    if (e != OK)
        return files_refuse_error(call, e);
    metrics_add(call->services->metrics, METRIC_UPLOADS, 1);
    if (result.stored_bytes > 0)
        metrics_set(call->services->metrics, METRIC_FILE_BYTES, result.stored_bytes);
    return file_id_write_info(call->reply, &hash, (int64_t)put->body.len, put->now, result.expiry);
}

enum err file_upload(struct call *call)
{
    const struct conf *conf = call->services->conf;
    struct span body = call->req->body;
    int64_t ttl_ms;
    if (!call->db)
        return ERR_RETRY;
    if (body.len == 0 || body.len > conf->files.max_bytes)
        return files_refuse(call, UPLOAD_TOO_LARGE);
    if (ttl_wanted_ms(call, &ttl_ms) != OK)
        return files_refuse(call, UPLOAD_BAD_TTL);
    if (!files_admit(call) || dispatch_claim(call) != OK)
        return OK;
    if (is_refused_type(call))
        return files_refuse(call, UPLOAD_TYPE);
    int64_t now_ms = 0;
    enum err e = clock_shared(call->db, call->now_ms, &now_ms);
    if (e != OK)
        return files_refuse_error(call, e);
    struct blob_put put = {.body = body,
                           .now = (double)now_ms / SECOND_MS,
                           .expiry = (double)(now_ms + ttl_ms) / SECOND_MS,
                           .day = (now_ms + conf->files.default_ttl_ms) / DAY_MS,
                           .quota = disk_quota(call->services->disk, CALLER_ANONYMOUS)};
    return store(call, &put);
}
