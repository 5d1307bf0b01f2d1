/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /file/ID/info and POST /file/ID/extend (docs/protocol/files.md, 1.4 and 1.5). A file is there
 * or not by the clock, never by whether the job has been there yet.
 */
#include "base/clock.h"
#include "files/blob.h"
#include "files/files.h"
#include "files/id.h"
#include "files/limits.h"
#include "files/status.h"
#include "files/ttl.h"
#include "store/trusted_time.h"

static enum err answer(struct call *call, enum err e, const struct file_row *file)
{
    if (e == ERR_MISSING)
        return files_status(call->reply, 404);
    if (e == ERR_BUSY || e == ERR_RETRY)
        return files_status(call->reply, 503);
    if (e != OK)
        return e;
    return file_id_write_info(call->reply, NULL, file->blob.size, file->uploaded, file->expiry);
}

enum err file_info(struct call *call)
{
    struct blob_ref ref = {.room = 0};
    struct file_row file;
    if (!call->db)
        return ERR_RETRY;
    if (!file_id_read(call->params.text, &ref.hash))
        return files_status(call->reply, 404);
    enum err e = blob_stat(call->db, call->services->ring, &ref, NULL,
                           (double)call->now_ms / SECOND_MS, &file);
    return answer(call, e, &file);
}

enum err file_extend(struct call *call)
{
    struct file_hash hash;
    struct file_row file;
    int64_t ttl_ms;
    if (!call->db)
        return ERR_RETRY;
    if (!file_id_read(call->params.text, &hash))
        return files_status(call->reply, 404);
    if (ttl_wanted_ms(call, &ttl_ms) != OK)
        return files_status(call->reply, 400);
    /*
     * The time now and not that of the request, which may have waited while the file expired:
     * nothing is revived.
     */
    int64_t now_ms = clock_wall_ms(), from_ms = 0;
    enum err e = files_by_hash(call->db, &hash, (double)now_ms / SECOND_MS, &file);
    if (e == OK && !files_admit_extension(call, file.blob.size))
        return OK;
    if (e == OK)
        e = clock_shared(call->db, now_ms, &from_ms);
    if (e == OK)
        e = files_extend(call->db, &hash, (double)now_ms / SECOND_MS,
                         (double)(from_ms + ttl_ms) / SECOND_MS, &file);
    return answer(call, e, &file);
}
