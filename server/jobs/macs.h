/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of a time before MACs, and of programs that do not make any: they get theirs here, and
 * when none has been without for a day, no message may be any more.
 */
#ifndef CONCLAVE_JOBS_MACS_H
#define CONCLAVE_JOBS_MACS_H

#include "base/attr.h"
#include "base/err.h"

#include <stdint.h>

struct db;
struct metrics;
struct ring;

/* How long an older program may go on beside this one, or take its place again. */
enum { MACS_QUIET_S = 24 * 60 * 60 };

/* What the job remembers between turns; zero-initialise. */
struct mac_turns {
    int64_t after;   /* where the pass under way goes on */
    int64_t seen_ms; /* when a message without a MAC was last found, or the first turn was */
    int64_t filled;  /* since it was last said */
};
/* Part of a pass, bounded; what is left over comes with the next turn. */
MUST_USE enum err macs_turn(struct db *db, struct ring *ring, struct metrics *metrics,
                            struct mac_turns *turns, int64_t now_ms);
/* For a process that leaves the work to another: notices when MACs are required. */
MUST_USE enum err macs_look(struct db *db, struct ring *ring);

#endif
