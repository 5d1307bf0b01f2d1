/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages as members read, edit and delete them (docs/protocol/community.md, 6, statements 25-35
 * and 40-43). One world; each test has a room of its own.
 *
 * test-timeout-s: 240
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "integration/talk.h"

enum { ANA, BEN, CLEO, MOD, ADMIN, MEMBERS };

static struct talk talk;

static void padded_post__is_read_byte_for_byte(void **state)
{
    (void)state;
    talk_room(&talk, "s25");
    static const char *const texts[] = {"", "short", "ends in zeros"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_auto_t *body = community_post_body(&talk.members[ANA].community, texts[i]);
        json_auto_t *echo = NULL;
        assert_int_equal(talk_ask(&talk, ANA, "POST", "/room/s25/message", body, &echo), 201);
        json_auto_t *row =
            talk_get(&talk, BEN, "/room/s25/message/%lld", (long long)talk_int(echo, "id"));
        assert_true(json_equal(json_object_get(row, "data"), json_object_get(body, "data")));
        assert_true(
            json_equal(json_object_get(row, "signature"), json_object_get(body, "signature")));
        assert_true(json_equal(json_object_get(row, "posted"), json_object_get(echo, "posted")));
    }
}

static void deleted_posts__leave_tombstones_only_for_readers_who_had_them(void **state)
{
    (void)state;
    int64_t ids[10];
    talk_room(&talk, "s26");
    for (int i = 0; i < 10; i++)
        ids[i] = talk_post(&talk, ANA, "s26", "one of ten");
    static const int gone[] = {1, 4, 7};
    for (size_t i = 0; i < COUNT_OF(gone); i++)
        talk_delete(&talk, ANA, "s26", ids[gone[i]]);
    json_auto_t *rows = talk_since(&talk, BEN, "s26", 5, "?t=r"); /* knows 0-4 */
    for (int i = 0; i < 10; i++) {
        const json_t *row = talk_row(rows, ids[i]);
        bool deleted = i == 1 || i == 4 || i == 7;
        if (i < 5 && deleted)
            assert_true(talk_is_tombstone(row));
        else if (i >= 5 && !deleted)
            assert_true(json_is_string(json_object_get(row, "data")));
        else
            assert_null(row);
    }
    json_auto_t *all = talk_since(&talk, BEN, "s26", 0, "?t=r");
    assert_int_equal(json_array_size(all), 7);
}

static void edited_post__is_polled_once_with_its_old_id_and_time(void **state)
{
    (void)state;
    talk_room(&talk, "s27");
    json_auto_t *first = talk_say(&talk, ANA, "s27", "before");
    int64_t id = talk_int(first, "id");
    int64_t seqno = talk_int(first, "seqno");
    (void)talk_post(&talk, BEN, "s27", "between");
    talk_edit(&talk, ANA, "s27", id, "after");
    json_auto_t *rows = talk_since(&talk, BEN, "s27", seqno, "");
    assert_int_equal(json_array_size(rows), 2);
    const json_t *row = json_array_get(rows, 1);
    struct message m AUTO_MESSAGE = {0};
    assert_int_equal(message_read(row, &m), OK);
    assert_int_equal(m.id, id);
    assert_true(m.verified);
    assert_true(span_eq_text(m.content.text, "after"));
    assert_int_equal(talk_int(row, "seqno"), seqno + 2);
    assert_true(json_is_real(json_object_get(row, "edited")));
    assert_true(json_equal(json_object_get(row, "posted"), json_object_get(first, "posted")));
}

static void edit_with_identical_data__is_no_change(void **state)
{
    (void)state;
    talk_room(&talk, "s28");
    json_auto_t *body = community_post_body(&talk.members[ANA].community, "the same");
    json_auto_t *row = NULL;
    assert_int_equal(talk_ask(&talk, ANA, "POST", "/room/s28/message", body, &row), 201);
    int64_t seqno = talk_int(row, "seqno");
    char target[64];
    (void)snprintf(target, sizeof(target), "/room/s28/message/%lld",
                   (long long)talk_int(row, "id"));
    assert_int_equal(talk_ask(&talk, ANA, "PUT", target, body, NULL), 200);
    json_auto_t *rows = talk_since(&talk, BEN, "s28", seqno, "?t=r");
    assert_int_equal(json_array_size(rows), 0);
    assert_int_equal(talk_sequence(&talk, BEN, "s28"), seqno);
}

