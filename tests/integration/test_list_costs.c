/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lists may cost whoever asks for them: batches of lists that do not fit one reply, of
 * messages and of who reacted, whispers that the reader does not see, and many rooms at once while
 * memory is still empty.
 *
 * test-timeout-s: 240, test-seconds: 47
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/db.h"
#include "integration/talk.h"
#include "integration/usage.h"

enum { ANA, MOD, MEMBERS };
enum { REACTORS = 30000 }; /* three lists of them fit a reply */
enum { LONG_TEXT = 60000, LISTS = 500, LIST_ROWS = 256, MESSAGES = 320, WHISPERS = 1150 };
/* Rooms that are read right after a start, of how many, beside one with nearly all messages. */
enum { QUIET = 60, QUIET_POSTS = 3, ROOMS = 5000, OTHERS = 200000, OTHERS_FULL = 2000000 };
enum { COLD_MAX_MS = 2000 };
enum { AUTOVACUUM_MS = 30000 }; /* it lets go of a table after a second or more */
/*
 * One list of that many rows takes a fifth of a second of both processes at most; five hundred of
 * them far more.
 */
enum { BATCH_MAX_MS = 4000 };

static struct talk talk;
static char long_text[LONG_TEXT + 1];

static json_t *element(const char *target)
{
    return json_pack("{s:s, s:s}", "method", "GET", "path", target);
}

static void expect_cheap(json_t *batch)
{
    struct community_request request = {
        .method = "POST", .target = "/batch", .json = batch, .signing = UNSIGNED};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(community_call(&talk.members[ANA].community, &request, &reply), OK);
    int64_t took_ms = clock_mono_ms() - began_ms;
    assert_int_equal(reply.code, 200);
    json_auto_t *replies = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    assert_int_equal(json_array_size(replies), LISTS);
    assert_int_equal(talk_int(json_array_get(replies, 0), "code"), 200);
    assert_int_equal(talk_int(json_array_get(replies, LISTS - 1), "code"), 413);
    print_message("%d lists in %lld ms\n", LISTS, (long long)took_ms);
    assert_true(took_ms < BATCH_MAX_MS);
}

/*
 * Some of the first lists are there, later ones are told apart from an empty room, and nobody waits
 * for them.
 */
static void many_long_lists__in_one_batch__cost_no_more_than_what_fits(void **state)
{
    (void)state;
    int64_t last = 0;
    char target[96];
    talk_room(&talk, "long");
    for (int i = 0; i < MESSAGES; i++)
        last = talk_post(&talk, ANA, "long", long_text);
    (void)snprintf(target, sizeof(target), "/room/long/messages/before/%lld?limit=%d",
                   (long long)last - 10, LIST_ROWS);
    json_auto_t *batch = json_array();
    for (int i = 0; i < LISTS; i++)
        (void)json_array_append_new(batch, element(target));
    expect_cheap(batch);
}

/*
 * Those who reacted were counted before; whoever they do not fit is told without their being read.
 */
static void many_long_lists_of_reactors__in_one_batch__cost_no_more_than_what_fits(void **state)
{
    (void)state;
    char sql[600], target[96];
    talk_room(&talk, "liked");
    int64_t id = talk_post(&talk, ANA, "liked", "likeable");
    (void)talk_react(&talk, ANA, "liked", id, "x");
    struct db *db = talk_database(&talk);
    (void)snprintf(sql, sizeof(sql),
                   "WITH new AS (INSERT INTO conclave.users (session_id, created_hour,"
                   "                                         last_active_hour)"
                   "     SELECT '\\x15' || sha256(i::text::bytea), 0, 0"
                   "       FROM generate_series(1, %d) i RETURNING id),"
                   " whose AS (UPDATE conclave.reactions SET users = users + %d"
                   "            WHERE message = %lld RETURNING id) "
                   "INSERT INTO conclave.user_reactions (reaction, user_id, seqno, at)"
                   " SELECT whose.id, new.id, 1000 + new.id, 1764000000.5 FROM new, whose",
                   REACTORS, REACTORS, (long long)id);
    assert_int_equal(db_script(db, sql), OK);
    db_free(db);
    (void)snprintf(target, sizeof(target), "/room/liked/reactors/%lld/x", (long long)id);
    json_auto_t *batch = json_array();
    for (int i = 0; i < LISTS; i++)
        (void)json_array_append_new(batch, element(target));
    expect_cheap(batch);
}

/*
 * Lists stop early rather than fail when an earlier one of the batch left little space
 * (docs/design.md, D14).
 */
static void second_long_list__in_one_batch__stops_early(void **state)
{
    (void)state;
    char target[96];
    talk_room(&talk, "two");
    for (int i = 0; i < MESSAGES / 2; i++)
        (void)talk_post(&talk, ANA, "two", long_text);
    (void)snprintf(target, sizeof(target), "/room/two/messages/recent?limit=%d", LIST_ROWS);
    json_auto_t *batch = json_pack("[o,o]", element(target), element(target));
    json_auto_t *replies = NULL;
    assert_int_equal(talk_ask(&talk, ANA, "POST", "/batch", batch, &replies), 200);
    for (size_t i = 0; i < 2; i++) {
        const json_t *one = json_array_get(replies, i);
        assert_int_equal(talk_int(one, "code"), 200);
        assert_true(json_array_size(json_object_get(one, "body")) > 0);
    }
}

