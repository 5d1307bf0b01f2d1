/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bans, roles and permissions by request, with their time-outs (docs/protocol/community.md, 2.3,
 * 2.13, 3.8, 4.1).
 *
 * test-seconds: 35
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "integration/cast.h"
#include "integration/deaf_proxy.h"

enum { CHIEF, ADMIN, MOD, BEN, EVE, GLOBAL_MOD, PEOPLE };

/* The job comes every ten seconds; a loaded machine gets some more. */
enum { BAN_S = 30, JOB_S = 10, PATIENCE_MS = 20000 };

static struct cast c;
static struct member *chief, *admin, *mod, *ben, *eve, *global_mod;

static int open_stage(void **state)
{
    (void)state;
    cast_open(&c, 1, PEOPLE, NULL);
    chief = &c.members[CHIEF];
    admin = &c.members[ADMIN];
    mod = &c.members[MOD];
    ben = &c.members[BEN];
    eve = &c.members[EVE];
    global_mod = &c.members[GLOBAL_MOD];
    assert_int_equal(command(&c, "mod add %s --global --admin", id15(&c, CHIEF)), 0);
    assert_int_equal(command(&c, "mod add %s --global", id15(&c, GLOBAL_MOD)), 0);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

static void open_room(const char *token)
{
    char path[128];
    assert_int_equal(command(&c, "room add %s --name %s", token, token), 0);
    assert_int_equal(command(&c, "mod add %s --room %s --admin", id15(&c, ADMIN), token), 0);
    assert_int_equal(command(&c, "mod add %s --room %s", id15(&c, MOD), token), 0);
    (void)snprintf(path, sizeof(path), "/room/%s/permissions", token);
    wait_for_code(mod, 200, "GET", path);
    wait_for_code(admin, 200, "GET", path);
}

static int ban(struct member *by, size_t whom, const char *body)
{
    return ask(by, "POST", body, NULL, "/user/%s/ban", id15(&c, whom));
}

static int unban(struct member *by, size_t whom, const char *body)
{
    return ask(by, "POST", body, NULL, "/user/%s/unban", id15(&c, whom));
}

static int appoint(struct member *by, size_t whom, const char *body)
{
    return ask(by, "POST", body, NULL, "/user/%s/moderator", id15(&c, whom));
}

static void moderator__may_not_ban_admins_global_moderators_or_himself(void **state)
{
    (void)state;
    open_room("r62");
    static const char *const here = "{\"rooms\":[\"r62\"]}";
    uint64_t before = contents(&c);
    assert_int_equal(ban(mod, ADMIN, here), 403);
    assert_int_equal(ban(mod, MOD, here), 403);
    assert_int_equal(ban(mod, GLOBAL_MOD, here), 403);
    assert_int_equal(ban(mod, CHIEF, here), 403);
    /* Himself under his account's id, too. */
    assert_int_equal(ask(mod, "POST", here, NULL, "/user/%s/ban", id05(&c, MOD)), 403);
    assert_int_equal(ban(admin, GLOBAL_MOD, here), 403);
    assert_int_equal(ban(ben, EVE, here), 403);
    assert_int_equal(contents(&c), before);
    /* An admin may ban moderators, which takes the role; another moderator may not. */
    assert_int_equal(appoint(admin, EVE, "{\"rooms\":[\"r62\"],\"moderator\":true}"), 200);
    assert_int_equal(ban(mod, EVE, here), 403);
    assert_int_equal(ban(admin, EVE, here), 200);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r62"), 404);
    assert_int_equal(unban(mod, EVE, here), 200);
    json_t *room = room_of(eve, "r62");
    assert_null(json_object_get(room, "moderator"));
    json_decref(room);
}

static void room_star__means_the_rooms_where_the_caller_has_the_role(void **state)
{
    (void)state;
    open_room("star-a");
    open_room("star-b");
    assert_int_equal(command(&c, "room add star-c --name other"), 0);
    wait_for_code(ben, 200, "GET", "/room/star-c");
    assert_int_equal(ban(mod, EVE, "{\"rooms\":[\"*\"]}"), 200);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/star-a"), 404);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/star-b"), 404);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/star-c"), 200);
    assert_int_equal(unban(mod, EVE, "{\"rooms\":[\"*\"]}"), 200);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/star-b"), 200);
    assert_int_equal(ban(ben, EVE, "{\"rooms\":[\"*\"]}"), 403);
    /* A moderator appoints nobody anywhere; an admin only where he is one. */
    assert_int_equal(appoint(mod, EVE, "{\"rooms\":[\"*\"],\"moderator\":true}"), 403);
    json_t *reply = must(admin, "POST", "{\"rooms\":[\"*\"],\"moderator\":true}",
                         "/user/%s/moderator", id15(&c, EVE));
    const json_t *all = json_object_get(reply, "info_updates");
    assert_non_null(json_object_get(all, "star-a"));
    assert_non_null(json_object_get(all, "star-b"));
    assert_null(json_object_get(all, "star-c"));
    json_decref(reply);
    assert_int_equal(appoint(admin, EVE, "{\"rooms\":[\"*\"],\"moderator\":false}"), 200);
    /* A global moderator has the role everywhere. */
    assert_int_equal(ban(global_mod, EVE, "{\"rooms\":[\"*\"]}"), 200);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/star-c"), 404);
    assert_int_equal(unban(global_mod, EVE, "{\"rooms\":[\"*\"]}"), 200);
}

