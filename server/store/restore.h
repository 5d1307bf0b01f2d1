/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making room for a restored database, and what has to be done to it before anybody may use it.
 * Everything here belongs into one transaction of the caller's, which commits after restore_raise;
 * its statements are not prepared, since the tables come and go. One thread.
 */
#ifndef CONCLAVE_STORE_RESTORE_H
#define CONCLAVE_STORE_RESTORE_H

#include "store/store.h"

/*
 * Nobody who starts from now on gets past reading the schema before the transaction ends, and
 * time-outs are off, except for locks. ERR_RETRY: somebody has it and does not let go.
 */
MUST_USE enum err restore_begin(struct db *db);
/* Sessions of other processes of ours on this database: servers and commands. */
MUST_USE enum err restore_others(struct db *db, int64_t *ret_count);
/* Whether our schema holds anything. */
MUST_USE enum err restore_is_empty(struct db *db, bool *ret_empty);
/*
 * Removes all that our schema holds. The schema itself stays, or is made: the role may not be
 * allowed to make one.
 */
MUST_USE enum err restore_clear(struct db *db);
/*
 * The schema as migrations up to `number` make it, empty, and without what slows loading down:
 * indexes, foreign keys and triggers, which restore_complete makes again, from our own definitions.
 * ERR_MISSING: we have fewer migrations.
 */
MUST_USE enum err restore_prepare(struct db *db, int number, int64_t now_ms);
/* ERR_CONFLICT: the data contradicts a foreign key or a unique index. */
MUST_USE enum err restore_complete(struct db *db);

/* numbers_raise, and gathers statistics, which dumps lack. */
MUST_USE enum err restore_raise(struct db *db, int64_t margin);

/* For people: how many rooms, and when the newest message was posted, in ms (0: there is none). */
struct restore_summary {
    int64_t rooms, newest_ms, admins; /* admins and moderators of all rooms */
    int64_t trusted_ms;               /* the newest time that was trusted; 0: none */
};
MUST_USE enum err restore_summary(struct db *db, struct restore_summary *ret_summary);

#endif
