/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only source of time (docs/design.md, D16): the wall clock for what is stored, the monotonic
 * clock for deadlines. Time reaches everything else as a parameter, so that tests can move it. Any
 * thread.
 */
#ifndef CONCLAVE_BASE_CLOCK_H
#define CONCLAVE_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>

/* Milliseconds since 1970, wall clock. */
int64_t clock_wall_ms(void);
/* Milliseconds and microseconds of the monotonic clock. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* May return early, when a signal arrives. */
void clock_sleep_ms(int64_t ms);
/*
 * Waits for a signal, at most until that moment of the monotonic clock; may return early, as every
 * wait on a condition. The lock is held on entry and on return.
 */
void clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_mono_ms);

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS ((int64_t)24 * HOUR_MS)

#endif
