/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the time may be trusted enough to delete by it. A clock is trusted while this process and
 * the database agree and neither has jumped far from the newest time that was trusted before. One
 * thread per connection.
 */
#ifndef CONCLAVE_STORE_TRUSTED_TIME_H
#define CONCLAVE_STORE_TRUSTED_TIME_H

#include "base/buf.h"
#include "store/store.h"

enum clock_doubt {
    CLOCK_TRUSTED,
    CLOCK_APART, /* this process and the database differ by more than 2 s */
    CLOCK_JUMPED /* they agree, more than 48 hours away from the newest time that was trusted */
};

/* Both clocks, asked at the same moment. */
struct clock_reading {
    enum clock_doubt doubt;
    int64_t now_ms; /* of this process */
    int64_t database_ms;
    int64_t ahead_ms;   /* this process before the database; 0 within the time that asking took */
    int64_t trusted_ms; /* the newest time that was trusted; 0: none yet */
};
MUST_USE enum err clock_read(struct db *db, struct clock_reading *ret_reading);
/* Is that so far from the newest time that was trusted (0: none) that nothing may go by it? */
bool clock_far_from(int64_t now_ms, int64_t trusted_ms);
/*
 * Its verdict, without a database. asked_ms and reading->now_ms: this process before and after
 * asking.
 */
void clock_judge(struct clock_reading *reading, int64_t asked_ms);

/*
 * Appends a sentence for the operator, which says what is wrong and what to do; nothing while the
 * clock is trusted.
 */
void clock_explain(const struct clock_reading *reading, struct buf *out);
/*
 * A process so far from the database's clock that it refuses the signed requests of everybody whose
 * clock is right.
 */
bool clock_refuses_members(const struct clock_reading *reading);

/* now_ms is trusted: remembered once a minute, never lowered. */
MUST_USE enum err clock_remember(struct db *db, int64_t now_ms);
/*
 * now_ms is trusted from now on, whatever was trusted before. If nonces of later days were dropped,
 * requests signed before now_ms are refused from now on instead.
 */
MUST_USE enum err clock_accept(struct db *db, int64_t now_ms);
/*
 * now_ms, or the database's time when the two differ by more than 2 s: what lifetimes are counted
 * from, so that all processes count from the same and the clock of one ends nothing early.
 */
MUST_USE enum err clock_shared(struct db *db, int64_t now_ms, int64_t *ret_ms);

#endif
