/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an id as an operator knows it to a row of users, and roles for whom it means.
 */
#include "cli/people.h"

#include "base/clock.h"
#include "crypto/blind.h"
#include "store/pending.h"
#include "store/standing.h"

enum { PENDING_SLICE = 256 };

int people_read(struct cli *cli, const char *text, struct person *ret_person)
{
    struct session_id given;
    if (session_id_read(span_of_text(text), &given) != OK || given.b[0] == ID_BLINDED25)
        return cli_fail(CLI_USAGE, "an id is 66 hex digits and begins with 05 or 15");
    struct person p = person_of(&cli->keys.blind15_factor, &given);
    if (p.given.b[0] == ID_UNBLINDED && p.candidate_count == 0)
        return cli_fail(CLI_USAGE, "this 05 id is no usable key: nobody can connect with it");
    *ret_person = p;
    return CLI_OK;
}

struct appointment {
    struct cli *cli;
    struct person *person;
    int64_t room; /* 0: global */
    struct role role;
    bool resolve; /* make the row when there is none */
};

static enum err set_in_room(struct db *db, const struct appointment *a, const struct standing *now)
{
    bool same = now->moderator == a->role.moderator && now->admin == a->role.admin &&
                now->visible == a->role.visible;
    return same ? OK : roles_set_in_rooms(db, a->person->user, &a->room, &a->role, 1);
}

static enum err appoint(struct db *db, void *arg)
{
    struct appointment *a = arg;
    const struct reach reach = {.global = a->room == 0, .rooms = &a->room, .count = a->room != 0};
    struct standing *now = NULL;
    enum err e = standing_lock(db, &reach);
    if (e == OK && a->resolve)
        e = person_resolve(db, a->person, clock_wall_ms());
    if (e == OK)
        e = standing_read(db, a->cli->mem, &a->person->session, &reach, &now);
    if (e != OK)
        return e;
    return a->room == 0 ? roles_set_global(db, a->person->user, a->role) : set_in_room(db, a, now);
}

static int said(enum err e)
{
    if (e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "refused: the account is banned; lift that first");
    if (e == ERR_TOO_LARGE)
        return cli_fail(CLI_FAILED, "refused: a thousand moderators and admins are there already");
    return e == OK ? CLI_OK : cli_store_failed(e);
}

int people_appoint(struct cli *cli, int64_t room, const char *text, struct role role)
{
    struct person person;
    int code = people_read(cli, text, &person);
    role.moderator |= role.admin;
    struct appointment a = {cli, &person, room, role, true};
    return code == CLI_OK ? said(db_tx(cli->db, appoint, &a)) : code;
}

int people_ensure_admin(struct cli *cli, const char *text)
{
    struct person person;
    struct standing *now = NULL;
    int code = people_read(cli, text, &person);
    if (code != CLI_OK)
        return code;
    enum err e = person_find(cli->db, &person);
    if (e == OK)
        e = standing_read(cli->db, cli->mem, &person.session, &(struct reach){.global = true},
                          &now);
    if (e == OK && now->global_admin)
        return CLI_OK;
    if (e != OK && e != ERR_MISSING)
        return cli_store_failed(e);
    return people_appoint(cli, 0, text, (struct role){.admin = true});
}

int people_dismiss(struct cli *cli, int64_t room, const char *text)
{
    struct person person = {0};
    int code = people_read(cli, text, &person);
    if (code != CLI_OK)
        return code;
    struct session_id ids[3] = {person.given, person.candidates[0], person.candidates[1]};
    enum err e = OK;
    for (size_t i = 0; e == OK && i < 1 + person.candidate_count; i++) {
        e = users_find(cli->db, &ids[i], NULL, 0, &person.user, &person.session);
        struct appointment a = {cli, &person, room, {.visible = room != 0}, false};
        if (e == OK)
            e = db_tx(cli->db, appoint, &a);
        else if (e == ERR_MISSING)
            e = OK; /* this form of the id is not known */
    }
    return said(e);
}

int people_record_pending(struct cli *cli)
{
    int64_t after = 0;
    for (size_t count = PENDING_SLICE; count == PENDING_SLICE;) {
        struct pending_user *users = NULL;
        enum err e = pending_unrecorded(cli->db, cli->mem, after, PENDING_SLICE, &users, &count);
        for (size_t i = 0; e == OK && i < count; i++) {
            struct session_id candidates[2];
            after = users[i].user;
            if (blind15_candidates(&cli->keys.blind15_factor, &users[i].session, candidates) > 0)
                e = pending_record(cli->db, &candidates[0], users[i].user);
        }
        if (e != OK)
            return cli_store_failed(e);
    }
    return CLI_OK;
}
