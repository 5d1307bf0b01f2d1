/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filters and the two forms of a post: apps read an Envelope where there is one, so what is inside
 * counts, in posts, in edits and in the answers to both. Each test makes a room of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "integration/talk.h"

enum { ANA, BEN, PEOPLE };
enum { KNOWN_WITHIN_MS = 5000, STEP_MS = 10, DATA_MAX = 1024 };
#define CYRILLIC "привет"

static struct talk t;

static int open_talk(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    talk_open(&t, 1, PEOPLE, env);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&t);
    return 0;
}

/* ---- posts in bytes ---- */

static void put_field(struct buf *out, const char *key, const struct buf *inner)
{
    assert_true(inner->len < 128); /* a length of one byte */
    buf_put_text(out, key);
    buf_put_byte(out, (uint8_t)inner->len);
    buf_put(out, buf_span(inner));
}

/* Content { dataMessage { body, profile(101) { displayName } } } and its padding. */
static void put_content(struct buf *out, const char *text, const char *name)
{
    struct buf body AUTO_BUF = buf_make(DATA_MAX), shown AUTO_BUF = buf_make(DATA_MAX);
    struct buf profile AUTO_BUF = buf_make(DATA_MAX), data AUTO_BUF = buf_make(DATA_MAX);
    buf_put_text(&body, text);
    buf_put_text(&shown, name);
    put_field(&profile, "\x0a", &shown);
    put_field(&data, "\x0a", &body);
    put_field(&data, "\xaa\x06", &profile);
    put_field(out, "\x0a", &data);
    buf_put(out, SPAN("\x80\0\0"));
}

/* Envelope { type, timestamp, content }. */
static void put_envelope(struct buf *out, const char *text, const char *name)
{
    struct buf content AUTO_BUF = buf_make(DATA_MAX);
    put_content(&content, text, name);
    buf_put(out, SPAN("\x08\x06\x28\x80\xd0\x95\xff\xbc\x31"));
    put_field(out, "\x42", &content);
}

static json_t *base64_json(struct span s)
{
    char text[2 * DATA_MAX] = {0};
    assert_true(base64_len(s.len) < sizeof(text));
    base64_write(s, text);
    return json_string(text);
}

/* A post or an edit of these bytes, well signed; its code. */
static int send_code(size_t member, const char *method, const char *target, const struct buf *data,
                     json_t **ret)
{
    const struct community *c = &t.members[member].community;
    struct ed25519_sig sig;
    assert_int_equal(
        blinding_sign15(&c->account, &c->blinded, BLINDING_NONCE_SEED32, buf_span(data), &sig), OK);
    json_auto_t *body = json_pack("{s:o, s:o}", "data", base64_json(buf_span(data)), "signature",
                                  base64_json(SPAN_OF_KEY(&sig)));
    return talk_ask(&t, member, method, target, body, ret);
}

/* A filtered room; waits until the filter works. */
static void new_room(const char *room, const char *silent)
{
    const char *const set[] = {
        "filter", "set", "--room", room, "--alphabets", "cyrillic", "--alphabet-silent",
        silent,   NULL};
    const char *const reply[] = {"filter", "reply", "--room", room, "--text", "not so, \\p", NULL};
    char target[64];
    struct buf data AUTO_BUF = buf_make(DATA_MAX);
    talk_room(&t, room);
    talk_command(&t, set);
    talk_command(&t, reply);
    put_content(&data, CYRILLIC, "Ben");
    (void)snprintf(target, sizeof(target), "/room/%s/message", room);
    int64_t deadline = clock_mono_ms() + KNOWN_WITHIN_MS;
    for (bool works = false; !works; (void)poll(NULL, 0, STEP_MS)) {
        json_auto_t *row = NULL;
        assert_true(clock_mono_ms() < deadline);
        int code = send_code(BEN, "POST", target, &data, &row);
        works = code == 429 || json_is_true(json_object_get(row, "filtered"));
    }
}

/* ---- ---- */

static void post__in_an_envelope__is_refused_for_what_is_inside(void **state)
{
    (void)state;
    static const char target[] = "/room/loud/message";
    struct buf clean AUTO_BUF = buf_make(DATA_MAX), bad AUTO_BUF = buf_make(DATA_MAX);
    json_auto_t *row = NULL;
    new_room("loud", "no");
    put_envelope(&clean, "hello", "Ana");
    put_envelope(&bad, CYRILLIC, "Ana");
    int64_t sequence = talk_sequence(&t, ANA, "loud");
    assert_int_equal(send_code(ANA, "POST", target, &bad, NULL), 429);
    assert_int_equal(talk_sequence(&t, ANA, "loud"), sequence);
    assert_int_equal(send_code(ANA, "POST", target, &clean, &row), 201);
    assert_null(json_object_get(row, "filtered"));
    json_auto_t *read =
        talk_get(&t, BEN, "/room/loud/message/%lld", (long long)talk_int(row, "id"));
    json_auto_t *data = base64_json(buf_span(&clean));
    assert_string_equal(json_string_value(json_object_get(read, "data")), json_string_value(data));
}

