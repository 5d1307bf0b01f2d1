/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What differs from a room's defaults for one account: the rows of `permissions`. Roles and bans
 * stand in the same rows but have files of their own (roles.h, bans.h).
 */
#ifndef CONCLAVE_STORE_PERMISSIONS_H
#define CONCLAVE_STORE_PERMISSIONS_H

#include "crypto/keys.h"
#include "store/store.h"

/* Rows of one room: a moderator who would make one more is told so. */
enum { PERMISSIONS_MAX = 100000 };

struct permission_row {
    int64_t room;
    int64_t user; /* by permissions_list only */
    struct session_id session;
    bool banned, moderator, admin, visible;
    enum tristate read, accessible, write, upload;
};

/* Rows of one room by the user's row, at most limit, after a user (0: from the first). */
struct permission_page {
    int64_t room, after_user, limit;
    struct permission_row *rows; /* in the caller's arena */
    size_t count;                /* fewer than limit: these are the last */
};
/* Fills rows and count, and moves after_user on. */
MUST_USE enum err permissions_list(struct db *db, struct arena *mem, struct permission_page *page);
/* The row of one account. ERR_MISSING: it has none. */
MUST_USE enum err permissions_one(struct db *db, struct arena *mem, int64_t room, int64_t user,
                                  struct permission_row *ret_row);

/* All rows of one account; tokens of their rooms beside, by token. */
MUST_USE enum err permissions_of_user(struct db *db, struct arena *mem, int64_t user,
                                      struct permission_row **ret_rows, struct span **ret_tokens,
                                      size_t *ret_count);

/* One right: untouched, or set to yes, to no, or (TRI_NULL) back to what the room says. */
struct permission_value {
    bool touched;
    enum tristate value;
};
struct permission_change {
    int64_t room;
    int64_t user;
    struct permission_value read, accessible, write, upload;
};
/*
 * A row that then says nothing is deleted. In the caller's transaction, or one of its own.
 * ERR_TOO_LARGE: more than PERMISSIONS_MAX.
 */
MUST_USE enum err permissions_change(struct db *db, const struct permission_change *change);

#endif
