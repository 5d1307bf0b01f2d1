/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an id as an operator knows it to a row of users.
 */
#include "cli/people.h"

#include "base/clock.h"
#include "crypto/blind.h"
#include "store/users.h"

static enum err add_person(struct cli *cli, const struct session_id *given,
                           const struct session_id *candidates, size_t count, struct people *people,
                           struct session_id *ret_session)
{
    enum err e = users_resolve(cli->db, given, candidates, count, clock_wall_ms(),
                               &people->users[people->count], ret_session);
    people->count += e == OK;
    return e;
}

enum err people_resolve(struct cli *cli, const char *text, struct people *ret_people)
{
    struct session_id given, candidates[2], found;
    struct people people = {.count = 0};
    enum err e = session_id_read(span_of_text(text), &given);
    if (e == OK && given.b[0] != ID_UNBLINDED)
        e = add_person(cli, &given, NULL, 0, &people, &found);
    else if (e == OK)
        e = blind15_absolute(&cli->keys.blind15_factor, &given, &candidates[0]);
    if (e == OK && people.count == 0) {
        candidates[1] = blind15_negate(&candidates[0]);
        e = add_person(cli, &candidates[0], candidates, 2, &people, &found);
        if (e == OK && session_id_eq(&found, &candidates[0]))
            e = add_person(cli, &candidates[1], NULL, 0, &people, &found);
    }
    if (e == OK)
        *ret_people = people;
    return e;
}

int people_appoint(struct cli *cli, int64_t room, const char *text, struct role role)
{
    struct people people;
    enum err e = people_resolve(cli, text, &people);
    if (e == ERR_MALFORMED)
        return cli_fail(CLI_USAGE, "an id is 66 hex digits and begins with 05 or 15");
    for (size_t i = 0; e == OK && i < people.count; i++)
        e = users_set_role(cli->db, room, people.users[i], role);
    return e == OK ? CLI_OK : cli_store_failed(e);
}