static void post__that_is_envelope_and_content_at_once__is_judged_as_both(void **state)
{
    (void)state;
    static const char target[] = "/room/both/message";
    struct buf inside AUTO_BUF = buf_make(DATA_MAX), outside AUTO_BUF = buf_make(DATA_MAX);
    new_room("both", "no");
    put_envelope(&inside, CYRILLIC, "Ana");
    buf_put(&inside, SPAN("\x0a\x07\x0a\x05hello"));
    put_envelope(&outside, "hello", "Ana");
    buf_put(&outside, SPAN("\x0a\x0e\x0a\x0c" CYRILLIC));
    assert_int_equal(send_code(ANA, "POST", target, &inside, NULL), 429);
    assert_int_equal(send_code(ANA, "POST", target, &outside, NULL), 429);
}

static void post__in_an_envelope_around_no_content__is_400(void **state)
{
    (void)state;
    struct buf data AUTO_BUF = buf_make(DATA_MAX);
    new_room("torn", "no");
    buf_put(&data, SPAN("\x08\x06\x28\x01\x42\x03\x0a\x7fx"));
    assert_int_equal(send_code(ANA, "POST", "/room/torn/message", &data, NULL), 400);
}

/* The rows that came after `since`. */
static json_t *answer_after(const char *room, int64_t since)
{
    json_auto_t *rows = talk_get(&t, ANA, "/room/%s/messages/since/%lld", room, (long long)since);
    assert_int_equal(json_array_size(rows), 1);
    return json_incref(json_array_get(rows, 0));
}

static void assert_answers_ana(const json_t *row)
{
    struct message m AUTO_MESSAGE = {0};
    assert_int_equal(message_read(row, &m), OK);
    assert_true(m.verified);
    assert_true(span_eq_text(m.content.text, "not so, Ana"));
    assert_true(json_is_true(json_object_get(row, "whisper")));
}

static void post__in_an_envelope__is_swallowed_and_answered_by_the_name_inside(void **state)
{
    (void)state;
    struct buf bad AUTO_BUF = buf_make(DATA_MAX);
    json_auto_t *row = NULL;
    new_room("quiet", "yes");
    put_envelope(&bad, CYRILLIC, "Ana");
    assert_int_equal(send_code(ANA, "POST", "/room/quiet/message", &bad, &row), 201);
    assert_true(json_is_true(json_object_get(row, "filtered")));
    json_auto_t *answer = answer_after("quiet", talk_int(row, "seqno"));
    assert_answers_ana(answer);
    talk_refused(&t, BEN, 404, "GET", "/room/quiet/message/%lld", (long long)talk_int(row, "id"));
}

static void edit__in_an_envelope__is_swallowed_or_refused_as_a_post_is(void **state)
{
    (void)state;
    char target[96];
    struct buf bad AUTO_BUF = buf_make(DATA_MAX), torn AUTO_BUF = buf_make(DATA_MAX);
    new_room("edits", "yes");
    int64_t id = talk_post(&t, ANA, "edits", "as it was");
    (void)snprintf(target, sizeof(target), "/room/edits/message/%lld", (long long)id);
    put_envelope(&bad, CYRILLIC, "Ana");
    buf_put_text(&torn, "no protobuf");
    int64_t sequence = talk_sequence(&t, ANA, "edits");
    assert_int_equal(send_code(ANA, "PUT", target, &torn, NULL), 400);
    assert_int_equal(send_code(ANA, "PUT", target, &bad, NULL), 200);
    json_auto_t *answer = answer_after("edits", sequence);
    assert_answers_ana(answer);
    json_auto_t *row = talk_get(&t, BEN, "/room/edits/message/%lld", (long long)id);
    assert_null(json_object_get(row, "edited"));
    new_room("edits2", "no");
    id = talk_post(&t, ANA, "edits2", "as it was");
    (void)snprintf(target, sizeof(target), "/room/edits2/message/%lld", (long long)id);
    assert_int_equal(send_code(ANA, "PUT", target, &bad, NULL), 429);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(post__in_an_envelope__is_refused_for_what_is_inside),
        cmocka_unit_test(post__that_is_envelope_and_content_at_once__is_judged_as_both),
        cmocka_unit_test(post__in_an_envelope_around_no_content__is_400),
        cmocka_unit_test(post__in_an_envelope__is_swallowed_and_answered_by_the_name_inside),
        cmocka_unit_test(edit__in_an_envelope__is_swallowed_or_refused_as_a_post_is),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
