/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody is, on the server and in rooms, read under the locks under which decisions about
 * people are made. What a pool thread finds in memory is only a hint: a right that was taken away a
 * moment ago must not be used any more.
 */
#ifndef CONCLAVE_STORE_STANDING_H
#define CONCLAVE_STORE_STANDING_H

#include "crypto/keys.h"
#include "store/store.h"

/*
 * Where something about a person holds: in the whole server, or in these rooms (ascending, each
 * once).
 */
struct reach {
    bool global;
    const int64_t *rooms;
    size_t count;
};

struct standing {
    int64_t room; /* 0: only what is global */
    bool global_banned, global_moderator, global_admin, global_visible;
    bool banned, moderator, admin, visible; /* by the room's own row */
};

/*
 * Locks the rows of the rooms, in the order of their ids, as everybody does who changes rooms or
 * draws numbers (docs/design.md, D4); with a global reach, of all rooms. ERR_MISSING: one of them
 * is gone.
 */
MUST_USE enum err standing_lock(struct db *db, const struct reach *reach);
/*
 * One element per room of the reach, in its order; a single one with room 0 for a global reach.
 * Nobody known: all false. Inside the transaction that holds the locks.
 */
MUST_USE enum err standing_read(struct db *db, struct arena *mem, const struct session_id *session,
                                const struct reach *reach, struct standing **ret_standing);

#endif
