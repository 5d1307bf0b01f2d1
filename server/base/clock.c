/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only file that asks the system what time it is.
 */
#include "base/clock.h"

#include <time.h>

static struct timespec now_of(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now); /* cannot fail for these two clocks on Linux */
    return now;
}

int64_t clock_wall_ms(void)
{
    struct timespec now = now_of(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_mono_us(void)
{
    struct timespec now = now_of(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct timespec of_ms(int64_t ms)
{
    return (struct timespec){ms / SECOND_MS, ms % SECOND_MS * 1000000};
}

void clock_sleep_ms(int64_t ms)
{
    const struct timespec t = of_ms(ms);
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

void clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_mono_ms)
{
    const struct timespec until = of_ms(until_mono_ms);
    (void)pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until);
}
