/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages that an operator removes. It draws the room's numbers exactly as the batch writer does
 * (work/), and is apart from it because no member stands behind it: commands have no caller whose
 * rights could be asked.
 */
#ifndef CONCLAVE_STORE_REMOVING_H
#define CONCLAVE_STORE_REMOVING_H

#include "store/store.h"

enum { REMOVING_MAX = 500 }; /* messages in one transaction: a room must not be locked for long */

/*
 * Which messages of a room: those with these ids, or the oldest REMOVING_MAX of one author (user >
 * 0).
 */
struct removing {
    int64_t room;
    const int64_t *ids;
    size_t count;
    int64_t user;
};
/*
 * Each leaves a tombstone, loses its reactions, pins and files. What is not there, or gone already,
 * is passed over. A transaction of its own. ERR_MISSING: no such room. ret_removed: with user > 0
 * and REMOVING_MAX there may be more.
 */
MUST_USE enum err removing_run(struct db *db, struct arena *mem, const struct removing *what,
                               int64_t now_ms, int64_t *ret_removed);

#endif