static void ban__in_several_rooms__is_all_or_nothing(void **state)
{
    (void)state;
    open_room("all-a");
    open_room("all-b");
    assert_int_equal(command(&c, "room add all-c --name other"), 0);
    wait_for_code(ben, 200, "GET", "/room/all-c");
    assert_int_equal(command(&c, "mod add %s --room all-b --admin", id15(&c, EVE)), 0);
    static const char *const bodies[] = {
        "{\"rooms\":[\"all-a\",\"all-b\"]}",   /* Eve is an admin of the second */
        "{\"rooms\":[\"all-a\",\"all-c\"]}",   /* no role there */
        "{\"rooms\":[\"all-a\",\"nowhere\"]}", /* no such room */
        "{\"rooms\":[\"all-a\",\"ALL-A\"]}",   /* twice */
    };
    uint64_t before = contents(&c);
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        assert_int_equal(ban(mod, EVE, bodies[i]), 403);
    assert_int_equal(contents(&c), before);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/all-a"), 200);
    assert_int_equal(ban(admin, EVE, "{\"rooms\":[\"ALL-a\",\"all-B\"],\"global\":false}"), 200);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/all-a"), 404);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/all-b"), 404);
}

static void global_ban__stops_everything_and_leaves_rooms_as_they_are(void **state)
{
    (void)state;
    open_room("glob");
    static const char *const everywhere = "{\"global\":true}";
    assert_int_equal(ban(mod, EVE, everywhere), 403);
    assert_int_equal(ban(global_mod, CHIEF, everywhere), 403);
    assert_int_equal(appoint(admin, EVE, "{\"rooms\":[\"glob\"],\"moderator\":true}"), 200);
    assert_int_equal(ban(global_mod, EVE, everywhere), 200);
    static const char *const paths[] = {"/capabilities", "/rooms", "/room/glob",
                                        "/room/glob/pollInfo/0", "/nowhere"};
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_int_equal(ask(eve, "GET", NULL, NULL, "%s", paths[i]), 403);
    assert_string_equal(eve->community.refusal.text, "Banned");
    assert_int_equal(appoint(chief, EVE, "{\"global\":true,\"moderator\":true}"), 403);
    /* A ban from the room is another one. */
    assert_int_equal(unban(mod, EVE, "{\"rooms\":[\"glob\"]}"), 200);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/glob"), 403);
    assert_int_equal(unban(global_mod, EVE, everywhere), 200);
    json_t *room = room_of(eve, "glob");
    assert_true(json_is_true(json_object_get(room, "moderator"))); /* the role was kept */
    json_decref(room);
    assert_int_equal(unban(global_mod, EVE, everywhere), 200); /* not banned: the same answer */
}

