/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the public port shows to somebody without an onion request: on every path and by every
 * method the same empty 404, byte for byte, so that a scanner learns nothing, not even which server
 * this is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "integration/group.h"
#include "integration/raw.h"
#include "integration/world.h"

enum { ANSWER_MS = 10000, ANSWER_MAX_BYTES = 4096 };

static const char not_found[] = "HTTP/1.1 404 Not Found\r\n"
                                "Connection: close\r\n"
                                "Content-Length: 0\r\n"
                                "\r\n";

static const char *const methods[] = {"GET",   "HEAD",    "POST",  "PUT",     "DELETE",
                                      "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"};

static const char *const onion_paths[] = {"/oxen/v4/lsrpc", "/oxen/v3/lsrpc", "/loki/v3/lsrpc"};

/*
 * Routes that exist inside, those of the operator's socket, and near misses of the three that exist
 * here.
 */
static const char *const other_paths[] = {
    "/",
    "/capabilities",
    "/rooms",
    "/room/lobby",
    "/room/lobby/pollInfo/0",
    "/room/lobby/messages/recent",
    "/room/lobby/message",
    "/room/lobby/file",
    "/batch",
    "/sequence",
    "/inbox",
    "/file",
    "/file/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "/session_version?platform=desktop",
    "/lobby?public_key=0000000000000000000000000000000000000000000000000000000000000000",
    "/lobby",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/robots.txt",
    "/oxen/v4/lsrpc/",
    "/oxen/v4/lsrpc?",
    "/oxen/v4/lsrpc?x=1",
    "/oxen/v4/lsrpc%00",
    "/oxen/v4/ls%72pc",
    "/oxen/v4/LSRPC",
    "/oxen/v5/lsrpc",
    "/oxen/lsrpc",
    "/loki/v4/lsrpc",
    "//oxen/v4/lsrpc",
    "/oxen/../oxen/v4/lsrpc",
    "http://127.0.0.1/oxen/v4/lsrpc",
    "*",
};

static struct world *world_of(void **state)
{
    return *state;
}

static void assert_answer(void **state, struct span request, const char *expected)
{
    struct world *w = world_of(state);
    AUTO_BUF struct buf answer = buf_make(ANSWER_MAX_BYTES);
    assert_int_equal(raw_ask(&w->servers[0].at, request, ANSWER_MS, &answer), OK);
    buf_put_byte(&answer, '\0');
    assert_int_equal(buf_verdict(&answer), OK);
    if (strcmp((const char *)answer.p, expected) != 0)
        print_error("asked: %.*s\n", (int)(request.len < 200 ? request.len : 200),
                    (const char *)request.p);
    assert_string_equal((const char *)answer.p, expected);
}

/* extra: headers and body after the request line; NULL-terminated text of ours. */
static void assert_not_found(void **state, const char *method, const char *path,
                             const char *version, const char *extra)
{
    AUTO_BUF struct buf request = buf_make(KIB(4));
    buf_put_text(&request, method);
    buf_put_byte(&request, ' ');
    buf_put_text(&request, path);
    buf_put_text(&request, version);
    buf_put_text(&request, extra);
    assert_answer(state, buf_span(&request), not_found);
}

static void surface__every_method_and_path__is_the_same_404(void **state)
{
    for (size_t m = 0; m < COUNT_OF(methods); m++)
        for (size_t p = 0; p < COUNT_OF(other_paths); p++)
            assert_not_found(state, methods[m], other_paths[p], " HTTP/1.1\r\nHost: x\r\n", "\r\n");
}

static void surface__another_method_than_post_on_the_onion_paths__is_the_same_404(void **state)
{
    static const char *const lower[] = {"post", "Post", "POSTS"};
    for (size_t p = 0; p < COUNT_OF(onion_paths); p++) {
        for (size_t m = 0; m < COUNT_OF(methods); m++)
            if (strcmp(methods[m], "POST") != 0)
                assert_not_found(state, methods[m], onion_paths[p], " HTTP/1.1\r\nHost: x\r\n",
                                 "\r\n");
        for (size_t m = 0; m < COUNT_OF(lower); m++)
            assert_not_found(state, lower[m], onion_paths[p], " HTTP/1.1\r\nHost: x\r\n", "\r\n");
    }
}

static void surface__a_body_a_proxy_or_old_http__changes_nothing(void **state)
{
    static const char *const extras[] = {
        "Content-Length: 3\r\n\r\nabc",
        "Content-Length: 99999999\r\n\r\nabc",
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        "Connection: keep-alive\r\n\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "X-Forwarded-For: 203.0.113.1\r\nX-SOGS-Pubkey: 00\r\nOrigin: http://x\r\n\r\n",
    };
    static const char *const some[] = {"GET", "POST", "HEAD", "PUT"};
    static const char *const versions[] = {" HTTP/1.1\r\nHost: x\r\n", " HTTP/1.0\r\n"};
    for (size_t m = 0; m < COUNT_OF(some); m++)
        for (size_t x = 0; x < COUNT_OF(extras); x++)
            for (size_t v = 0; v < COUNT_OF(versions); v++)
                assert_not_found(state, some[m], "/room/lobby", versions[v], extras[x]);
}

static void surface__a_large_body_to_an_unknown_path__is_not_read(void **state)
{
    AUTO_BUF struct buf body = buf_make(MIB(8));
    uint8_t *p = buf_reserve(&body, MIB(4));
    assert_non_null(p);
    memset(p, 'a', MIB(4));
    buf_commit(&body, MIB(4));
    AUTO_BUF struct buf request = buf_make(MIB(8));
    raw_put_post(&request, "/upload", buf_span(&body), "");
    assert_answer(state, buf_span(&request), not_found);
}

static void surface__what_is_no_onion_request__is_an_empty_400(void **state)
{
    static const char bad_request[] = "HTTP/1.1 400 Bad Request\r\n"
                                      "Connection: close\r\n"
                                      "Content-Length: 0\r\n"
                                      "\r\n";
    static const char *const bodies[] = {"a", "GET /rooms", "{\"method\":\"GET\"}", "d4:spami42ee"};
    for (size_t p = 0; p < COUNT_OF(onion_paths); p++)
        for (size_t i = 0; i < COUNT_OF(bodies); i++) {
            AUTO_BUF struct buf request = buf_make(KIB(4));
            raw_put_post(&request, onion_paths[p], span_of_text(bodies[i]), "");
            assert_answer(state, buf_span(&request), bad_request);
        }
}

/* Without it the tests above would pass against a server that answers nobody. */
static void surface__an_onion_request__is_answered(void **state)
{
    struct world *w = world_of(state);
    struct server_link_options options = world_route(w, 0, false);
    struct server_link *link = NULL;
    assert_int_equal(server_link_open(&options, &link), OK);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    struct onion_request request = {.method = "GET", .endpoint = "/capabilities"};
    assert_int_equal(server_link_call(link, &request, &reply), OK);
    assert_int_equal(reply.code, 200);
    server_link_close(link);
}

static int open_world(void **state)
{
    const struct world_options options = {.servers = 1, .no_fsync = true};
    return group_open(state, &options);
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(surface__every_method_and_path__is_the_same_404),
        cmocka_unit_test(surface__another_method_than_post_on_the_onion_paths__is_the_same_404),
        cmocka_unit_test(surface__a_body_a_proxy_or_old_http__changes_nothing),
        cmocka_unit_test(surface__a_large_body_to_an_unknown_path__is_not_read),
        cmocka_unit_test(surface__what_is_no_onion_request__is_an_empty_400),
        cmocka_unit_test(surface__an_onion_request__is_answered),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
