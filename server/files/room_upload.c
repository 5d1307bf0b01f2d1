/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /room/R/file (docs/protocol/community.md, 2.11). The file waits an hour for a post that
 * adopts it, or for becoming the picture of its room (store/attachments.h); then it goes.
 */
#include "auth/fair.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "files/blob.h"
#include "files/files.h"
#include "files/header.h"
#include "files/limits.h"
#include "files/sniff.h"
#include "metrics/metrics.h"
#include "router/dispatch.h"
#include "router/json_out.h"
#include "state/state.h"
#include "store/attachments.h"
#include "store/trusted_time.h"
#include "work/disk.h"
#include "store/users.h"

/*
 * Who uploads and under which name; makes the user's row when this is the first thing seen of them.
 */
static enum err find_owner(struct call *call, struct blob_owner *owner)
{
    struct session_id session;
    enum err e =
        users_resolve(call->db, &call->who.id, NULL, 0, call->now_ms, &owner->user, &session);
    if (e == OK)
        e = header_name_read(call->mem, request_header(call->req, "content-disposition"),
                             BLOB_NAME_MAX, &owner->name);
    if (e == OK)
        owner->room = state_room_id(call->room);
    return e;
}

/* An operator's option, off by default: only the listed types. ERR_DENIED: another one. */
static enum err check_type(struct call *call, const struct blob_owner *owner)
{
    struct room_files_rules rules;
    char type[SNIFF_TYPE_MAX];
    enum err e = room_files_rules(call->db, call->mem, owner->room, owner->user, &rules);
    if (e != OK || rules.types.p == NULL)
        return e;
    sniffer_type(files_sniffer(call->services->files), call->req->body, type);
    return sniff_is_listed(rules.types, type) ? OK : ERR_DENIED;
}

static enum err refuse(struct call *call, enum blob_refusal why)
{
    switch (why) {
    case BLOB_BLOCKED:
        return files_refuse(call, UPLOAD_BLOCKED);
    case BLOB_QUOTA:
        return files_refuse(call, UPLOAD_QUOTA);
    case BLOB_ROOM_QUOTA:
        return files_refuse(call, UPLOAD_ROOM_QUOTA);
    case BLOB_NO_RIGHT:
        return ERR_DENIED;
    case BLOB_NO_ROOM:
        return ERR_MISSING;
    case BLOB_ACCEPTED:
        break;
    }
    return ERR_DEFECT;
}

static enum err store(struct call *call, const struct blob_owner *owner, const struct blob_put *put)
{
    struct blob_result result;
    enum err e = blob_put_room(call->db, call->services->ring, owner, put, call->mem, &result);
    if (e == ERR_DENIED)
        return refuse(call, result.refusal);
    if (e != OK)
        return files_refuse_error(call, e);
    metrics_add(call->services->metrics, METRIC_UPLOADS, 1);
    metrics_set(call->services->metrics, METRIC_FILE_BYTES, result.stored_bytes);
    struct buf *out = reply_json(call->reply, 201);
    json_out_open(out, '{');
    json_out_key(out, "id");
    buf_put_i64(out, result.id);
    json_out_close(out, '}');
    return buf_verdict(out);
}

enum err room_file_upload(struct call *call)
{
    const struct conf *conf = call->services->conf;
    struct blob_owner owner = {.room = 0};
    if (call->req->body.len > conf->files.max_bytes)
        return files_refuse(call, UPLOAD_TOO_LARGE);
    if (!files_admit(call) || dispatch_claim(call) != OK)
        return OK;
    enum err e = find_owner(call, &owner);
    if (e == OK)
        e = check_type(call, &owner);
    int64_t now_ms = 0;
    if (e == OK)
        e = clock_shared(call->db, call->now_ms, &now_ms);
    if (e == ERR_DENIED)
        return files_refuse(call, UPLOAD_TYPE);
    if (e != OK)
        return files_refuse_error(call, e);
    struct blob_put put = {
        .body = call->req->body,
        .now = (double)now_ms / SECOND_MS,
        .expiry = (double)now_ms / SECOND_MS + ATTACHMENT_UNADOPTED_S,
        .day = (now_ms + conf->files.room_ttl_ms) / DAY_MS,
        .quota = disk_quota(call->services->disk, fair_kind(call)),
        .by_stranger = fair_kind(call) == CALLER_STRANGER,
    };
    return store(call, &owner, &put);
}
