/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What changes cost: what changes nothing is not written down, many changes of one request share
 * commits, and whoever changes much has to wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "db/db.h"
#include "integration/talk.h"

enum { ANA, BEN, MOD, ADMIN, CLEO, MEMBERS };
enum { ROOMS = 20, MESSAGES = 40 };

static struct talk talk;

static int open_all(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    talk_open(&talk, 1, MEMBERS, env);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

static double commits(void)
{
    double value = 0;
    assert_int_equal(world_metric(&talk.w, 0, "conclave_batch_commits_total", &value), OK);
    return value;
}

static double limited(const char *action)
{
    char name[80];
    double value = 0;
    (void)snprintf(name, sizeof(name), "conclave_limited_total{action=\"%s\"}", action);
    assert_int_equal(world_metric(&talk.w, 0, name, &value), OK);
    return value;
}

static int64_t nonces(struct db *db)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(db_query(db, "SELECT count(*) FROM conclave.nonces", NULL, 0, &rows), OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

static void restart(const char *setting)
{
    const char *env[] = {setting, NULL};
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
    assert_int_equal(world_restart_server(&talk.w, 0, env), OK);
    for (size_t i = 0; i < MEMBERS; i++)
        talk_move(&talk, i, 0);
}

static void deletion_of_everything__where_there_is_nothing__leaves_no_mark(void **state)
{
    (void)state;
    struct id_text cleo = account_id_text(&talk.w.accounts[CLEO].id), ana;
    talk_appoint(&talk, MOD, NULL, NULL);
    struct db *db = talk_database(&talk);
    int64_t nonces_before = nonces(db);
    double commits_before = commits();
    /*
     * One's own; another's by a moderator; that of an id that nobody ever saw; and where one may
     * not.
     */
    json_auto_t *own = talk_do(&talk, CLEO, "DELETE", "/rooms/all/%s", cleo.s);
    json_auto_t *seen = talk_do(&talk, MOD, "DELETE", "/rooms/all/%s", cleo.s);
    json_auto_t *unseen = talk_do(&talk, MOD, "DELETE", "/rooms/all/15%064d", 7);
    json_auto_t *denied = talk_do(&talk, BEN, "DELETE", "/rooms/all/%s", talk_id(&talk, ANA, &ana));
    json_auto_t *nothing = json_pack("{s:{},s:i}", "rooms", "total", 0);
    assert_true(json_equal(own, nothing));
    assert_true(json_equal(seen, nothing));
    assert_true(json_equal(unseen, nothing));
    assert_true(json_equal(denied, nothing));
    talk_refused(&talk, CLEO, 404, "DELETE", "/room/lobby/all/%s", cleo.s);
    talk_refused(&talk, MOD, 404, "DELETE", "/room/lobby/all/15%064d", 7);
    talk_refused(&talk, CLEO, 404, "DELETE", "/room/lobby/message/777");
    talk_refused(&talk, CLEO, 404, "DELETE", "/room/lobby/reaction/777/x");
    talk_refused(&talk, MOD, 404, "DELETE", "/room/lobby/reactions/777");
    assert_int_equal(nonces(db), nonces_before);
    assert_true(commits() - commits_before < 1);
    db_free(db);
}

static void deletion_of_everything__in_many_rooms__is_few_commits(void **state)
{
    (void)state;
    char token[16];
    struct id_text ana;
    for (int i = 0; i < ROOMS; i++) {
        (void)snprintf(token, sizeof(token), "many%d", i);
        talk_room(&talk, token);
        (void)talk_post(&talk, ANA, token, "one");
        (void)talk_post(&talk, ANA, token, "two");
    }
    double before = commits();
    json_auto_t *done = talk_do(&talk, ANA, "DELETE", "/rooms/all/%s", talk_id(&talk, ANA, &ana));
    assert_int_equal(talk_int(done, "total"), 2 * ROOMS);
    assert_int_equal(talk_int(json_object_get(done, "rooms"), "many7"), 2);
    assert_int_equal(talk_int(json_object_get(done, "rooms"), "lobby"), 0);
    /* The writer takes what waits: at first perhaps one room alone, then all others. */
    assert_true(commits() - before <= 5);
    for (int i = 0; i < ROOMS; i++) {
        (void)snprintf(token, sizeof(token), "many%d", i);
        json_auto_t *left = talk_get(&talk, BEN, "/room/%s/messages/recent", token);
        assert_int_equal(json_array_size(left), 0);
    }
}

/* A batch of these as one member. */
static json_t *run_batch(size_t member, const char *method, const char *kind, const int64_t *ids)
{
    json_auto_t *elements = json_array();
    char target[80];
    for (int i = 0; i < MESSAGES; i++) {
        (void)snprintf(target, sizeof(target), "/room/batch/%s/%lld%s", kind, (long long)ids[i],
                       strcmp(kind, "reaction") == 0 ? "/x" : "");
        json_t *element = json_pack("{s:s,s:s}", "method", method, "path", target);
        if (strcmp(method, "DELETE") != 0)
            assert_int_equal(json_object_set_new(element, "json", json_object()), 0);
        assert_int_equal(json_array_append_new(elements, element), 0);
    }
    json_t *replies = NULL;
    assert_int_equal(talk_ask(&talk, member, "POST", "/batch", elements, &replies), 200);
    assert_int_equal(json_array_size(replies), MESSAGES);
    return replies;
}

static int64_t code_at(const json_t *replies, size_t i)
{
    return talk_int(json_array_get(replies, i), "code");
}

static void batch__of_many_changes__goes_to_the_writer_together(void **state)
{
    (void)state;
    int64_t ids[MESSAGES];
    talk_room(&talk, "batch");
    for (int i = 0; i < MESSAGES; i++)
        ids[i] = talk_post(&talk, ANA, "batch", "text");
    double before = commits();
    json_auto_t *reacted = run_batch(BEN, "PUT", "reaction", ids);
    for (size_t i = 0; i < MESSAGES; i++) {
        assert_int_equal(code_at(reacted, i), 200);
        const json_t *body = json_object_get(json_array_get(reacted, i), "body");
        assert_true(json_is_true(json_object_get(body, "added")));
        assert_int_equal(talk_int(body, "seqno"), MESSAGES + 1 + (int64_t)i); /* in their order */
    }
    ids[MESSAGES / 2] = 777777; /* one that is not there, and one twice */
    ids[MESSAGES - 1] = ids[0];
    json_auto_t *deleted = run_batch(ANA, "DELETE", "message", ids);
    for (size_t i = 0; i < MESSAGES; i++)
        assert_int_equal(code_at(deleted, i), i == MESSAGES / 2 || i == MESSAGES - 1 ? 404 : 200);
    assert_true(commits() - before <= 10);
}

static void batch__that_reads_what_it_wrote__reads_it(void **state)
{
    (void)state;
    talk_room(&talk, "order");
    json_auto_t *body = community_post_body(&talk.members[ANA].community, "first");
    json_auto_t *elements =
        json_pack("[{s:s,s:s,s:O},{s:s,s:s}]", "method", "POST", "path", "/room/order/message",
                  "json", body, "method", "GET", "path", "/room/order/messages/recent");
    json_t *replies = NULL;
    assert_int_equal(talk_ask(&talk, ANA, "POST", "/batch", elements, &replies), 200);
    assert_int_equal(code_at(replies, 0), 201);
    assert_int_equal(json_array_size(json_object_get(json_array_get(replies, 1), "body")), 1);
    json_decref(replies);
}

static void deletions__beyond_their_limit__are_refused_and_counted_by_what_they_touch(void **state)
{
    (void)state;
    struct id_text ana;
    double before;
    talk_room(&talk, "limit");
    restart("CONCLAVE_LIMITS_DELETIONS=4/1h");
    before = limited("deletion");
    for (int i = 0; i < 4; i++)
        (void)talk_post(&talk, ANA, "limit", "text");
    int64_t kept = talk_post(&talk, BEN, "limit", "text");
    /* One call, four messages: all of the hour, and one more. */
    json_decref(talk_do(&talk, ANA, "DELETE", "/room/limit/all/%s", talk_id(&talk, ANA, &ana)));
    talk_refused(&talk, ANA, 429, "DELETE", "/room/limit/message/%lld", (long long)kept);
    talk_refused(&talk, ANA, 429, "DELETE", "/rooms/all/%s", ana.s);
    assert_true(limited("deletion") - before > 1);
    /* Nobody else is bound by it, and asking for what is not there counts, too. */
    for (int i = 0; i < 3; i++)
        talk_refused(&talk, BEN, 404, "DELETE", "/room/limit/message/777");
    talk_delete(&talk, BEN, "limit", kept);
    talk_refused(&talk, BEN, 429, "DELETE", "/room/limit/message/777");
}

static void deeds_of_moderators__have_a_limit_of_their_own(void **state)
{
    (void)state;
    double before;
    restart("CONCLAVE_LIMITS_MODERATION=6/1h");
    before = limited("moderation");
    talk_room_with_staff(&talk, CLEO, ADMIN, "staff");
    int64_t id = talk_post(&talk, ANA, "staff", "text");
    for (int i = 0; i < 3; i++) {
        json_decref(talk_do(&talk, ADMIN, "POST", "/room/staff/pin/%lld", (long long)id));
        json_decref(talk_do(&talk, ADMIN, "POST", "/room/staff/unpin/%lld", (long long)id));
    }
    talk_refused(&talk, ADMIN, 429, "POST", "/room/staff/pin/%lld", (long long)id);
    talk_delete(&talk, CLEO, "staff", id);
    assert_true(limited("moderation") - before > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deletion_of_everything__where_there_is_nothing__leaves_no_mark),
        cmocka_unit_test(deletion_of_everything__in_many_rooms__is_few_commits),
        cmocka_unit_test(batch__of_many_changes__goes_to_the_writer_together),
        cmocka_unit_test(batch__that_reads_what_it_wrote__reads_it),
        cmocka_unit_test(deletions__beyond_their_limit__are_refused_and_counted_by_what_they_touch),
        cmocka_unit_test(deeds_of_moderators__have_a_limit_of_their_own),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