static void poll__shows_new_reactions_only_with_t_r(void **state)
{
    (void)state;
    talk_room(&talk, "s29");
    int64_t id = talk_post(&talk, ANA, "s29", "react to me");
    int64_t seqno = talk_react(&talk, BEN, "s29", id, "👍");
    json_auto_t *without = talk_since(&talk, CLEO, "s29", seqno - 1, "");
    assert_int_equal(json_array_size(without), 0);
    json_auto_t *other_flags = talk_since(&talk, CLEO, "s29", seqno - 1, "?t=Rx");
    assert_int_equal(json_array_size(other_flags), 0);
    json_auto_t *with = talk_since(&talk, CLEO, "s29", seqno - 1, "?t=r");
    assert_int_equal(json_array_size(with), 1);
    const json_t *row = json_array_get(with, 0);
    assert_int_equal(json_object_size(row), 3);
    assert_int_equal(talk_int(row, "id"), id);
    assert_int_equal(talk_int(row, "seqno"), seqno);
    assert_int_equal(json_object_size(json_object_get(row, "reactions")), 1);
}

static void edit_and_reactions_after_n__are_one_full_row(void **state)
{
    (void)state;
    talk_room(&talk, "s30");
    int64_t id = talk_post(&talk, ANA, "s30", "before");
    talk_edit(&talk, ANA, "s30", id, "after");
    int64_t seqno = talk_react(&talk, BEN, "s30", id, "👍");
    json_auto_t *rows = talk_since(&talk, CLEO, "s30", 1, "?t=r");
    assert_int_equal(json_array_size(rows), 1);
    const json_t *row = json_array_get(rows, 0);
    assert_int_equal(talk_int(row, "seqno"), seqno);
    assert_true(json_is_string(json_object_get(row, "data")));
    assert_int_equal(json_object_size(json_object_get(row, "reactions")), 1);
    /* Without t=r the full row shows the reactions, too, and their number. */
    json_auto_t *plain = talk_since(&talk, CLEO, "s30", 1, "");
    assert_true(json_equal(plain, rows));
}

static void since_0_with_t_r__gives_full_rows_only(void **state)
{
    (void)state;
    talk_room(&talk, "s31");
    for (int i = 0; i < 3; i++) {
        int64_t id = talk_post(&talk, ANA, "s31", "full");
        (void)talk_react(&talk, BEN, "s31", id, "👍");
    }
    json_auto_t *rows = talk_since(&talk, CLEO, "s31", 0, "?t=r");
    assert_int_equal(json_array_size(rows), 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(json_is_string(json_object_get(json_array_get(rows, i), "data")));
}

static void deleting_a_message_with_three_reactions__draws_four_numbers(void **state)
{
    (void)state;
    talk_room(&talk, "s32");
    int64_t id = talk_post(&talk, ANA, "s32", "popular");
    (void)talk_react(&talk, BEN, "s32", id, "a");
    (void)talk_react(&talk, CLEO, "s32", id, "a");
    int64_t before = talk_react(&talk, BEN, "s32", id, "b");
    talk_delete(&talk, ANA, "s32", id);
    assert_int_equal(talk_sequence(&talk, BEN, "s32"), before + 4);
    json_auto_t *rows = talk_since(&talk, BEN, "s32", before, "?t=r");
    assert_int_equal(json_array_size(rows), 1);
    assert_true(talk_is_tombstone(json_array_get(rows, 0)));
    assert_int_equal(talk_int(json_array_get(rows, 0), "seqno"), before + 4);
    json_auto_t *nothing = talk_since(&talk, BEN, "s32", before + 4, "?t=r");
    assert_int_equal(json_array_size(nothing), 0);
}

static void poll__of_250_changes__comes_as_100_100_50(void **state)
{
    (void)state;
    static const size_t expected[] = {100, 100, 50, 0};
    talk_room(&talk, "s33");
    for (int i = 0; i < 250; i++)
        (void)talk_post(&talk, ANA, "s33", "one of many");
    int64_t seqno = 0;
    for (size_t page = 0; page < COUNT_OF(expected); page++) {
        json_auto_t *rows = talk_since(&talk, BEN, "s33", seqno, "");
        assert_int_equal(json_array_size(rows), expected[page]);
        for (size_t i = 0; i < json_array_size(rows); i++)
            assert_int_equal(talk_int(json_array_get(rows, i), "seqno"), ++seqno);
    }
}

/* ---- 34: two posters and a reader ---- */

struct poster {
    size_t member;
    int64_t last_id;
};
enum { POSTS_EACH = 150 };

static void *post_many(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < POSTS_EACH; i++)
        p->last_id = talk_post(&talk, p->member, "s34", "from one of two");
    return NULL;
}

