/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See jobs/agreed_time.h. What the database and this process show is judged in
 * store/trusted_time.c; here is only how long a doubt lasts.
 */
#include "jobs/agreed_time.h"

#include "base/clock.h"
#include "base/log.h"

enum {
    ACCEPT_AFTER_MS = 24 * HOUR_MS,
    /* What a time service may correct within a day without the clock counting as moved again. */
    STEADY_WITHIN_MS = MINUTE_MS,
};

bool agreed_time_accepts(struct agreed_time *state, const struct clock_reading *reading,
                         int64_t mono_ms)
{
    int64_t offset_ms = reading->now_ms - mono_ms;
    int64_t moved_ms = offset_ms - state->offset_ms;
    bool steady = moved_ms <= STEADY_WITHIN_MS && moved_ms >= -STEADY_WITHIN_MS;
    if (state->doubted_mono_ms == 0 || !steady)
        *state = (struct agreed_time){.doubted_mono_ms = mono_ms, .offset_ms = offset_ms};
    return mono_ms - state->doubted_mono_ms >= ACCEPT_AFTER_MS;
}

enum err agreed_time(struct agreed_time *state, struct db *db, int64_t *ret_now_ms)
{
    struct clock_reading r;
    enum err e = clock_read(db, &r);
    if (e != OK)
        return e;
    if (r.doubt == CLOCK_JUMPED && agreed_time_accepts(state, &r, clock_mono_ms())) {
        e = clock_accept(db, r.now_ms);
        if (e != OK)
            return e;
        log_event(LOG_WARN, "clock.accepted");
        r.doubt = CLOCK_TRUSTED;
    }
    if (r.doubt == CLOCK_APART)
        state->doubted_mono_ms = 0; /* the day of steady running starts over */
    if (r.doubt != CLOCK_TRUSTED)
        return ERR_DENIED;
    *state = (struct agreed_time){.doubted_mono_ms = 0};
    e = clock_remember(db, r.now_ms);
    if (e == OK)
        *ret_now_ms = r.now_ms;
    return e;
}
