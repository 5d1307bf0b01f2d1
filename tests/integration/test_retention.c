/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rooms that do not keep everything: what goes, goes at both servers without a trace; what is
 * pinned stays. One world of two servers; each test has a room of its own.
 *
 * test-timeout-s: 300, test-waits: 54
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "integration/database.h"
#include "integration/talk.h"
#include "integration/unmarked.h"

enum { ANA, BEN, PEOPLE };
/* The job looks every 10 s, memory twice a second; the machine may be busy. */
enum { GONE_WITHIN_MS = 30000, STEP_MS = 100, POSTS = 6, BIG_BYTES = 30 * 1024 };

static struct talk t;
static struct db *db;

static int open_talk(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    talk_open(&t, 2, PEOPLE, env);
    db = talk_database(&t);
    unmark(&t.w, db); /* the tests change rows by SQL, which has no key for their MACs */
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    db_free(db);
    talk_close(&t);
    return 0;
}

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char sql[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    database_run(db, sql);
}

static int64_t number(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int64_t number(const char *format, ...)
{
    char sql[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    return database_number(db, sql);
}

#define OF_ROOM "room = (SELECT id FROM conclave.rooms WHERE token = '%s')"

/* Everything in the room so far happened forty days ago. */
static void age(const char *room)
{
    run("UPDATE conclave.messages SET posted = posted - 40 * 86400, edited = edited - 40 * 86400,"
        "       mac = NULL WHERE " OF_ROOM,
        room);
}

static void keep(const char *room, const char *option, const char *value)
{
    const char *const args[] = {"room", "set", room, option, value, NULL};
    talk_command(&t, args);
}

static size_t shown(size_t member, const char *room, const char *list)
{
    json_auto_t *rows = talk_get(&t, member, "/room/%s/messages/%s", room, list);
    return json_array_size(rows);
}

/* Both servers have the room in memory: member 0 polls the first, member 1 the second. */
static void fill_windows(const char *room)
{
    talk_move(&t, BEN, 1);
    for (size_t member = 0; member < PEOPLE; member++) {
        (void)shown(member, room, "since/0?t=r");
        (void)shown(member, room, "recent");
    }
}

/* Until each server shows exactly so many messages, in every list. */
static void wait_until_shown(const char *room, size_t count)
{
    static const char *const lists[] = {"since/0?t=r&limit=256", "recent?limit=256",
                                        "before/9223372036854775807?limit=256"};
    int64_t deadline = clock_mono_ms() + GONE_WITHIN_MS;
    for (size_t member = 0; member < PEOPLE; member++) {
        for (size_t i = 0; i < COUNT_OF(lists); i++) {
            while (shown(member, room, lists[i]) != count) {
                if (clock_mono_ms() > deadline)
                    fail_msg("%s shows %zu to member %zu", lists[i], shown(member, room, lists[i]),
                             member);
                (void)poll(NULL, 0, STEP_MS);
            }
        }
    }
}

static void pin(const char *room, int64_t message)
{
    run("INSERT INTO conclave.pins (room, message, pinned_by, pinned_at)"
        " SELECT room, id, author, posted FROM conclave.messages WHERE id = %lld",
        (long long)message);
    run("UPDATE conclave.rooms SET info_updates = info_updates + 1 WHERE token = '%s'", room);
    run("UPDATE conclave.versions SET value = value + 1 WHERE scope = 2");
}

/* ---- age ---- */

static void old_messages__past_their_time__are_gone_at_both_servers_without_a_trace(void **state)
{
    (void)state;
    int64_t ids[POSTS];
    talk_room(&t, "attic");
    for (size_t i = 0; i < POSTS; i++)
        ids[i] = talk_post(&t, ANA, "attic", "long ago");
    talk_delete(&t, ANA, "attic", ids[1]);
    talk_react(&t, BEN, "attic", ids[2], "x");
    run("UPDATE conclave.messages SET state = 1, mac = NULL WHERE id = %lld", (long long)ids[3]);
    age("attic");
    pin("attic", ids[4]);
    int64_t fresh = talk_post(&t, ANA, "attic", "just now");
    int64_t deleted = talk_post(&t, ANA, "attic", "just now, and deleted");
    talk_delete(&t, ANA, "attic", deleted);
    fill_windows("attic");
    int64_t sequence = talk_sequence(&t, ANA, "attic");

    keep("attic", "--keep", "30d");
    wait_until_shown("attic", 2);
    for (size_t member = 0; member < PEOPLE; member++) {
        json_auto_t *rows = talk_get(&t, member, "/room/attic/messages/since/0?t=r");
        assert_non_null(talk_row(rows, ids[4]));
        assert_non_null(talk_row(rows, fresh));
        talk_refused(&t, member, 404, "GET", "/room/attic/message/%lld", (long long)ids[0]);
        /*
         * A reader who knew them hears nothing: no tombstones, no new numbers; but of the deletion
         * just now he does.
         */
        json_auto_t *known =
            talk_get(&t, member, "/room/attic/messages/since/%lld?t=r", (long long)(sequence - 1));
        assert_int_equal(json_array_size(known), 1);
        assert_int_equal(talk_int(json_array_get(known, 0), "id"), deleted);
        assert_int_equal(talk_sequence(&t, member, "attic"), sequence);
    }
    assert_int_equal(number("SELECT count(*) FROM conclave.messages WHERE " OF_ROOM, "attic"), 3);
    assert_int_equal(number("SELECT count(*) FROM conclave.user_reactions u, conclave.reactions r"
                            " WHERE r.id = u.reaction AND r.message = %lld",
                            (long long)ids[2]),
                     0);
    json_auto_t *row = talk_say(&t, ANA, "attic", "life goes on");
    assert_int_equal(talk_int(row, "seqno"), sequence + 1);
    assert_true(talk_int(row, "id") > deleted);
}

static void polls__after_a_purge__touch_no_sql_again(void **state)
{
    (void)state;
    double before = 0, after = 0;
    static const char metric[] = "conclave_sql_statements_total{origin=\"request\"}";
    talk_room(&t, "quiet");
    for (size_t i = 0; i < POSTS; i++)
        talk_post(&t, ANA, "quiet", "long ago");
    age("quiet");
    talk_post(&t, ANA, "quiet", "stays");
    fill_windows("quiet");
    keep("quiet", "--keep", "1h");
    wait_until_shown("quiet", 1);
    assert_int_equal(world_metric(&t.w, 0, metric, &before), OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(shown(ANA, "quiet", "since/0?t=r"), 1);
    assert_int_equal(world_metric(&t.w, 0, metric, &after), OK);
    assert_true(after <= before);
}

static void keeping_forever_again__stops_it(void **state)
{
    (void)state;
    talk_room(&t, "museum");
    keep("museum", "--keep", "30d");
    keep("museum", "--keep", "forever");
    talk_post(&t, ANA, "museum", "very old");
    age("museum");
    talk_room(&t, "marker"); /* purged by the same job: when it is through, so is the other */
    talk_post(&t, ANA, "marker", "old");
    age("marker");
    talk_post(&t, ANA, "marker", "new");
    fill_windows("marker");
    keep("marker", "--keep", "30d");
    wait_until_shown("marker", 1);
    fill_windows("museum");
    assert_int_equal(shown(ANA, "museum", "recent"), 1);
}

/* ---- bytes, files, preview ---- */

static void big_room__keeps_the_newest_that_fit(void **state)
{
    (void)state;
    static char text[BIG_BYTES + 1];
    int64_t ids[POSTS];
    talk_room(&t, "hoard");
    memset(text, 'x', BIG_BYTES);
    for (size_t i = 0; i < POSTS; i++)
        ids[i] = talk_post(&t, ANA, "hoard", text);
    pin("hoard", ids[0]);
    fill_windows("hoard");
    keep("hoard", "--keep-bytes", "100K");
    wait_until_shown("hoard", 4); /* three, and the pinned one, which nothing removes */
    json_auto_t *rows = talk_get(&t, BEN, "/room/hoard/messages/recent");
    assert_non_null(talk_row(rows, ids[0]));
    assert_non_null(talk_row(rows, ids[POSTS - 3]));
    assert_null(talk_row(rows, ids[POSTS - 4]));
}

static int64_t upload(const char *room)
{
    static uint8_t bytes[1000];
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    char target[64];
    (void)snprintf(target, sizeof(target), "/room/%s/file", room);
    memset(bytes, 7, sizeof(bytes));
    struct community_request request = {.method = "POST",
                                        .target = target,
                                        .body = span_of(bytes, sizeof(bytes)),
                                        .content_type = "application/octet-stream",
                                        .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&t.members[ANA].community, &request, &reply), OK);
    assert_int_equal(reply.code, 201);
    json_auto_t *json = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    return talk_int(json, "id");
}

static int64_t post_with_file(const char *room, int64_t file)
{
    char target[64];
    json_auto_t *body = community_post_body(&t.members[ANA].community, "see attached");
    json_auto_t *row = NULL;
    (void)json_object_set_new(body, "files", json_pack("[I]", (json_int_t)file));
    (void)snprintf(target, sizeof(target), "/room/%s/message", room);
    assert_int_equal(talk_ask(&t, ANA, "POST", target, body, &row), 201);
    return talk_int(row, "id");
}

static int set_and_print(const char *room, const char *const *options, char *out, size_t size)
{
    const char *args[10] = {"room", "set", room};
    struct buf text AUTO_BUF = buf_make(KIB(16));
    int status = -1;
    for (size_t i = 0; options[i] != NULL; i++)
        args[3 + i] = options[i];
    assert_int_equal(world_conclave(&t.w, 0, args, &text, &status), OK);
    (void)snprintf(out, size, "%.*s", (int)text.len, (const char *)text.p);
    return status;
}

static void dry_run__says_what_would_go_and_changes_nothing(void **state)
{
    (void)state;
    char out[256], expected[256];
    const char *const dry[] = {"--keep", "30d", "--dry-run", NULL};
    talk_room(&t, "drill");
    int64_t file = upload("drill");
    int64_t old = post_with_file("drill", file);
    int64_t pinned = talk_post(&t, ANA, "drill", "old and pinned");
    age("drill");
    pin("drill", pinned);
    talk_post(&t, ANA, "drill", "new");
    assert_int_equal(set_and_print("drill", dry, out, sizeof(out)), 0);
    (void)snprintf(expected, sizeof(expected),
                   "would remove 1 messages (%lld bytes) and 1 files (1000 bytes)\n",
                   (long long)number("SELECT octet_length(body)::bigint FROM conclave.messages"
                                     " WHERE id = %lld",
                                     (long long)old));
    assert_string_equal(out, expected);
    assert_int_equal(number("SELECT count(*) FROM conclave.retention WHERE " OF_ROOM, "drill"), 0);
    assert_int_equal(shown(ANA, "drill", "recent"), 3);

    talk_refused(&t, BEN, 200, "GET", "/room/drill/file/%lld", (long long)file);
    fill_windows("drill");
    keep("drill", "--keep", "30d");
    wait_until_shown("drill", 2);
    talk_refused(&t, BEN, 404, "GET", "/room/drill/file/%lld", (long long)file);
    assert_int_equal(set_and_print("drill", dry, out, sizeof(out)), 0);
    assert_string_equal(out, "would remove 0 messages (0 bytes) and 0 files (0 bytes)\n");
}

static void command__with_bad_values__is_usage_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"--keep", "", NULL},          {"--keep", "30", NULL},
        {"--keep", "59m", NULL},       {"--keep", "-1d", NULL},
        {"--keep", "100000d", NULL},   {"--keep", "0d", NULL},
        {"--keep-bytes", "63K", NULL}, {"--keep-bytes", "0", NULL},
        {"--keep-bytes", "5T", NULL},  {"--keep-bytes", "9223372036854775808", NULL}};
    char out[64];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (set_and_print("lobby", cases[i], out, sizeof(out)) != 2)
            fail_msg("%s %s", cases[i][0], cases[i][1]);
    assert_int_equal(number("SELECT count(*) FROM conclave.retention WHERE " OF_ROOM, "lobby"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_messages__past_their_time__are_gone_at_both_servers_without_a_trace),
        cmocka_unit_test(polls__after_a_purge__touch_no_sql_again),
        cmocka_unit_test(keeping_forever_again__stops_it),
        cmocka_unit_test(big_room__keeps_the_newest_that_fit),
        cmocka_unit_test(dry_run__says_what_would_go_and_changes_nothing),
        cmocka_unit_test(command__with_bad_values__is_usage_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
