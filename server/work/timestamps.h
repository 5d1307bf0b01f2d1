/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The times of posts, whispers and direct messages: whole milliseconds, each given away once in the
 * whole server (docs/decisions/0014-one-clock.md). The apps tell messages apart by their
 * millisecond, in whatever room and box, and drop the second of two equal ones. Processes share
 * nothing while they draw: each draws from residues of its own (store/residues.h). Any thread (own
 * locks).
 */
#ifndef CONCLAVE_WORK_TIMESTAMPS_H
#define CONCLAVE_WORK_TIMESTAMPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct db;
struct timestamps;

enum {
    /*
     * A burst is spread over the milliseconds that come: for the whole server, and then for one
     * room.
     */
    TIMESTAMPS_AHEAD_MS = 1000,
    TIMESTAMPS_ROOM_AHEAD_MS = 2000,
    /*
     * A room whose newest message is later than the clock by up to this much goes on behind it. The
     * apps drop a message whose time is six hours away from what its author's clock said; later
     * ones come from a clock that was set wrong.
     */
    TIMESTAMPS_FOLLOWED_MS = 5 * 60 * 60 * 1000,
};

MUST_USE enum err timestamps_new(struct timestamps **ret_timestamps);
void timestamps_free(struct timestamps *t);

/*
 * Makes sure, outside of any transaction on db, that about count times can be drawn. Touches SQL a
 * few times a second at most. Errors as db_run's.
 */
MUST_USE enum err timestamps_prepare(struct timestamps *t, struct db *db, int64_t now_ms,
                                     size_t count);
/*
 * A time that is later than after_ms, the newest of the room (0: none), and that nothing else has,
 * as long as the server needs fewer than a thousand a second; beyond that, one that nothing else in
 * the room has. ERR_RETRY: prepare again. ERR_TOO_EARLY: the room is at TIMESTAMPS_ROOM_AHEAD_MS; a
 * millisecond later there is another.
 */
MUST_USE enum err timestamps_draw(struct timestamps *t, int64_t after_ms, int64_t now_ms,
                                  int64_t *ret_ms);
/* Both, for what is in no room. */
MUST_USE enum err timestamps_take(struct timestamps *t, struct db *db, int64_t now_ms,
                                  int64_t *ret_ms);

#endif
