/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See work/disk.h. The place is chosen once, at the start.
 */
#include "work/disk.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "store/files.h"

enum {
    LOOK_EVERY_MS = 250,
    POSTS_SHARE = 4, /* posts stop when a quarter of [files] free_space is left */
    QUOTA_SHARE = 2, /* files may take half of what they and the free space are together */
    TMPFS = 0x01021994,
    PERCENT = 100,
};

struct disk {
    const struct conf *conf;
    struct metrics *metrics;
    int64_t quota_bytes;
    _Atomic int64_t looked_ms; /* monotonic */
    _Atomic int64_t free_bytes;
    char path[DISK_PATH_MAX]; /* empty: not known */
};

static bool free_at(const char *path, int64_t *ret_bytes)
{
    struct statvfs at;
    if (path[0] == '\0' || statvfs(path, &at) != 0)
        return false;
    *ret_bytes = (int64_t)((uint64_t)at.f_bavail * at.f_frsize);
    return true;
}

/* A socket often stands in memory (/run): then it tells nothing about the disk. */
static bool is_in_memory(const char *path)
{
    struct statfs at;
    return statfs(path, &at) != 0 || at.f_type == TMPFS;
}

/* NULL: the database is elsewhere, or cannot be found. */
static const char *find_place(const struct disk_hints *hints)
{
    static const char debian_place[] = "/var/lib/postgresql";
    int64_t bytes;
    if (hints->socket_folder == NULL)
        return NULL;
    if (hints->data_directory != NULL && free_at(hints->data_directory, &bytes))
        return hints->data_directory;
    if (!is_in_memory(hints->socket_folder))
        return hints->socket_folder;
    return free_at(debian_place, &bytes) ? debian_place : NULL;
}

static enum err choose_place(struct disk *d, const struct disk_hints *hints)
{
    const char *path = d->conf->files.free_space_path;
    bool automatic = strcmp(path, CONF_FREE_SPACE_AUTO) == 0;
    int64_t bytes = 0;
    if (strcmp(path, CONF_FREE_SPACE_OFF) == 0)
        path = NULL;
    else if (automatic)
        path = find_place(hints);
    if (path == NULL || path[0] == '\0')
        return OK;
    (void)snprintf(d->path, sizeof(d->path), "%s", path);
    return free_at(d->path, &bytes) || automatic ? OK : ERR_DENIED;
}

/* Counted with what is stored already, so that it does not shrink from start to start. */
static int64_t choose_quota(const struct disk *d, int64_t stored_bytes)
{
    int64_t bytes = 0, quota = (int64_t)conf_quota_bytes(d->conf);
    if (d->conf->files.quota_bytes != 0 || !free_at(d->path, &bytes))
        return quota;
    int64_t share = (bytes + stored_bytes) / QUOTA_SHARE;
    return share < quota ? share : quota;
}

enum err disk_new(const struct conf *conf, struct metrics *metrics, const struct disk_hints *hints,
                  struct disk **ret_disk)
{
    struct disk *d = MEM_NEW(struct disk);
    if (d == NULL)
        return ERR_NO_MEMORY;
    d->conf = conf;
    d->metrics = metrics;
    atomic_init(&d->looked_ms, INT64_MIN / 2);
    enum err e = choose_place(d, hints);
    if (e != OK) {
        disk_free(d);
        return e;
    }
    d->quota_bytes = choose_quota(d, hints->stored_bytes);
    metrics_set(metrics, METRIC_FILE_QUOTA, d->quota_bytes);
    (void)disk_level(d);
    *ret_disk = d;
    return OK;
}

void disk_free(struct disk *d)
{
    mem_free(d);
}

enum disk_level disk_level(struct disk *d)
{
    int64_t now = clock_mono_ms(), bytes = INT64_MAX,
            floor = (int64_t)d->conf->files.free_space_bytes;
    if (now - atomic_load(&d->looked_ms) < LOOK_EVERY_MS) {
        bytes = atomic_load(&d->free_bytes);
    } else {
        atomic_store(&d->looked_ms, now);
        bool known = free_at(d->path, &bytes);
        atomic_store(&d->free_bytes, bytes);
        metrics_set(d->metrics, METRIC_DISK_FREE, known ? bytes : -1);
    }
    enum disk_level level = bytes >= floor                 ? DISK_ENOUGH
                            : bytes >= floor / POSTS_SHARE ? DISK_NO_UPLOADS
                                                           : DISK_NO_POSTS;
    metrics_set(d->metrics, METRIC_DISK_LOW, level);
    return level;
}

static unsigned share_percent(const struct conf *conf, enum caller_kind kind)
{
    unsigned anonymous = conf->files.anonymous_share, strangers = conf->files.strangers_share;
    if (kind == CALLER_ANONYMOUS)
        return anonymous;
    return kind == CALLER_STRANGER ? strangers : PERCENT - anonymous - strangers;
}

struct file_quota disk_quota(const struct disk *d, enum caller_kind kind)
{
    double share = (double)d->quota_bytes * share_percent(d->conf, kind) / PERCENT;
    return (struct file_quota){.total = d->quota_bytes, .share = (int64_t)share};
}

void disk_explain(struct disk *d, struct buf *out)
{
    enum disk_level level = disk_level(d);
    if (level == DISK_ENOUGH)
        return;
    buf_put_text(out, "the database's disk is nearly full (");
    buf_put_i64(out, atomic_load(&d->free_bytes) / (int64_t)MIB(1));
    buf_put_text(out, level == DISK_NO_POSTS
                          ? " MB are free): posts and uploads are refused: make space\n"
                          : " MB are free): uploads are refused: make space\n");
}