static void moderator__every_wish__follows_the_table(void **state)
{
    (void)state;
    open_room("wish");
    /* From each state (n: none, m: moderator, a: admin) what a wish makes of it; '-': 400. */
    static const struct {
        const char *wish;
        const char *result;
    } wishes[] = {
        {"\"admin\":true", "aaa"},
        {"\"admin\":true,\"moderator\":true", "aaa"},
        {"\"admin\":true,\"moderator\":null", "aaa"},
        {"\"moderator\":true", "mma"},
        {"\"admin\":null,\"moderator\":true", "mma"},
        {"\"admin\":false,\"moderator\":true", "mmm"},
        {"\"admin\":false", "nmm"},
        {"\"admin\":false,\"moderator\":null", "nmm"},
        {"\"moderator\":false", "nnn"},
        {"\"admin\":false,\"moderator\":false", "nnn"},
        {"\"admin\":true,\"moderator\":false", "---"},
        {"\"visible\":true", "---"},
        {"\"admin\":null,\"moderator\":null", "---"},
    };
    static const char *const starts[] = {"\"moderator\":false",
                                         "\"admin\":false,\"moderator\":true", "\"admin\":true"};
    char body[128];
    for (size_t i = 0; i < COUNT_OF(wishes); i++) {
        for (size_t from = 0; from < 3; from++) {
            (void)snprintf(body, sizeof(body), "{\"rooms\":[\"wish\"],%s}", starts[from]);
            assert_int_equal(appoint(admin, EVE, body), 200);
            (void)snprintf(body, sizeof(body), "{\"rooms\":[\"wish\"],%s}", wishes[i].wish);
            int code = appoint(admin, EVE, body);
            char expected = wishes[i].result[from];
            assert_int_equal(code, expected == '-' ? 400 : 200);
            if (expected == '-')
                continue;
            json_t *room = room_of(eve, "wish");
            char got = json_object_get(room, "admin")       ? 'a'
                       : json_object_get(room, "moderator") ? 'm'
                                                            : 'n';
            json_decref(room);
            if (got != expected)
                fail_msg("%s from %s: %c, not %c", wishes[i].wish, starts[from], got, expected);
        }
    }
}

static void moderator__visibility__is_shown_by_default_in_rooms_and_hidden_globally(void **state)
{
    (void)state;
    open_room("seen");
    static const struct {
        const char *body;
        bool shown;
    } cases[] = {
        {"{\"rooms\":[\"seen\"],\"admin\":true}", true},
        {"{\"rooms\":[\"seen\"],\"admin\":true,\"visible\":false}", false},
        {"{\"rooms\":[\"seen\"],\"admin\":true,\"visible\":null}", true},
        {"{\"rooms\":[\"seen\"],\"moderator\":false}", false},
        {"{\"global\":true,\"admin\":true}", false},
        {"{\"global\":true,\"admin\":true,\"visible\":true}", true},
        {"{\"global\":true,\"moderator\":false}", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(appoint(chief, EVE, cases[i].body), 200);
        json_t *room = room_of(ben, "seen");
        assert_true(lists(room, "admins", id15(&c, EVE)) == cases[i].shown);
        json_decref(room);
    }
    /* Taken away while hidden, then given again without a word: visible. */
    assert_int_equal(
        appoint(chief, EVE, "{\"rooms\":[\"seen\"],\"moderator\":true,\"visible\":false}"), 200);
    assert_int_equal(appoint(chief, EVE, "{\"rooms\":[\"seen\"],\"moderator\":false}"), 200);
    assert_int_equal(sql_number(&c,
                                "SELECT count(*) FROM conclave.permissions p"
                                "  JOIN conclave.rooms r ON r.id = p.room AND r.token = 'seen'"
                                "  JOIN conclave.users u ON u.id = p.user_id"
                                " WHERE encode(u.session_id, 'hex') = '%s'",
                                id15(&c, EVE)),
                     0); /* a row that says nothing is gone */
}

static void moderator__of_somebody_banned__is_403(void **state)
{
    (void)state;
    open_room("q26");
    assert_int_equal(ban(mod, EVE, "{\"rooms\":[\"q26\"]}"), 200);
    uint64_t before = contents(&c);
    assert_int_equal(appoint(admin, EVE, "{\"rooms\":[\"q26\"],\"moderator\":true}"), 403);
    /*
     * Somebody nobody has met does not get a row by a call that fails, nor by taking away what is
     * not there.
     */
    static const char *const stranger =
        "15aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_int_equal(ask(mod, "POST", "{\"rooms\":[\"q26\"],\"moderator\":true}", NULL,
                         "/user/%s/moderator", stranger),
                     403);
    assert_int_equal(ask(ben, "POST", "{\"rooms\":[\"q26\"]}", NULL, "/user/%s/ban", stranger),
                     403);
    assert_int_equal(ask(mod, "POST", "{\"rooms\":[\"q26\"]}", NULL, "/user/%s/unban", stranger),
                     200);
    assert_int_equal(ask(admin, "POST", "{\"rooms\":[\"q26\"],\"moderator\":false}", NULL,
                         "/user/%s/moderator", stranger),
                     200);
    assert_int_equal(contents(&c), before);
    assert_int_equal(ask(mod, "POST", "{\"rooms\":[\"q26\"]}", NULL, "/user/%s/ban", stranger),
                     200);
    assert_int_not_equal(contents(&c), before);
}

