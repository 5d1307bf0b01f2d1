/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `--growth`: what becomes of costs when rooms, messages and people are many.
 */
#ifndef CONCLAVE_TESTS_BENCH_GROWTH_H
#define CONCLAVE_TESTS_BENCH_GROWTH_H

#include "bench/bench.h"

/* Fills the world of b and prints the table. False: it could not be measured. */
bool growth_run(struct bench *b);

/* Runs SQL of ours; errors go to stderr. */
bool growth_sql(const struct bench *b, const char *sql);
/*
 * Prints how many pages the server's own statements touch in that room, from EXPLAIN (ANALYZE,
 * BUFFERS).
 */
bool growth_explain(const struct bench *b, const char *token, int64_t seqno);

#endif
