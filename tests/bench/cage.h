/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A limit of memory for whatever is started from within it: a control group of our own (version 1
 * or 2), where the system lets us make one. One at a time; one thread.
 */
#ifndef CONCLAVE_TESTS_BENCH_CAGE_H
#define CONCLAVE_TESTS_BENCH_CAGE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * This process, and what it starts from now on. False: not possible here, and nothing has changed.
 */
bool cage_enter(size_t max_bytes);
/* This process goes back to where it was; what it started stays. Harmless outside. */
void cage_leave(void);
/* The most that was in use in there, the page cache of its files included; 0: there is no cage. */
size_t cage_peak_bytes(void);
/* When everybody has left or ended. Harmless without a cage. */
void cage_remove(void);

#endif
