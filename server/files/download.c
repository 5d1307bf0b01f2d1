/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Downloads: GET /file/ID (docs/protocol/files.md, 1.3), where an id is a capability and who knows
 * it may fetch, and GET /room/R/file/N (docs/protocol/community.md, 2.11), where the right to read
 * was checked before.
 */
#include "base/clock.h"
#include "files/blob.h"
#include "files/files.h"
#include "files/header.h"
#include "files/id.h"
#include "files/status.h"
#include "metrics/metrics.h"
#include "state/state.h"

/* A header whose value could not be made for want of memory is left out: the bytes matter more. */
static void add_header(struct call *call, const char *name, struct span value)
{
    if (value.len > 0)
        reply_add_header(call->reply, name, value);
}

static enum err send(struct call *call, const struct blob_ref *ref, const struct file_row *file)
{
    struct body_source *source = NULL;
    enum err e = blob_open(call->services->ring, ref, file, &source);
    if (e != OK)
        return e;
    call->reply->status = 200;
    call->reply->content_type = CONTENT_BINARY;
    call->reply->source = source;
    if (file->expiry < FILE_NEVER)
        add_header(call, "expires", header_date(call->mem, file->expiry));
    metrics_add(call->services->metrics, METRIC_DOWNLOADS, 1);
    return OK;
}

enum err file_download(struct call *call)
{
    struct blob_ref ref = {.room = 0};
    struct file_row file;
    if (!call->db)
        return ERR_RETRY;
    if (!file_id_read(call->params.text, &ref.hash))
        return files_status(call->reply, 404);
    enum err e = blob_stat(call->db, call->services->ring, &ref, NULL,
                           (double)call->now_ms / SECOND_MS, &file);
    if (e == ERR_MISSING)
        return files_status(call->reply, 404);
    if (e == ERR_BUSY)
        return files_status(call->reply, 503);
    return e == OK ? send(call, &ref, &file) : e;
}

enum err room_file_download(struct call *call)
{
    struct blob_ref ref = {.room = state_room_id(call->room), .file = call->params.number};
    struct file_row file;
    if (!call->db)
        return ERR_RETRY;
    enum err e = blob_stat(call->db, call->services->ring, &ref, call->mem,
                           (double)call->now_ms / SECOND_MS, &file);
    if (e == OK)
        e = send(call, &ref, &file);
    if (e != OK)
        return e;
    add_header(call, "content-disposition", header_name_write(call->mem, file.name));
    add_header(call, "date", header_date(call->mem, file.uploaded));
    return OK;
}
