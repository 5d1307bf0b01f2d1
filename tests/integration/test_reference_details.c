/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small answers in which conclave differed from a running PySOGS, and no longer does: HEAD and
 * OPTIONS, odd values in keys that nobody reads, reactors of what has none, and statuses of
 * requests that no app sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/hex.h"
#include "client/room_file.h"
#include "integration/talk.h"

enum { ANA, BEN, BOSS, PEOPLE };

static struct talk t;

static int open_talk(void **state)
{
    (void)state;
    static const char *const hide[] = {"room", "set", "hidden", "--preset", "private", NULL};
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    talk_open(&t, 1, PEOPLE, env);
    talk_appoint(&t, BOSS, NULL, "--admin");
    talk_room(&t, "hidden");
    talk_command(&t, hide);
    for (int64_t end = clock_mono_ms() + 5000;
         talk_ask(&t, ANA, "GET", "/room/hidden", NULL, NULL) != 404;)
        assert_true(clock_mono_ms() < end);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&t);
    return 0;
}

static struct onion_reply ask(enum signing signing, const char *method, const char *target)
{
    struct onion_reply reply = {0};
    const struct community_request request = {
        .method = method, .target = target, .signing = signing};
    assert_int_equal(community_call(&t.members[ANA].community, &request, &reply), OK);
    return reply;
}

static int code_of(enum signing signing, const char *method, const char *target)
{
    struct onion_reply reply AUTO_ONION_REPLY = ask(signing, method, target);
    return reply.code;
}

/* ---- HEAD and OPTIONS ---- */

static void head__where_get_works__has_its_headers_and_no_body(void **state)
{
    (void)state;
    static const uint8_t bytes[] = "some file";
    int64_t id = 0;
    char file[64];
    assert_int_equal(
        room_file_put(&t.members[ANA].community, "lobby", span_of(bytes, sizeof(bytes)), NULL, &id),
        OK);
    (void)snprintf(file, sizeof(file), "/room/lobby/file/%lld", (long long)id);
    const char *const targets[] = {
        "/capabilities",  "/rooms", "/room/lobby",   "/room/lobby/messages/recent?limit=3",
        "/inbox/since/0", file,     "/room/nowhere", "/capabilities?required=magic"};
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct onion_reply get AUTO_ONION_REPLY = ask(SIGNED_BLINDED, "GET", targets[i]);
        struct onion_reply head AUTO_ONION_REPLY = ask(SIGNED_BLINDED, "HEAD", targets[i]);
        assert_int_equal(head.code, get.code);
        assert_true(json_equal(head.headers, get.headers));
        assert_int_equal(head.body.len, 0);
        assert_true(get.body.len > 0 || get.code == 304);
    }
    assert_int_equal(code_of(SIGNED_BLINDED, "HEAD", "/room/lobby/message"), 405);
}

static void options__of_any_path__names_its_methods_and_asks_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *target, *allow;
    } cases[] = {{"/capabilities", "GET, HEAD, OPTIONS"},
                 {"/rooms", "GET, HEAD, POST, OPTIONS"},
                 {"/room/lobby", "GET, HEAD, PUT, DELETE, OPTIONS"},
                 {"/room/hidden", "GET, HEAD, PUT, DELETE, OPTIONS"},
                 {"/room/nowhere", "GET, HEAD, PUT, DELETE, OPTIONS"},
                 {"/room/lobby/message", "POST, OPTIONS"},
                 {"/file", "POST, OPTIONS"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct onion_reply reply AUTO_ONION_REPLY = ask(UNSIGNED, "OPTIONS", cases[i].target);
        assert_int_equal(reply.code, 200);
        assert_int_equal(reply.body.len, 0);
        assert_string_equal(onion_reply_header(&reply, "allow"), cases[i].allow);
    }
    assert_int_equal(code_of(UNSIGNED, "OPTIONS", "/nothing"), 404);
    struct onion_reply other AUTO_ONION_REPLY = ask(SIGNED_BLINDED, "PATCH", "/room/lobby");
    assert_int_equal(other.code, 405);
    assert_string_equal(onion_reply_header(&other, "allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
}

/* ---- keys that nobody reads ---- */

static int post_code(const char *method, const char *target, const char *extra)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    json_auto_t *post = community_post_body(&t.members[ANA].community, "with odd keys");
    char *text = json_dumps(post, 0);
    char body[4096];
    int len = snprintf(body, sizeof(body), "{%s,%s", extra, text + 1);
    assert_true(len > 0 && (size_t)len < sizeof(body));
    free(text);
    const struct community_request request = {.method = method,
                                              .target = target,
                                              .body = span_of(body, (size_t)len),
                                              .content_type = "application/json",
                                              .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&t.members[ANA].community, &request, &reply), OK);
    return reply.code;
}

