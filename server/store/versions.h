/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What changed since we last looked (docs/design.md, D7): a small table that every change bumps in
 * its own transaction.
 */
#ifndef CONCLAVE_STORE_VERSIONS_H
#define CONCLAVE_STORE_VERSIONS_H

#include "store/store.h"

enum version_scope {
    VERSION_GLOBAL = 0,       /* list of rooms; id 0 */
    VERSION_USERS = 1,        /* global roles and bans, for whom something waits; id 0 */
    VERSION_ROOM_CONTENT = 2, /* posts, edits, deletions, reactions, room object; id = room */
    VERSION_ROOM_RIGHTS = 3,  /* roles, bans, permissions, defaults of a room; id = room */
    VERSION_DMS = 4,          /* direct messages: the newest id; id 0 */
    VERSION_ROOM_PURGED =
        5, /* messages that went without a trace (store/retention.h); id = room, absent: none ever */
};
struct version_row {
    enum version_scope scope;
    int64_t id;
    int64_t value;
};
/* All of them, ascending by scope, then id. */
MUST_USE enum err versions_read(struct db *db, struct arena *mem, struct version_row **ret_rows,
                                size_t *ret_count);
/*
 * One coalesced NOTIFY in a transaction of its own (never inside a post's: it serialises commits).
 */
MUST_USE enum err versions_notify(struct db *db);

#endif
