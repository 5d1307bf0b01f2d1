/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much is free on the database's disk, where that can be seen from this machine. Below one
 * floor uploads are refused, below a second and lower one posts too, so that PostgreSQL, which
 * stops itself on a full disk, never meets one because of us. Any thread.
 */
#ifndef CONCLAVE_WORK_DISK_H
#define CONCLAVE_WORK_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/caller_kind.h"
#include "base/err.h"

struct buf;
struct conf;
struct disk;
struct file_quota;
struct metrics;

enum { DISK_PATH_MAX = 1024 };

/* What is known of the database's place. */
struct disk_hints {
    const char *data_directory; /* as PostgreSQL tells it; NULL: it does not */
    const char *socket_folder;  /* of the connection; NULL: it goes over the network */
    int64_t stored_bytes;       /* files that are there already */
};
/* ERR_DENIED: [files] free_space_path cannot be asked. conf and metrics outlive it. */
MUST_USE enum err disk_new(const struct conf *conf, struct metrics *metrics,
                           const struct disk_hints *hints, struct disk **ret_disk);
void disk_free(struct disk *d); /* NULL is harmless */

enum disk_level { DISK_ENOUGH, DISK_NO_UPLOADS, DISK_NO_POSTS };
/*
 * Looks at most every quarter of a second, and brings the gauges up to date. A disk that cannot be
 * asked is enough.
 */
enum disk_level disk_level(struct disk *d);
/*
 * [files] quota_bytes, or what is chosen where it is 0; and the share that callers of a kind have
 * of it.
 */
struct file_quota disk_quota(const struct disk *d, enum caller_kind kind);
/* Appends a sentence for the operator; nothing while there is enough. */
void disk_explain(struct disk *d, struct buf *out);

#endif
