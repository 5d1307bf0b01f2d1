/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens without a request, in the one process that holds the jobs' advisory lock
 * (docs/design.md, D7): partitions made ahead and dropped when due, counts of active users, what
 * has expired, what was scheduled for a later time.
 */
#ifndef CONCLAVE_JOBS_JOBS_H
#define CONCLAVE_JOBS_JOBS_H

#include "base/attr.h"
#include "base/err.h"

#include <stdint.h>

struct conf;
struct db;
struct jobs;
struct metrics;
struct ring;

/*
 * Starts the thread, with a connection of its own. conf, metrics and ring outlive it. stop_fd
 * (base/stop.h): a statement under way is given up then; whatever a job does can be done again.
 */
MUST_USE enum err jobs_start(const struct conf *conf, struct metrics *metrics, struct ring *ring,
                             int stop_fd, struct jobs **ret_jobs);
void jobs_stop(struct jobs *jobs);

/*
 * The partitions that requests need around now_ms: nonces of every day whose timestamps are
 * accepted, chunks of every day an upload may land in. Also called before serving starts.
 * Idempotent, any process.
 */
MUST_USE enum err jobs_make_partitions(const struct conf *conf, struct db *db, int64_t now_ms);
/*
 * Drops the days of nonces that are over at now_ms, which the caller may delete by
 * (jobs/agreed_time.h).
 */
MUST_USE enum err jobs_drop_nonces(struct db *db, int64_t now_ms);
/*
 * Applies what is due, at most a thousand rows: permissions, bans, ends of bans. Tells all
 * processes.
 */
MUST_USE enum err jobs_apply_futures(struct db *db, int64_t now_ms);

/*
 * Removes direct messages that have expired, in slices; what is left over comes with the next turn.
 */
MUST_USE enum err jobs_expire_dms(struct db *db, int64_t now_ms);
/*
 * Forgets by what posts of more than ten minutes ago would be recognised when they are sent again.
 */
MUST_USE enum err jobs_expire_retries(struct db *db, int64_t now_ms);

#endif
