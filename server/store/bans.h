/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bans, from rooms or from the whole server (docs/protocol/community.md, 2.13). The two are
 * independent of each other.
 *
 * Inside the caller's transaction, under the locks of standing_lock (store/standing.h), or in one
 * of their own.
 */
#ifndef CONCLAVE_STORE_BANS_H
#define CONCLAVE_STORE_BANS_H

#include "store/standing.h"

struct ban {
    int64_t user;
    struct reach reach;
    bool ends;
    double until; /* when it ends, in seconds since 1970 */
};
/*
 * Bans: takes room roles away, forgets what was scheduled for these bans, and schedules the end. A
 * global ban takes no role; ERR_CONFLICT: that person has a global one.
 */
MUST_USE enum err bans_add(struct db *db, const struct ban *ban);
/* Lifts, and forgets what was scheduled. Harmless when there is no ban. */
MUST_USE enum err bans_lift(struct db *db, int64_t user, const struct reach *reach);
/* Only the ban itself: for what was scheduled. Inside the caller's transaction and locks. */
MUST_USE enum err bans_write(struct db *db, int64_t user, const struct reach *reach, bool banned);

#endif
