/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Android's own calls to a file server: its base address ends in a slash and its paths begin with
 * one, so every path on the wire begins with two, while what it signs names one. Upload, download,
 * info, renewal and version, with its headers and body forms, through three relays; and the same
 * doubled slashes where communities are asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "client/fs_auth.h"
#include "client/sogs_auth.h"
#include "integration/file_ask.h"
#include "integration/file_fixture.h"

enum { DAY_S = 86400, FILE_BYTES = 300000 };

static struct world world;
static struct server_link *server;

static const char *const settings[] = {"CONCLAVE_FILES_UPLOAD_LIMIT=off",
                                       "CONCLAVE_FILES_SESSION_VERSION_ANDROID=1.33.4", NULL};

static int open_all(void **state)
{
    (void)state;
    struct world_options options = {
        .servers = 1, .relays = 3, .accounts = 1, .env = settings, .no_fsync = true};
    file_world_open(&world, &options);
    struct server_link_options route = world_route(&world, 0, true);
    assert_int_equal(server_link_open(&route, &server), OK);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    server_link_close(server);
    return world_close(&world) ? 0 : -1;
}

static json_t *upload_headers(const char *ttl)
{
    json_t *headers = json_pack("{s:s, s:s}", "Content-Disposition", "attachment", "Content-Type",
                                "application/octet-stream");
    if (ttl != NULL)
        (void)json_object_set_new(headers, "X-FS-TTL", json_string(ttl));
    return headers;
}