static void two_posters_at_once__no_message_is_skipped_by_a_poll(void **state)
{
    (void)state;
    struct poster posters[] = {{.member = ANA}, {.member = BEN}};
    pthread_t threads[2];
    int64_t seqno = 0;
    talk_room(&talk, "s34");
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    int64_t deadline_ms = clock_mono_ms() + 60000;
    while (seqno < 2 * POSTS_EACH && clock_mono_ms() < deadline_ms) {
        json_auto_t *rows = talk_since(&talk, CLEO, "s34", seqno, "?limit=7");
        for (size_t i = 0; i < json_array_size(rows); i++)
            assert_int_equal(talk_int(json_array_get(rows, i), "seqno"), ++seqno);
    }
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(seqno, 2 * POSTS_EACH);
}

static void recent_and_before__newest_first_and_nothing_deleted(void **state)
{
    (void)state;
    int64_t ids[6];
    talk_room(&talk, "s35");
    for (int i = 0; i < 6; i++)
        ids[i] = talk_post(&talk, ANA, "s35", "a line");
    talk_delete(&talk, ANA, "s35", ids[3]);
    static const int recent[] = {5, 4, 2}, before[] = {2, 1};
    json_auto_t *newest = talk_get(&talk, BEN, "/room/s35/messages/recent?limit=3");
    assert_int_equal(json_array_size(newest), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(talk_int(json_array_get(newest, i), "id"), ids[recent[i]]);
    json_auto_t *older =
        talk_get(&talk, BEN, "/room/s35/messages/before/%lld?limit=2", (long long)ids[4]);
    assert_int_equal(json_array_size(older), 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(talk_int(json_array_get(older, i), "id"), ids[before[i]]);
    talk_refused(&talk, BEN, 404, "GET", "/room/s35/message/%lld", (long long)ids[3]);
    talk_refused(&talk, BEN, 404, "GET", "/room/lobby/message/%lld", (long long)ids[0]);
}

static int post_code(size_t member, const char *room)
{
    char target[64];
    json_auto_t *body = community_post_body(&talk.members[member].community, "quick");
    (void)snprintf(target, sizeof(target), "/room/%s/message", room);
    return talk_ask(&talk, member, "POST", target, body, NULL);
}

static void sixth_post_in_16_seconds__is_refused_except_to_admins(void **state)
{
    (void)state;
    static const char *const limited[] = {"CONCLAVE_ROOMS_POST_LIMIT=5/16s", NULL};
    size_t server = 0;
    talk_room_with_staff(&talk, MOD, ADMIN, "s40");
    assert_int_equal(world_start_server(&talk.w, limited, &server), OK);
    static const size_t who[] = {ANA, MOD, ADMIN};
    for (size_t i = 0; i < COUNT_OF(who); i++) {
        talk_move(&talk, who[i], server);
        for (int n = 0; n < 5; n++)
            assert_int_equal(post_code(who[i], "s40"), 201);
        assert_int_equal(post_code(who[i], "s40"), who[i] == ADMIN ? 201 : 429);
    }
    /* Of another room nothing is taken away; what is deleted counts on. */
    assert_int_equal(post_code(ANA, "lobby"), 201);
    json_auto_t *rows = talk_get(&talk, ANA, "/room/s40/messages/since/0");
    talk_delete(&talk, ANA, "s40", talk_int(json_array_get(rows, 0), "id"));
    assert_int_equal(post_code(ANA, "s40"), 429);
    for (size_t i = 0; i < COUNT_OF(who); i++)
        talk_move(&talk, who[i], 0);
    assert_int_equal(world_stop_server(&talk.w, server), 0);
    talk.w.server_count--;
}

static void user_without_write__may_not_delete_his_own(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "s41");
    int64_t id = talk_post(&talk, ANA, "s41", "I would take it back");
    const char *const mute[] = {"room", "set", "s41", "--write", "no", NULL};
    talk_command(&talk, mute);
    int code = 200;
    for (int64_t end = clock_mono_ms() + 5000; code == 200 && clock_mono_ms() < end;) {
        json_auto_t *info = talk_get(&talk, ANA, "/room/s41/pollInfo/1");
        code = json_is_false(json_object_get(info, "write")) ? 403 : 200;
        (void)poll(NULL, 0, 10);
    }
    talk_refused(&talk, ANA, 403, "DELETE", "/room/s41/message/%lld", (long long)id);
    assert_int_equal(community_edit(&talk.members[ANA].community, "s41", id, "x"), ERR_DENIED);
    assert_int_equal(talk.members[ANA].community.refusal.code, 403);
    (void)talk_react(&talk, ANA, "s41", id, "🤐"); /* reading is enough for that */
    talk_delete(&talk, MOD, "s41", id);
}

static void admin_who_is_not_the_author__deletes_but_does_not_edit(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "s42");
    int64_t id = talk_post(&talk, ANA, "s42", "mine");
    assert_int_equal(community_edit(&talk.members[ADMIN].community, "s42", id, "yours"),
                     ERR_DENIED);
    assert_int_equal(talk.members[ADMIN].community.refusal.code, 403);
    talk_refused(&talk, BEN, 403, "DELETE", "/room/s42/message/%lld", (long long)id);
    talk_delete(&talk, ADMIN, "s42", id);
    talk_refused(&talk, ADMIN, 404, "DELETE", "/room/s42/message/%lld", (long long)id);
    assert_int_equal(community_edit(&talk.members[ANA].community, "s42", id, "late"), ERR_DENIED);
    assert_int_equal(talk.members[ANA].community.refusal.code, 404);
    talk_refused(&talk, ADMIN, 404, "DELETE", "/room/s42/message/99999999999999999999");
}

