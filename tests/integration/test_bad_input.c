/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a room's admin may send that makes no sense: a 4xx, never a 500, and nothing is changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "integration/cast.h"

enum { CHIEF, EVE, PEOPLE };

static struct cast c;
static struct member *chief;
static int64_t message;

static int open_stage(void **state)
{
    (void)state;
    cast_open(&c, 1, PEOPLE, NULL);
    chief = &c.members[CHIEF];
    assert_int_equal(command(&c, "mod add %s --global --admin", id15(&c, CHIEF)), 0);
    wait_for_code(chief, 200, "GET", "/room/lobby/permissions");
    message = say(chief, "lobby", "one message");
    json_decref(must(chief, "POST", NULL, "/room/lobby/pin/%lld", (long long)message));
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

static void refused(const char *method, const char *path, const char *body)
{
    uint64_t before = contents(&c);
    int code = ask(chief, method, body, NULL, "%s", path);
    if (code < 400 || code > 499)
        fail_msg("%s %s %s: %d", method, path, body == NULL ? "" : body, code);
    if (contents(&c) != before)
        fail_msg("%s %s %s changed something", method, path, body == NULL ? "" : body);
}

/* What is no JSON object at all; for every route that reads one. */
static const char *const no_objects[] = {
    "",
    "null",
    "[]",
    "\"text\"",
    "1",
    "{",
    "{}",
    "{\"a\":1,}",
    "{'rooms':['lobby']}",
    "{\"x\":\"\\u0000\"}",
    "{\"x\":\"\\ud800\"}",
    "{\"x\":\"\xff\"}",
    "{\"global\":true,\"global\":true}",
    "{\"name\":\"a\",\"name\":\"b\"}",
    "{\"name\":\"a\"} {}",
    "{\"name\":NaN}",
    "{\"in\":9223372036854775808}",
    "{\"in\":1e999}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

struct bad {
    const char *method, *path;
    const char *bodies[40];
};

#define U "15aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct bad routes[] = {
    {"POST",
     "/rooms",
     {"{\"token\":\"x\"}", "{\"name\":\"x\"}", "{\"token\":\"lobby\",\"name\":\"x\"}",
      "{\"token\":\"x\",\"name\":\"x\",\"description\":[]}", "{\"token\":\"a/b\",\"name\":\"x\"}",
      NULL}},
    {"PUT",
     "/room/lobby",
     {"{\"name\":null}",
      "{\"name\":1}",
      "{\"name\":[]}",
      "{\"name\":\"x\",\"description\":1}",
      "{\"description\":{}}",
      "{\"default_read\":\"yes\"}",
      "{\"default_read\":2}",
      "{\"default_write\":-1}",
      "{\"default_upload\":1.0}",
      "{\"default_accessible\":[]}",
      "{\"image\":\"1\"}",
      "{\"image\":true}",
      "{\"image\":1.5}",
      "{\"image\":-1}",
      "{\"image\":0}",
      "{\"image\":9223372036854775807}",
      "{\"image\":9223372036854775808}",
      "{\"image\":12345678}",
      "{\"unknown\":1}",
      "{\"default_read\":null}",
      "{\"name\":\"good\",\"default_read\":\"bad\"}",
      "{\"name\":\"good\",\"image\":\"bad\"}",
      NULL}},
    {"POST",
     "/room/lobby/permissions/" U,
     {"{\"read\":1.0}", "{\"read\":\"x\"}", "{\"read\":2}", "{\"write\":{}}", "{\"upload\":[]}",
      "{\"accessible\":-1}", "{\"read\":true,\"default_read\":true}", "{\"default_read\":\"x\"}",
      "{\"read\":null}", "{\"default_read\":false}", "{\"read\":true,\"unschedule\":\"no\"}",
      "{\"read\":true,\"unschedule\":7}", "{\"banned\":true}", "{\"moderator\":true}", NULL}},
    {"POST",
     "/room/lobby/futurePermissions/" U,
     {"{\"in\":5}", "{\"read\":null,\"in\":5}", "{\"read\":true}", "{\"read\":true,\"in\":null}",
      "{\"read\":true,\"in\":0}", "{\"read\":true,\"in\":-1}", "{\"read\":true,\"in\":1000000000}",
      "{\"read\":true,\"in\":true}", "{\"read\":true,\"in\":\"5\"}", "{\"read\":true,\"in\":[]}",
      "{\"read\":true,\"in\":9223372036854775808}", "{\"read\":true,\"in\":-9223372036854775808}",
      "{\"read\":true,\"in\":1e300}", "{\"read\":\"x\",\"in\":5}", "{\"accessible\":true,\"in\":5}",
      "{\"write\":2,\"in\":5}", NULL}},
    {"POST",
     "/user/" U "/ban",
     {"{\"rooms\":[]}",
      "{\"rooms\":null}",
      "{\"rooms\":\"lobby\"}",
      "{\"rooms\":{\"lobby\":1}}",
      "{\"rooms\":[1]}",
      "{\"rooms\":[null]}",
      "{\"rooms\":[[\"lobby\"]]}",
      "{\"rooms\":[\"lobby\",\"*\"]}",
      "{\"rooms\":[\"lobby\"],\"global\":true}",
      "{\"global\":false}",
      "{\"global\":\"true\"}",
      "{\"global\":2}",
      "{\"rooms\":[\"nowhere\"]}",
      "{\"rooms\":[\"lobby\",\"LOBBY\"]}",
      "{\"rooms\":[\"\"]}",
      "{\"rooms\":[\"a/b\"]}",
      "{\"rooms\":[\"\xf0\x9f\x8d\x8d\"]}",
      "{\"rooms\":[\"lobby\"],\"timeout\":true}",
      "{\"rooms\":[\"lobby\"],\"timeout\":\"30\"}",
      "{\"rooms\":[\"lobby\"],\"timeout\":[]}",
      "{\"rooms\":[\"lobby\"],\"timeout\":9223372036854775808}",
      "{\"rooms\":[\"lobby\"],\"timeout\":1e999}",
      NULL}},
    {"POST",
     "/user/" U "/unban",
     {"{\"rooms\":[]}", "{\"rooms\":[\"lobby\"],\"global\":1}", "{\"rooms\":[\"*\",\"*\"]}",
      "{\"rooms\":[7]}", "{\"rooms\":[\"nowhere\"]}", "{\"global\":[]}", NULL}},
    {"POST",
     "/user/" U "/moderator",
     {"{\"rooms\":[\"lobby\"]}", "{\"rooms\":[\"lobby\"],\"visible\":true}",
      "{\"rooms\":[\"lobby\"],\"admin\":true,\"moderator\":false}",
      "{\"rooms\":[\"lobby\"],\"admin\":\"x\"}", "{\"rooms\":[\"lobby\"],\"moderator\":1.0}",
      "{\"rooms\":[\"lobby\"],\"moderator\":true,\"visible\":\"no\"}",
      "{\"rooms\":[\"lobby\"],\"moderator\":true,\"visible\":2}", "{\"moderator\":true}",
      "{\"global\":true,\"rooms\":[\"lobby\"],\"moderator\":true}",
      "{\"rooms\":[\"nowhere\"],\"moderator\":true}", "{\"rooms\":[],\"moderator\":true}", NULL}},
};

static void body__that_makes_no_sense__is_4xx_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        for (size_t j = 0; j < COUNT_OF(no_objects); j++)
            refused(routes[i].method, routes[i].path, no_objects[j]);
        for (const char *const *body = routes[i].bodies; *body != NULL; body++)
            refused(routes[i].method, routes[i].path, *body);
        refused(routes[i].method, routes[i].path, NULL);
    }
}

