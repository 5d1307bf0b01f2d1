/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One transaction of the batch writer: lock the rooms, claim nonces, learn the facts, decide each post, insert, advance
 * (design D4). May run several times for the same ops; nothing outside the database happens before post_batch_apply.
 */
#ifndef CONCLAVE_WORK_POST_BATCH_H
#define CONCLAVE_WORK_POST_BATCH_H

#include "base/arena.h"
#include "conf/conf.h"
#include "work/writer.h"

struct post_batch {
    struct write_op **ops; /* borrowed; their results are filled */
    size_t count;
    struct arena *mem; /* everything below lives here */
    struct ring *ring;
    struct conf_rate limit; /* [rooms] post_limit */

    struct room_lock *rooms; /* sorted by id */
    size_t room_count;
    int64_t *sequences; /* per room: after this batch */
};

/* Inside an open transaction. Errors as db_run's. */
MUST_USE enum err post_batch_run(struct post_batch *batch, struct db *db, int64_t now_ms);
/* After the commit: hands each room's new messages to memory. */
void post_batch_apply(const struct post_batch *batch, struct state *state);
/* How many posts were accepted. */
size_t post_batch_accepted(const struct post_batch *batch);

#endif
