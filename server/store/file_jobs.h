/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What becomes of attachments without a request (docs/design.md, D6): expired ones go, chunks that
 * outlive their day move once, days that are over are dropped, and nothing is left that nobody
 * names. For the jobs' process alone, in this order.
 */
#ifndef CONCLAVE_STORE_FILE_JOBS_H
#define CONCLAVE_STORE_FILE_JOBS_H

#include "store/files.h"

/*
 * Removes at most `limit` files whose expiry is over at `now`, and their content when nothing else
 * refers to it. Chunks go by row when a person deleted them (expiry 0) or when their partition will
 * stay for more than a day (today: days since 1970); otherwise they go with it. *ret_removed <
 * limit: nothing is left. Inside the caller's transaction.
 */
MUST_USE enum err file_jobs_sweep(struct db *db, double now, int64_t today, int64_t limit,
                                  int64_t *ret_removed);

/* The oldest partition of chunks with a day before the one given. ERR_MISSING: none. */
MUST_USE enum err file_jobs_due_day(struct db *db, int64_t before, int64_t *ret_day);
/*
 * Moves at most `limit` contents of that day, still alive at `now`, to the day of their expiry (or
 * where there is no end). *ret_moved < limit: nobody alive is left there, or somebody has them
 * locked. Inside the caller's transaction.
 */
MUST_USE enum err file_jobs_move(struct db *db, int64_t day, double now, int64_t limit,
                                 int64_t *ret_moved);
/*
 * Drops the partition in a transaction of its own. ERR_RETRY: somebody uses it, or content is left
 * there; waited at most half a second for it. ERR_CONFLICT: a backup runs. Either way: try again at
 * the next turn.
 */
MUST_USE enum err file_jobs_drop(struct db *db, int64_t day);

/*
 * Removes chunks that no content names, in partitions that will stay, and content that no file
 * names. There are none, by construction; this is what makes it true after a restored dump or a
 * mistake. A transaction of its own.
 */
MUST_USE enum err file_jobs_orphans(struct db *db, int64_t today, int64_t *ret_chunks);

/*
 * Makes the chunk partitions of days [from, to] that do not exist (CREATE, then ATTACH). A
 * transaction of its own.
 */
MUST_USE enum err file_jobs_partitions(struct db *db, int64_t from, int64_t to);

#endif
