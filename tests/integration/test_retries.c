/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A phone that got no answer posts the same bytes again, under a new nonce. It gets the first
 * answer, from whichever server, and there is one message. What carries no time of its author may
 * be meant twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "client/padding.h"
#include "integration/database.h"
#include "integration/talk.h"

enum { ANA, BEN, MOD, PEOPLE };
enum {
    RACES = 20,
    KNOWN_WITHIN_MS = 5000,
    FORGOTTEN_WITHIN_MS = 15000, /* the job looks every 10 s */
    STEP_MS = 20,
    TEXT_MAX = 4096,
};

static struct talk t;
static struct db *db;
static struct member ana_elsewhere; /* the same account at the other server */

static int open_talk(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    talk_open(&t, 2, PEOPLE, env);
    talk_appoint(&t, MOD, NULL, NULL);
    db = talk_database(&t);
    assert_int_equal(member_open(&t.w, ANA, 1, false, &ana_elsewhere), OK);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    member_close(&ana_elsewhere);
    db_free(db);
    talk_close(&t);
    return 0;
}

/* ---- helpers ---- */

static json_t *new_body(const char *text)
{
    json_t *body = community_post_body(&t.members[ANA].community, text);
    assert_non_null(body);
    return body;
}

static json_t *base64_json(struct span s)
{
    char text[TEXT_MAX] = {0};
    assert_true(base64_len(s.len) < sizeof(text));
    base64_write(s, text);
    return json_string(text);
}

/* Ana's post of these bytes, padded and signed. */
static json_t *body_of(struct span content)
{
    const struct community *c = &t.members[ANA].community;
    struct ed25519_sig sig;
    AUTO_BUF struct buf data = buf_make(TEXT_MAX);
    padding_put(&data, content, PADDING_NEWER);
    assert_int_equal(
        blinding_sign15(&c->account, &c->blinded, BLINDING_NONCE_SEED32, buf_span(&data), &sig),
        OK);
    return json_pack("{s:o, s:o}", "data", base64_json(buf_span(&data)), "signature",
                     base64_json(SPAN_OF_KEY(&sig)));
}

/* Each call signs anew: another nonce and time. The reply, or NULL when it was refused. */
static json_t *send_from(struct member *m, const char *room, const json_t *body)
{
    char target[96];
    json_t *row = NULL;
    (void)snprintf(target, sizeof(target), "/room/%s/message", room);
    return community_send(&m->community, "POST", target, body, &row) == OK ? row : NULL;
}

static json_t *send(const char *room, const json_t *body)
{
    return send_from(&t.members[ANA], room, body);
}

static int64_t count(const char *sql)
{
    return database_number(db, sql);
}

static int64_t messages(void)
{
    return count("SELECT count(*) FROM conclave.messages");
}

static void assert_same(const json_t *first, const json_t *again)
{
    assert_non_null(first);
    assert_non_null(again);
    if (!json_equal(first, again))
        fail_msg("%s\n%s", json_dumps(first, 0), json_dumps(again, 0));
}

/* A room of this test's own, with what it needs of filters; known to the server that Ana is at. */
static void new_room(const char *room, const char *const *filter)
{
    const char *const described[] = {"room", "set", room, "--description", "settled", NULL};
    talk_room(&t, room);
    if (filter)
        talk_command(&t, filter);
    talk_command(&t, described);
    int64_t deadline = clock_mono_ms() + KNOWN_WITHIN_MS;
    for (bool seen = false; !seen;) {
        json_auto_t *object = talk_get(&t, ANA, "/room/%s", room);
        const char *text = json_string_value(json_object_get(object, "description"));
        seen = text != NULL && strcmp(text, "settled") == 0;
        assert_true(seen || clock_mono_ms() < deadline);
        if (!seen)
            (void)poll(NULL, 0, STEP_MS);
    }
}

/* ---- what is a retry ---- */