static void signature_of_another_length__is_refused(void **state)
{
    (void)state;
    talk_room(&talk, "s43");
    int64_t id = talk_post(&talk, ANA, "s43", "signed");
    char edit[64];
    (void)snprintf(edit, sizeof(edit), "/room/s43/message/%lld", (long long)id);
    static const char short_sig[] = /* 63 bytes */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const struct {
        const char *key;
        json_t *value;
    } cases[] = {
        {"signature", json_string(short_sig)}, {"signature", json_string("not base64!")},
        {"data", json_string("====")},         {"data", json_integer(7)},
        {"files", json_string("12")},          {"files", json_pack("[f]", 1.5)},
        {"files", json_pack("[s]", "-1")},     {"files", json_pack("[s]", "99999999999999999999")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_auto_t *body = community_post_body(&talk.members[ANA].community, "bad");
        (void)json_object_set_new(body, cases[i].key, cases[i].value);
        assert_int_equal(talk_ask(&talk, ANA, "POST", "/room/s43/message", body, NULL), 400);
        assert_int_equal(talk_ask(&talk, ANA, "PUT", edit, body, NULL), 400);
    }
    assert_int_equal(talk_sequence(&talk, ANA, "s43"), 1);
}

/* ---- several kinds at once ---- */

static void batch__of_every_kind__is_answered_in_order(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "mixed");
    int64_t id = talk_post(&talk, MOD, "mixed", "in the middle of things");
    json_auto_t *post = community_post_body(&talk.members[MOD].community, "more");
    char paths[3][80];
    (void)snprintf(paths[0], sizeof(paths[0]), "/room/mixed/reaction/%lld/🙂", (long long)id);
    (void)snprintf(paths[1], sizeof(paths[1]), "/room/mixed/message/%lld", (long long)id);
    (void)snprintf(paths[2], sizeof(paths[2]), "/room/mixed/reactions/%lld", (long long)id);
    json_auto_t *batch =
        json_pack("[{s:s,s:s,s:n}, {s:s,s:s,s:n}, {s:s,s:s}, {s:s,s:s,s:O}, {s:s,s:s,s:O},"
                  " {s:s,s:s}, {s:s,s:s}, {s:s,s:s,s:n}]",
                  "method", "PUT", "path", paths[0], "json",                     /* 2 */
                  "method", "PUT", "path", paths[0], "json",                     /* nothing new */
                  "method", "DELETE", "path", paths[2],                          /* 3 */
                  "method", "PUT", "path", paths[1], "json", post,               /* 4 */
                  "method", "POST", "path", "/room/mixed/message", "json", post, /* 5 */
                  "method", "DELETE", "path", paths[1],                          /* 6 */
                  "method", "DELETE", "path", paths[1],                          /* 404 */
                  "method", "PUT", "path", paths[0], "json");                    /* 404 */
    json_auto_t *replies = NULL;
    assert_int_equal(talk_ask(&talk, MOD, "POST", "/batch", batch, &replies), 200);
    static const int codes[] = {200, 200, 200, 200, 201, 200, 404, 404};
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        assert_int_equal(talk_int(json_array_get(replies, i), "code"), codes[i]);
    const json_t *posted = json_object_get(json_array_get(replies, 4), "body");
    assert_int_equal(talk_int(posted, "seqno"), 5);
    assert_int_equal(talk_sequence(&talk, MOD, "mixed"), 6);
}

