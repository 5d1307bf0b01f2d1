/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bounds of uploads and what they are called outside. The rate is one bucket for everybody: an upload to the file
 * server has no author, so there is nobody else to count by.
 */
#include "files/limits.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "db/db.h"
#include "files/sniff.h"
#include "files/status.h"
#include "metrics/metrics.h"
#include "work/disk.h"

struct files {
    const struct conf *conf;
    struct metrics *metrics;
    struct sniffer *sniffer;
    pthread_mutex_t lock; /* guards what follows */
    double tokens;        /* uploads that may come at once */
    int64_t filled_ms;    /* monotonic: when tokens was right */
};

enum err files_new(const struct conf *conf, struct metrics *metrics, struct files **ret_files)
{
    struct files *f = MEM_NEW(struct files);
    if (f == NULL)
        return ERR_NO_MEMORY;
    f->conf = conf;
    f->metrics = metrics;
    f->tokens = (double)conf->files.upload_limit.count;
    f->filled_ms = clock_mono_ms();
    (void)pthread_mutex_init(&f->lock, NULL);
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
    (void)pthread_mutex_destroy(&f->lock);
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

static bool take_token(struct files *f)
{
    const struct conf_rate *rate = &f->conf->files.upload_limit;
    if (rate->count == 0)
        return true;
    (void)pthread_mutex_lock(&f->lock);
    int64_t now = clock_mono_ms();
    f->tokens += (double)(now - f->filled_ms) * rate->count / (double)rate->per_ms;
    if (f->tokens > rate->count)
        f->tokens = rate->count;
    f->filled_ms = now;
    bool taken = f->tokens >= 1;
    if (taken)
        f->tokens -= 1;
    (void)pthread_mutex_unlock(&f->lock);
    return taken;
}

bool files_admit(struct call *call)
{
    struct files *f = call->services->files;
    enum err e = OK;
    if (!f->conf->files.uploads)
        e = files_refuse(call, UPLOAD_OFF);
    else if (!take_token(f))
        e = files_refuse(call, UPLOAD_TOO_OFTEN);
    else if (disk_level(call->services->disk) != DISK_ENOUGH)
        e = files_refuse(call, UPLOAD_DISK_FULL);
    return e == OK && call->reply->status == 0;
}
