/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole run: a world of two servers, the load, the killing, and the account at the end. Used by
 * the program (tests/torture/main.c) and, small, by the integration tests. From the root of the
 * tree, on the main thread.
 */
#ifndef CONCLAVE_TESTS_TORTURE_TORTURE_H
#define CONCLAVE_TESTS_TORTURE_TORTURE_H

#include <stdio.h>

#include "torture/ledger.h"
#include "torture/plan.h"

struct torture_options {
    uint64_t seed;
    uint32_t kills;
    bool
        clock; /* the clock of the second server jumps between two days back and forty days ahead */
    const char *commit; /* for the report; NULL: not known */
    FILE *progress;     /* one line for every so many kills; NULL: none */
};

struct torture_result {
    uint32_t kills[KILL_KINDS];
    uint32_t kills_done, jumps;
    int64_t recovery_sum_ms,
        recovery_max_ms; /* from the blow until both servers take posts again */
    int64_t load_ms, whole_ms;
    struct sums sums;
    int64_t messages, blobs, nonces; /* rows in the end */
    size_t complaints;
};

/*
 * OK: it ran to its end; complaints says whether all is well. Anything else: the world itself
 * failed (said on stderr), or a server did not come back. report: a text for people, in Markdown.
 */
MUST_USE enum err torture_run(const struct torture_options *options, FILE *report,
                              struct torture_result *ret_result);

#endif
