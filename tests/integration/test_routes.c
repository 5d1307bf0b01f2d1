/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole route table, walked: every route by every kind of caller in every kind of room answers
 * as docs/protocol/community.md, 2.0 and docs/design.md, D11 say. What each route needs is written
 * here a second time, from those pages and not from the table; a route without a row here fails the
 * test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "integration/cast.h"
#include "routes.h"

enum { MEMBER, BANNED, MOD, ADMIN, GLOBAL_MOD, GLOBAL_ADMIN, PEOPLE, ANONYMOUS = PEOPLE, CALLERS };
static const char *const caller_names[] = {"member",     "banned",           "room moderator",
                                           "room admin", "global moderator", "global admin",
                                           "anonymous"};

/* What the room grants to everybody. */
enum room_kind { OPEN, DOOR, HIDDEN, ROOM_KINDS };
static const char *const rooms[] = {"open", "door", "hidden"};

enum needs {
    PUBLIC,
    ACCESSIBLE,
    READ,
    READ_AS_USER,
    WRITE, /* and upload: every room here grants both or none */
    AUTHOR,
    MODERATOR,
    ROOM_ADMIN, /* who is nobody gets 403 too */
    ROOM_SETTINGS,
    USER,
    MODERATOR_OF_ROOMS, /* of those that the body names */
    ADMIN_OF_ROOMS,
    SERVER_ADMIN, /* wherever the room is, or is not */
};

static const struct expectation {
    const char *method, *pattern;
    enum needs needs;
    int success;      /* code for those who may */
    bool may_be_404;  /* ... or 404: there is no such thing, which only they learn */
    const char *body; /* %s: the room */
} expectations[] = {
    {"GET", "/capabilities", PUBLIC, 200, false, NULL},
    {"GET", "/rooms", PUBLIC, 200, false, NULL},
    {"POST", "/rooms", SERVER_ADMIN, 201, false, "new room"},
    {"GET", "/room/{room}", ACCESSIBLE, 200, false, NULL},
    {"PUT", "/room/{room}", ROOM_SETTINGS, 200, false, "{\"name\":\"n\"}"},
    {"DELETE", "/room/{room}", SERVER_ADMIN, 200, false, NULL},
    {"GET", "/room/{room}/pollInfo/{number}", READ, 200, false, NULL},
    {"GET", "/room/{room}/permissions", MODERATOR, 200, false, NULL},
    {"GET", "/room/{room}/permissions/{user}", MODERATOR, 200, false, NULL},
    {"POST", "/room/{room}/permissions/{user}", MODERATOR, 200, false, "{\"read\":true}"},
    {"GET", "/room/{room}/futurePermissions", MODERATOR, 200, false, NULL},
    {"GET", "/room/{room}/futurePermissions/{user}", MODERATOR, 200, false, NULL},
    {"POST", "/room/{room}/futurePermissions/{user}", MODERATOR, 200, false,
     "{\"read\":true,\"in\":5000}"},
    {"GET", "/room/{room}/messages/since/{number}", READ, 200, false, NULL},
    {"GET", "/room/{room}/messages/before/{number}", READ, 200, false, NULL},
    {"GET", "/room/{room}/messages/recent", READ, 200, false, NULL},
    {"GET", "/room/{room}/message/{number}", READ, 200, true, NULL},
    {"POST", "/room/{room}/message", WRITE, 201, false, "post"},
    {"PUT", "/room/{room}/message/{number}", AUTHOR, 200, false, "post"},
    {"DELETE", "/room/{room}/message/{number}", MODERATOR, 200, false, NULL},
    {"DELETE", "/room/{room}/all/{user}", MODERATOR, 200, true, NULL},
    {"DELETE", "/rooms/all/{user}", USER, 200, true, NULL},
    {"POST", "/room/{room}/pin/{number}", ROOM_ADMIN, 200, false, NULL},
    {"POST", "/room/{room}/unpin/{number}", ROOM_ADMIN, 200, false, NULL},
    {"POST", "/room/{room}/unpin/all", ROOM_ADMIN, 200, false, NULL},
    {"PUT", "/room/{room}/reaction/{number}/{rest}", READ_AS_USER, 200, false, NULL},
    {"DELETE", "/room/{room}/reaction/{number}/{rest}", READ_AS_USER, 200, false, NULL},
    {"DELETE", "/room/{room}/reactions/{number}", MODERATOR, 200, false, NULL},
    {"DELETE", "/room/{room}/reactions/{number}/{rest}", MODERATOR, 200, false, NULL},
    {"GET", "/room/{room}/reactors/{number}/{rest}", READ, 200, false, NULL},
    {"POST", "/room/{room}/file", WRITE, 201, false, "bytes"},
    {"GET", "/room/{room}/file/{number}", READ, 200, true, NULL},
    {"GET", "/room/{room}/file/{number}/{text}", READ, 200, true, NULL},
    {"GET", "/inbox", USER, 200, false, NULL},
    {"GET", "/outbox", USER, 200, false, NULL},
    {"GET", "/inbox/since/{number}", USER, 304, false, NULL},
    {"GET", "/outbox/since/{number}", USER, 304, false, NULL},
    {"POST", "/inbox/{user}", USER, 201, true, "{\"message\":\"AAAA\"}"},
    {"DELETE", "/inbox", USER, 200, false, NULL},
    {"POST", "/user/{user}/ban", MODERATOR_OF_ROOMS, 200, false, "{\"rooms\":[\"%s\"]}"},
    {"POST", "/user/{user}/unban", MODERATOR_OF_ROOMS, 200, false, "{\"rooms\":[\"%s\"]}"},
    {"POST", "/user/{user}/moderator", ADMIN_OF_ROOMS, 200, false,
     "{\"rooms\":[\"%s\"],\"moderator\":true}"},
    {"POST", "/batch", PUBLIC, 200, false, "[]"},
    {"POST", "/sequence", PUBLIC, 200, false, "[]"},
};