static void retry__at_any_server__gets_the_first_answer(void **state)
{
    (void)state;
    json_auto_t *body = new_body("once");
    json_auto_t *first = send("lobby", body);
    int64_t before = messages();
    int64_t sequence = talk_sequence(&t, ANA, "lobby");
    json_auto_t *again = send("lobby", body);
    json_auto_t *elsewhere = send_from(&ana_elsewhere, "lobby", body);
    assert_same(first, again);
    assert_same(first, elsewhere);
    assert_int_equal(messages(), before);
    assert_int_equal(talk_sequence(&t, ANA, "lobby"), sequence);
    /* Nothing else is one. */
    json_auto_t *other = new_body("once more");
    json_auto_t *row = send("lobby", other);
    assert_true(talk_int(row, "id") > talk_int(first, "id"));
}

static void retry__in_another_room_or_by_somebody_else__is_a_post(void **state)
{
    (void)state;
    new_room("elsewhere", NULL);
    json_auto_t *body = new_body("here and there");
    json_auto_t *here = send("lobby", body);
    json_auto_t *there = send("elsewhere", body);
    json_auto_t *his = send_from(&t.members[BEN], "lobby", body);
    assert_int_not_equal(talk_int(here, "id"), talk_int(there, "id"));
    assert_int_not_equal(talk_int(here, "id"), talk_int(his, "id"));
}

struct racer {
    struct member *member;
    const json_t *body;
    json_t *row;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    r->row = send_from(r->member, "lobby", r->body);
    return NULL;
}

static void retry__while_the_first_is_under_way__is_one_message(void **state)
{
    (void)state;
    for (int i = 0; i < RACES; i++) {
        json_auto_t *body = new_body("at once");
        int64_t before = messages();
        struct member third;
        assert_int_equal(member_open(&t.w, ANA, 0, false, &third), OK);
        struct racer racers[] = {
            {&t.members[ANA], body, NULL}, {&ana_elsewhere, body, NULL}, {&third, body, NULL}};
        pthread_t threads[COUNT_OF(racers)];
        for (size_t k = 0; k < COUNT_OF(racers); k++)
            assert_int_equal(pthread_create(&threads[k], NULL, race, &racers[k]), 0);
        for (size_t k = 0; k < COUNT_OF(racers); k++)
            assert_int_equal(pthread_join(threads[k], NULL), 0);
        for (size_t k = 0; k < COUNT_OF(racers); k++) {
            assert_same(racers[0].row, racers[k].row);
            if (k > 0)
                json_decref(racers[k].row);
        }
        json_decref(racers[0].row);
        assert_int_equal(messages(), before + 1);
        member_close(&third);
    }
}

static void retry__in_a_batch__gets_the_first_answer(void **state)
{
    (void)state;
    json_auto_t *body = new_body("one of several");
    json_auto_t *batch = json_array();
    json_auto_t *replies = NULL;
    for (int i = 0; i < 3; i++)
        (void)json_array_append_new(batch, json_pack("{s:s, s:s, s:O}", "method", "POST", "path",
                                                     "/room/lobby/message", "json", body));
    int64_t before = messages();
    assert_int_equal(talk_ask(&t, ANA, "POST", "/batch", batch, &replies), 200);
    for (size_t i = 0; i < 3; i++) {
        const json_t *reply = json_array_get(replies, i);
        assert_int_equal(talk_int(reply, "code"), 201);
        assert_same(json_object_get(json_array_get(replies, 0), "body"),
                    json_object_get(reply, "body"));
    }
    assert_int_equal(messages(), before + 1);
}

static void retry__of_an_envelope__gets_the_first_answer(void **state)
{
    (void)state;
    /* type 6, timestamp 1, content { dataMessage { body "hi" }, sigTimestamp 1 } */
    static const uint8_t envelope[] = {0x08, 6,    0x28, 1,   0x42, 8,    0x0a,
                                       4,    0x0a, 2,    'h', 'i',  0x78, 1};
    json_auto_t *body = body_of(span_of(envelope, sizeof(envelope)));
    json_auto_t *first = send("lobby", body);
    json_auto_t *again = send("lobby", body);
    assert_same(first, again);
}

