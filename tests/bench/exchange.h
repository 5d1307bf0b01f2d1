/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bare libmicrohttpd server in a process of its own: takes a body, answers bytes that were ready. What it costs is
 * what any server on this library pays for the HTTP around a request.
 */
#ifndef CONCLAVE_TESTS_BENCH_EXCHANGE_H
#define CONCLAVE_TESTS_BENCH_EXCHANGE_H

#include "integration/process.h"

/*
 * Serves replies of that size on a free loopback port, each after spinning so long, prints the port, and runs until it
 * is told to stop. Exit status.
 */
int exchange_main(size_t reply_bytes, int64_t spin_ns);
/* Starts one. process_stop ends it. */
MUST_USE enum err exchange_start(size_t reply_bytes, int64_t spin_ns, struct process *ret_process,
                                 uint16_t *ret_port);

#endif
