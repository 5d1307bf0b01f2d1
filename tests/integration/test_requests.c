/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request model of communities (docs/protocol/community.md, 1): statements 1 to 24 of its
 * section 7, asked of a real server through onion requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>

#include "base/clock.h"
#include "integration/talk.h"

enum { ADMIN, ANA, BEN, PEOPLE };
enum { HOUR_S = 3600 };

static struct talk t;

#define PINEAPPLE "\xf0\x9f\x8d\x8d"

static int open_talk(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    talk_open(&t, 1, PEOPLE, env);
    talk_appoint(&t, ADMIN, NULL, "--admin");
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&t);
    return 0;
}

/* ---- raw requests ---- */

/* Headers signed for this request by Ana, to be tampered with. */
static json_t *signed_headers(const char *method, const char *target, struct span body)
{
    const struct community *c = &t.members[ANA].community;
    struct sogs_signer signer = {&c->account, &c->blinded,
                                 server_link_options(t.members[ANA].link)->key};
    struct sogs_request what = {.method = method,
                                .target = target,
                                .body = body,
                                .timestamp_s = clock_wall_ms() / SECOND_MS};
    json_t *headers = json_object();
    randombytes_buf(what.nonce, sizeof(what.nonce));
    assert_int_equal(sogs_auth_sign(&signer, &what, headers), OK);
    return headers;
}

/* Sends exactly that and takes over headers; *ret_text (may be NULL) gets the body. */
static int send_raw(const char *method, const char *endpoint, json_t *headers, struct span body,
                    struct buf *ret_text)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    json_auto_t *mine = headers;
    struct onion_request request = {.method = method,
                                    .endpoint = endpoint,
                                    .headers = mine,
                                    .body = body,
                                    .has_body = body.len > 0};
    assert_int_equal(server_link_call(t.members[ANA].link, &request, &reply), OK);
    if (ret_text != NULL) {
        buf_put_text(ret_text, onion_reply_header(&reply, "content-type"));
        buf_put_byte(ret_text, '|');
        buf_put(ret_text, reply.body);
        buf_put_byte(ret_text, '\0');
    }
    return reply.code;
}

/* The code of a request signed in that way, and the text of its refusal. */
static int ask_as(size_t member, enum signing signing, const char *method, const char *target,
                  const json_t *json)
{
    struct community *c = &t.members[member].community;
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request request = {
        .method = method, .target = target, .json = json, .signing = signing};
    assert_int_equal(community_call(c, &request, &reply), OK);
    return reply.code;
}

/* A batch of this text as its body; the replies, or NULL and the code. */
static json_t *batch(size_t member, const char *target, const char *text, int *ret_code)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request request = {.method = "POST",
                                        .target = target,
                                        .body = span_of_text(text),
                                        .content_type = "application/json",
                                        .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&t.members[member].community, &request, &reply), OK);
    *ret_code = reply.code;
    return reply.code == 200 ? json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL)
                             : NULL;
}

static int code_of(const json_t *replies, size_t i)
{
    return (int)json_integer_value(json_object_get(json_array_get(replies, i), "code"));
}

/* ---- 1 to 16 ---- */

static void put_reaction_and_post_pin_without_a_body__succeed(void **state)
{
    (void)state;
    int64_t id = talk_post(&t, ANA, "lobby", "one");
    char target[96];
    (void)snprintf(target, sizeof(target), "/room/lobby/reaction/%lld/x", (long long)id);
    assert_int_equal(send_raw("PUT", target, signed_headers("PUT", target, (struct span){0}),
                              (struct span){0}, NULL),
                     200);
    (void)snprintf(target, sizeof(target), "/room/lobby/pin/%lld", (long long)id);
    assert_int_equal(ask_as(ADMIN, SIGNED_BLINDED, "POST", target, NULL), 200);
}

static void raw_and_escaped_reaction__mean_the_same(void **state)
{
    (void)state;
    int64_t id = talk_post(&t, ANA, "lobby", "two");
    char raw[96], escaped[96];
    struct buf text AUTO_BUF = buf_make(KIB(4));
    (void)snprintf(raw, sizeof(raw), "/room/lobby/reaction/%lld/" PINEAPPLE, (long long)id);
    (void)snprintf(escaped, sizeof(escaped), "/room/lobby/reaction/%lld/%%F0%%9F%%8D%%8D",
                   (long long)id);
    assert_int_equal(
        send_raw("PUT", raw, signed_headers("PUT", raw, (struct span){0}), (struct span){0}, NULL),
        200);
    /* Signed over the raw form, sent in the other. */
    assert_int_equal(send_raw("PUT", escaped, signed_headers("PUT", raw, (struct span){0}),
                              (struct span){0}, &text),
                     200);
    assert_non_null(strstr((const char *)text.p, "\"added\":false"));
}