static void request__of_any_kind__sent_twice__is_done_once(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "twice");
    int64_t id = talk_post(&talk, ANA, "twice", "once");
    char target[80];
    (void)snprintf(target, sizeof(target), "/room/twice/reaction/%lld/x", (long long)id);
    struct community_request request = {
        .method = "PUT", .target = target, .signing = SIGNED_BLINDED};
    struct member *ana = &talk.members[ANA];
    for (int round = 0; round < 2; round++) {
        struct buf wrapped AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
        struct onion_secret secret = {0};
        assert_int_equal(community_wrap(&ana->community, &request, &wrapped, &secret), OK);
        for (int i = 0; i < 2; i++) {
            struct onion_reply reply AUTO_ONION_REPLY = {0};
            assert_int_equal(server_link_post(ana->link, buf_span(&wrapped), &secret, &reply), OK);
            assert_int_equal(reply.code, i == 0 ? 200 : 425);
        }
        onion_client_done(&secret);
        request.method = "DELETE";
    }
    assert_int_equal(talk_sequence(&talk, ANA, "twice"), 3);
}

static int set_up(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off", NULL};
    (void)state;
    talk_open(&talk, 1, MEMBERS, env);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(padded_post__is_read_byte_for_byte),
        cmocka_unit_test(deleted_posts__leave_tombstones_only_for_readers_who_had_them),
        cmocka_unit_test(edited_post__is_polled_once_with_its_old_id_and_time),
        cmocka_unit_test(edit_with_identical_data__is_no_change),
        cmocka_unit_test(poll__shows_new_reactions_only_with_t_r),
        cmocka_unit_test(edit_and_reactions_after_n__are_one_full_row),
        cmocka_unit_test(since_0_with_t_r__gives_full_rows_only),
        cmocka_unit_test(deleting_a_message_with_three_reactions__draws_four_numbers),
        cmocka_unit_test(poll__of_250_changes__comes_as_100_100_50),
        cmocka_unit_test(two_posters_at_once__no_message_is_skipped_by_a_poll),
        cmocka_unit_test(recent_and_before__newest_first_and_nothing_deleted),
        cmocka_unit_test(sixth_post_in_16_seconds__is_refused_except_to_admins),
        cmocka_unit_test(user_without_write__may_not_delete_his_own),
        cmocka_unit_test(admin_who_is_not_the_author__deletes_but_does_not_edit),
        cmocka_unit_test(signature_of_another_length__is_refused),
        cmocka_unit_test(batch__of_every_kind__is_answered_in_order),
        cmocka_unit_test(request__of_any_kind__sent_twice__is_done_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
