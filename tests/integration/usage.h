/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process has used so far, from /proc. For tests of costs; processor time, unlike time on
 * the wall, does not depend on who else is busy. Any thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_USAGE_H
#define CONCLAVE_TESTS_INTEGRATION_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* False in a build with a sanitizer, whose own time and memory would be measured. */
bool usage_is_ours(void);

/* Processor time of all its live threads, in microseconds; -1: no such process. */
int64_t usage_cpu_us(pid_t pid);
/* The most memory it ever had resident, in KB, since usage_forget_peak; -1: no such process. */
int64_t usage_peak_kb(pid_t pid);
/* The peak begins anew at what is resident now. */
void usage_forget_peak(pid_t pid);

#endif