static void ids__in_paths__are_folded_to_lower_case(void **state)
{
    (void)state;
    open_room("fold");
    char upper[SESSION_ID_TEXT_LEN + 1];
    for (size_t i = 0; i < sizeof(upper); i++) {
        char ch = id15(&c, EVE)[i];
        upper[i] = ch >= 'a' && ch <= 'f' ? (char)(ch - 'a' + 'A') : ch;
    }
    int64_t people = sql_number(&c, "SELECT count(*) FROM conclave.users");
    assert_int_equal(ask(mod, "POST", "{\"rooms\":[\"fold\"]}", NULL, "/user/%s/ban", upper), 200);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/fold"), 404);
    assert_in_range(sql_number(&c, "SELECT count(*) FROM conclave.users"), people, people + 1);
    assert_int_equal(unban(mod, EVE, "{\"rooms\":[\"fold\"]}"), 200);
}

/* ---- permissions ---- */

static void permissions__assigned_and_cleared__are_told_as_assigned(void **state)
{
    (void)state;
    open_room("perm");
    const char *eve_id = id15(&c, EVE);
    json_t *p = must(mod, "GET", NULL, "/room/perm/permissions/%s", eve_id);
    assert_int_equal(json_object_size(p), 0);
    json_decref(p);
    p = must(mod, "POST", "{\"write\":false,\"upload\":true,\"accessible\":true}",
             "/room/perm/permissions/%s", eve_id);
    assert_int_equal(json_object_size(p), 3);
    assert_true(json_is_false(json_object_get(p, "write")));
    assert_true(json_is_true(json_object_get(p, "upload")));
    assert_true(json_is_true(json_object_get(p, "accessible")));
    json_decref(p);
    p = must(eve, "GET", NULL, "/room/perm/pollInfo/0");
    assert_true(json_is_false(json_object_get(p, "write")));
    assert_true(json_is_false(json_object_get(p, "upload"))); /* needs write as well */
    json_decref(p);
    json_t *message = NULL;
    assert_int_equal(community_post(&eve->community, "perm", "no", &message), ERR_DENIED);
    p = must(mod, "POST", "{\"default_write\":true,\"default_upload\":true,\"read\":false}",
             "/room/perm/permissions/%s", eve_id);
    assert_int_equal(json_object_size(p), 2);
    assert_true(json_is_false(json_object_get(p, "read")));
    json_decref(p);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/perm/pollInfo/0"), 403);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/perm"), 200); /* accessible */
    p = must(mod, "GET", NULL, "/room/perm/permissions");
    const json_t *admin_row = json_object_get(p, id15(&c, ADMIN));
    const json_t *mod_row = json_object_get(p, id15(&c, MOD));
    assert_int_equal(json_object_size(p), 3); /* no global roles */
    assert_true(json_is_true(json_object_get(admin_row, "admin")));
    assert_null(json_object_get(admin_row, "moderator")); /* only the higher one */
    assert_true(json_is_true(json_object_get(mod_row, "moderator")));
    assert_int_equal(json_object_size(mod_row), 1);
    json_decref(p);
    assert_int_equal(
        appoint(admin, MOD, "{\"rooms\":[\"perm\"],\"moderator\":true,\"visible\":false}"), 200);
    assert_int_equal(ban(mod, EVE, "{\"rooms\":[\"perm\"]}"), 200);
    p = must(mod, "GET", NULL, "/room/perm/permissions");
    assert_true(json_is_true(json_object_get(json_object_get(p, id15(&c, MOD)), "hidden")));
    assert_true(json_is_true(json_object_get(json_object_get(p, eve_id), "banned")));
    json_decref(p);
    assert_int_equal(unban(mod, EVE, "{\"rooms\":[\"perm\"]}"), 200);
    p = must(mod, "POST", "{\"default_read\":true,\"default_accessible\":true}",
             "/room/perm/permissions/%s", eve_id);
    assert_int_equal(json_object_size(p), 0);
    json_decref(p);
    p = must(mod, "GET", NULL, "/room/perm/permissions");
    assert_null(json_object_get(p, eve_id)); /* no row remains */
    json_decref(p);
}

