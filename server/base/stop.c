/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waiting with poll, which is restarted when a signal handler (of a sanitizer or a profiler)
 * interrupts it.
 */
#include "base/stop.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"

bool stop_wait(int stop_fd, int64_t timeout_ms)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    /* poll passes over a negative descriptor. */
    struct pollfd p = {.fd = stop_fd > 0 ? stop_fd : -1, .events = POLLIN};
    for (int64_t left_ms = timeout_ms;; left_ms = deadline_ms - clock_mono_ms()) {
        if (left_ms < 0)
            return false;
        int n = poll(&p, 1, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);
        if (n >= 0 || errno != EINTR)
            return n > 0;
    }
}

bool stop_asked(int stop_fd)
{
    return stop_wait(stop_fd, 0);
}
