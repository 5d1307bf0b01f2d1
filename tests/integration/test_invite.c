/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * [web] invite_page: a join link in a browser, and that nothing else of the public port changes by
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex.h"
#include "integration/group.h"
#include "integration/raw.h"

enum { ANSWER_MS = 10000, ANSWER_MAX_BYTES = 8192, TARGET_MAX = 256, PAGES = 100 };
#define URL "https://chat.example.org"

static const char not_found[] = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n"
                                "Content-Length: 0\r\n\r\n";

static const char *key_of(void **state)
{
    static char hex[65];
    const struct world *w = *state;
    hex_write(SPAN_OF_KEY(&w->key), hex);
    return hex;
}

static const char *ask_at(void **state, size_t server, const char *method, const char *target)
{
    static char text[ANSWER_MAX_BYTES];
    struct world *w = *state;
    AUTO_BUF struct buf request = buf_make(KIB(4));
    AUTO_BUF struct buf answer = buf_make(ANSWER_MAX_BYTES);
    buf_put_text(&request, method);
    buf_put_byte(&request, ' ');
    buf_put_text(&request, target);
    buf_put_text(&request, " HTTP/1.1\r\nHost: evil.example.net\r\n\r\n");
    assert_int_equal(raw_ask(&w->servers[server].at, buf_span(&request), ANSWER_MS, &answer), OK);
    buf_put_byte(&answer, '\0');
    assert_int_equal(buf_verdict(&answer), OK);
    memcpy(text, answer.p, answer.len);
    return text;
}

static const char *ask(void **state, const char *method, const char *target)
{
    return ask_at(state, 0, method, target);
}

static void assert_page(const char *answer, const char *token, const char *key)
{
    static const char *const lines[] = {
        "HTTP/1.1 200 OK\r\n",
        "\r\nContent-Type: text/html; charset=utf-8\r\n",
        "\r\nContent-Security-Policy: default-src 'none'\r\n",
        "\r\nX-Content-Type-Options: nosniff\r\n",
        "\r\nReferrer-Policy: no-referrer\r\n",
        "\r\nConnection: close\r\n",
    };
    char link[TARGET_MAX];
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_non_null(strstr(answer, lines[i]));
    assert_null(strstr(answer, "\r\nDate:"));
    assert_null(strstr(answer, "evil"));
    (void)snprintf(link, sizeof(link), "<code>" URL "/%s?public_key=%s</code>", token, key);
    assert_non_null(strstr(answer, link));
}

static void page__of_a_join_link__shows_it_whether_the_room_exists_or_not(void **state)
{
    static const char *const tokens[] = {"lobby", "there-is_no-Such_room", "0"};
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        char target[TARGET_MAX];
        (void)snprintf(target, sizeof(target), "/%s?public_key=%s", tokens[i], key_of(state));
        assert_page(ask(state, "GET", target), tokens[i], key_of(state));
    }
}

static void page__asked_for_with_head__has_the_same_headers_alone(void **state)
{
    char target[TARGET_MAX], page[ANSWER_MAX_BYTES];
    (void)snprintf(target, sizeof(target), "/lobby?public_key=%s", key_of(state));
    (void)snprintf(page, sizeof(page), "%s", ask(state, "GET", target));
    const char *head = ask(state, "HEAD", target);
    size_t len = strlen(head);
    assert_memory_equal(page, head, len);
    assert_string_equal(head + len - 4, "\r\n\r\n");
}

static void target__that_is_not_exactly_a_join_link_of_ours__is_the_same_404(void **state)
{
    /* %s: our key */
    static const char *const targets[] = {
        "/lobby",
        "/lobby?",
        "/lobby?public_key=",
        "/lobby?public_key=0000000000000000000000000000000000000000000000000000000000000000",
        "/lobby?public_key=%s0",
        "/lobby?public_key=%.63s",
        "/lobby?public_key=%s&x=1",
        "/lobby?x=1&public_key=%s",
        "/lobby?public_key=%s#top",
        "/lobby?Public_Key=%s",
        "/lobby/?public_key=%s",
        "//lobby?public_key=%s",
        "/%%6cobby?public_key=%s",
        "/lob by?public_key=%s",
        "/lobby%%00?public_key=%s",
        "/<b>?public_key=%s",
        "/?public_key=%s",
        "/room/lobby?public_key=%s",
        "http://chat.example.org/lobby?public_key=%s",
        "/a23456789012345678901234567890123456789012345678901234567890abcde?public_key=%s",
    };
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        char target[TARGET_MAX];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(target, sizeof(target), targets[i], key_of(state));
#pragma GCC diagnostic pop
        const char *answer = ask(state, "GET", target);
        /* A space ends the target: that request line is libmicrohttpd's to judge. */
        if (strchr(target, ' ') == NULL)
            assert_string_equal(answer, not_found);
        else
            assert_null(strstr(answer, "200 OK"));
    }
}

static void method__other_than_get_and_head__is_the_same_404(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "get", "TRACE"};
    char target[TARGET_MAX];
    (void)snprintf(target, sizeof(target), "/lobby?public_key=%s", key_of(state));
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        assert_string_equal(ask(state, methods[i], target), not_found);
}

static double statements(struct world *w)
{
    double request = 0, writer = 0;
    assert_int_equal(
        world_metric(w, 0, "conclave_sql_statements_total{origin=\"request\"}", &request), OK);
    assert_int_equal(
        world_metric(w, 0, "conclave_sql_statements_total{origin=\"writer\"}", &writer), OK);
    return request + writer;
}

static void page__asks_the_database_nothing(void **state)
{
    char target[TARGET_MAX];
    (void)snprintf(target, sizeof(target), "/lobby?public_key=%s", key_of(state));
    double before = statements(*state);
    for (int i = 0; i < PAGES; i++)
        (void)ask(state, "GET", target);
    /* Workers that have just started are still connecting, which counts, too. */
    assert_true(statements(*state) - before < PAGES);
}

static void page__switched_off__is_the_same_404(void **state)
{
    static const char *const off[] = {"CONCLAVE_WEB_INVITE_PAGE=off", NULL};
    size_t server = 0;
    char target[TARGET_MAX];
    assert_int_equal(world_start_server(*state, off, &server), OK);
    (void)snprintf(target, sizeof(target), "/lobby?public_key=%s", key_of(state));
    assert_string_equal(ask_at(state, server, "GET", target), not_found);
}

static int open_world(void **state)
{
    static const char *const env[] = {"CONCLAVE_WEB_INVITE_PAGE=on",
                                      "CONCLAVE_SERVER_PUBLIC_URL=" URL, NULL};
    const struct world_options options = {.servers = 1, .no_fsync = true, .env = env};
    return group_open(state, &options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page__of_a_join_link__shows_it_whether_the_room_exists_or_not),
        cmocka_unit_test(page__asked_for_with_head__has_the_same_headers_alone),
        cmocka_unit_test(target__that_is_not_exactly_a_join_link_of_ours__is_the_same_404),
        cmocka_unit_test(method__other_than_get_and_head__is_the_same_404),
        cmocka_unit_test(page__asks_the_database_nothing),
        cmocka_unit_test(page__switched_off__is_the_same_404),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