static void body__with_another_content_type__is_400(void **state)
{
    (void)state;
    static const char *const good[] = {"{\"token\":\"x\",\"name\":\"x\"}",
                                       "{\"name\":\"x\"}",
                                       "{\"read\":true}",
                                       "{\"read\":true,\"in\":5}",
                                       "{\"rooms\":[\"lobby\"]}",
                                       "{\"rooms\":[\"lobby\"]}",
                                       "{\"rooms\":[\"lobby\"],\"moderator\":true}"};
    uint64_t before = contents(&c);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        struct community_request request = {.method = routes[i].method,
                                            .target = routes[i].path,
                                            .body = span_of_text(good[i]),
                                            .content_type = "text/plain",
                                            .signing = SIGNED_BLINDED};
        assert_int_equal(community_call(&chief->community, &request, &reply), OK);
        assert_int_equal(reply.code, 400);
    }
    assert_int_equal(contents(&c), before);
}

static void text__one_byte_too_long__is_400(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        size_t max;
    } texts[] = {{"name", 512}, {"description", 4096}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char body[8192];
        char text[4100];
        memset(text, 'x', sizeof(text));
        text[texts[i].max + 1] = '\0';
        (void)snprintf(body, sizeof(body), "{\"%s\":\"%s\"}", texts[i].key, text);
        refused("PUT", "/room/lobby", body);
        /* What is taken out does not count. */
        text[texts[i].max] = '\0';
        (void)snprintf(body, sizeof(body), "{\"%s\":\"%s\\u0001\\u0002\"}", texts[i].key, text);
        assert_int_equal(ask(chief, "PUT", body, NULL, "/room/lobby"), 200);
    }
}

