/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pinned messages (docs/protocol/community.md, 2.9). Their files do not expire; each pin set or
 * taken away is one info_updates.
 *
 * What writes runs inside the caller's transaction, under the lock of the room's row.
 */
#ifndef CONCLAVE_STORE_PINS_H
#define CONCLAVE_STORE_PINS_H

#include "crypto/keys.h"
#include "store/store.h"

/*
 * All readers get all pins with every room object, so their number has an end; ours, PySOGS has
 * none.
 */
enum { PINS_MAX = 256, PINS_ALL = -1 };

struct pin_row {
    int64_t message;
    double pinned_at;
    struct session_id pinned_by;
};
/* In the order in which they were pinned. */
MUST_USE enum err pins_list(struct db *db, struct arena *mem, int64_t room,
                            struct pin_row **ret_pins, size_t *ret_count);

struct pin {
    int64_t room, message;
    struct session_id by; /* has a row */
    double now;
};
/*
 * Pins, or moves to the end. ERR_MISSING: no regular message of the room (deleted, filtered, held,
 * a whisper). ERR_TOO_LARGE: PINS_MAX others are pinned.
 */
MUST_USE enum err pins_add(struct db *db, const struct pin *pin);
/*
 * message: one, or PINS_ALL. lifetime_s: what their files live from their upload on (0: for ever).
 */
MUST_USE enum err pins_remove(struct db *db, struct arena *mem, int64_t room, int64_t message,
                              double lifetime_s, int64_t *ret_removed);

#endif
