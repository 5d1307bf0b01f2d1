/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bounds of uploads and what they are called outside.
 */
#include "files/limits.h"

#include "auth/fair.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "db/db.h"
#include "files/sniff.h"
#include "files/status.h"
#include "metrics/metrics.h"
#include "store/files.h"
#include "work/disk.h"

struct files {
    const struct conf *conf;
    struct sniffer *sniffer;
};

enum err files_new(const struct conf *conf, struct files **ret_files)
{
    struct files *f = MEM_NEW(struct files);
    if (f == NULL)
        return ERR_NO_MEMORY;
    f->conf = conf;
    enum err e = sniffer_new(conf->server.upload_workers, &f->sniffer);
    if (e != OK) {
        files_free(f);
        return e;
    }
    *ret_files = f;
    return OK;
}

void files_free(struct files *f)
{
    if (f == NULL)
        return;
    sniffer_free(f->sniffer);
    mem_free(f);
}

struct sniffer *files_sniffer(struct files *f)
{
    return f->sniffer;
}

/* ---- refusing ---- */

static const struct {
    int status;
    enum metric metric;
    const char *text;
} refusals[] = {
    [UPLOAD_TOO_LARGE] = {413, METRIC_UPLOADS_TOO_LARGE, "File is too large"},
    [UPLOAD_BAD_TTL] = {400, METRIC_UPLOADS_BAD_TTL, "Bad request"},
    [UPLOAD_OFF] = {503, METRIC_UPLOADS_OFF, "Uploads are switched off"},
    [UPLOAD_TOO_OFTEN] = {429, METRIC_UPLOADS_TOO_OFTEN, "Rate limited"},
    [UPLOAD_DISK_FULL] = {507, METRIC_UPLOADS_DISK_FULL, "No space left for files"},
    [UPLOAD_QUOTA] = {507, METRIC_UPLOADS_QUOTA, "No space left for files"},
    [UPLOAD_ROOM_QUOTA] = {507, METRIC_UPLOADS_ROOM_QUOTA, "No space left for files of this room"},
    [UPLOAD_TYPE] = {415, METRIC_UPLOADS_TYPE, "Files of this type are not accepted here"},
    [UPLOAD_BLOCKED] = {403, METRIC_UPLOADS_BLOCKED, "This file is not accepted here"},
    [UPLOAD_BUSY] = {503, METRIC_UPLOADS_BUSY, "Server busy"},
};

enum err files_refuse(struct call *call, enum upload_refusal why)
{
    metrics_add(call->services->metrics, refusals[why].metric, 1);
    if (call->room == NULL)
        return files_status(call->reply, refusals[why].status);
    reply_text(call->reply, refusals[why].status, refusals[why].text);
    return OK;
}

enum err files_refuse_error(struct call *call, enum err e)
{
    if (e == ERR_BUSY && db_disk_full(call->db))
        return files_refuse(call, UPLOAD_DISK_FULL);
    /* ERR_CONFLICT: there is no partition for that day yet; the job makes it within seconds. */
    if (e == ERR_BUSY || e == ERR_CONFLICT)
        return files_refuse(call, UPLOAD_BUSY);
    return e;
}

/* ---- admitting ---- */

/* A small file takes a whole block of the budgets, as it does of the quota. */
static bool fits(struct call *call, enum limit_action action, int64_t bytes)
{
    enum limit_verdict verdict = fair_take(call, action, (size_t)file_charge(bytes));
    if (verdict == LIMIT_OWN)
        metrics_add(call->services->metrics, METRIC_LIMITED_UPLOADS, 1);
    return verdict == LIMIT_FITS;
}

bool files_admit(struct call *call)
{
    struct files *f = call->services->files;
    enum err e = OK;
    if (!f->conf->files.uploads)
        e = files_refuse(call, UPLOAD_OFF);
    else if (!fits(call, LIMIT_UPLOADS, (int64_t)call->req->body.len))
        e = files_refuse(call, UPLOAD_TOO_OFTEN);
    else if (disk_level(call->services->disk) != DISK_ENOUGH)
        e = files_refuse(call, UPLOAD_DISK_FULL);
    return e == OK && call->reply->status == 0;
}

bool files_admit_extension(struct call *call, int64_t bytes)
{
    enum err e = OK;
    if (!fits(call, LIMIT_EXTENSIONS, bytes))
        e = files_refuse(call, UPLOAD_TOO_OFTEN);
    return e == OK && call->reply->status == 0;
}
