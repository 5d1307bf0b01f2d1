/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sends prepared requests over kept connections, as storage nodes do: one request at a time on
 * each. Either as fast as answers come, or at a given rate: then a latency counts from when the
 * request was due, also when no connection was free for it. One thread, epoll; bounded in count and
 * time.
 */
#ifndef CONCLAVE_TESTS_BENCH_DRIVER_H
#define CONCLAVE_TESTS_BENCH_DRIVER_H

#include "bench/prepared.h"

enum { DRIVER_CONNECTIONS_MAX = 4096, DRIVER_MAX_MS = 120000 };

struct driver_job {
    struct address at;
    const struct prepared *requests;
    size_t count;
    size_t connections;
    double rate_per_s; /* 0: each connection sends as soon as its answer is there */
    /*
     * Called for one reply in check_every, with its body as it came; false: not what was expected.
     * NULL: none.
     */
    bool (*check)(const void *arg, const struct prepared *request, struct span body);
    const void *arg;
    size_t check_every;
};

struct driver_result {
    double seconds;
    size_t answered; /* HTTP 200 with a whole body, and as expected where it was checked */
    size_t failed;
    size_t begun;         /* sent, answered or not */
    uint64_t reply_bytes; /* bodies, all together */
    double p50_ms, p99_ms, p999_ms, max_ms;
};

/*
 * ERR_BUSY: not done in DRIVER_MAX_MS. ERR_MISSING: cannot connect. The result is filled as far as
 * it came.
 */
MUST_USE enum err driver_run(const struct driver_job *job, struct driver_result *ret_result);

#endif
