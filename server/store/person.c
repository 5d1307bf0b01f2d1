/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a named id to a row of users. No SQL of its own.
 */
#include "store/person.h"

#include "crypto/blind.h"

struct person person_of(const struct scalar *k, const struct session_id *given)
{
    struct person person = {.given = *given};
    person.candidate_count = blind15_candidates(k, given, person.candidates);
    return person;
}

bool person_is(const struct person *person, const struct session_id *id)
{
    bool same = session_id_eq(&person->given, id);
    for (size_t i = 0; i < person->candidate_count; i++)
        same |= session_id_eq(&person->candidates[i], id);
    return same;
}

enum err person_find(struct db *db, struct person *p)
{
    return users_find(db, &p->given, p->candidates, p->candidate_count, &p->user, &p->session);
}

enum err person_resolve(struct db *db, struct person *p, int64_t now_ms)
{
    return users_resolve(db, &p->given, p->candidates, p->candidate_count, now_ms, &p->user,
                         &p->session);
}