static void path__with_what_is_no_number_id_or_room__is_4xx(void **state)
{
    (void)state;
    static const char *const posts[] = {
        "/room/lobby/pin/-1",
        "/room/lobby/pin/abc",
        "/room/lobby/pin/1.5",
        "/room/lobby/pin/",
        "/room/lobby/pin/0",
        "/room/lobby/pin/9223372036854775807",
        "/room/lobby/pin/9223372036854775808",
        "/room/lobby/pin/99999999999999999999999999999999",
        "/room/lobby/pin/\xd9\xa1",
        "/room/lobby/unpin/-1",
        "/room/lobby/unpin/ALL",
        "/room/lobby/unpin/all/",
        "/room/nowhere/pin/1",
        "/room/\xf0\x9f\x8d\x8d/pin/1",
        "/room/%F0%9F%8D%8D/pin/1",
        "/room/lobby%2fx/pin/1",
        "/user/" U "/Ban",
        "/user/" U "x/ban",
        "/user/25aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/ban",
        "/user/15gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/ban",
        "/user//ban",
        "/room/lobby/permissions/15",
        "/room/lobby/permissions",
        "/room/lobby/futurePermissions/me",
    };
    for (size_t i = 0; i < COUNT_OF(posts); i++) {
        refused("POST", posts[i], "{\"rooms\":[\"lobby\"],\"read\":true,\"in\":5}");
        refused("POST", posts[i], NULL);
    }
    refused("PUT", "/room/nowhere", "{\"name\":\"x\"}");
    refused("DELETE", "/room/nowhere", NULL);
    refused("DELETE", "/room/lobby/", NULL);
    refused("GET", "/room/lobby/permissions/05", NULL);
}

/* Our client cannot sign these; they are refused before anybody asks who sent them. */
static void path__with_a_bad_escape__is_4xx(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/room/lobby/pin/%31%00",
        "/room/lobby/unpin/all%00",
        "/room/lobby%00/pin/1",
        "/room/lobby%C3%28/pin/1",
        "/room/lobby%/pin/1",
        "/room/lobby%2/pin/1",
        "/room/%00",
        "/user/%00/ban",
        "/user/%F0/ban",
        "/room/lobby/permissions/" U "%00",
        "/room/lobby/futurePermissions/%F0",
    };
    static const char *const methods[] = {"GET", "PUT", "POST"};
    uint64_t before = contents(&c);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        for (size_t j = 0; j < COUNT_OF(methods); j++) {
            int code = ask_unsigned(chief, methods[j], "{\"name\":\"x\"}", NULL, "%s", paths[i]);
            assert_in_range(code, 400, 499);
        }
    }
    assert_int_equal(contents(&c), before);
}

/* 05 ids that are no key: nobody can have them, but they must not be an error of ours. */
static void id__that_is_no_point__is_answered(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "050000000000000000000000000000000000000000000000000000000000000000",
        "050100000000000000000000000000000000000000000000000000000000000000",
        "05ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "05edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "05ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        int code = ask(chief, "POST", "{\"rooms\":[\"lobby\"]}", NULL, "/user/%s/ban", ids[i]);
        assert_in_range(code, 200, 499);
        code = ask(chief, "POST", "{\"rooms\":[\"lobby\"]}", NULL, "/user/%s/unban", ids[i]);
        assert_int_equal(code, 200);
        code = ask(chief, "GET", NULL, NULL, "/room/lobby/permissions/%s", ids[i]);
        assert_int_equal(code, 200);
    }
}

static void timeout__of_any_size__is_a_time(void **state)
{
    (void)state;
    static const char *const timeouts[] = {
        "0", "-1", "0.5", "1e300", "-1e300", "9223372036854775807", "null"};
    char body[96];
    for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
        (void)snprintf(body, sizeof(body), "{\"rooms\":[\"lobby\"],\"timeout\":%s}", timeouts[i]);
        assert_int_equal(ask(chief, "POST", body, NULL, "/user/%s/ban", id15(&c, EVE)), 200);
        json_t *f = must(chief, "GET", NULL, "/room/lobby/futurePermissions");
        json_decref(f);
    }
    assert_int_equal(command(&c, "user show %s", id15(&c, EVE)), 0);
    assert_non_null(strstr(command_output(), "room lobby: banned"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body__that_makes_no_sense__is_4xx_and_changes_nothing),
        cmocka_unit_test(body__with_another_content_type__is_400),
        cmocka_unit_test(text__one_byte_too_long__is_400),
        cmocka_unit_test(path__with_what_is_no_number_id_or_room__is_4xx),
        cmocka_unit_test(path__with_a_bad_escape__is_4xx),
        cmocka_unit_test(id__that_is_no_point__is_answered),
        cmocka_unit_test(timeout__of_any_size__is_a_time),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
