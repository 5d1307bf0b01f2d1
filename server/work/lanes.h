/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lanes of workers: bounded queues with threads that own a database connection each (design D1). The general lane runs
 * whatever needs SQL; the upload lane runs large bodies.
 */
#ifndef CONCLAVE_WORK_LANES_H
#define CONCLAVE_WORK_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct db;
struct db_options;
struct lane;
struct metrics;

/* Embedded in the caller's object; belongs to the lane between lane_submit and the call of run. */
struct job {
    struct job *next;
    int64_t queued_mono_ms; /* set by lane_submit */
    /* db is connected, or NULL when the database is away. overdue: waited longer than the lane's age limit; answer
     * busy without running (design D14). */
    void (*run)(struct job *job, struct db *db, bool overdue);
};

struct lane_options {
    const char *name; /* a literal, for logs and metrics */
    uint32_t workers;
    uint32_t queue_max;
    int64_t age_max_ms;          /* general 8 s, upload 18 s */
    const struct db_options *db; /* copied */
    struct metrics *metrics;
    int queue_metric; /* enum metric: the depth gauge */
};
MUST_USE enum err lane_new(const struct lane_options *options, struct lane **ret_lane);
/* Stops accepting, lets running jobs end, calls the waiting ones as overdue, joins the threads. */
void lane_free(struct lane *lane);
/* ERR_BUSY: the queue is full (job untouched). */
MUST_USE enum err lane_submit(struct lane *lane, struct job *job);

#endif