static void equal_posts__without_a_time__are_two(void **state)
{
    (void)state;
    static const uint8_t content[] = {0x0a, 4, 0x0a, 2, 'h', 'i'};
    json_auto_t *body = body_of(span_of(content, sizeof(content)));
    json_auto_t *first = send("lobby", body);
    json_auto_t *second = send("lobby", body);
    assert_int_not_equal(talk_int(first, "id"), talk_int(second, "id"));
}

/* ---- what became of the first ---- */

static void retry__of_a_deleted_post__revives_nothing(void **state)
{
    (void)state;
    json_auto_t *body = new_body("regretted");
    json_auto_t *first = send("lobby", body);
    talk_delete(&t, ANA, "lobby", talk_int(first, "id"));
    int64_t sequence = talk_sequence(&t, ANA, "lobby");
    json_auto_t *again = send("lobby", body);
    assert_same(first, again);
    assert_int_equal(talk_sequence(&t, ANA, "lobby"), sequence);
    talk_refused(&t, ANA, 404, "GET", "/room/lobby/message/%lld", (long long)talk_int(first, "id"));
}

static void retry__of_an_edited_post__tells_of_the_first(void **state)
{
    (void)state;
    json_auto_t *body = new_body("with a tipo");
    json_auto_t *first = send("lobby", body);
    talk_edit(&t, ANA, "lobby", talk_int(first, "id"), "with a typo");
    json_auto_t *again = send("lobby", body);
    assert_same(first, again);
}

static void retry__of_a_swallowed_post__is_answered_by_the_server_once(void **state)
{
    (void)state;
    static const char *const filter[] = {"filter", "set",   "--alphabets", "cyrillic",
                                         "--room", "latin", NULL};
    static const char *const reply[] = {"filter",        "reply",  "--type", "cyrillic", "--text",
                                        "Latin, please", "--room", "latin",  NULL};
    new_room("latin", filter);
    talk_command(&t, reply);
    new_room("after", NULL); /* learnt later than what was said before */
    json_auto_t *body = new_body("\xd0\xb4\xd0\xb0");
    int64_t before = messages();
    json_auto_t *first = send("latin", body);
    assert_true(json_is_true(json_object_get(first, "filtered")));
    assert_int_equal(messages(), before + 2);
    json_auto_t *again = send("latin", body);
    json_auto_t *elsewhere = send_from(&ana_elsewhere, "latin", body);
    assert_same(first, again);
    assert_same(first, elsewhere);
    assert_int_equal(messages(), before + 2);
}

static void retry__of_a_whisper_to_somebody_else__tells_of_the_first(void **state)
{
    (void)state;
    struct id_text ana, ben;
    json_auto_t *body = community_post_body(&t.members[MOD].community, "psst");
    (void)json_object_set_new(body, "whisper_to", json_string(talk_id(&t, ANA, &ana)));
    json_auto_t *first = send_from(&t.members[MOD], "lobby", body);
    (void)json_object_set_new(body, "whisper_to", json_string(talk_id(&t, BEN, &ben)));
    json_auto_t *again = send_from(&t.members[MOD], "lobby", body);
    assert_same(first, again);
    assert_string_equal(json_string_value(json_object_get(again, "whisper_to")),
                        talk_id(&t, ANA, &ana));
}

static void retry__after_the_server_was_killed__gets_the_first_answer(void **state)
{
    (void)state;
    json_auto_t *body = new_body("just before the end");
    json_auto_t *first = send("lobby", body);
    world_kill_server(&t.w, 0);
    json_auto_t *elsewhere = send_from(&ana_elsewhere, "lobby", body);
    assert_same(first, elsewhere);
    assert_int_equal(world_restart_server(&t.w, 0, NULL), OK);
    json_auto_t *again = send("lobby", body);
    assert_same(first, again);
}

/* ---- what is remembered ---- */

