/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom an id means that somebody named. A 05 id stands for whichever of its two blinded forms the
 * account uses here; as long as it was never seen, for itself, and what is decided waits there
 * (store/pending.h; docs/protocol/community.md, 3.9).
 */
#ifndef CONCLAVE_STORE_PERSON_H
#define CONCLAVE_STORE_PERSON_H

#include "store/users.h"

struct person {
    struct session_id given;
    struct session_id candidates[2];
    size_t candidate_count;

    /* Set by person_find and person_resolve: the row, and whose it is. */
    int64_t user;
    struct session_id session;
};

/* k: the server's blinding factor. Costs a blinding for a 05 id (0.13 ms). Touches no database. */
struct person person_of(const struct scalar *k, const struct session_id *given);
/* Can this id be that person? Also when neither has a row yet. */
bool person_is(const struct person *person, const struct session_id *id);
/* ERR_MISSING: nobody has met this person here. */
MUST_USE enum err person_find(struct db *db, struct person *person);
/* Makes a row when there is none, in the caller's transaction or one of its own. */
MUST_USE enum err person_resolve(struct db *db, struct person *person, int64_t now_ms);

#endif
