/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One transaction of the batch writer (docs/design.md, D4): lock the rooms, claim nonces, learn the
 * facts, decide each op in order, write what came of it, advance the counters. Here is what the
 * writer's thread sees; the parts share writer/parts.h.
 */
#ifndef CONCLAVE_WRITER_BATCH_H
#define CONCLAVE_WRITER_BATCH_H

#include "base/arena.h"
#include "writer/writer.h"

struct write_batch;

struct write_batch_options {
    struct arena *mem; /* the batch and all it needs live here */
    struct ring *ring;
    const struct conf *conf;
    struct timestamps *timestamps;
};
/* ops are borrowed; their results are filled. NULL: no memory. */
struct write_batch *write_batch_new(const struct write_batch_options *options,
                                    struct write_op **ops, size_t count);
/* Before the transaction is opened: sees to the times that posts will get (work/timestamps.h). */
MUST_USE enum err write_batch_prepare(struct write_batch *batch, struct db *db, int64_t now_ms);
/*
 * Inside an open transaction; at most once per batch: a retry makes a new one. Nothing outside the
 * database happens before write_batch_apply. Errors as db_run's, and ERR_TOO_EARLY: for the ops
 * with put_off set there is no time yet, run the others without them.
 */
MUST_USE enum err write_batch_run(struct write_batch *batch, struct db *db, int64_t now_ms);
/* After the commit: hands each room's new and changed messages to memory, and counts. */
void write_batch_apply(const struct write_batch *batch, struct state *state,
                       struct metrics *metrics);
/*
 * Did a pin go with a deleted message? What memory shows of its room, pins and info_updates, is
 * then outdated.
 */
bool write_batch_has_unpinned(const struct write_batch *batch);
/* How much of a batch an op is: the sum over its ops stays below WRITE_BATCH_WEIGHT_MAX. */
enum { WRITE_BATCH_WEIGHT_MAX = 256 };
size_t write_batch_weight(const struct write_op *op);

#endif