static void future_permissions__scheduled_and_unscheduled__leave_no_empty_rows(void **state)
{
    (void)state;
    open_room("fut");
    const char *eve_id = id15(&c, EVE);
    json_t *f = must(mod, "GET", NULL, "/room/fut/futurePermissions/%s", eve_id);
    assert_int_equal(json_array_size(f), 0);
    json_decref(f);
    double now = (double)clock_wall_ms() / SECOND_MS;
    json_decref(must(mod, "POST", "{\"write\":false,\"read\":true,\"in\":2000}",
                     "/room/fut/futurePermissions/%s", eve_id));
    f = must(mod, "POST", "{\"upload\":false,\"in\":1000.5}", "/room/fut/futurePermissions/%s",
             eve_id);
    assert_int_equal(json_array_size(f), 2);
    const json_t *first = json_array_get(f, 0); /* by time */
    assert_int_equal(json_object_size(first), 2);
    assert_true(json_is_false(json_object_get(first, "upload")));
    double at = json_real_value(json_object_get(first, "at"));
    assert_true(at > now + 999 && at < now + 1060);
    json_decref(f);
    assert_int_equal(ban(mod, EVE, "{\"rooms\":[\"fut\"],\"timeout\":3000}"), 200);
    f = must(mod, "GET", NULL, "/room/fut/futurePermissions");
    assert_int_equal(json_array_size(f), 3);
    const json_t *last = json_array_get(f, 2);
    assert_true(json_is_false(json_object_get(last, "banned")));
    assert_string_equal(json_string_value(json_object_get(last, "session_id")), eve_id);
    json_decref(f);
    /* Setting a right forgets what was scheduled for it, unless asked not to. */
    json_decref(must(mod, "POST", "{\"upload\":true,\"unschedule\":false}",
                     "/room/fut/permissions/%s", eve_id));
    f = must(mod, "GET", NULL, "/room/fut/futurePermissions/%s", eve_id);
    assert_int_equal(json_array_size(f), 3);
    json_decref(f);
    json_decref(
        must(mod, "POST", "{\"upload\":true,\"read\":true}", "/room/fut/permissions/%s", eve_id));
    f = must(mod, "GET", NULL, "/room/fut/futurePermissions/%s", eve_id);
    assert_int_equal(json_array_size(f), 2);
    assert_int_equal(json_object_size(json_array_get(f, 0)), 2); /* only write is left */
    assert_true(json_is_false(json_object_get(json_array_get(f, 0), "write")));
    json_decref(f);
    /* An unban forgets the scheduled one (quirk 12). */
    assert_int_equal(unban(mod, EVE, "{\"rooms\":[\"fut\"]}"), 200);
    f = must(mod, "GET", NULL, "/room/fut/futurePermissions/%s", eve_id);
    assert_int_equal(json_array_size(f), 1);
    json_decref(f);
}

/* ---- what the job does ---- */

static int64_t until_code(struct member *m, int code, const char *path, int64_t patience_ms)
{
    int64_t start = clock_mono_ms();
    while (ask(m, "GET", NULL, NULL, "%s", path) != code) {
        if (clock_mono_ms() - start > patience_ms)
            fail_msg("%s did not become %d", path, code);
        (void)nanosleep(&(struct timespec){.tv_nsec = 100 * 1000000L}, NULL);
    }
    return clock_mono_ms() - start;
}

static void nothing_is_scheduled_in(const char *room)
{
    json_t *f = must(mod, "GET", NULL, "/room/%s/futurePermissions", room);
    assert_int_equal(json_array_size(f), 0);
    json_decref(f);
}