static void endpoint_without_slash__is_400_inside_and_200_outside(void **state)
{
    (void)state;
    struct buf text AUTO_BUF = buf_make(KIB(4));
    assert_int_equal(send_raw("GET", "room/lobby", json_object(), (struct span){0}, &text), 400);
    assert_string_equal((const char *)text.p, "text/plain; charset=utf-8|Invalid v4 onion request");
}

static void undecryptable_bytes__are_http_400(void **state)
{
    (void)state;
    uint8_t noise[200] = {100};
    struct onion_secret none = {0};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct server_link *l = t.members[ANA].link;
    assert_int_equal(server_link_post(l, span_of(noise, sizeof(noise)), &none, &reply), ERR_DENIED);
    assert_int_equal(server_link_trouble(l)->status, 400);
}

static void header_names_in_any_case__authenticate(void **state)
{
    (void)state;
    for (int upper = 0; upper < 2; upper++) {
        json_auto_t *headers = signed_headers("GET", "/inbox", (struct span){0});
        json_t *spelled = json_object();
        const char *name;
        json_t *value;
        json_object_foreach(headers, name, value)
        {
            char other[64] = "";
            for (size_t i = 0; name[i] != '\0' && i + 1 < sizeof(other); i++)
                other[i] = (char)(upper ? toupper((unsigned char)name[i])
                                        : tolower((unsigned char)name[i]));
            (void)json_object_set(spelled, other, value);
        }
        assert_int_equal(send_raw("GET", "/inbox", spelled, (struct span){0}, NULL), 200);
    }
}

static void three_of_four_headers__are_400_and_counted(void **state)
{
    (void)state;
    static const char *const names[] = {"X-SOGS-Pubkey", "X-SOGS-Nonce", "X-SOGS-Timestamp",
                                        "X-SOGS-Signature"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf text AUTO_BUF = buf_make(KIB(4));
        json_t *headers = signed_headers("GET", "/rooms", (struct span){0});
        (void)json_object_del(headers, names[i]);
        assert_int_equal(send_raw("GET", "/rooms", headers, (struct span){0}, &text), 400);
        assert_string_equal((const char *)text.p,
                            "text/plain; charset=utf-8|Invalid authentication headers: missing "
                            "1/4 required X-SOGS-* headers");
    }
}

static void unblinded_key__is_400_with_the_text_that_clients_compare(void **state)
{
    (void)state;
    struct community *c = &t.members[ANA].community;
    assert_int_equal(ask_as(ANA, SIGNED_UNBLINDED, "GET", "/rooms", NULL), 400);
    assert_string_equal(c->refusal.text,
                        "Invalid authentication: this server requires the use of blinded ids");
}

static void timestamps__25_hours_off_are_425_and_23_hours_off_accepted(void **state)
{
    (void)state;
    struct community *c = &t.members[ANA].community;
    static const struct {
        int64_t hours;
        int code;
    } cases[] = {{-25, 425}, {25, 425}, {-23, 200}, {23, 200}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        c->clock_offset_s = cases[i].hours * HOUR_S;
        assert_int_equal(ask_as(ANA, SIGNED_BLINDED, "GET", "/rooms", NULL), cases[i].code);
    }
    c->clock_offset_s = 0;
}

static void same_signed_request_twice__has_one_effect_and_one_425(void **state)
{
    (void)state;
    struct member *m = &t.members[ANA];
    json_auto_t *body = community_post_body(&m->community, "once");
    struct community_request request = {
        .method = "POST", .target = "/room/lobby/message", .json = body, .signing = SIGNED_BLINDED};
    struct buf wrapped AUTO_BUF = buf_make(KIB(64));
    struct onion_secret secret = {0};
    int64_t before = talk_sequence(&t, ANA, "lobby");
    assert_int_equal(community_wrap(&m->community, &request, &wrapped, &secret), OK);
    for (int time = 0; time < 2; time++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        assert_int_equal(server_link_post(m->link, buf_span(&wrapped), &secret, &reply), OK);
        assert_int_equal(reply.code, time == 0 ? 201 : 425);
    }
    onion_client_done(&secret);
    assert_int_equal(talk_sequence(&t, ANA, "lobby"), before + 1);
}

