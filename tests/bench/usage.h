/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process has used so far, by the system's own accounting.
 */
#ifndef CONCLAVE_TESTS_BENCH_USAGE_H
#define CONCLAVE_TESTS_BENCH_USAGE_H

#include <stddef.h>
#include <sys/types.h>

/* CPU microseconds of a process, all its threads; 0 when it is gone. */
double usage_cpu_us(pid_t pid);
/* The same of a process and of its children (PostgreSQL's backends). */
double usage_family_cpu_us(pid_t parent);
/* Peak resident memory in bytes. */
size_t usage_peak_bytes(pid_t pid);

#endif