static void ignored_key__with_a_nul_or_a_large_integer__does_no_harm(void **state)
{
    (void)state;
    static const char *const fine[] = {
        "\"x\":\"\\u0000\"", "\"x\":18446744073709551616", "\"x\":-99999999999999999999",
        "\"x\":[{\"y\":99999999999999999999,\"z\":\"a\\u0000b\"}],\"w\":\"99999999999999999999\""};
    static const char *const read[] = {"\"files\":99999999999999999999",
                                       "\"whisper_mods\":99999999999999999999",
                                       "\"whisper_to\":\"15\\u0000\""};
    for (size_t i = 0; i < COUNT_OF(fine); i++)
        assert_int_equal(post_code("POST", "/room/lobby/message", fine[i]), 201);
    for (size_t i = 0; i < COUNT_OF(read); i++)
        assert_int_equal(post_code("POST", "/room/lobby/message", read[i]), 400);
}

static void batch_element__with_such_a_key__runs(void **state)
{
    (void)state;
    static const char body[] = "[{\"method\":\"GET\",\"path\":\"/"
                               "capabilities\",\"x\":\"\\u0000\",\"y\":99999999999999999999},"
                               "{\"method\":\"POST\",\"path\":\"/file\",\"bytes\":\"a\\u0000b\"}]";
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    const struct community_request request = {.method = "POST",
                                              .target = "/batch",
                                              .body = span_of(body, sizeof(body) - 1),
                                              .content_type = "application/json",
                                              .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&t.members[ANA].community, &request, &reply), OK);
    assert_int_equal(reply.code, 200);
    json_auto_t *replies = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(talk_int(json_array_get(replies, i), "code"), 200);
}

/* ---- reactors ---- */

static void reactors__of_what_can_have_none__are_404(void **state)
{
    (void)state;
    int64_t id = talk_post(&t, ANA, "lobby", "to be reacted to");
    int64_t whisper = talk_whisper(&t, BOSS, "lobby", "psst", ANA, false);
    int64_t gone = talk_post(&t, ANA, "lobby", "to be deleted");
    int64_t elsewhere = talk_post(&t, BOSS, "hidden", "in another room");
    talk_delete(&t, ANA, "lobby", gone);
    json_auto_t *none = talk_get(&t, ANA, "/room/lobby/reactors/%lld/x", (long long)id);
    assert_int_equal(json_array_size(none), 0);
    talk_react(&t, BEN, "lobby", id, "x");
    json_auto_t *one = talk_get(&t, ANA, "/room/lobby/reactors/%lld/x", (long long)id);
    assert_int_equal(json_array_size(one), 1);
    (void)talk_react(&t, BOSS, "hidden", elsewhere, "x");
    const int64_t missing[] = {whisper, gone, elsewhere, id + 1000000};
    for (size_t i = 0; i < COUNT_OF(missing); i++) {
        talk_refused(&t, ANA, 404, "GET", "/room/lobby/reactors/%lld/x", (long long)missing[i]);
        talk_refused(&t, BOSS, 404, "GET", "/room/lobby/reactors/%lld/x", (long long)missing[i]);
    }
    talk_refused(&t, ANA, 400, "GET", "/room/lobby/reactors/%lld/1234567890123",
                 (long long)(id + 1000000));
}

/* ---- statuses ---- */

static void anonymous__pinning__is_403(void **state)
{
    (void)state;
    assert_int_equal(code_of(UNSIGNED, "POST", "/room/lobby/pin/1"), 403);
    assert_int_equal(code_of(UNSIGNED, "POST", "/room/lobby/unpin/1"), 403);
    assert_int_equal(code_of(UNSIGNED, "POST", "/room/lobby/unpin/all"), 403);
    assert_int_equal(code_of(UNSIGNED, "POST", "/room/hidden/pin/1"), 404);
}

static void file__with_two_segments_after_its_number__is_404(void **state)
{
    (void)state;
    static const uint8_t bytes[] = "some file";
    static const struct {
        const char *tail;
        int code;
    } cases[] = {{"", 200},     {"/a", 200},     {"/a%20b.png", 200},
                 {"/a/b", 404}, {"/a%2Fb", 404}, {"/", 404}};
    int64_t id = 0;
    char target[96];
    assert_int_equal(
        room_file_put(&t.members[ANA].community, "lobby", span_of(bytes, sizeof(bytes)), NULL, &id),
        OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)snprintf(target, sizeof(target), "/room/lobby/file/%lld%s", (long long)id,
                       cases[i].tail);
        assert_int_equal(code_of(SIGNED_BLINDED, "GET", target), cases[i].code);
    }
}

