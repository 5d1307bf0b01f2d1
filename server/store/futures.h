/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was asked for at a later time: changes of permissions, bans and their ends
 * (docs/protocol/community.md, 2.3, 2.13 and 4.1). Unless a comment says otherwise, functions that
 * write run inside the caller's transaction.
 */
#ifndef CONCLAVE_STORE_FUTURES_H
#define CONCLAVE_STORE_FUTURES_H

#include "store/standing.h"

struct future_row {
    struct session_id session;
    double at;
    enum tristate read, write, upload; /* TRI_NULL: no change */
    enum tristate banned; /* TRI_NULL: a change of permissions; else a ban begins or ends */
};
/* Of one room and one user (0: of everybody), by time. */
MUST_USE enum err futures_list(struct db *db, struct arena *mem, int64_t room, int64_t user,
                               struct future_row **ret_rows, size_t *ret_count);

struct permission_future {
    int64_t room, user;
    double at;
    enum tristate read, write, upload; /* not all TRI_NULL */
};
MUST_USE enum err futures_add(struct db *db, const struct permission_future *future);
/* Forgets what was scheduled for these rights; rows that then say nothing go. */
struct unschedule {
    int64_t room, user;
    bool read, write, upload;
};
MUST_USE enum err futures_unschedule(struct db *db, const struct unschedule *what);

MUST_USE enum err futures_add_ban(struct db *db, int64_t user, const struct reach *reach, double at,
                                  bool banned);
MUST_USE enum err futures_forget_bans(struct db *db, int64_t user, const struct reach *reach);

/*
 * For jobs: applies the earliest row that is due at `now` and deletes it, in a transaction of its
 * own. A ban of somebody who has a role by now is passed over. ERR_MISSING: nothing is due. mem is
 * used and may be reset by the caller between calls.
 */
MUST_USE enum err futures_apply_next(struct db *db, struct arena *mem, double now);

#endif
