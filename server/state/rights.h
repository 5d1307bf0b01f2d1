/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what in a room (docs/protocol/community.md, 3.8), and who is shown as its moderators.
 * Pure: no locks, no SQL.
 */
#ifndef CONCLAVE_STATE_RIGHTS_H
#define CONCLAVE_STATE_RIGHTS_H

#include "router/call.h"
#include "store/permissions.h"
#include "store/users.h"

/* What the room grants to everybody. */
struct rights_defaults {
    bool read, accessible, write, upload;
};

/* Sorted by session id, unique. */
struct rights_users {
    struct user_row *rows;
    size_t count;
};
struct rights_overrides {
    struct permission_row *rows;
    size_t count;
};

/* Copies and sorts; the result is freed with mem_free(rows). ERR_NO_MEMORY. */
MUST_USE enum err rights_copy_users(const struct user_row *rows, size_t count,
                                    struct rights_users *ret_users);
/* Appends a copy; afterwards, and before anything is looked up, rights_sort_overrides. */
MUST_USE enum err rights_add_overrides(struct rights_overrides *overrides,
                                       const struct permission_row *rows, size_t count);
void rights_sort_overrides(struct rights_overrides *overrides);
/* Do both name the same moderators and admins, shown in the same way? Bans do not count. */
bool rights_same_moderators(const struct rights_users *a, const struct rights_users *b);

/* NULL: nobody special. The id must match exactly, as it was given. */
const struct user_row *rights_user(const struct rights_users *users, const struct session_id *id);
const struct permission_row *rights_override(const struct rights_overrides *overrides,
                                             const struct session_id *id);

/*
 * own and user may be NULL. In the result read, accessible, write and upload already say what the
 * caller may do (upload: with write; accessible: with read); `banned` stands beside them, since a
 * global moderator who is banned from the room may do everything in it but does not see it in the
 * list (docs/protocol/community.md, 2.2).
 */
void rights_resolve(const struct rights_defaults *defaults, const struct permission_row *own,
                    const struct user_row *user, struct rights *ret_rights);

/* One list of a room's moderators, as the room object shows it. */
struct rights_role {
    bool admin;
    bool visible;
};
/*
 * Appends a JSON array of the ids of that role and visibility, global ones included, sorted;
 * nothing at all, and false, when nobody has it and `even_if_empty` is not set.
 */
bool rights_put_role(const struct rights_overrides *overrides, const struct rights_users *users,
                     struct rights_role role, bool even_if_empty, const char *key, struct buf *out);

#endif
