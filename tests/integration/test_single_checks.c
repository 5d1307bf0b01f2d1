/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 180, test-waits: 26
 *
 * Checks that no other check stands behind: each test here is red when exactly one of them is
 * missing. What memory must not have heard of is written into the database without raising a
 * version.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"
#include "integration/cast.h"

enum { ANA, BEN, MOD, LATE, MEMBERS };
enum { REPLAYED = 425, MESSAGE_BYTES = 2000, SIGNATURE_BYTES = 64, TARGET_MAX = 128 };
/* A ban's end is applied by the jobs, which look every 10 s. */
enum { BAN_S = 8, BAN_ENDS_WITHIN_MS = 60 * SECOND_MS };

static struct cast c;

static void make_room(const char *token)
{
    char path[64];
    assert_int_equal(command(&c, "room add %s --name Room", token), 0);
    (void)snprintf(path, sizeof path, "/room/%s", token);
    for (size_t i = 0; i < MEMBERS - 1; i++) /* LATE comes later */
        (void)wait_for_code(&c.members[i], 200, "GET", path);
}

static char *base64_of(struct span bytes)
{
    char *text = calloc(1, base64_len(bytes.len) + 1);
    assert_non_null(text);
    base64_write(bytes, text);
    return text;
}

/* ---- form ---- */

/* The code for a post (id 0) or an edit with data of so many bytes and a signature of so many. */
static int send_bytes(const char *room, int64_t id, size_t data_bytes, size_t signature_bytes)
{
    static const uint8_t signature[SIGNATURE_BYTES + 1] = {1};
    uint8_t *data = malloc(data_bytes + 1);
    assert_non_null(data);
    memset(data, (int)('a' + data_bytes % 7), data_bytes); /* an edit must change something */
    char *d = base64_of(span_of(data, data_bytes)),
         *s = base64_of(span_of(signature, signature_bytes));
    json_auto_t *body = json_pack("{s:s,s:s}", "data", d, "signature", s);
    char *text = json_dumps(body, JSON_COMPACT);
    int code = id == 0
                   ? ask(&c.members[ANA], "POST", text, NULL, "/room/%s/message", room)
                   : ask(&c.members[ANA], "PUT", text, NULL, "/room/%s/message/%" PRId64, room, id);
    free(text);
    free(d);
    free(s);
    free(data);
    return code;
}

static void signature__of_any_other_length__is_refused(void **state)
{
    (void)state;
    make_room("lengths");
    int64_t id = say(&c.members[ANA], "lengths", "words");
    for (size_t n = 0; n <= SIGNATURE_BYTES + 1; n++) {
        assert_int_equal(send_bytes("lengths", 0, 100, n), n == SIGNATURE_BYTES ? 201 : 400);
        assert_int_equal(send_bytes("lengths", id, 100, n), n == SIGNATURE_BYTES ? 200 : 400);
    }
}

static void message__of_the_longest_size__is_taken_and_one_byte_more_is_not(void **state)
{
    (void)state;
    make_room("sizes");
    int64_t id = say(&c.members[ANA], "sizes", "words");
    assert_int_equal(send_bytes("sizes", 0, MESSAGE_BYTES, SIGNATURE_BYTES), 201);
    assert_int_equal(send_bytes("sizes", 0, MESSAGE_BYTES + 1, SIGNATURE_BYTES), 413);
    assert_int_equal(send_bytes("sizes", id, MESSAGE_BYTES, SIGNATURE_BYTES), 200);
    assert_int_equal(send_bytes("sizes", id, MESSAGE_BYTES + 1, SIGNATURE_BYTES), 413);
}

/* ---- rights that memory still believes in ---- */

static void edit__by_somebody_banned_from_the_room__is_refused(void **state)
{
    (void)state;
    make_room("banned");
    int64_t id = say(&c.members[ANA], "banned", "words");
    assert_int_equal(send_bytes("banned", id, 50, SIGNATURE_BYTES), 200);
    sql(&c,
        "INSERT INTO conclave.permissions (room, user_id, banned)"
        " SELECT r.id, u.id, true FROM conclave.rooms r, conclave.users u"
        "  WHERE r.token = 'banned' AND encode(u.session_id, 'hex') = '%s'",
        id15(&c, ANA));
    assert_int_equal(ask(&c.members[ANA], "GET", NULL, NULL, "/room/banned"), 200); /* not heard */
    assert_int_equal(send_bytes("banned", id, 51, SIGNATURE_BYTES), 403);
}

static void edit__without_the_right_to_write_alone__is_refused(void **state)
{
    (void)state;
    make_room("nowrite");
    int64_t id = say(&c.members[ANA], "nowrite", "words");
    sql(&c, "UPDATE conclave.rooms SET write = false WHERE token = 'nowrite'");
    assert_int_equal(send_bytes("nowrite", id, 51, SIGNATURE_BYTES), 403);
    assert_int_equal(send_bytes("nowrite", 0, 51, SIGNATURE_BYTES), 403);
}