static struct cast c;

static int open_stage(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    cast_open(&c, 1, PEOPLE, env);
    for (size_t i = 0; i < ROOM_KINDS; i++) {
        assert_int_equal(command(&c, "room add %s --name %s", rooms[i], rooms[i]), 0);
        assert_int_equal(command(&c, "user ban %s --room %s", id15(&c, BANNED), rooms[i]), 0);
        assert_int_equal(command(&c, "mod add %s --room %s", id15(&c, MOD), rooms[i]), 0);
        assert_int_equal(command(&c, "mod add %s --room %s --admin", id15(&c, ADMIN), rooms[i]), 0);
    }
    assert_int_equal(command(&c, "room set door --read no --write no --upload no"), 0);
    assert_int_equal(command(&c, "room set hidden --preset private"), 0);
    assert_int_equal(command(&c, "mod add %s --global", id15(&c, GLOBAL_MOD)), 0);
    assert_int_equal(command(&c, "mod add %s --global --admin", id15(&c, GLOBAL_ADMIN)), 0);
    wait_for_code(&c.members[GLOBAL_ADMIN], 200, "GET", "/room/hidden/permissions");
    wait_for_code(&c.members[MEMBER], 403, "GET", "/room/door/pollInfo/0");
    wait_for_code(&c.members[MEMBER], 404, "GET", "/room/hidden/pollInfo/0");
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

static const struct expectation *expected_of(const struct route *route)
{
    for (size_t i = 0; i < COUNT_OF(expectations); i++)
        if (strcmp(expectations[i].method, route->method) == 0 &&
            strcmp(expectations[i].pattern, route->pattern) == 0)
            return &expectations[i];
    return NULL;
}

/* The file-server half has no people: its routes are tested as such elsewhere. */
static bool is_file_half(const struct route *route)
{
    return route->access == ACCESS_PUBLIC && strncmp(route->pattern, "/room", 5) != 0 &&
           expected_of(route) == NULL &&
           (strncmp(route->pattern, "/file", 5) == 0 ||
            strcmp(route->pattern, "/session_version") == 0);
}

static bool has_room(const char *pattern)
{
    return strstr(pattern, "{room}") != NULL;
}

/* 0: may. The code for who may not. */
static int refusal(enum needs needs, int caller, enum room_kind kind, bool in_room)
{
    bool anonymous = caller == ANONYMOUS;
    bool is_mod = caller == MOD || caller == GLOBAL_MOD;
    bool is_admin = caller == ADMIN || caller == GLOBAL_ADMIN;
    if (needs == SERVER_ADMIN)
        return anonymous ? 401 : caller == GLOBAL_ADMIN ? 0 : 403;
    if (in_room && !is_mod && !is_admin) {
        if (caller == BANNED) /* knows the room; only /room/R itself is not there */
            return needs == ACCESSIBLE ? 404 : 403;
        if (kind == HIDDEN)
            return needs == ROOM_SETTINGS ? 405 : 404;
    }
    if (anonymous && needs == ROOM_ADMIN)
        return 403;
    if (anonymous && needs != PUBLIC && needs != ACCESSIBLE && needs != READ)
        return 401;
    switch (needs) {
    case PUBLIC:
    case ACCESSIBLE:
    case USER:
        return 0;
    case READ:
    case READ_AS_USER:
    case WRITE:
        return is_mod || is_admin || kind == OPEN ? 0 : 403;
    case AUTHOR: /* the room's admin wrote all messages here; nobody else edits them */
        return caller == ADMIN ? 0 : 403;
    case MODERATOR:
    case MODERATOR_OF_ROOMS:
        return is_mod || is_admin ? 0 : 403;
    case ROOM_ADMIN:
    case ROOM_SETTINGS:
    case ADMIN_OF_ROOMS:
    case SERVER_ADMIN:
        return is_admin ? 0 : 403;
    }
    return 0;
}

/* {user}: somebody nobody has met, another one each time. */
static const char *stranger(void)
{
    static char id[SESSION_ID_TEXT_LEN + 1];
    static unsigned n;
    (void)snprintf(id, sizeof(id), "15%064x", ++n);
    return id;
}

/* A path of the pattern, in that room, about that message. */
static void fill(const char *pattern, const char *room, int64_t message, char *out, size_t size)
{
    size_t len = 0;
    while (*pattern != '\0' && len + 1 < size) {
        char number[24];
        const char *value = NULL;
        (void)snprintf(number, sizeof(number), "%lld", (long long)message);
        if (strncmp(pattern, "{room}", 6) == 0)
            value = room;
        else if (strncmp(pattern, "{number}", 8) == 0)
            value = number;
        else if (strncmp(pattern, "{user}", 6) == 0)
            value = stranger();
        else if (strncmp(pattern, "{text}", 6) == 0 || strncmp(pattern, "{rest}", 6) == 0)
            value = "a";
        if (value == NULL) {
            out[len++] = *pattern++;
            continue;
        }
        len += (size_t)snprintf(out + len, size - len, "%s", value);
        pattern = strchr(pattern, '}') + 1;
    }
    out[len] = '\0';
}

/* The body of a request in that room; a post is signed by who posts. Free it. */
static char *body_of(const struct expectation *x, struct member *m, const char *room)
{
    if (x->body == NULL)
        return NULL;
    if (strcmp(x->body, "post") == 0) {
        json_t *post = community_post_body(&m->community, "walking");
        char *text = json_dumps(post, 0);
        json_decref(post);
        return text;
    }
    char *text = NULL;
    if (strcmp(x->body, "new room") == 0) {
        static unsigned n;
        assert_true(asprintf(&text, "{\"token\":\"new-%u\",\"name\":\"n\"}", ++n) > 0);
        return text;
    }
    /* Every body of the table with a %s names a room. */
    const char *hole = strstr(x->body, "%s");
    int printed = hole == NULL
                      ? asprintf(&text, "%s", x->body)
                      : asprintf(&text, "%.*s%s%s", (int)(hole - x->body), x->body, room, hole + 2);
    assert_true(printed > 0);
    return text;
}

/* A room that may be removed instead of that one, and is there. */
static const char *doomed(const char *room)
{
    static char token[64];
    char path[96];
    (void)snprintf(token, sizeof(token), "doomed-%s", room);
    (void)snprintf(path, sizeof(path), "/room/%s", token);
    if (command(&c, "room show %s", token) != 0) {
        assert_int_equal(command(&c, "room add %s --name doomed", token), 0);
        wait_for_code(&c.members[GLOBAL_ADMIN], 200, "GET", path);
    }
    return token;
}

static int call(const struct expectation *x, int caller, const char *room, int64_t message)
{
    struct member *m = &c.members[caller == ANONYMOUS ? MEMBER : caller];
    char path[256];
    if (strcmp(x->method, "DELETE") == 0 && strcmp(x->pattern, "/room/{room}") == 0)
        room = doomed(room);
    fill(x->pattern, room, message, path, sizeof(path));
    char *body = body_of(x, m, room);
    int code = caller == ANONYMOUS ? ask_unsigned(m, x->method, body, NULL, "%s", path)
                                   : ask(m, x->method, body, NULL, "%s", path);
    free(body);
    return code;
}

static bool as_expected(const struct expectation *x, int caller, enum room_kind kind, int code)
{
    int refused = refusal(x->needs, caller, kind, has_room(x->pattern));
    if (refused != 0)
        return code == refused;
    return code == x->success || (x->may_be_404 && code == 404);
}

static void every_route__by_every_caller__is_allowed_or_refused_as_the_protocol_says(void **state)
{
    (void)state;
    size_t calls = 0, wrong = 0;
    for (size_t i = 0; i < inner_route_count; i++) {
        const struct route *route = &inner_routes[i];
        const struct expectation *x = expected_of(route);
        if (is_file_half(route))
            continue;
        if (x == NULL)
            fail_msg("%s %s: no expectation", route->method, route->pattern);
        for (enum room_kind kind = OPEN; kind < ROOM_KINDS; kind++) {
            for (int caller = 0; caller < CALLERS; caller++) {
                int64_t message = strstr(x->pattern, "{number}") != NULL
                                      ? say(&c.members[ADMIN], rooms[kind], "to be walked over")
                                      : 0;
                int code = call(x, caller, rooms[kind], message);
                calls++;
                if (as_expected(x, caller, kind, code))
                    continue;
                wrong++;
                print_message("%s %s in %s by %s: %d, expected %d\n", x->method, x->pattern,
                              rooms[kind], caller_names[caller], code,
                              refusal(x->needs, caller, kind, has_room(x->pattern)));
            }
        }
    }
    print_message("%zu calls\n", calls);
    assert_int_equal(wrong, 0);
}

/*
 * The room's admin loses every right without memory hearing of it: the versions are not raised.
 * Whatever writes must find out from the database.
 */
static void every_write__with_a_right_that_is_gone__is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct member *admin = &c.members[ADMIN];
    assert_int_equal(command(&c, "room add gone --name gone"), 0);
    assert_int_equal(command(&c, "mod add %s --room gone --admin", id15(&c, ADMIN)), 0);
    wait_for_code(admin, 200, "GET", "/room/gone/permissions");
    int64_t message = say(admin, "gone", "while it was allowed");
    json_decref(must(admin, "PUT", "{\"description\":\"d\"}", "/room/gone"));
    sql(&c, "UPDATE conclave.rooms SET read = false, accessible = false, write = false,"
            " upload = false WHERE token = 'gone';"
            "UPDATE conclave.permissions SET moderator = false, admin = false WHERE room ="
            " (SELECT id FROM conclave.rooms WHERE token = 'gone')");
    size_t writes = 0;
    for (size_t i = 0; i < inner_route_count; i++) {
        const struct route *route = &inner_routes[i];
        const struct expectation *x = expected_of(route);
        if (x == NULL || route->effect == EFFECT_READS || x->needs == PUBLIC || x->needs == USER ||
            x->needs == SERVER_ADMIN) /* this admin never had that right */
            continue;
        /* Memory must not have heard of it meanwhile, or the test shows nothing. */
        assert_int_equal(ask(admin, "GET", NULL, NULL, "/room/gone/pollInfo/0"), 200);
        uint64_t before = contents(&c);
        int code = call(x, ADMIN, "gone", message);
        if (code != 403 && code != 404)
            fail_msg("%s %s: %d", x->method, x->pattern, code);
        if (contents(&c) != before)
            fail_msg("%s %s changed something", x->method, x->pattern);
        writes++;
    }
    print_message("%zu writing routes\n", writes);
    assert_true(writes >= 10);
}

/* Protocol 02, 2.0 is there as a whole. */
static void every_route_of_the_protocol__is_in_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(expectations); i++) {
        bool found = false;
        for (size_t j = 0; j < inner_route_count && !found; j++)
            found = strcmp(inner_routes[j].method, expectations[i].method) == 0 &&
                    strcmp(inner_routes[j].pattern, expectations[i].pattern) == 0;
        if (!found)
            fail_msg("%s %s is missing", expectations[i].method, expectations[i].pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_of_the_protocol__is_in_the_table),
        cmocka_unit_test(every_route__by_every_caller__is_allowed_or_refused_as_the_protocol_says),
        cmocka_unit_test(every_write__with_a_right_that_is_gone__is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
