/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bare libmicrohttpd server in a process of its own: takes a body, does the floor's cryptography
 * on a request that it made itself, answers bytes that were ready. What it costs above the floor is
 * what any server on this library pays for the HTTP around a request.
 */
#ifndef CONCLAVE_TESTS_BENCH_EXCHANGE_H
#define CONCLAVE_TESTS_BENCH_EXCHANGE_H

#include "integration/process.h"

struct exchange_sizes {
    size_t request_bytes; /* sealed */
    size_t reply_bytes;   /* sealed */
};

/*
 * Serves on a free loopback port, prints it, and runs until it is told to stop. sizes: as
 * exchange_start writes them. Exit status.
 */
int exchange_main(const char *sizes);
/* Starts one. process_stop ends it. */
MUST_USE enum err exchange_start(const struct exchange_sizes *sizes, struct process *ret_process,
                                 uint16_t *ret_port);

#endif
