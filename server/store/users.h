/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Users: who is known, who was seen, whom an id means. Their roles, permissions and bans have files
 * of their own. Every change of what they may do bumps `versions` in the same transaction
 * (docs/design.md, D7). Rows exist only for ids that proved a signature, or that an operator or
 * moderator named.
 */
#ifndef CONCLAVE_STORE_USERS_H
#define CONCLAVE_STORE_USERS_H

#include "crypto/keys.h"
#include "store/store.h"

struct user_row {
    int64_t id;
    struct session_id session;
    bool banned, moderator, admin, visible; /* global */
};
/* Users with a global flag. For the memory picture. */
MUST_USE enum err users_special(struct db *db, struct arena *mem, struct user_row **ret_users,
                                size_t *ret_count);
/*
 * One sight of a user, gathered in memory and flushed rarely. hour: hours since 1970. room 0: no
 * room activity.
 */
struct sighting {
    struct session_id session;
    int64_t room;
    int64_t hour;
};
/*
 * One multi-row upsert of users.last_active_hour and room_users; creates missing users
 * (docs/design.md, D3 and D11).
 */
MUST_USE enum err users_flush_sightings(struct db *db, const struct sighting *sightings,
                                        size_t count);

/*
 * The user that an id in a path or command means. candidates: for a 05 id its two blinded forms,
 * the one with the sign bit clear first (crypto/blind.h); none for a 15 id. An existing candidate
 * wins over a row of the id itself. users_find: ERR_MISSING when there is no row. users_resolve:
 * makes one for the id itself, and when that is a 05 id records that something waits there
 * (store/pending.h). ret_session: whom it applies to.
 */
MUST_USE enum err users_find(struct db *db, const struct session_id *given,
                             const struct session_id *candidates, size_t candidate_count,
                             int64_t *ret_user, struct session_id *ret_session);
MUST_USE enum err users_resolve(struct db *db, const struct session_id *given,
                                const struct session_id *candidates, size_t candidate_count,
                                int64_t now_ms, int64_t *ret_user, struct session_id *ret_session);

/*
 * Counted as active for a week; forgotten after 30 days (docs/protocol/community.md, 3.7;
 * docs/design.md, D11).
 */
enum { ACTIVE_HOURS = 7 * 24, ACTIVITY_KEPT_HOURS = 30 * 24 };
/*
 * For jobs: forgets old activity, recounts rooms.active_users, and raises the versions of rooms
 * whose count changed.
 */
MUST_USE enum err users_count_active(struct db *db, int64_t hour);

#endif
