/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was decided about an account that is known only by its 05 id: it waits there, and moves to
 * the account's blinded id at its first contact (docs/protocol/community.md, 3.9). Which of the two
 * signs that id has only shows then, so it is recorded by its absolute form.
 */
#ifndef CONCLAVE_STORE_PENDING_H
#define CONCLAVE_STORE_PENDING_H

#include "crypto/keys.h"
#include "store/store.h"

/*
 * Records that something waits for `blinded_abs` on that user's row, which stays locked until the
 * transaction ends: a first contact at the same moment waits, and moves this too. In the caller's
 * transaction.
 */
MUST_USE enum err pending_record(struct db *db, const struct session_id *blinded_abs, int64_t user);
/* Everything that is recorded, as absolute forms. For the memory picture. */
MUST_USE enum err pending_list(struct db *db, struct arena *mem, struct session_id **ret_ids,
                               size_t *ret_count);
/*
 * The first contact: bans, roles, overrides and what is scheduled move to `arrived` (whose absolute
 * form is given too) in one transaction, and the record goes. What `arrived` already is wins where
 * both cannot be: a global role over a global ban; a ban from a room over a role in it. Messages
 * stay with the old id. Harmless when another process was first.
 */
MUST_USE enum err pending_move(struct db *db, const struct session_id *blinded_abs,
                               const struct session_id *arrived);

/*
 * 05 users for whom something is stored but nothing recorded (an import), at most `limit`; their
 * rows' ids beside.
 */
struct pending_user {
    int64_t user;
    struct session_id session;
};
MUST_USE enum err pending_unrecorded(struct db *db, struct arena *mem, int64_t after, int64_t limit,
                                     struct pending_user **ret_users, size_t *ret_count);

#endif