static void timed_ban__is_lifted_within_ten_seconds(void **state)
{
    (void)state;
    open_room("r64");
    open_room("r64b");
    char body[96];
    int ban_s = getenv("CONCLAVE_TEST_FULL") ? BAN_S : BAN_S / 10;
    (void)snprintf(body, sizeof(body), "{\"rooms\":[\"r64\",\"r64b\"],\"timeout\":%d}", ban_s);
    int64_t start = clock_mono_ms();
    assert_int_equal(ban(mod, EVE, body), 200);
    assert_int_equal(ban(mod, EVE, "{\"rooms\":[\"r64b\"]}"), 200); /* cancels that one */
    (void)until_code(eve, 200, "/room/r64", ban_s * SECOND_MS + PATIENCE_MS);
    int64_t lifted_ms = clock_mono_ms() - start;
    print_message("a ban of %d s was lifted after %lld ms\n", ban_s, (long long)lifted_ms);
    assert_in_range(lifted_ms, ban_s * SECOND_MS, (ban_s + JOB_S + 2) * SECOND_MS);
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r64b"), 404);
    nothing_is_scheduled_in("r64");
    nothing_is_scheduled_in("r64b");
}

static void permission_scheduled_back_to_the_default__leaves_no_override(void **state)
{
    (void)state;
    open_room("r65");
    json_decref(must(mod, "POST", "{\"read\":false}", "/room/r65/permissions/%s", id15(&c, EVE)));
    json_decref(must(mod, "POST", "{\"read\":true,\"in\":1}", "/room/r65/futurePermissions/%s",
                     id15(&c, EVE)));
    assert_int_equal(ask(eve, "GET", NULL, NULL, "/room/r65/pollInfo/0"), 403);
    (void)until_code(eve, 200, "/room/r65/pollInfo/0", PATIENCE_MS);
    json_t *p = must(mod, "GET", NULL, "/room/r65/permissions/%s", id15(&c, EVE));
    assert_int_equal(json_object_size(p), 0);
    json_decref(p);
    nothing_is_scheduled_in("r65");
}

static void two_due_changes_of_one_person__are_both_applied_and_the_job_goes_on(void **state)
{
    (void)state;
    open_room("r69");
    json_decref(must(mod, "POST", "{\"write\":false,\"in\":1}", "/room/r69/futurePermissions/%s",
                     id15(&c, EVE)));
    json_decref(must(mod, "POST", "{\"write\":true,\"upload\":false,\"in\":1.5}",
                     "/room/r69/futurePermissions/%s", id15(&c, EVE)));
    json_decref(must(mod, "POST", "{\"read\":false,\"in\":2}", "/room/r69/futurePermissions/%s",
                     id15(&c, BEN)));
    (void)until_code(ben, 403, "/room/r69/pollInfo/0", PATIENCE_MS);
    json_t *p = must(mod, "GET", NULL, "/room/r69/permissions/%s", id15(&c, EVE));
    assert_int_equal(json_object_size(p), 1); /* in order: the later one wins */
    assert_true(json_is_false(json_object_get(p, "upload")));
    json_decref(p);
    nothing_is_scheduled_in("r69");
}

static void moderator__more_than_a_thousand__is_refused(void **state)
{
    (void)state;
    open_room("full");
    sql(&c, "WITH u AS (INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
            " SELECT decode('15e' || lpad(to_hex(g), 63, '0'), 'hex'), 0, 0"
            "   FROM generate_series(1, 998) g RETURNING id)"
            " INSERT INTO conclave.permissions (room, user_id, moderator)"
            " SELECT r.id, u.id, true FROM u, conclave.rooms r WHERE r.token = 'full'");
    assert_int_equal(appoint(admin, EVE, "{\"rooms\":[\"full\"],\"moderator\":true}"), 413);
    assert_int_equal(appoint(admin, EVE, "{\"rooms\":[\"full\"],\"moderator\":false}"), 200);
    sql(&c, "DELETE FROM conclave.permissions WHERE user_id = (SELECT max(user_id)"
            " FROM conclave.permissions WHERE moderator)");
    assert_int_equal(appoint(admin, EVE, "{\"rooms\":[\"full\"],\"moderator\":true}"), 200);
}

/* ---- two processes ---- */

