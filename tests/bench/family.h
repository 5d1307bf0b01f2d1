/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process and its children have used so far, by the system's own accounting: PostgreSQL is a
 * family of them.
 */
#ifndef CONCLAVE_TESTS_BENCH_FAMILY_H
#define CONCLAVE_TESTS_BENCH_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * CPU microseconds of one process, all its threads, also those that have ended; 0 when it is gone.
 */
double family_member_cpu_us(pid_t pid);
/* The same of a process and of its children. */
double family_cpu_us(pid_t parent);
/*
 * What they occupy together now, memory that they share counted once (PSS), without the page cache.
 */
size_t family_bytes(pid_t parent);

#endif
