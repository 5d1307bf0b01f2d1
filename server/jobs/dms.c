/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages whose time is over. Nobody is told: readers have them already or never will.
 */
#include "store/dms.h"

#include "base/clock.h"
#include "base/log.h"
#include "jobs/jobs.h"

enum { SLICE = 500, SLICES_MAX = 20 };

enum err jobs_expire_dms(struct db *db, int64_t now_ms)
{
    int64_t total = 0, removed = SLICE;
    enum err e = OK;
    for (int i = 0; i < SLICES_MAX && e == OK && removed == SLICE; i++) {
        e = dms_expire(db, (double)now_ms / SECOND_MS, SLICE, &removed);
        total += e == OK ? removed : 0;
    }
    if (e == OK)
        e = ring_forget_dms(db, now_ms);
    if (total > 0)
        log_event(LOG_INFO, "jobs.direct_messages_removed", LOG_U64("count", total));
    return e;
}