static void put__of_a_room_that_is_not_there__is_405_and_of_a_hidden_one_too(void **state)
{
    (void)state;
    static const enum signing signings[] = {SIGNED_BLINDED, UNSIGNED};
    for (size_t i = 0; i < COUNT_OF(signings); i++) {
        struct onion_reply no AUTO_ONION_REPLY = ask(signings[i], "PUT", "/room/nosuch");
        struct onion_reply hidden AUTO_ONION_REPLY = ask(signings[i], "PUT", "/room/hidden");
        assert_int_equal(no.code, 405);
        assert_int_equal(hidden.code, 405);
        assert_string_equal(onion_reply_header(&no, "allow"), "GET, HEAD, DELETE, OPTIONS");
        assert_true(json_equal(no.headers, hidden.headers));
        assert_true(span_eq(no.body, hidden.body));
    }
    assert_int_equal(code_of(SIGNED_BLINDED, "PUT", "/room/lobby"), 403);
    assert_int_equal(code_of(UNSIGNED, "PUT", "/room/lobby"), 401);
}

/* ---- what is signed ---- */

/* A GET of the target, signed with the timestamp in this spelling. */
static int signed_code(const char *target, const char *timestamp)
{
    const struct community *c = &t.members[ANA].community;
    static uint8_t counter;
    uint8_t nonce[SOGS_NONCE_BYTES];
    char id[SESSION_ID_TEXT_LEN + 1] = {0}, nonce_hex[2 * SOGS_NONCE_BYTES + 1] = {0},
                                  text[96] = {0};
    struct ed25519_sig sig;
    struct buf bytes AUTO_BUF = buf_make(KIB(4));
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    memset(nonce, ++counter, sizeof(nonce));
    buf_put(&bytes, SPAN_OF_KEY(&t.w.key));
    buf_put(&bytes, span_of(nonce, sizeof(nonce)));
    buf_put_text(&bytes, timestamp);
    buf_put_text(&bytes, "GET");
    buf_put_text(&bytes, target);
    assert_int_equal(
        blinding_sign15(&c->account, &c->blinded, BLINDING_NONCE_SEED32, buf_span(&bytes), &sig),
        OK);
    session_id_write(&c->blinded.id, id);
    hex_write(span_of(nonce, sizeof(nonce)), nonce_hex);
    base64_write(SPAN_OF_KEY(&sig), text);
    json_auto_t *headers =
        json_pack("{s:s, s:s, s:s, s:s}", "X-SOGS-Pubkey", id, "X-SOGS-Nonce", nonce_hex,
                  "X-SOGS-Timestamp", timestamp, "X-SOGS-Signature", text);
    const struct onion_request request = {.method = "GET", .endpoint = target, .headers = headers};
    assert_int_equal(server_link_call(t.members[ANA].link, &request, &reply), OK);
    return reply.code;
}

static void timestamp__with_blanks_or_a_plus__is_accepted_as_it_was_signed(void **state)
{
    (void)state;
    /* What stands before and after the digits. */
    static const struct {
        const char *before, *after;
        int code;
    } forms[] = {{"", "", 200},       {"+", "", 200},  {" ", "", 200},  {"", " ", 200},
                 {"\t+", " \n", 200}, {"0", "", 200},  {"", ".0", 400}, {"++", "", 400},
                 {"+ ", "", 400},     {"", " x", 400}, {"0x", "", 400}};
    char text[64];
    const long long now = clock_wall_ms() / SECOND_MS;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        (void)snprintf(text, sizeof(text), "%s%lld%s", forms[i].before, now, forms[i].after);
        assert_int_equal(signed_code("/room/lobby", text), forms[i].code);
    }
}

static void query__with_raw_letters_beyond_ascii__is_401_when_it_is_signed(void **state)
{
    (void)state;
    char now[32];
    (void)snprintf(now, sizeof(now), "%lld", (long long)(clock_wall_ms() / SECOND_MS));
    assert_int_equal(signed_code("/room/lobby?x=%C3%A9", now), 200);
    assert_int_equal(signed_code("/room/lobby?x=\xc3\xa9", now), 401);
    assert_int_equal(code_of(UNSIGNED, "GET", "/room/lobby?x=\xc3\xa9"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head__where_get_works__has_its_headers_and_no_body),
        cmocka_unit_test(options__of_any_path__names_its_methods_and_asks_nothing),
        cmocka_unit_test(ignored_key__with_a_nul_or_a_large_integer__does_no_harm),
        cmocka_unit_test(batch_element__with_such_a_key__runs),
        cmocka_unit_test(reactors__of_what_can_have_none__are_404),
        cmocka_unit_test(anonymous__pinning__is_403),
        cmocka_unit_test(file__with_two_segments_after_its_number__is_404),
        cmocka_unit_test(put__of_a_room_that_is_not_there__is_405_and_of_a_hidden_one_too),
        cmocka_unit_test(timestamp__with_blanks_or_a_plus__is_accepted_as_it_was_signed),
        cmocka_unit_test(query__with_raw_letters_beyond_ascii__is_401_when_it_is_signed),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
