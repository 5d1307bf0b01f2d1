/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accounts that are known only by their 05 id: what is decided about them waits, and holds from
 * their very first request on (docs/protocol/community.md, 3.9). Most tests take an account that
 * has never connected: the world makes it, and nobody speaks for it before the test does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hex.h"
#include "client/blinding.h"
#include "integration/cast.h"

enum { CHIEF, MOD, BEN, NEW_A, NEW_B, NEW_C, NEW_D, NEW_E, PEOPLE };

static struct cast c;
static struct member *chief, *mod, *ben;

static int open_stage(void **state)
{
    (void)state;
    cast_open(&c, 2, PEOPLE, NULL);
    chief = &c.members[CHIEF];
    mod = &c.members[MOD];
    ben = &c.members[BEN];
    assert_int_equal(command(&c, "mod add %s --global --admin", id15(&c, CHIEF)), 0);
    assert_int_equal(command(&c, "mod add %s --room lobby", id15(&c, MOD)), 0);
    wait_for_code(mod, 200, "GET", "/room/lobby/permissions");
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

static int64_t waiting(void)
{
    return sql_number(&c, "SELECT count(*) FROM conclave.needs_blinding");
}

static int64_t rows_of(const char *id)
{
    return sql_number(&c, "SELECT count(*) FROM conclave.users WHERE encode(session_id,'hex')='%s'",
                      id);
}

static void ban_of_an_unknown_05__holds_at_the_first_request(void **state)
{
    (void)state;
    assert_int_equal(ask(chief, "POST", "{\"global\":true}", NULL, "/user/%s/ban", id05(&c, NEW_A)),
                     200);
    assert_int_equal(
        ask(mod, "POST", "{\"rooms\":[\"lobby\"]}", NULL, "/user/%s/ban", id05(&c, NEW_B)), 200);
    assert_int_equal(waiting(), 2);
    assert_int_equal(rows_of(id05(&c, NEW_A)), 1);
    assert_int_equal(rows_of(id15(&c, NEW_A)), 0);
    assert_int_equal(ask(&c.members[NEW_A], "GET", NULL, NULL, "/rooms"), 403);
    assert_string_equal(c.members[NEW_A].community.refusal.text, "Banned");
    /* The very first request of the other is a post: it must not slip through. */
    json_t *message = NULL;
    assert_int_equal(community_post(&c.members[NEW_B].community, "lobby", "hello", &message),
                     ERR_DENIED);
    assert_int_equal(c.members[NEW_B].community.refusal.code, 403);
    assert_int_equal(ask(&c.members[NEW_B], "GET", NULL, NULL, "/room/lobby"), 404);
    assert_int_equal(ask(&c.members[NEW_B], "GET", NULL, NULL, "/rooms"), 200);
    assert_int_equal(waiting(), 0);
    /* The ban is the blinded id's from now on, and is lifted by either name. */
    assert_int_equal(
        ask(chief, "POST", "{\"global\":true}", NULL, "/user/%s/unban", id05(&c, NEW_A)), 200);
    assert_int_equal(
        ask(mod, "POST", "{\"rooms\":[\"lobby\"]}", NULL, "/user/%s/unban", id15(&c, NEW_B)), 200);
    assert_int_equal(ask(&c.members[NEW_A], "GET", NULL, NULL, "/rooms"), 200);
    assert_int_equal(ask(&c.members[NEW_B], "GET", NULL, NULL, "/room/lobby"), 200);
}

/*
 * The world's sightings are written every few seconds: then the account is known by its blinded id.
 */
static void let_be_seen(size_t member)
{
    assert_int_equal(ask(&c.members[member], "GET", NULL, NULL, "/room/lobby"), 200);
    int64_t until = clock_mono_ms() + CAST_WAIT_MS;
    while (rows_of(id15(&c, member)) == 0)
        assert_true(clock_mono_ms() < until);
}

static void appointed_by_05__is_listed_by_the_known_blinded_id(void **state)
{
    (void)state;
    let_be_seen(BEN);
    json_decref(must(chief, "POST", "{\"rooms\":[\"lobby\"],\"moderator\":true}",
                     "/user/%s/moderator", id05(&c, BEN)));
    json_t *room = room_of(ben, "lobby");
    assert_true(lists(room, "moderators", id15(&c, BEN)));
    assert_false(lists(room, "moderators", id05(&c, BEN)));
    assert_true(json_is_true(json_object_get(room, "moderator")));
    json_decref(room);
    assert_int_equal(waiting(), 0);
    assert_int_equal(rows_of(id05(&c, BEN)), 0);
    /* Everything that takes an id takes either. */
    json_decref(must(mod, "POST", "{\"write\":true}", "/room/lobby/permissions/%s", id05(&c, BEN)));
    json_t *p = must(mod, "GET", NULL, "/room/lobby/permissions/%s", id15(&c, BEN));
    assert_true(json_is_true(json_object_get(p, "write")));
    json_decref(p);
    json_decref(must(chief, "POST", "{\"rooms\":[\"lobby\"],\"moderator\":false}",
                     "/user/%s/moderator", id05(&c, BEN)));
    json_decref(
        must(mod, "POST", "{\"default_write\":true}", "/room/lobby/permissions/%s", id05(&c, BEN)));
}

static void first_contact__brings_roles_permissions_and_what_is_scheduled(void **state)
{
    (void)state;
    struct member *newcomer = &c.members[NEW_C];
    assert_int_equal(command(&c, "room add quiet --name quiet"), 0);
    assert_int_equal(command(&c, "room set quiet --preset private"), 0);
    assert_int_equal(command(&c, "user set %s --room quiet --read yes", id05(&c, NEW_C)), 0);
    wait_for_code(mod, 404, "GET", "/room/quiet");
    json_decref(must(chief, "POST", "{\"rooms\":[\"lobby\"],\"admin\":true,\"visible\":false}",
                     "/user/%s/moderator", id05(&c, NEW_C)));
    json_decref(must(chief, "POST", "{\"read\":false,\"in\":5000}",
                     "/room/quiet/futurePermissions/%s", id05(&c, NEW_C)));
    assert_int_equal(waiting(), 1); /* one record for all of it */
    json_t *room = room_of(mod, "lobby");
    assert_true(lists(room, "hidden_admins", id05(&c, NEW_C))); /* known by no other name yet */
    int64_t n = json_integer_value(json_object_get(room, "info_updates"));
    json_decref(room);
    room = room_of(newcomer, "lobby");
    assert_true(json_is_true(json_object_get(room, "admin")));
    assert_true(lists(room, "hidden_admins", id15(&c, NEW_C)));
    assert_false(lists(room, "hidden_admins", id05(&c, NEW_C)));
    assert_int_equal(json_integer_value(json_object_get(room, "info_updates")), n + 1);
    json_decref(room);
    assert_int_equal(ask(newcomer, "GET", NULL, NULL, "/room/quiet/pollInfo/0"), 200);
    json_t *f = must(chief, "GET", NULL, "/room/quiet/futurePermissions/%s", id15(&c, NEW_C));
    assert_int_equal(json_array_size(f), 1);
    json_decref(f);
    assert_int_equal(waiting(), 0);
    assert_int_equal(sql_number(&c,
                                "SELECT count(*) FROM conclave.permissions p"
                                "  JOIN conclave.users u ON u.id = p.user_id"
                                " WHERE encode(u.session_id, 'hex') = '%s'",
                                id05(&c, NEW_C)),
                     0);
    /* Dismissed by the name that he was appointed by. */
    assert_int_equal(command(&c, "mod remove %s --room lobby", id05(&c, NEW_C)), 0);
    int64_t until = clock_mono_ms() + 1000;
    for (bool listed = true; listed;) {
        room = room_of(mod, "lobby");
        listed = lists(room, "hidden_admins", id15(&c, NEW_C));
        json_decref(room);
        assert_true(clock_mono_ms() < until);
    }
}

/* The other sign of the same account: the id that the account does not use. */
static void other_sign(size_t member, char out[static SESSION_ID_TEXT_LEN + 1])
{
    struct session_id id = c.members[member].community.blinded.id;
    id.b[sizeof(id.b) - 1] ^= 0x80;
    struct id_text text = account_id_text(&id);
    memcpy(out, text.s, sizeof(text.s));
}

static void first_contact__of_a_global_admin__works_in_either_sign(void **state)
{
    (void)state;
    /* Among two accounts there may be one of each sign; what counts is that both are found. */
    static const size_t people[] = {NEW_D, NEW_E};
    for (size_t i = 0; i < COUNT_OF(people); i++) {
        char other[SESSION_ID_TEXT_LEN + 1];
        other_sign(people[i], other);
        assert_int_equal(command(&c, "mod add %s --global --admin", id05(&c, people[i])), 0);
        assert_int_equal(command(&c, "mod list --global"), 0);
        assert_non_null(strstr(command_output(), id05(&c, people[i])));
        struct member *there;
        struct member second = {0};
        assert_int_equal(member_open(&c.w, people[i], i, false, &second), OK);
        there = &second; /* each at another process */
        int64_t until = clock_mono_ms() + 1000;
        json_t *room = NULL;
        do { /* the process must have heard of it: within a second */
            json_decref(room);
            room = room_of(there, "lobby");
        } while (json_object_get(room, "global_admin") == NULL && clock_mono_ms() < until);
        assert_true(json_is_true(json_object_get(room, "global_admin")));
        assert_true(lists(room, "hidden_admins", id15(&c, people[i])));
        json_decref(room);
        assert_int_equal(rows_of(other), 0); /* not stored for the form that is not used */
        assert_int_equal(command(&c, "mod remove %s --global", id05(&c, people[i])), 0);
        member_close(&second);
    }
    assert_int_equal(waiting(), 0);
}

static void first_contact__in_two_processes_at_once__moves_once(void **state)
{
    (void)state;
    enum { ROUNDS = 10 };
    for (int i = 0; i < ROUNDS; i++) {
        struct account account;
        struct member m[2] = {0};
        struct id_text id;
        assert_int_equal(account_new(&account), OK);
        id = account_id_text(&account.id);
        json_decref(must(chief, "POST", "{\"rooms\":[\"lobby\"],\"moderator\":true}",
                         "/user/%s/moderator", id.s));
        c.w.accounts[NEW_A] = account; /* member_open takes accounts of the world */
        struct onion_secret secrets[2] = {0};
        struct buf wrapped[2];
        for (size_t s = 0; s < 2; s++) {
            struct community_request poll = {
                .method = "GET", .target = "/room/lobby/pollInfo/0", .signing = SIGNED_BLINDED};
            assert_int_equal(member_open(&c.w, NEW_A, s, false, &m[s]), OK);
            wrapped[s] = buf_make(ONION_BUFFER_MAX_BYTES);
            assert_int_equal(community_wrap(&m[s].community, &poll, &wrapped[s], &secrets[s]), OK);
        }
        /* One after the other as fast as one thread can: both processes know of the record. */
        for (size_t s = 0; s < 2; s++) {
            struct onion_reply reply AUTO_ONION_REPLY = {0};
            assert_int_equal(
                server_link_post(m[s].link, buf_span(&wrapped[s]), &secrets[s], &reply), OK);
            assert_int_equal(reply.code, 200);
            buf_done(&wrapped[s]);
        }
        struct id_text blinded = account_id_text(&m[0].community.blinded.id);
        assert_int_equal(sql_number(&c,
                                    "SELECT count(*) FROM conclave.permissions p"
                                    "  JOIN conclave.users u ON u.id = p.user_id"
                                    " WHERE p.moderator AND encode(u.session_id, 'hex') = '%s'",
                                    blinded.s),
                         1);
        json_decref(must(chief, "POST", "{\"rooms\":[\"lobby\"],\"moderator\":false}",
                         "/user/%s/moderator", blinded.s));
        member_close(&m[0]);
        member_close(&m[1]);
        account_done(&account);
    }
    assert_int_equal(waiting(), 0);
}

static double statements(void)
{
    double value = 0;
    assert_int_equal(
        world_metric(&c.w, 0, "conclave_sql_statements_total{origin=\"request\"}", &value), OK);
    return value;
}

static void others__while_somebody_is_waited_for__poll_without_sql(void **state)
{
    (void)state;
    struct account stranger;
    assert_int_equal(account_new(&stranger), OK);
    struct id_text id = account_id_text(&stranger.id);
    assert_int_equal(ask(chief, "POST", "{\"global\":true}", NULL, "/user/%s/ban", id.s), 200);
    assert_int_equal(waiting(), 1);
    struct room_view view = {.token = "lobby"};
    json_t *batch = NULL;
    for (int i = 0; i < 2; i++) { /* fills the windows */
        assert_int_equal(community_poll(&ben->community, POLL_DESKTOP, &view, 1, &batch), OK);
        json_decref(batch);
    }
    double before = statements();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(community_poll(&ben->community, POLL_DESKTOP, &view, 1, &batch), OK);
        json_decref(batch);
    }
    assert_true(statements() <= before);
    assert_int_equal(ask(chief, "POST", "{\"global\":true}", NULL, "/user/%s/unban", id.s), 200);
    account_done(&stranger);
}

