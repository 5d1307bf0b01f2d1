/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /rooms and DELETE /room/R by global admins: every status, what is there afterwards and what
 * is gone, at two servers on one database; and that nothing of it can be had outside an onion
 * request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "client/room_file.h"
#include "integration/cast.h"
#include "integration/raw.h"

enum { ANA, MOD, BOSS, PEOPLE };

static struct cast c;
static struct member there; /* BOSS at the second server */

static int open_stage(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    cast_open(&c, 2, PEOPLE, env);
    assert_int_equal(command(&c, "mod add %s --global", id15(&c, MOD)), 0);
    assert_int_equal(command(&c, "mod add %s --global --admin", id15(&c, BOSS)), 0);
    assert_int_equal(command(&c, "mod add %s --room lobby --admin", id15(&c, ANA)), 0);
    assert_int_equal(member_open(&c.w, BOSS, 1, false, &there), OK);
    wait_for_code(&c.members[BOSS], 404, "DELETE", "/room/nowhere");
    wait_for_code(&there, 404, "DELETE", "/room/nowhere");
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    member_close(&there);
    cast_close(&c);
    return 0;
}

static int64_t rooms(void)
{
    return sql_number(&c, "SELECT count(*) FROM conclave.rooms");
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    assert_non_null(value);
    return value;
}

static void created_room__is_answered_as_it_is_read_and_works_at_once(void **state)
{
    (void)state;
    json_t *made = NULL;
    assert_int_equal(ask(&c.members[BOSS], "POST",
                         "{\"token\":\"Fresh-1_x\",\"name\":\"A\\u0001 room\\n\",\"description\":"
                         "\"two\\nlines\\u0002\",\"unknown\":\"\\u0000\"}",
                         &made, "/rooms"),
                     201);
    json_auto_t *read = room_of(&c.members[BOSS], "Fresh-1_x");
    assert_true(json_equal(made, read));
    assert_string_equal(text(made, "token"), "Fresh-1_x");
    assert_string_equal(text(made, "name"), "A room");
    assert_string_equal(text(made, "description"), "two\nlines");
    static const char *const granted[] = {"default_read",  "default_accessible",
                                          "default_write", "default_upload",
                                          "admin",         "global_admin"};
    for (size_t i = 0; i < COUNT_OF(granted); i++)
        assert_true(json_is_true(json_object_get(made, granted[i])));
    assert_int_equal(json_integer_value(json_object_get(made, "info_updates")), 1);
    assert_true(say(&c.members[ANA], "fresh-1_X", "first") > 0);
    /* The other process hears of it by the versions. */
    wait_for_code(&there, 200, "GET", "/room/fresh-1_x");
    json_auto_t *rows = must(&there, "GET", NULL, "/room/fresh-1_x/messages/recent");
    assert_int_equal(json_array_size(rows), 1);
    assert_true(say(&there, "fresh-1_x", "second") > 0);
    json_decref(made);
}

static void description__empty_null_or_absent__is_none(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"token\":\"bare-0\",\"name\":\"n\"}",
        "{\"token\":\"bare-1\",\"name\":\"n\",\"description\":null}",
        "{\"token\":\"bare-2\",\"name\":\"n\",\"description\":\"\\u0001\"}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        json_t *made = NULL;
        assert_int_equal(ask(&c.members[BOSS], "POST", bodies[i], &made, "/rooms"), 201);
        assert_null(json_object_get(made, "description"));
        json_decref(made);
    }
}

static void creation__of_a_bad_room__is_400_and_makes_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"token\":\"x1\"}",
        "{\"name\":\"x\"}",
        "{\"token\":\"\",\"name\":\"x\"}",
        "{\"token\":\"a b\",\"name\":\"x\"}",
        "{\"token\":\"a.b\",\"name\":\"x\"}",
        "{\"token\":\"\\u00e9\",\"name\":\"x\"}",
        "{\"token\":\"a\\u0000\",\"name\":\"x\"}",
        "{\"token\":1,\"name\":\"x\"}",
        "{\"token\":null,\"name\":\"x\"}",
        "{\"token\":\"x1\",\"name\":\"\"}",
        "{\"token\":\"x1\",\"name\":\"\\n\\t\"}",
        "{\"token\":\"x1\",\"name\":7}",
        "{\"token\":\"x1\",\"name\":null}",
        "{\"token\":\"x1\",\"name\":\"x\",\"description\":1}",
        "{\"token\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"name\":"
        "\"x\"}"};
    char large[700];
    int64_t before = rooms();
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (ask(&c.members[BOSS], "POST", bad[i], NULL, "/rooms") != 400)
            fail_msg("%s", bad[i]);
    (void)snprintf(large, sizeof(large), "{\"token\":\"x1\",\"name\":\"%0513d\"}", 0);
    assert_int_equal(ask(&c.members[BOSS], "POST", large, NULL, "/rooms"), 400);
    assert_int_equal(rooms(), before);
}