static void globally_banned_user__is_403_for_every_request(void **state)
{
    (void)state;
    struct id_text id;
    char ban[128], unban[128];
    (void)snprintf(ban, sizeof(ban), "/user/%s/ban", talk_id(&t, BEN, &id));
    (void)snprintf(unban, sizeof(unban), "/user/%s/unban", id.s);
    json_auto_t *global = json_pack("{s:b}", "global", 1);
    assert_int_equal(ask_as(ADMIN, SIGNED_BLINDED, "POST", ban, global), 200);
    static const char *const targets[] = {"/rooms", "/capabilities", "/room/lobby", "/inbox",
                                          "/nowhere"};
    int64_t deadline = clock_mono_ms() + 2000; /* a change of rights may take a second */
    while (ask_as(BEN, SIGNED_BLINDED, "GET", "/rooms", NULL) != 403)
        assert_true(clock_mono_ms() < deadline);
    for (size_t i = 0; i < COUNT_OF(targets); i++)
        assert_int_equal(ask_as(BEN, SIGNED_BLINDED, "GET", targets[i], NULL), 403);
    assert_string_equal(t.members[BEN].community.refusal.text, "Banned");
    assert_int_equal(ask_as(ADMIN, SIGNED_BLINDED, "POST", unban, global), 200);
    deadline = clock_mono_ms() + 2000;
    while (ask_as(BEN, SIGNED_BLINDED, "GET", "/rooms", NULL) != 200)
        assert_true(clock_mono_ms() < deadline);
}

static void without_authentication__reading_is_200_and_posting_401(void **state)
{
    (void)state;
    json_auto_t *body = community_post_body(&t.members[ANA].community, "who?");
    assert_int_equal(ask_as(ANA, UNSIGNED, "GET", "/room/lobby/messages/recent", NULL), 200);
    assert_int_equal(ask_as(ANA, UNSIGNED, "POST", "/room/lobby/message", body), 401);
}

static void signature__covers_the_query_as_sent_and_the_path_decoded(void **state)
{
    (void)state;
    static const char escaped_query[] = "/room/lobby/messages/recent?limit=%31";
    static const char plain_query[] = "/room/lobby/messages/recent?limit=1";
    static const char escaped_path[] = "/room/l%6Fbby/messages/recent";
    static const char plain_path[] = "/room/lobby/messages/recent";
    struct span none = {0};
    assert_int_equal(
        send_raw("GET", escaped_query, signed_headers("GET", escaped_query, none), none, NULL),
        200);
    assert_int_equal(
        send_raw("GET", escaped_query, signed_headers("GET", plain_query, none), none, NULL), 401);
    assert_int_equal(
        send_raw("GET", escaped_path, signed_headers("GET", plain_path, none), none, NULL), 200);
}

static void limit_and_reactors__are_clamped_and_must_be_numbers(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        (void)talk_post(&t, ANA, "lobby", "some");
    talk_refused(&t, ANA, 400, "GET", "/room/lobby/messages/recent?limit=abc");
    talk_refused(&t, ANA, 400, "GET", "/room/lobby/messages/recent?limit=");
    talk_refused(&t, ANA, 400, "GET", "/room/lobby/messages/recent?reactors=1.5");
    json_auto_t *one = talk_get(&t, ANA, "/room/lobby/messages/recent?limit=0");
    assert_int_equal(json_array_size(one), 1);
    json_auto_t *many = talk_get(&t, ANA, "/room/lobby/messages/recent?limit=9999");
    assert_true(json_array_size(many) > 1 && json_array_size(many) <= 256);
    json_auto_t *reactors = talk_get(&t, ANA, "/room/lobby/messages/recent?reactors=99");
    assert_true(json_is_array(reactors));
}

static void token_in_another_case__is_the_room_as_it_is_spelled(void **state)
{
    (void)state;
    talk_room(&t, "Fishing");
    json_auto_t *room = talk_get(&t, ANA, "/room/FISHING");
    assert_string_equal(json_string_value(json_object_get(room, "token")), "Fishing");
    json_auto_t *info = talk_get(&t, ANA, "/room/fishing/pollInfo/0");
    assert_string_equal(json_string_value(json_object_get(info, "token")), "Fishing");
}

