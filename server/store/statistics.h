/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts for operators, never of a person: how much there is and how many came. Reads whole tables:
 * for commands.
 */
#ifndef CONCLAVE_STORE_STATISTICS_H
#define CONCLAVE_STORE_STATISTICS_H

#include "store/ring.h"
#include "store/store.h"

/* Days over which active users are counted. */
enum { STATISTICS_PERIODS = 4 };
extern const int statistics_days[STATISTICS_PERIODS];

struct statistics {
    int64_t messages, message_bytes; /* live ones, sealed */
    int64_t tombstones;
    int64_t files, file_bytes; /* not expired; in clear */
    int64_t active[STATISTICS_PERIODS];
};
/* Of one room; room 0: of all rooms together (a person counts once). hour: since 1970. */
MUST_USE enum err statistics_of(struct db *db, int64_t room, int64_t hour,
                                struct statistics *ret_statistics);

struct reaction_count {
    struct span text;
    int64_t users;
};
/*
 * What reactions the room has most, at most max; among the newest STATISTICS_REACTIONS_MAX. Texts
 * in mem.
 */
enum { STATISTICS_REACTIONS_MAX = 100000 };
MUST_USE enum err statistics_reactions(struct db *db, struct ring *ring, struct arena *mem,
                                       int64_t room, struct reaction_count *ret_top, size_t max,
                                       size_t *ret_count);

#endif
