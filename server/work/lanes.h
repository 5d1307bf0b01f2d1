/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lanes of workers: bounded queues with threads that own a database connection each
 * (docs/design.md, D1). The general lane runs whatever needs SQL; the upload lane runs large
 * bodies. Members and strangers wait in lines of their own (docs/design.md, D14).
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
struct shares;

/* Embedded in the caller's object; belongs to the lane between lane_submit and the call of run. */
struct job {
    struct job *next;
    int64_t queued_mono_ms; /* set by lane_submit */
    bool stranger;          /* set by the caller: waits behind members */
    /*
     * db is connected, or NULL when no worker of the lane is. overdue: waited longer than the
     * lane's age limit; answer busy without running.
     */
    void (*run)(struct job *job, struct db *db, bool overdue);
};

struct lane_options {
    const char *name; /* a literal, for logs and metrics */
    uint32_t workers;
    uint32_t queue_max;
    uint32_t
        strangers_max; /* places of the strangers' line, the others are the members' line; 0: no part of it */
    uint32_t share_percent;      /* of strangers while members wait; 0: one line for all */
    bool keep_one;               /* one worker is kept from strangers (work/turns.h) */
    struct shares *shares;       /* what strangers cost is charged here; NULL: nowhere */
    int64_t age_max_ms;          /* general 8 s, upload 18 s */
    const struct db_options *db; /* copied */
    struct metrics *metrics;
    int queue_metric; /* enum metric: the depth gauge */
};
MUST_USE enum err lane_new(const struct lane_options *options, struct lane **ret_lane);
/* Stops accepting, lets running jobs end, calls the waiting ones as overdue, joins the threads. */
void lane_free(struct lane *lane);
/* Does any worker have its connection (as far as it knows)? */
bool lane_serves(struct lane *lane);
/* ERR_BUSY: the queue is full (job untouched). */
MUST_USE enum err lane_submit(struct lane *lane, struct job *job);
/*
 * From run: the job has turned out to be a stranger's and waits again, keeping its age.
 * ERR_MISSING: no member waits, so it may as well go on (job untouched).
 */
MUST_USE enum err lane_step_back(struct lane *lane, struct job *job);

#endif