static void bad_json_or_type__is_400_and_stores_nothing(void **state)
{
    (void)state;
    json_auto_t *good = community_post_body(&t.members[ANA].community, "never");
    char *text = json_dumps(good, JSON_COMPACT);
    int64_t before = talk_sequence(&t, ANA, "lobby");
    const struct {
        const char *type, *body;
    } cases[] = {{"text/plain", text},
                 {NULL, text},
                 {"application/json", "{\"data\":"},
                 {"application/json", "[]"},
                 {"application/json", "\"text\""},
                 {"application/json", ""}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        struct community_request request = {.method = "POST",
                                            .target = "/room/lobby/message",
                                            .body = span_of_text(cases[i].body),
                                            .content_type = cases[i].type,
                                            .signing = SIGNED_BLINDED};
        assert_int_equal(community_call(&t.members[ANA].community, &request, &reply), OK);
        assert_int_equal(reply.code, 400);
    }
    free(text);
    assert_int_equal(talk_sequence(&t, ANA, "lobby"), before);
}

/* ---- batches ---- */

static void batch__with_one_invalid_element__is_refused_and_runs_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"method\":\"GET\"}",
        "{\"method\":\"get\",\"path\":\"/rooms\"}",
        "{\"method\":\"GET\",\"path\":7}",
        "{\"method\":\"GET\",\"path\":\"rooms\"}",
        "{\"method\":\"PATCH\",\"path\":\"/rooms\"}",
        "{\"method\":\"POST\",\"path\":\"/room/lobby/pin/1\"}",
        "{\"method\":\"POST\",\"path\":\"/room/lobby/pin/1\",\"json\":1,\"b64\":\"\"}",
        "{\"method\":\"GET\",\"path\":\"/rooms\",\"headers\":{\"a\":1}}",
        "7",
    };
    json_auto_t *post = community_post_body(&t.members[ANA].community, "not this");
    char *json = json_dumps(post, JSON_COMPACT);
    int64_t before = talk_sequence(&t, ANA, "lobby");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[4096];
        int code = 0;
        (void)snprintf(text, sizeof(text),
                       "[{\"method\":\"POST\",\"path\":\"/room/lobby/message\",\"json\":%s},%s]",
                       json, bad[i]);
        json_auto_t *replies = batch(ANA, "/batch", text, &code);
        assert_int_equal(code, 400);
        assert_null(replies);
    }
    free(json);
    assert_int_equal(talk_sequence(&t, ANA, "lobby"), before);
}

static void batch__elements_with_forged_headers__run_as_the_outer_user(void **state)
{
    (void)state;
    json_auto_t *post = community_post_body(&t.members[ANA].community, "mine");
    json_auto_t *element =
        json_pack("[{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:O}]", "method", "POST", "path",
                  "/room/lobby/message", "headers", "X-SOGS-Pubkey", "15", "X-SOGS-Nonce", "x",
                  "X-SOGS-Timestamp", "0", "X-SOGS-Signature", "x", "json", post);
    char *text = json_dumps(element, JSON_COMPACT);
    int code = 0;
    json_auto_t *replies = batch(ANA, "/batch", text, &code);
    free(text);
    struct id_text id;
    assert_int_equal(code_of(replies, 0), 201);
    const json_t *row = json_object_get(json_array_get(replies, 0), "body");
    assert_string_equal(json_string_value(json_object_get(row, "session_id")),
                        talk_id(&t, ANA, &id));
}

static void batch__failing_elements__stop_no_others_and_keep_the_order(void **state)
{
    (void)state;
    int code = 0;
    json_auto_t *replies =
        batch(ANA, "/batch",
              "[{\"method\":\"GET\",\"path\":\"/room/nowhere\"},"
              "{\"method\":\"GET\",\"path\":\"/capabilities\"},"
              "{\"method\":\"POST\",\"path\":\"/room/lobby/unpin/all\",\"json\":{}},"
              "{\"method\":\"GET\",\"path\":\"/room/lobby\"}]",
              &code);
    assert_int_equal(json_array_size(replies), 4);
    assert_int_equal(code_of(replies, 0), 404);
    assert_int_equal(code_of(replies, 1), 200);
    assert_int_equal(code_of(replies, 2), 403);
    assert_int_equal(code_of(replies, 3), 200);
}

static void sequence__stops_at_the_first_failure(void **state)
{
    (void)state;
    int code = 0;
    json_auto_t *failed = batch(ANA, "/sequence",
                                "[{\"method\":\"GET\",\"path\":\"/room/nowhere\"},"
                                "{\"method\":\"GET\",\"path\":\"/capabilities\"}]",
                                &code);
    assert_int_equal(json_array_size(failed), 1);
    json_auto_t *held = batch(ANA, "/sequence",
                              "[{\"method\":\"GET\",\"path\":\"/capabilities\"},"
                              "{\"method\":\"GET\",\"path\":\"/inbox/since/0\"},"
                              "{\"method\":\"GET\",\"path\":\"/rooms\"}]",
                              &code);
    assert_int_equal(json_array_size(held), 2); /* 304 is outside 200-299 */
    assert_int_equal(code_of(held, 1), 304);
}