static void same_nonce__sent_twice__is_still_refused(void **state)
{
    (void)state;
    struct community *c = &t.members[ANA].community;
    json_auto_t *body = new_body("the very same request");
    const struct community_request request = {
        .method = "POST", .target = "/room/lobby/message", .json = body, .signing = SIGNED_BLINDED};
    AUTO_BUF struct buf frame = buf_make(KIB(64));
    struct onion_secret secret;
    assert_int_equal(community_wrap(c, &request, &frame, &secret), OK);
    for (int i = 0; i < 2; i++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        assert_int_equal(server_link_post(t.members[ANA].link, buf_span(&frame), &secret, &reply),
                         OK);
        assert_int_equal(reply.code, i == 0 ? 201 : 425);
    }
    onion_client_done(&secret);
}

static void ten_minutes_later__it_is_a_new_post_and_nothing_is_kept(void **state)
{
    (void)state;
    json_auto_t *body = new_body("again in ten minutes");
    json_auto_t *first = send("lobby", body);
    assert_true(count("SELECT count(*) FROM conclave.post_retries") > 0);
    assert_int_equal(count("SELECT count(*) FROM conclave.post_retries"
                           " WHERE until_s > extract(epoch FROM now()) + 601"),
                     0);
    database_run(db, "UPDATE conclave.post_retries SET until_s = until_s - 601");
    json_auto_t *second = send("lobby", body);
    assert_int_not_equal(talk_int(first, "id"), talk_int(second, "id"));
    int64_t deadline = clock_mono_ms() + FORGOTTEN_WITHIN_MS;
    while (count("SELECT count(*) FROM conclave.post_retries") != 1) {
        assert_true(clock_mono_ms() < deadline);
        (void)poll(NULL, 0, STEP_MS);
    }
}

/* In a world of their own: limits. */
static void retry__beyond_every_limit__is_answered_and_refused_posts_leave_no_row(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=2/60s",
                                      "CONCLAVE_LIMITS_STRANGERS_TOGETHER=3/600s",
                                      "CONCLAVE_LIMITS_KNOWN_AFTER=30d", NULL};
    struct talk world;
    talk_open(&world, 1, 2, env);
    struct db *own = talk_database(&world);
    struct member *ana = &world.members[0], *ben = &world.members[1];
    json_auto_t *body = community_post_body(&ana->community, "one");
    json_auto_t *first = send_from(ana, "lobby", body);
    json_auto_t *two = community_post_body(&ana->community, "two");
    json_auto_t *second = send_from(ana, "lobby", two);
    assert_non_null(second);
    json_auto_t *three = community_post_body(&ana->community, "three"); /* her limit */
    assert_null(send_from(ana, "lobby", three));
    assert_int_equal(ana->community.refusal.code, 429);
    for (int i = 0; i < 5; i++) {
        json_auto_t *again = send_from(ana, "lobby", body);
        assert_same(first, again);
    }
    json_auto_t *his = community_post_body(&ben->community, "his"); /* that of all strangers */
    assert_null(send_from(ben, "lobby", his));
    assert_int_equal(ben->community.refusal.code, 429);
    assert_int_equal(database_number(own, "SELECT count(*) FROM conclave.post_retries"), 2);
    db_free(own);
    talk_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry__at_any_server__gets_the_first_answer),
        cmocka_unit_test(retry__in_another_room_or_by_somebody_else__is_a_post),
        cmocka_unit_test(retry__while_the_first_is_under_way__is_one_message),
        cmocka_unit_test(retry__in_a_batch__gets_the_first_answer),
        cmocka_unit_test(retry__of_an_envelope__gets_the_first_answer),
        cmocka_unit_test(equal_posts__without_a_time__are_two),
        cmocka_unit_test(retry__of_a_deleted_post__revives_nothing),
        cmocka_unit_test(retry__of_an_edited_post__tells_of_the_first),
        cmocka_unit_test(retry__of_a_swallowed_post__is_answered_by_the_server_once),
        cmocka_unit_test(retry__of_a_whisper_to_somebody_else__tells_of_the_first),
        cmocka_unit_test(retry__after_the_server_was_killed__gets_the_first_answer),
        cmocka_unit_test(same_nonce__sent_twice__is_still_refused),
        cmocka_unit_test(ten_minutes_later__it_is_a_new_post_and_nothing_is_kept),
        cmocka_unit_test(retry__beyond_every_limit__is_answered_and_refused_posts_leave_no_row),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
