/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers that clients remember (events and info_updates of rooms, ids of messages, files and
 * direct messages) are never given out twice, also when the database goes back: a standby that
 * lacked the last commits was promoted, a disk was put back to an earlier state. They are raised
 * then, as `conclave restore` does.
 */
#ifndef CONCLAVE_STORE_NUMBERS_H
#define CONCLAVE_STORE_NUMBERS_H

#include "store/store.h"
#include "store/versions.h"

/*
 * A hundred numbers a second for eleven days; a room has 2^40 of them, so even then it can be
 * raised ten thousand times. Clients do not mind a gap.
 */
#define NUMBERS_MARGIN INT64_C(100000000)

/*
 * Raises all of them in the caller's transaction. A client that has seen more than the database
 * knows would miss everything whose number is not above what it saw. ERR_CONFLICT: a room's numbers
 * would not fit any more.
 */
MUST_USE enum err numbers_raise(struct db *db, int64_t margin);

/*
 * For every new connection that may write (struct db_options.opened): when the database writes on
 * another timeline than that on which numbers were last given out, a standby was promoted, and
 * nobody knows whether it had everything: raises them.
 */
MUST_USE enum err numbers_on_open(struct db *db);
/*
 * Several members know events of the room up to `claimed`, which it never had: raises all numbers,
 * but at most once a day, since anybody can claim anything. ERR_MISSING: not this time.
 */
MUST_USE enum err numbers_believe(struct db *db, int64_t room, int64_t claimed);
/* A version is below what this process has seen: raises them, unless somebody did so already. */
MUST_USE enum err numbers_catch_up(struct db *db, const struct version_row *seen);
/* The same for the counter of a room. */
MUST_USE enum err numbers_catch_up_room(struct db *db, int64_t room, int64_t seen);

#endif