static int upload(const char *room)
{
    const struct community_request request = {.method = "POST",
                                              .target = room,
                                              .body = SPAN("content"),
                                              .content_type = "application/octet-stream",
                                              .signing = SIGNED_BLINDED};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    assert_int_equal(community_call(&c.members[ANA].community, &request, &reply), OK);
    return reply.code;
}

static void upload__without_the_right_to_upload_alone__is_refused(void **state)
{
    (void)state;
    make_room("noupload");
    assert_int_equal(upload("/room/noupload/file"), 201);
    sql(&c, "UPDATE conclave.rooms SET upload = false WHERE token = 'noupload'");
    assert_int_equal(upload("/room/noupload/file"), 403);
}

static void moderator__banned_from_the_server__changes_nothing(void **state)
{
    (void)state;
    make_room("globally");
    assert_int_equal(command(&c, "mod add %s --room globally --admin", id15(&c, MOD)), 0);
    (void)wait_for_code(&c.members[MOD], 200, "GET", "/room/globally/permissions");
    int64_t id = say(&c.members[ANA], "globally", "words");
    sql(&c, "UPDATE conclave.users SET banned = true WHERE encode(session_id, 'hex') = '%s'",
        id15(&c, MOD));
    char pin[TARGET_MAX];
    (void)snprintf(pin, sizeof pin, "/room/globally/pin/%" PRId64, id);
    assert_int_equal(ask(&c.members[MOD], "POST", "{}", NULL, "%s", pin), 403);
    assert_int_equal(
        sql_number(&c, "SELECT count(*) FROM conclave.pins WHERE message = %" PRId64, id), 0);
    sql(&c, "UPDATE conclave.users SET banned = false WHERE encode(session_id, 'hex') = '%s'",
        id15(&c, MOD));
    assert_int_equal(ask(&c.members[MOD], "POST", "{}", NULL, "%s", pin), 200);
}

/* ---- a ban with an end, of somebody who was never here ---- */