/* A second process to which no notification comes. */
static size_t start_deaf_server(struct deaf_proxy *proxy)
{
    char folder[96], url[DEAF_URL_MAX + 32];
    const char *env[] = {url, NULL};
    size_t server = 0;
    (void)snprintf(folder, sizeof(folder), "%.60s/deaf", c.w.folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(deaf_proxy_open(proxy, folder, c.w.database_url), OK);
    (void)snprintf(url, sizeof(url), "CONCLAVE_DATABASE_URL=%s", proxy->url);
    assert_int_equal(world_start_server(&c.w, env, &server), OK);
    return server;
}

static void ban__in_one_process__holds_in_the_other_within_a_second_without_notify(void **state)
{
    (void)state;
    static struct deaf_proxy proxy;
    struct member there;
    open_room("two");
    size_t deaf = start_deaf_server(&proxy);
    assert_int_equal(member_open(&c.w, EVE, deaf, false, &there), OK);
    until_code(&there, 200, "/room/two", CAST_WAIT_MS);
    static const struct {
        const char *what, *body, *path;
        int after;
    } steps[] = {
        {"ban", "{\"rooms\":[\"two\"]}", "/room/two", 404},
        {"unban", "{\"rooms\":[\"two\"]}", "/room/two", 200},
        {"ban", "{\"global\":true}", "/rooms", 403},
        {"unban", "{\"global\":true}", "/rooms", 200},
        {"moderator", "{\"rooms\":[\"two\"],\"moderator\":true}", "/room/two/permissions", 200},
        {"moderator", "{\"rooms\":[\"two\"],\"moderator\":false}", "/room/two/permissions", 403},
        {"moderator", "{\"global\":true,\"moderator\":true}", "/room/two/permissions", 200},
        {"moderator", "{\"global\":true,\"moderator\":false}", "/room/two/permissions", 403},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_int_equal(
            ask(chief, "POST", steps[i].body, NULL, "/user/%s/%s", id15(&c, EVE), steps[i].what),
            200);
        int64_t ms = until_code(&there, steps[i].after, steps[i].path, CAST_WAIT_MS);
        print_message("%s: seen by the other process after %lld ms\n", steps[i].what,
                      (long long)ms);
        assert_in_range(ms, 0, 1000);
    }
    json_decref(must(mod, "POST", "{\"read\":false,\"accessible\":false}",
                     "/room/two/permissions/%s", id15(&c, EVE)));
    assert_in_range(until_code(&there, 404, "/room/two", CAST_WAIT_MS), 0, 1000);
    json_decref(must(admin, "PUT", "{\"default_read\":false}", "/room/two"));
    struct member ben_there;
    assert_int_equal(member_open(&c.w, BEN, deaf, false, &ben_there), OK);
    assert_in_range(until_code(&ben_there, 403, "/room/two/pollInfo/0", CAST_WAIT_MS), 0, 1000);
    assert_true(atomic_load(&proxy.dropped) > 0);
    member_close(&there);
    member_close(&ben_there);
    assert_int_equal(world_stop_server(&c.w, deaf), 0); /* before its way to the database ends */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moderator__may_not_ban_admins_global_moderators_or_himself),
        cmocka_unit_test(room_star__means_the_rooms_where_the_caller_has_the_role),
        cmocka_unit_test(ban__in_several_rooms__is_all_or_nothing),
        cmocka_unit_test(global_ban__stops_everything_and_leaves_rooms_as_they_are),
        cmocka_unit_test(moderator__every_wish__follows_the_table),
        cmocka_unit_test(moderator__visibility__is_shown_by_default_in_rooms_and_hidden_globally),
        cmocka_unit_test(moderator__of_somebody_banned__is_403),
        cmocka_unit_test(ids__in_paths__are_folded_to_lower_case),
        cmocka_unit_test(permissions__assigned_and_cleared__are_told_as_assigned),
        cmocka_unit_test(future_permissions__scheduled_and_unscheduled__leave_no_empty_rows),
        cmocka_unit_test(timed_ban__is_lifted_within_ten_seconds),
        cmocka_unit_test(permission_scheduled_back_to_the_default__leaves_no_override),
        cmocka_unit_test(two_due_changes_of_one_person__are_both_applied_and_the_job_goes_on),
        cmocka_unit_test(moderator__more_than_a_thousand__is_refused),
        cmocka_unit_test(ban__in_one_process__holds_in_the_other_within_a_second_without_notify),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
