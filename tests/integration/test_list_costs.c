/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lists may cost whoever asks for them: batches of lists that do not fit one reply, of messages and of who reacted,
 * and whispers that the reader does not see.
 *
 * test-timeout-s: 240, test-seconds: 47
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "db/db.h"
#include "integration/talk.h"
#include "integration/usage.h"

enum { ANA, MOD, MEMBERS };
enum { REACTORS = 30000 }; /* three lists of them fit a reply */
enum { LONG_TEXT = 60000, LISTS = 500, LIST_ROWS = 256, MESSAGES = 320, WHISPERS = 1150 };
/* One list of that many rows takes a fifth of a second of both processes at most; five hundred of them far more. */
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

/* Some of the first lists are there, later ones are told apart from an empty room, and nobody waits for them. */
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

/* Those who reacted were counted before; whoever they do not fit is told without their being read. */
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

/* Lists stop early rather than fail when an earlier one of the batch left little space (design D14). */
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
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
