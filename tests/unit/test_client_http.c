/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's parsers of what comes from outside without encryption: HTTP replies, addresses,
 * NODEs, file links.
 */
#include "client_vectors.h"

#include <sodium.h>

#include "client/address.h"
#include "client/file_client.h"
#include "client/http_client.h"
#include "client/http_reply.h"
#include "client/xed25519.h"

static void http_head__good_heads__are_read(void **state)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-LENGTH:  12 \r\nContent-Type: text/plain\r\n"
        "Connection: close\r\n\r\nbody";
    struct http_head h;
    (void)state;
    size_t len = http_head_length(span_of_text(text));
    assert_int_equal(len, sizeof(text) - 1 - 4);
    assert_int_equal(http_head_read(span_first(span_of_text(text), len), &h), OK);
    assert_int_equal(h.status, 200);
    assert_int_equal(h.kind, HTTP_BODY_LENGTH);
    assert_int_equal(h.length, 12);
    assert_true(h.close);
    assert_string_equal(h.content_type, "text/plain");
    assert_int_equal(http_head_read(SPAN("HTTP/1.1 304 Not Modified\r\n\r\n"), &h), OK);
    assert_int_equal(h.kind, HTTP_BODY_LENGTH);
    assert_int_equal(h.length, 0);
    assert_int_equal(http_head_read(SPAN("HTTP/1.0 200 OK\r\n\r\n"), &h), OK);
    assert_int_equal(h.kind, HTTP_BODY_UNTIL_CLOSE);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(http_head_length(span_first(span_of_text(text), n)), 0);
}

static void http_head__lies_about_the_body__are_malformed(void **state)
{
    static const char *const bad[] = {
        "\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    };
    struct http_head h;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(http_head_read(span_of_text(bad[i]), &h), ERR_MALFORMED);
}

static void http_chunks__complete__are_joined_and_every_truncation_asks_for_more(void **state)
{
    static const char text[] =
        "5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n";
    struct buf out AUTO_BUF = buf_make(64);
    struct buf small AUTO_BUF = buf_make(8);
    (void)state;
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        assert_int_equal(http_chunks_read(span_of(text, n), &out), ERR_RETRY);
        assert_int_equal(out.len, 0);
    }
    assert_int_equal(http_chunks_read(span_of_text(text), &out), OK);
    assert_span_equal(buf_span(&out), SPAN("hello 0123456789"));
    assert_int_equal(http_chunks_read(span_of_text(text), &small), ERR_TOO_LARGE);
    assert_int_equal(http_chunks_read(SPAN("x\r\n"), &out), ERR_MALFORMED);
    assert_int_equal(http_chunks_read(SPAN("\r\n"), &out), ERR_MALFORMED);
    assert_int_equal(http_chunks_read(SPAN("123456789\r\n"), &out), ERR_MALFORMED);
    assert_int_equal(http_chunks_read(SPAN("2\r\nabc\r\n0\r\n\r\n"), &out), ERR_MALFORMED);
}

static void http_client__nobody_there__is_missing(void **state)
{
    struct http_target target = {.timeout_ms = 2000, .max_reply_bytes = 100};
    struct http_reply reply;
    (void)state;
    /* Port 1 of a loopback address of our own: nothing of ours listens below 1024. */
    assert_int_equal(address_read(SPAN("127.9.8.7:1"), &target.at), OK);
    struct http_client *c AUTO_HTTP = http_client_new(&target);
    assert_int_equal(http_client_post(c, "/", SPAN("x"), &reply), ERR_MISSING);
    struct http_target unix_target = {
        .unix_path = "/tmp/conclave-no-such-socket", .timeout_ms = 2000, .max_reply_bytes = 100};
    struct http_client *u AUTO_HTTP = http_client_new(&unix_target);
    assert_int_equal(http_client_call(u, "GET", "/", NULL, (struct span){0}, &reply), ERR_MISSING);
}

static void address__texts__are_taken_or_refused(void **state)
{
    static const struct {
        const char *text;
        enum err want;
    } cases[] = {
        {"127.0.0.1:8080", OK},         {"sogs.example:1", OK},      {"localhost:0", OK},
        {"127.0.0.1", ERR_MALFORMED},   {":80", ERR_MALFORMED},      {"a:", ERR_MALFORMED},
        {"a:65536", ERR_MALFORMED},     {"a:-1", ERR_MALFORMED},     {"a b:80", ERR_MALFORMED},
        {"a:80/x", ERR_MALFORMED},      {"[::1]:80", ERR_MALFORMED}, {"a\r\n:80", ERR_MALFORMED},
        {"a:000000080", ERR_MALFORMED}, {"", ERR_MALFORMED},
    };
    struct address a;
    struct server_url url;
    char longest[ADDRESS_HOST_MAX + 8];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(address_read(span_of_text(cases[i].text), &a), cases[i].want);
    memset(longest, 'a', sizeof(longest));
    memcpy(longest + ADDRESS_HOST_MAX, ":80", 3);
    assert_int_equal(address_read(span_of(longest, ADDRESS_HOST_MAX + 3), &a), OK);
    memcpy(longest + ADDRESS_HOST_MAX, "a:80", 4);
    assert_int_equal(address_read(span_of(longest, ADDRESS_HOST_MAX + 4), &a), ERR_MALFORMED);

    assert_int_equal(server_url_read(SPAN("http://a.example"), &url), OK);
    assert_int_equal(url.at.port, 80);
    assert_int_equal(server_url_read(SPAN("https://a.example/"), &url), OK);
    assert_int_equal(url.at.port, 443);
    assert_true(url.https);
    assert_int_equal(server_url_read(SPAN("http://a.example:8080"), &url), OK);
    assert_int_equal(url.at.port, 8080);
    assert_int_equal(server_url_read(SPAN("ftp://a"), &url), ERR_MALFORMED);
    assert_int_equal(server_url_read(SPAN("http://"), &url), ERR_MALFORMED);
    assert_int_equal(server_url_read(SPAN("http://a/b"), &url), ERR_MALFORMED);
    assert_int_equal(server_url_read(SPAN("http://u@a"), &url), ERR_MALFORMED);
}

