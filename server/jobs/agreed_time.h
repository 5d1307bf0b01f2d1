/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one place that gives the jobs the time by which they may delete, or refuses. The jobs' thread
 * alone.
 */
#ifndef CONCLAVE_JOBS_AGREED_TIME_H
#define CONCLAVE_JOBS_AGREED_TIME_H

#include "store/trusted_time.h"

/* A jump that nobody explains, kept between turns; zero-initialise. */
struct agreed_time {
    int64_t doubted_mono_ms; /* since when; 0: no doubt */
    int64_t offset_ms;       /* wall clock minus monotonic clock then */
};

/*
 * Asks both clocks on db. OK: *ret_now_ms may be used to delete. ERR_DENIED: nothing may be
 * deleted. A jump that lasts for a day of steady running is accepted, as it then is what the clock
 * really shows.
 */
MUST_USE enum err agreed_time(struct agreed_time *state, struct db *db, int64_t *ret_now_ms);
/* The rule of the day alone: whether a reading in doubt for a jump is to be accepted at mono_ms. */
bool agreed_time_accepts(struct agreed_time *state, const struct clock_reading *reading,
                         int64_t mono_ms);

#endif
