/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A wall clock that a test moves, for processes that it starts: libfaketime with a control file.
 * The monotonic clock stays. The sanitizers do not get along with libfaketime: tests that use it
 * end at once when fake_clock_possible() is false.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_FAKE_CLOCK_H
#define CONCLAVE_TESTS_INTEGRATION_FAKE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { FAKE_CLOCK_SETTINGS = 5 };

struct fake_clock {
    char control[80];
    char preload[160], file[128];
    const char *env[FAKE_CLOCK_SETTINGS + 1]; /* for whoever follows this clock; NULL-ended */
};

bool fake_clock_possible(void);
/*
 * name: tells the clocks of one program apart. False: libfaketime is not installed. The struct must
 * not be moved.
 */
MUST_USE bool fake_clock_open(struct fake_clock *clock, const char *name);
/*
 * From now on the clock is so far ahead of the real one. False: the control file cannot be written.
 */
MUST_USE bool fake_clock_set(const struct fake_clock *clock, int64_t ahead_s);
void fake_clock_close(struct fake_clock *clock);

#endif