static void start__with_05_users_that_nobody_recorded__records_them(void **state)
{
    (void)state;
    struct account imported;
    assert_int_equal(account_new(&imported), OK);
    struct id_text id = account_id_text(&imported.id);
    sql(&c,
        "DELETE FROM conclave.needs_blinding;"
        "INSERT INTO conclave.users (session_id, created_hour, last_active_hour, banned)"
        " VALUES (decode('%s', 'hex'), 1, 1, true)",
        id.s);
    assert_int_equal(world_stop_server(&c.w, 1), 0);
    assert_int_equal(world_restart_server(&c.w, 1, NULL), OK);
    assert_in_range(waiting(), 1,
                    2); /* what the test before left has one again, too, if it stayed */
    struct member m = {0};
    c.w.accounts[NEW_A] = imported;
    assert_int_equal(member_open(&c.w, NEW_A, 1, false, &m), OK);
    assert_int_equal(ask(&m, "GET", NULL, NULL, "/rooms"), 403);
    member_close(&m);
    account_done(&imported);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ban_of_an_unknown_05__holds_at_the_first_request),
        cmocka_unit_test(appointed_by_05__is_listed_by_the_known_blinded_id),
        cmocka_unit_test(first_contact__brings_roles_permissions_and_what_is_scheduled),
        cmocka_unit_test(first_contact__of_a_global_admin__works_in_either_sign),
        cmocka_unit_test(first_contact__in_two_processes_at_once__moves_once),
        cmocka_unit_test(others__while_somebody_is_waited_for__poll_without_sql),
        cmocka_unit_test(start__with_05_users_that_nobody_recorded__records_them),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