static void creation__of_a_token_that_is_taken__is_409_in_any_case(void **state)
{
    (void)state;
    int64_t before = rooms();
    assert_int_equal(
        ask(&c.members[BOSS], "POST", "{\"token\":\"lobby\",\"name\":\"x\"}", NULL, "/rooms"), 409);
    assert_int_equal(
        ask(&c.members[BOSS], "POST", "{\"token\":\"LOBBY\",\"name\":\"x\"}", NULL, "/rooms"), 409);
    assert_int_equal(rooms(), before);
}

static void both__for_who_is_no_global_admin__are_refused_whatever_the_room(void **state)
{
    (void)state;
    static const char body[] = "{\"token\":\"sneaky\",\"name\":\"x\"}";
    static const char *const paths[] = {"/room/lobby", "/room/nowhere"};
    int64_t before = rooms();
    for (size_t member = ANA; member <= MOD; member++) {
        assert_int_equal(ask(&c.members[member], "POST", body, NULL, "/rooms"), 403);
        assert_int_equal(ask(&c.members[member], "POST", "{}", NULL, "/rooms"), 403);
        for (size_t i = 0; i < COUNT_OF(paths); i++)
            assert_int_equal(ask(&c.members[member], "DELETE", NULL, NULL, "%s", paths[i]), 403);
    }
    assert_int_equal(ask_unsigned(&c.members[ANA], "POST", body, NULL, "/rooms"), 401);
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_int_equal(ask_unsigned(&c.members[ANA], "DELETE", NULL, NULL, "%s", paths[i]), 401);
    assert_int_equal(ask(&c.members[BOSS], "DELETE", NULL, NULL, "/room/nowhere"), 404);
    assert_int_equal(ask(&c.members[BOSS], "DELETE", NULL, NULL, "/room/a.b"), 404);
    assert_int_equal(rooms(), before);
}

/* Memory may be a moment behind: what is written rests on the database. */
static void both__with_a_right_that_is_gone__are_403_and_change_nothing(void **state)
{
    (void)state;
    sql(&c,
        "UPDATE conclave.users SET admin = false, moderator = false"
        " WHERE encode(session_id, 'hex') = '%s'",
        id15(&c, BOSS));
    uint64_t before = contents(&c);
    assert_int_equal(
        ask(&c.members[BOSS], "POST", "{\"token\":\"late\",\"name\":\"x\"}", NULL, "/rooms"), 403);
    assert_int_equal(ask(&c.members[BOSS], "DELETE", NULL, NULL, "/room/lobby"), 403);
    assert_true(contents(&c) == before);
    sql(&c,
        "UPDATE conclave.users SET admin = true, moderator = true"
        " WHERE encode(session_id, 'hex') = '%s'",
        id15(&c, BOSS));
}

