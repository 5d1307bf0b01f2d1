/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/people.h"

#include "base/clock.h"
#include "base/log.h"

enum {
    PASS_EVERY_MS = HOUR_MS,
    ROWS_PER_SLICE = 2000,
    SLICES_PER_TURN = 10,
};

static enum err end_pass(struct db *db, struct people_turns *turns, int64_t now_ms)
{
    int64_t pending_gone = 0;
    enum err e = pending_purge(db, now_ms / HOUR_MS, &pending_gone);
    if (e != OK)
        return e;
    if (turns->gone + pending_gone > 0)
        log_event(LOG_INFO, "jobs.people_purged", LOG_I64("rows", turns->gone),
                  LOG_I64("records", pending_gone));
    *turns = (struct people_turns){.passed_mono_ms = clock_mono_ms()};
    return OK;
}

enum err people_turn(struct db *db, struct people_turns *turns, int64_t now_ms)
{
    if (turns->passed_mono_ms != 0 && clock_mono_ms() - turns->passed_mono_ms < PASS_EVERY_MS)
        return OK;
    struct user_purge purge = {
        .after_user = turns->after_user, .rows = ROWS_PER_SLICE, .hour = now_ms / HOUR_MS};
    enum err e = OK;
    for (int i = 0; e == OK && i < SLICES_PER_TURN && !purge.complete; i++) {
        e = users_purge(db, &purge);
        turns->gone += e == OK ? purge.gone : 0;
    }
    if (e != OK)
        return e;
    turns->after_user = purge.after_user;
    return purge.complete ? end_pass(db, turns, now_ms) : OK;
}