static void batch__every_element_has_code_headers_and_body(void **state)
{
    (void)state;
    int code = 0;
    json_auto_t *replies = batch(ANA, "/batch",
                                 "[{\"method\":\"GET\",\"path\":\"/rooms\"},"
                                 "{\"method\":\"GET\",\"path\":\"/inbox/since/0\"},"
                                 "{\"method\":\"GET\",\"path\":\"/nowhere\"},"
                                 "{\"method\":\"POST\",\"path\":\"/batch\",\"json\":[]},"
                                 "{\"method\":\"POST\",\"path\":\"/capabilities\",\"b64\":\"!\"}]",
                                 &code);
    /*
     * Bad base64 may refuse the whole or its element (docs/protocol/community.md, 1.9); here the
     * whole.
     */
    assert_int_equal(code, 400);
    assert_null(replies);
    json_auto_t *fine = batch(ANA, "/batch",
                              "[{\"method\":\"GET\",\"path\":\"/rooms\"},"
                              "{\"method\":\"GET\",\"path\":\"/inbox/since/0\"},"
                              "{\"method\":\"GET\",\"path\":\"/nowhere\"},"
                              "{\"method\":\"POST\",\"path\":\"/batch\",\"json\":[]},"
                              "{\"method\":\"POST\",\"path\":\"/capabilities\",\"json\":null}]",
                              &code);
    static const int codes[] = {200, 304, 404, 400, 405};
    assert_int_equal(json_array_size(fine), COUNT_OF(codes));
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        const json_t *reply = json_array_get(fine, i);
        assert_int_equal(code_of(fine, i), codes[i]);
        assert_true(json_is_object(json_object_get(reply, "headers")));
        assert_non_null(json_object_get(reply, "body"));
    }
    const json_t *nothing = json_array_get(fine, 1);
    assert_int_equal(json_object_size(json_object_get(nothing, "headers")), 0);
    assert_string_equal(json_string_value(json_object_get(nothing, "body")), "");
}

static void batch__with_json_on_a_get__is_refused_whole(void **state)
{
    (void)state;
    int code = 0;
    json_auto_t *replies = batch(ANA, "/batch",
                                 "[{\"method\":\"GET\",\"path\":\"/rooms\"},"
                                 "{\"method\":\"GET\",\"path\":\"/rooms\",\"json\":{}}]",
                                 &code);
    assert_int_equal(code, 400);
    assert_null(replies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_reaction_and_post_pin_without_a_body__succeed),
        cmocka_unit_test(raw_and_escaped_reaction__mean_the_same),
        cmocka_unit_test(endpoint_without_slash__is_400_inside_and_200_outside),
        cmocka_unit_test(undecryptable_bytes__are_http_400),
        cmocka_unit_test(header_names_in_any_case__authenticate),
        cmocka_unit_test(three_of_four_headers__are_400_and_counted),
        cmocka_unit_test(unblinded_key__is_400_with_the_text_that_clients_compare),
        cmocka_unit_test(timestamps__25_hours_off_are_425_and_23_hours_off_accepted),
        cmocka_unit_test(same_signed_request_twice__has_one_effect_and_one_425),
        cmocka_unit_test(globally_banned_user__is_403_for_every_request),
        cmocka_unit_test(without_authentication__reading_is_200_and_posting_401),
        cmocka_unit_test(signature__covers_the_query_as_sent_and_the_path_decoded),
        cmocka_unit_test(limit_and_reactors__are_clamped_and_must_be_numbers),
        cmocka_unit_test(token_in_another_case__is_the_room_as_it_is_spelled),
        cmocka_unit_test(bad_json_or_type__is_400_and_stores_nothing),
        cmocka_unit_test(batch__with_one_invalid_element__is_refused_and_runs_nothing),
        cmocka_unit_test(batch__elements_with_forged_headers__run_as_the_outer_user),
        cmocka_unit_test(batch__failing_elements__stop_no_others_and_keep_the_order),
        cmocka_unit_test(sequence__stops_at_the_first_failure),
        cmocka_unit_test(batch__every_element_has_code_headers_and_body),
        cmocka_unit_test(batch__with_json_on_a_get__is_refused_whole),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
