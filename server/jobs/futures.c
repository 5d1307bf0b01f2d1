/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was scheduled and is due: permissions, bans and their ends, in the order of time
 * (docs/protocol/community.md, 4.1).
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "jobs/jobs.h"
#include "store/futures.h"
#include "store/versions.h"

enum {
    ROWS_PER_TURN = 1000, /* a backlog must not keep the other jobs waiting */
    ARENA_BYTES = 1024 * 1024,
};

enum err jobs_apply_futures(struct db *db, int64_t now_ms)
{
    AUTO_ARENA struct arena *mem = arena_new(ARENA_BYTES);
    if (mem == NULL)
        return ERR_NO_MEMORY;
    uint64_t applied = 0;
    enum err e = OK;
    while (e == OK && applied < ROWS_PER_TURN) {
        arena_reset(mem);
        e = futures_apply_next(db, mem, (double)now_ms / SECOND_MS);
        applied += e == OK;
    }
    if (e == ERR_MISSING)
        e = OK; /* nothing more is due */
    if (applied == 0)
        return e;
    log_event(LOG_INFO, "jobs.futures_applied", LOG_U64("count", applied));
    enum err notified = versions_notify(db);
    return e == OK ? notified : e;
}