static void removed_room__is_gone_everywhere_with_its_messages_keys_and_files(void **state)
{
    (void)state;
    static const char room_of_token[] =
        "SELECT coalesce((SELECT id FROM conclave.rooms WHERE token = 'doomed'), 0)";
    static const uint8_t bytes[] = "an attachment";
    int64_t file = 0;
    json_decref(must(&c.members[BOSS], "POST", "{\"token\":\"doomed\",\"name\":\"x\"}", "/rooms"));
    wait_for_code(&there, 200, "GET", "/room/doomed");
    int64_t room = sql_number(&c, "%s", room_of_token);
    int64_t message = say(&c.members[ANA], "doomed", "last words");
    assert_int_equal(room_file_put(&c.members[ANA].community, "doomed",
                                   span_of(bytes, sizeof(bytes)), NULL, &file),
                     OK);
    json_decref(must(&c.members[BOSS], "POST", NULL, "/room/doomed/pin/%lld", (long long)message));
    assert_true(sql_number(&c, "SELECT count(*) FROM conclave.ring_keys WHERE room = %lld",
                           (long long)room) > 0);
    json_auto_t *answer = must(&c.members[BOSS], "DELETE", NULL, "/room/DOOMED");
    assert_int_equal(json_object_size(answer), 0);
    /*
     * Here at once; at the other process when it has compared, and nothing is written there
     * meanwhile.
     */
    assert_int_equal(ask(&c.members[BOSS], "GET", NULL, NULL, "/room/doomed"), 404);
    assert_int_equal(ask(&c.members[ANA], "GET", NULL, NULL, "/room/doomed/messages/recent"), 404);
    assert_int_equal(ask(&there, "POST", NULL, NULL, "/room/doomed/unpin/all"), 404);
    wait_for_code(&there, 404, "GET", "/room/doomed");
    assert_int_equal(ask(&c.members[BOSS], "DELETE", NULL, NULL, "/room/doomed"), 404);
    assert_int_equal(sql_number(&c, "%s", room_of_token), 0);
    assert_int_equal(
        sql_number(&c, "SELECT count(*) FROM conclave.messages WHERE room = %lld", (long long)room),
        0);
    assert_int_equal(sql_number(&c, "SELECT count(*) FROM conclave.ring_keys WHERE room = %lld",
                                (long long)room),
                     0);
    assert_int_equal(sql_number(&c,
                                "SELECT count(*) FROM conclave.files"
                                " WHERE id = %lld AND (room IS NOT NULL OR expiry <> 0)",
                                (long long)file),
                     0);
    /* The token is free again, and the new room is another one. */
    json_auto_t *again =
        must(&c.members[BOSS], "POST", "{\"token\":\"doomed\",\"name\":\"y\"}", "/rooms");
    assert_string_equal(text(again, "name"), "y");
    json_auto_t *rows = must(&c.members[ANA], "GET", NULL, "/room/doomed/messages/since/0");
    assert_int_equal(json_array_size(rows), 0);
}

static void both__in_a_batch__work_in_its_order(void **state)
{
    (void)state;
    json_t *replies = must(
        &c.members[BOSS], "POST",
        "[{\"method\":\"POST\",\"path\":\"/rooms\",\"json\":{\"token\":\"brief\",\"name\":\"b\"}},"
        "{\"method\":\"GET\",\"path\":\"/room/brief\"},"
        "{\"method\":\"DELETE\",\"path\":\"/room/brief\"},"
        "{\"method\":\"GET\",\"path\":\"/room/brief\"}]",
        "/batch");
    static const int codes[] = {201, 200, 200, 404};
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(replies, i), "code")),
                         codes[i]);
    json_decref(replies);
}

static void both__outside_an_onion_request__are_the_uniform_404(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "POST /rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        "DELETE /room/lobby HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"};
    int64_t before = rooms();
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        AUTO_BUF struct buf out = buf_make(4096);
        assert_int_equal(raw_ask(&c.w.servers[0].at, span_of_text(requests[i]), 5000, &out), OK);
        assert_true(span_starts_with(buf_span(&out), SPAN("HTTP/1.1 404")));
    }
    assert_int_equal(rooms(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_room__is_answered_as_it_is_read_and_works_at_once),
        cmocka_unit_test(description__empty_null_or_absent__is_none),
        cmocka_unit_test(creation__of_a_bad_room__is_400_and_makes_none),
        cmocka_unit_test(creation__of_a_token_that_is_taken__is_409_in_any_case),
        cmocka_unit_test(both__for_who_is_no_global_admin__are_refused_whatever_the_room),
        cmocka_unit_test(both__with_a_right_that_is_gone__are_403_and_change_nothing),
        cmocka_unit_test(removed_room__is_gone_everywhere_with_its_messages_keys_and_files),
        cmocka_unit_test(both__in_a_batch__work_in_its_order),
        cmocka_unit_test(both__outside_an_onion_request__are_the_uniform_404),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