static void ban__with_an_end__of_an_id_never_seen__ends(void **state)
{
    (void)state;
    make_room("timed");
    assert_int_equal(command(&c, "user ban %s --room timed --for %ds", id05(&c, LATE), BAN_S), 0);
    /* The first contact moves the ban to the blinded id; its end must move along. */
    assert_int_equal(ask(&c.members[LATE], "GET", NULL, NULL, "/room/timed"), 404);
    int64_t began_ms = clock_mono_ms();
    while (ask(&c.members[LATE], "GET", NULL, NULL, "/room/timed") != 200) {
        assert_true(clock_mono_ms() - began_ms < BAN_ENDS_WITHIN_MS);
        const struct timespec pause = {.tv_nsec = 100 * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}

/* ---- the same request at another process ---- */

/* Done once, whoever is asked: the second process remembers nothing, so the database must. */
static void expect_once(struct member *m, const struct community_request *request, int code)
{
    struct member there;
    assert_int_equal(member_open(&c.w, ANA, 1, false, &there), OK);
    struct buf wrapped AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    struct onion_secret secret = {0};
    assert_int_equal(community_wrap(&m->community, request, &wrapped, &secret), OK);
    for (int i = 0; i < 3; i++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        assert_int_equal(
            server_link_post(i == 1 ? there.link : m->link, buf_span(&wrapped), &secret, &reply),
            OK);
        if (reply.code != (i == 0 ? code : REPLAYED))
            fail_msg("%s %s, time %d: %d", request->method, request->target, i, reply.code);
    }
    onion_client_done(&secret);
    member_close(&there);
}

static void write__of_every_kind__at_two_processes__is_done_once(void **state)
{
    (void)state;
    make_room("once");
    struct member *ana = &c.members[ANA];
    int64_t id = say(ana, "once", "words");
    char reaction[TARGET_MAX], reactions[TARGET_MAX], message[TARGET_MAX], all[TARGET_MAX];
    (void)snprintf(reaction, sizeof reaction, "/room/once/reaction/%" PRId64 "/x", id);
    (void)snprintf(reactions, sizeof reactions, "/room/once/reactions/%" PRId64 "/x", id);
    (void)snprintf(message, sizeof message, "/room/once/message/%" PRId64, id);
    (void)snprintf(all, sizeof all, "/room/once/all/%s", id15(&c, ANA));
    json_auto_t *post = community_post_body(&ana->community, "more words");
    const struct community_request requests[] = {
        {.method = "PUT", .target = reaction, .signing = SIGNED_BLINDED},
        {.method = "DELETE", .target = reaction, .signing = SIGNED_BLINDED},
        {.method = "PUT", .target = message, .json = post, .signing = SIGNED_BLINDED},
        {.method = "DELETE", .target = message, .signing = SIGNED_BLINDED},
        {.method = "POST", .target = "/room/once/message", .json = post, .signing = SIGNED_BLINDED},
        {.method = "DELETE", .target = "/inbox", .signing = SIGNED_BLINDED},
        {.method = "DELETE", .target = all, .signing = SIGNED_BLINDED},
    };
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        expect_once(ana, &requests[i], strcmp(requests[i].method, "POST") == 0 ? 201 : 200);
}

/* None of its elements draws a number or claims anything of its own. */
static void batch__that_writes_without_posting__at_two_processes__is_done_once(void **state)
{
    (void)state;
    make_room("batched");
    json_auto_t *batch = json_pack("[{s:s,s:s},{s:s,s:s}]", "method", "GET", "path", "/rooms",
                                   "method", "DELETE", "path", "/inbox");
    const struct community_request request = {
        .method = "POST", .target = "/batch", .json = batch, .signing = SIGNED_BLINDED};
    expect_once(&c.members[ANA], &request, 200);
}

/* ---- two rooms in one batch ---- */

/* A request of a member's own thread. Threads cannot fail a test. */
struct asking {
    struct member *member;
    const char *method;
    char target[TARGET_MAX];
    json_t *json;
    pthread_t thread;
    int code;
};

static void *ask_alone(void *arg)
{
    struct asking *a = arg;
    const struct community_request request = {
        .method = a->method, .target = a->target, .json = a->json, .signing = SIGNED_BLINDED};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    if (community_call(&a->member->community, &request, &reply) == OK)
        a->code = reply.code;
    return NULL;
}

static void start_asking(struct asking *a)
{
    assert_int_equal(pthread_create(&a->thread, NULL, ask_alone, a), 0);
    const struct timespec pause = {.tv_nsec = 200 * 1000000L};
    (void)nanosleep(&pause, NULL); /* until it waits for the writer */
}

static int64_t info_of(const char *room)
{
    return sql_number(&c, "SELECT info_updates FROM conclave.rooms WHERE token = '%s'", room);
}

/*
 * A post into a room that is locked here holds the writer; both deletions queue behind it and are
 * its next batch. Every room whose pins went must be counted.
 */
static void deletions__of_pinned_messages_of_two_rooms_in_one_batch__count_in_both(void **state)
{
    (void)state;
    static const char *const tokens[] = {"pinsa", "pinsb"};
    static struct asking deletions[2], post;
    int64_t before[2];
    make_room("held");
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        char path[64];
        make_room(tokens[i]);
        assert_int_equal(command(&c, "mod add %s --room %s --admin", id15(&c, MOD), tokens[i]), 0);
        (void)snprintf(path, sizeof path, "/room/%s/permissions", tokens[i]);
        (void)wait_for_code(&c.members[MOD], 200, "GET", path);
        int64_t id = say(&c.members[i], tokens[i], "words");
        json_decref(must(&c.members[MOD], "POST", "{}", "/room/%s/pin/%" PRId64, tokens[i], id));
        before[i] = info_of(tokens[i]);
        deletions[i] = (struct asking){.member = &c.members[i], .method = "DELETE"};
        (void)snprintf(deletions[i].target, TARGET_MAX, "/room/%s/message/%" PRId64, tokens[i], id);
    }
    post = (struct asking){.member = &c.members[MOD],
                           .method = "POST",
                           .target = "/room/held/message",
                           .json = community_post_body(&c.members[MOD].community, "words")};
    sql(&c, "BEGIN; SELECT FROM conclave.rooms WHERE token = 'held' FOR UPDATE");
    start_asking(&post);
    for (size_t i = 0; i < COUNT_OF(deletions); i++)
        start_asking(&deletions[i]);
    double commits = 0, after = 0;
    assert_int_equal(world_metric(&c.w, 0, "conclave_batch_commits_total", &commits), OK);
    sql(&c, "COMMIT");
    (void)pthread_join(post.thread, NULL);
    assert_int_equal(post.code, 201);
    json_decref(post.json);
    for (size_t i = 0; i < COUNT_OF(deletions); i++) {
        (void)pthread_join(deletions[i].thread, NULL);
        assert_int_equal(deletions[i].code, 200);
        assert_int_equal(info_of(tokens[i]), before[i] + 1);
    }
    assert_int_equal(world_metric(&c.w, 0, "conclave_batch_commits_total", &after), OK);
    assert_float_equal(after, commits + 2, 0); /* the post's, and one for both */
}

static int open_cast(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off",
                                      "CONCLAVE_ROOMS_MESSAGE_BYTES=2000", NULL};
    cast_open(&c, 2, MEMBERS, env);
    return 0;
}

static int close_cast(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature__of_any_other_length__is_refused),
        cmocka_unit_test(message__of_the_longest_size__is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(edit__by_somebody_banned_from_the_room__is_refused),
        cmocka_unit_test(edit__without_the_right_to_write_alone__is_refused),
        cmocka_unit_test(upload__without_the_right_to_upload_alone__is_refused),
        cmocka_unit_test(moderator__banned_from_the_server__changes_nothing),
        cmocka_unit_test(ban__with_an_end__of_an_id_never_seen__ends),
        cmocka_unit_test(write__of_every_kind__at_two_processes__is_done_once),
        cmocka_unit_test(batch__that_writes_without_posting__at_two_processes__is_done_once),
        cmocka_unit_test(deletions__of_pinned_messages_of_two_rooms_in_one_batch__count_in_both),
    };
    return cmocka_run_group_tests(tests, open_cast, close_cast);
}
