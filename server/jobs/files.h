/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the jobs' thread does for attachments at every turn. Inside jobs/ only.
 */
#ifndef CONCLAVE_JOBS_FILES_H
#define CONCLAVE_JOBS_FILES_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct db;
struct metrics;

/* Remembered between turns; begins as {-1}: the first turn of a process looks for orphans. */
struct file_turns {
    int64_t orphans_day;
};

MUST_USE enum err file_turn(struct db *db, struct metrics *metrics, struct file_turns *turns,
                            int64_t now_ms);

#endif
