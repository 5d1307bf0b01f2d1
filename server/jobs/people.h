/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Once an hour: rows about people that nothing refers to any more (store/user_purge.h).
 */
#ifndef CONCLAVE_JOBS_PEOPLE_H
#define CONCLAVE_JOBS_PEOPLE_H

#include "store/user_purge.h"

/* The jobs' own; zeroed at first. */
struct people_turns {
    int64_t passed_mono_ms; /* the end of the last pass; 0: none yet */
    int64_t after_user;     /* where the pass under way goes on */
    int64_t gone;           /* by it */
};

/* Part of a pass, bounded; what is left over comes with the next turn. */
MUST_USE enum err people_turn(struct db *db, struct people_turns *turns, int64_t now_ms);

#endif
