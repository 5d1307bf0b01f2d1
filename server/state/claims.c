/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients that know more than the database: the only witnesses of a database that went back while
 * no server ran. Members alone are heard, since strangers cost nothing to make.
 */
#include "base/clock.h"
#include "state/picture.h"
#include "store/numbers.h"

/* Rooms count to here; a higher number was never given out. */
#define EVENT_MAX (INT64_C(1) << 40)

void claims_note(struct room *room, const struct identity *who, int64_t since)
{
    if (since > EVENT_MAX || !who->known ||
        !state_is_member(room->state, &who->id, clock_wall_ms()))
        return;
    (void)pthread_mutex_lock(&room->lock);
    size_t i = 0;
    while (i < room->claim.count && !session_id_eq(&room->claim.by[i], &who->id))
        i++;
    if (i == room->claim.count && i < CLAIMANTS)
        room->claim.by[room->claim.count++] = who->id;
    if (since > room->claim.highest)
        room->claim.highest = since;
    (void)pthread_mutex_unlock(&room->lock);
}

enum err claims_check(struct room *room, struct db *db)
{
    (void)pthread_mutex_lock(&room->lock);
    int64_t claimed = room->claim.highest;
    bool true_now = claimed <= room->target; /* it only came through another process */
    bool enough = room->claim.count == CLAIMANTS;
    if (true_now || enough) {
        room->claim.count = 0;
        room->claim.highest = 0;
    }
    (void)pthread_mutex_unlock(&room->lock);
    if (true_now || !enough)
        return OK;
    enum err e = numbers_believe(db, room->id, claimed);
    return e == ERR_MISSING ? OK : e; /* the next comparison shows the raised numbers */
}