static void reader__behind_many_whispers_of_others__gets_what_comes_after(void **state)
{
    (void)state;
    talk_room(&talk, "quiet");
    talk_appoint(&talk, MOD, "quiet", NULL);
    int64_t first = talk_post(&talk, ANA, "quiet", "first");
    for (int i = 0; i < WHISPERS; i++)
        (void)talk_whisper(&talk, MOD, "quiet", long_text, -1, true);
    int64_t last = talk_post(&talk, ANA, "quiet", "last");
    json_auto_t *all = talk_get(&talk, ANA, "/room/quiet/messages/since/0?t=r");
    assert_int_equal(json_array_size(all), 2);
    assert_non_null(talk_row(all, first));
    assert_non_null(talk_row(all, last));
    json_auto_t *recent = talk_get(&talk, ANA, "/room/quiet/messages/recent");
    assert_int_equal(json_array_size(recent), 2);
}

/* ---- memory that is cold ---- */

static void restart(void)
{
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
    assert_int_equal(world_restart_server(&talk.w, 0, NULL), OK);
    for (size_t i = 0; i < MEMBERS; i++)
        talk_move(&talk, i, 0);
}

static void run_sql(const char *sql)
{
    const struct db_options patient = {.url = talk.w.database_url,
                                       .lock_timeout_ms = AUTOVACUUM_MS};
    struct db *db = NULL;
    assert_int_equal(db_new(&patient, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    assert_int_equal(db_script(db, sql), OK);
    db_free(db);
}

static void fill_quiet_rooms(void)
{
    char sql[200], token[16];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.rooms (token, name, created)"
                   " SELECT 'quiet' || n, 'quiet', 0 FROM generate_series(0, %d) n",
                   ROOMS - 1);
    run_sql(sql);
    restart();
    for (int i = 0; i < QUIET; i++) {
        (void)snprintf(token, sizeof(token), "quiet%d", i * (ROOMS / QUIET));
        for (int n = 0; n < QUIET_POSTS; n++)
            (void)talk_post(&talk, ANA, token, "quiet");
    }
}

/* Newer than the quiet rooms' few; PostgreSQL has counted a single room. */
static void fill_large_room(int64_t messages)
{
    char sql[700];
    (void)snprintf(sql, sizeof(sql),
                   "SET session_replication_role = replica;"
                   "INSERT INTO conclave.messages"
                   " (room, author, posted, seqno_creation, seqno_data, key_id, body)"
                   " SELECT r.id, u.id, n, n, n, 1, decode(repeat('00', 104), 'hex')"
                   "   FROM generate_series(1, %lld) n,"
                   "        (SELECT id FROM conclave.rooms WHERE token = 'lobby') r,"
                   "        (SELECT min(id) AS id FROM conclave.users) u;"
                   "ALTER TABLE conclave.messages ALTER room SET (n_distinct = 1);"
                   "ANALYZE conclave.messages",
                   (long long)messages);
    run_sql(sql);
}

/* The last test: the world is full afterwards. */
static void many_quiet_rooms__right_after_a_start__are_read_at_once(void **state)
{
    (void)state;
    char target[64];
    fill_quiet_rooms();
    fill_large_room(getenv("CONCLAVE_TEST_FULL") != NULL ? OTHERS_FULL : OTHERS);
    json_auto_t *batch = json_array();
    for (int i = 0; i < QUIET; i++) {
        (void)snprintf(target, sizeof(target), "/room/quiet%d/messages/recent",
                       i * (ROOMS / QUIET));
        (void)json_array_append_new(batch, element(target));
    }
    restart();
    json_auto_t *replies = NULL;
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(talk_ask(&talk, ANA, "POST", "/batch", batch, &replies), 200);
    int64_t took_ms = clock_mono_ms() - began_ms;
    print_message("%d quiet rooms in %lld ms\n", QUIET, (long long)took_ms);
    assert_int_equal(json_array_size(replies), QUIET);
    for (size_t i = 0; i < QUIET; i++) {
        const json_t *one = json_array_get(replies, i);
        assert_int_equal(talk_int(one, "code"), 200);
        assert_int_equal(json_array_size(json_object_get(one, "body")), QUIET_POSTS);
    }
    assert_in_range(took_ms, 0, COLD_MAX_MS);
}

static int open_talk(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                      "CONCLAVE_LIMITS_STRANGERS_TOGETHER=off",
                                      "CONCLAVE_MEMORY_STATE=8M", NULL};
    memset(long_text, 'x', LONG_TEXT);
    talk_open(&talk, 1, MEMBERS, env);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_long_lists__in_one_batch__cost_no_more_than_what_fits),
        cmocka_unit_test(many_long_lists_of_reactors__in_one_batch__cost_no_more_than_what_fits),
        cmocka_unit_test(second_long_list__in_one_batch__stops_early),
        cmocka_unit_test(reader__behind_many_whispers_of_others__gets_what_comes_after),
        cmocka_unit_test(many_quiet_rooms__right_after_a_start__are_read_at_once),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