static void node__written__reads_back_and_other_texts_are_refused(void **state)
{
    struct node n = {0};
    struct node back;
    (void)state;
    json_auto_t *file = vectors_load("onion-hops.json");
    const json_t *hop = json_array_get(vectors_list(file, "hops", 3), 0);
    vectors_bytes(hop, "ed25519_pk", n.ed.b, 32);
    assert_int_equal(address_read(SPAN("127.0.0.1:22021"), &n.at), OK);
    struct node_text text = node_write(&n);
    assert_int_equal(node_read(span_of_text(text.s), &back), OK);
    assert_memory_equal(back.ed.b, n.ed.b, 32);
    ASSERT_KEY_IS(&back.x, hop, "x25519_pk");
    assert_string_equal(back.at.host, "127.0.0.1");
    assert_int_equal(back.at.port, 22021);
    for (size_t len = 0; len < strlen(text.s) - 4; len++)
        assert_int_equal(node_read(span_of(text.s, len), &back), ERR_MALFORMED);
    text.s[0] = 'g';
    assert_int_equal(node_read(span_of_text(text.s), &back), ERR_MALFORMED);
    /* A key that is no point. */
    memset(text.s, '0', 64);
    assert_int_equal(node_read(span_of_text(text.s), &back), ERR_MALFORMED);
}

static void file_url__written__reads_back_to_the_same_key_and_server(void **state)
{
    static const char *const bad[] = {
        "",
        "http://a/file/",
        "http://a/file/x",
        "http://a/file/x#d",
        "http://a/file/x#p=00",
        "http://a/files/x#p=b8eef9821445ae16e2e97ef8aa6fe782fd11ad5253cd6723b281341dba22e371",
        "http://a/file/x/y#p=b8eef9821445ae16e2e97ef8aa6fe782fd11ad5253cd6723b281341dba22e371",
        "http://a/file/x%2f#p=b8eef9821445ae16e2e97ef8aa6fe782fd11ad5253cd6723b281341dba22e371",
    };
    struct file_url url;
    struct server_url server;
    char text[FILE_URL_MAX];
    struct x25519_pub key;
    (void)state;
    json_auto_t *file = vectors_load("onion-v4.json");
    vectors_bytes(file, "server_x25519_pk", key.b, 32);
    assert_int_equal(server_url_read(SPAN("http://files.example:8080"), &server), OK);
    assert_int_equal(
        file_url_write(&server, &key, "tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jB", false, text),
        OK);
    assert_int_equal(file_url_read(span_of_text(text), &url), OK);
    assert_false(url.is_stream);
    assert_memory_equal(url.key.b, key.b, 32);
    assert_string_equal(url.id, "tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jB");
    assert_string_equal(url.server.at.host, "files.example");
    assert_int_equal(url.server.at.port, 8080);
    /* Other parts of the fragment in any order, and a key with its sign bit set, mean the same. */
    struct ed25519_pub ed;
    char hex[65] = {0};
    assert_int_equal(xed25519_convert(&key, &ed), OK);
    ed.b[31] |= 0x80;
    hex_write(SPAN_OF_KEY(&ed), hex);
    (void)snprintf(text, sizeof(text), "https://files.example/file/12#d=&p=%s&sr=x", hex);
    assert_int_equal(file_url_read(span_of_text(text), &url), OK);
    assert_memory_equal(url.key.b, key.b, 32);
    assert_true(url.server.https);
    assert_true(url.is_stream);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(file_url_read(span_of_text(bad[i]), &url), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_head__good_heads__are_read),
        cmocka_unit_test(http_head__lies_about_the_body__are_malformed),
        cmocka_unit_test(http_chunks__complete__are_joined_and_every_truncation_asks_for_more),
        cmocka_unit_test(http_client__nobody_there__is_missing),
        cmocka_unit_test(address__texts__are_taken_or_refused),
        cmocka_unit_test(node__written__reads_back_and_other_texts_are_refused),
        cmocka_unit_test(file_url__written__reads_back_to_the_same_key_and_server),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