static double number(const struct answer *a, const char *key)
{
    const json_t *value = json_object_get(a->json, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void assert_rfc_1123(const char *text, double expected_s)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    assert_non_null(end);
    assert_string_equal(end, "");
    assert_int_equal(timegm(&tm), (time_t)expected_s);
}

static void android__uploads_downloads_and_renews__with_two_slashes(void **state)
{
    (void)state;
    static const struct span none = {NULL, 0};
    AUTO_BUF struct buf body = file_random(FILE_BYTES);
    char target[128];
    struct answer up AUTO_ANSWER =
        file_ask_with(server, "POST", "//file", buf_span(&body), upload_headers("60"));
    struct stored s = file_stored(&up);
    assert_string_equal(onion_reply_header(&up.reply, "content-type"), "application/json");

    (void)snprintf(target, sizeof(target), "//file/%s", s.id);
    struct answer down AUTO_ANSWER = file_ask_with(server, "GET", target, none, json_object());
    assert_int_equal(down.reply.code, 200);
    assert_string_equal(onion_reply_header(&down.reply, "content-type"),
                        "application/octet-stream");
    assert_rfc_1123(onion_reply_header(&down.reply, "expires"), s.expires);
    assert_true(span_eq(down.reply.body, buf_span(&body)));

    (void)snprintf(target, sizeof(target), "//file/%s/extend", s.id);
    struct answer longer AUTO_ANSWER = file_ask_with(server, "POST", target, none, json_object());
    assert_int_equal(longer.reply.code, 200);
    assert_true(fabs(number(&longer, "expires") - file_now_s() - 14 * DAY_S) < 5);

    (void)snprintf(target, sizeof(target), "//file/%s/info", s.id);
    struct answer info AUTO_ANSWER = file_ask_with(server, "GET", target, none, json_object());
    assert_int_equal(info.reply.code, 200);
    assert_int_equal((int)number(&info, "size"), FILE_BYTES);
    assert_true(fabs(number(&info, "expires") - number(&longer, "expires")) < 0.001);
    assert_true(fabs(number(&info, "uploaded") - s.uploaded) < 0.001);
}

static void android__asking_for_what_is_not_there__is_404_as_with_one_slash(void **state)
{
    (void)state;
    static const char *const missing[][2] = {
        {"GET", "//file/tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jX"},
        {"POST", "//file/tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jX/extend"},
        {"GET", "//file/tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jX/info"}};
    for (size_t i = 0; i < COUNT_OF(missing); i++) {
        struct answer a AUTO_ANSWER = file_ask(server, missing[i][0], missing[i][1]);
        file_assert_status(&a, 404);
    }
    /* Only leading slashes are collapsed. */
    struct answer inside AUTO_ANSWER = file_ask(server, "POST", "/file//");
    assert_int_equal(inside.reply.code, 404);
}

/* libsession signs the path with one slash; what Android adds in front of it comes later. */
static void android__asks_for_the_version__signed_over_one_slash_and_sent_with_two(void **state)
{
    (void)state;
    static const char signed_target[] = "/session_version?platform=android";
    const struct fs_request request = {
        "GET", signed_target, {NULL, 0}, clock_wall_ms() / SECOND_MS};
    json_t *headers = json_object();
    assert_int_equal(fs_auth_sign(&world.accounts[0], &request, headers), OK);
    struct answer a AUTO_ANSWER = file_ask_with(server, "GET", "//session_version?platform=android",
                                                (struct span){NULL, 0}, json_deep_copy(headers));
    assert_int_equal(a.reply.code, 200);
    assert_string_equal(json_string_value(json_object_get(a.json, "result")), "1.33.4");
    /* The signature is looked at: the same headers do not go with another query. */
    struct answer b AUTO_ANSWER = file_ask_with(server, "GET", "//session_version?platform=ios",
                                                (struct span){NULL, 0}, headers);
    assert_int_equal(b.reply.code, 401);
}

/* A signed community request: over `signed_target`, sent as `sent`. */
static int community_code(const char *signed_target, const char *sent)
{
    struct member ana = file_world_member(&world, 0);
    struct sogs_request request = {
        .method = "GET", .target = signed_target, .timestamp_s = clock_wall_ms() / SECOND_MS};
    static uint8_t nonce;
    memset(request.nonce, ++nonce, sizeof(request.nonce));
    const struct sogs_signer signer = {&ana.community.account, &ana.community.blinded, world.key};
    json_t *headers = json_object();
    assert_int_equal(sogs_auth_sign(&signer, &request, headers), OK);
    struct answer a AUTO_ANSWER =
        file_ask_with(server, "GET", sent, (struct span){NULL, 0}, headers);
    member_close(&ana);
    return a.reply.code;
}

static void community__doubled_slash__is_one_in_route_and_signature(void **state)
{
    (void)state;
    assert_int_equal(community_code("/room/lobby", "//room/lobby"), 200);
    assert_int_equal(community_code("/room/lobby/messages/recent?limit=5",
                                    "///room/lobby/messages/recent?limit=5"),
                     200);
    assert_int_equal(community_code("//room/lobby", "//room/lobby"), 401);
    assert_int_equal(community_code("/room//lobby", "/room//lobby"), 404);
}

static void batch__doubled_slash_in_an_element__is_one(void **state)
{
    (void)state;
    struct member ana = file_world_member(&world, 0);
    json_t *json =
        json_pack("[{s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s}]", "method", "GET", "path",
                  "//room/lobby", "method", "POST", "path", "//file", "b64", "aGVsbG8=", "method",
                  "GET", "path", "//file/tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jB/info");
    const struct community_request request = {
        .method = "POST", .target = "//batch", .json = json, .signing = UNSIGNED};
    json_t *replies = NULL;
    assert_int_equal(community_json(&ana.community, &request, &replies), OK);
    assert_int_equal(json_array_size(replies), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(replies, i), "code")),
                         200);
    json_decref(replies);
    json_decref(json);
    member_close(&ana);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(android__uploads_downloads_and_renews__with_two_slashes),
        cmocka_unit_test(android__asking_for_what_is_not_there__is_404_as_with_one_slash),
        cmocka_unit_test(android__asks_for_the_version__signed_over_one_slash_and_sent_with_two),
        cmocka_unit_test(community__doubled_slash__is_one_in_route_and_signature),
        cmocka_unit_test(batch__doubled_slash_in_an_element__is_one),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
