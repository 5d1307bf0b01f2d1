/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moderators and admins, of a room or of the whole server. A change raises info_updates where
 * clients show roles (docs/protocol/community.md, 3.2) and the versions that make every process
 * read the rights anew.
 *
 * Changes run inside the caller's transaction, under the locks of standing_lock (store/standing.h),
 * or in one of their own.
 */
#ifndef CONCLAVE_STORE_ROLES_H
#define CONCLAVE_STORE_ROLES_H

#include "store/store.h"
#include "store/users.h"

/*
 * All readers get all moderators with every room object, so their number has an end, in a room and
 * globally; ours, PySOGS has none.
 */
enum { ROLES_MAX = 1000 };

struct role {
    bool moderator, admin, visible; /* admin implies moderator; both false: none */
};

/*
 * rooms[i] gets roles[i]; only rooms where something differs, or their info_updates grows for
 * nothing. ERR_CONFLICT: banned there. ERR_TOO_LARGE: more than ROLES_MAX in one of the rooms.
 */
MUST_USE enum err roles_set_in_rooms(struct db *db, int64_t user, const int64_t *rooms,
                                     const struct role *roles, size_t count);
/*
 * info_updates +1 in every room when something changed. ERR_CONFLICT: banned. ERR_TOO_LARGE: more
 * than ROLES_MAX.
 */
MUST_USE enum err roles_set_global(struct db *db, int64_t user, struct role role);
/* Takes the role away in these rooms, if there is one: what a ban does first. */
MUST_USE enum err roles_dismiss(struct db *db, int64_t user, const int64_t *rooms, size_t count);

/* Moderators and admins of a room, or the global ones (room 0), by session id. */
MUST_USE enum err roles_list(struct db *db, struct arena *mem, int64_t room,
                             struct user_row **ret_users, size_t *ret_count);

#endif
