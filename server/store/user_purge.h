/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For jobs: rows about people that nothing refers to any more. A person who comes back gets a new
 * row.
 */
#ifndef CONCLAVE_STORE_USER_PURGE_H
#define CONCLAVE_STORE_USER_PURGE_H

#include "store/store.h"

/*
 * What refers to a user: messages, reactions, pins, files, direct messages, permissions, what is
 * scheduled, a record of a first contact, a global role or ban, and recent activity. A row of
 * somebody who was seen in one hour only goes after a week, any other after 30 days.
 */
struct user_purge {
    int64_t after_user; /* where the slice begins: 0 at first; moved on by the call */
    int64_t rows;       /* to look at */
    int64_t hour;       /* of now, since 1970 */
    int64_t gone;       /* how many rows this call removed */
    bool complete;      /* the last slice was looked at */
};
/* One slice, in a transaction of its own. Rows that somebody holds stay for the next pass. */
MUST_USE enum err users_purge(struct db *db, struct user_purge *purge);
/* Records of needs_blinding whose account has nothing waiting, and was not named for two hours. */
MUST_USE enum err pending_purge(struct db *db, int64_t hour, int64_t *ret_gone);

#endif
