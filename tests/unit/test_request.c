/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Endpoints, methods, headers and query parameters of inner requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "router/request.h"

#define EXPECT_SPAN(span, text) assert_true(span_eq((span), SPAN(text)))

static int arena_make(void **state)
{
    *state = arena_new(MIB(1));
    return *state == NULL ? -1 : 0;
}

static int arena_remove(void **state)
{
    arena_free(*state);
    return 0;
}

/* In memory of exactly its size, so that a sanitizer sees a read past the end. */
static enum err set_endpoint(struct arena *mem, struct request *req, struct span endpoint)
{
    uint8_t *exact = test_malloc(endpoint.len + (endpoint.len == 0));
    memcpy(exact, endpoint.p, endpoint.len);
    enum err e = request_set_endpoint(req, mem, span_of(exact, endpoint.len));
    test_free(exact);
    return e;
}

static void endpoint__path_is_decoded_once_and_query_is_not(void **state)
{
    static const struct {
        const char *endpoint, *path, *query;
    } cases[] = {
        {"/", "/", ""},
        {"/capabilities", "/capabilities", ""},
        {"/x?limit=25&t=r%20r", "/x", "limit=25&t=r%20r"},
        {"/a%3Fb", "/a?b", ""},
        {"/a%3fb?c%3fd?e", "/a?b", "c%3fd?e"},
        {"/%F0%9F%8D%8D%20y", "/\xf0\x9f\x8d\x8d y", ""},
        {"/\xf0\x9f\x8d\x8d", "/\xf0\x9f\x8d\x8d", ""},
        {"/%2541", "/%41", ""},
        {"/a+b", "/a+b", ""},
        {"/x?", "/x", ""},
        {"/%41", "/A", ""},
        /* Leading slashes become one, and only those. */
        {"//", "/", ""},
        {"//file", "/file", ""},
        {"////file/x//y?a=//b", "/file/x//y", "a=//b"},
        {"/%2F%2ffile", "/file", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request req = {0};
        assert_int_equal(set_endpoint(*state, &req, span_of_text(cases[i].endpoint)), OK);
        assert_true(span_eq_text(req.path, cases[i].path));
        assert_true(span_eq_text(req.query, cases[i].query));
    }
}

static void endpoint__what_cannot_be_a_path__is_malformed(void **state)
{
    static const char *const cases[] = {"",        "capabilities", "?x",         "/%",     "/%4",
                                        "/a%zz",   "/%g1",         "/%1g",       "/%00",   "/%ff",
                                        "/%c3%28", "/\xff",        "/%ed%a0%80", "/x?\xff"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request req = {0};
        assert_int_equal(set_endpoint(*state, &req, span_of_text(cases[i])), ERR_MALFORMED);
        assert_null(req.path.p);
    }
    struct request req = {0};
    assert_int_equal(set_endpoint(*state, &req, SPAN("/a\0b")), ERR_MALFORMED);
    assert_int_equal(set_endpoint(*state, &req, SPAN("/a?b\0c")), ERR_MALFORMED);
}

static void endpoint__exact_limit__is_fine_and_one_more_is_not(void **state)
{
    static uint8_t text[REQUEST_PATH_MAX_BYTES + 1];
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    struct request req = {0};
    assert_int_equal(set_endpoint(*state, &req, span_of(text, sizeof(text) - 1)), OK);
    assert_int_equal(req.path.len, REQUEST_PATH_MAX_BYTES);
    assert_int_equal(set_endpoint(*state, &req, span_of(text, sizeof(text))), ERR_MALFORMED);
}

static void endpoint__without_memory__says_so(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *small = arena_new(16);
    struct request req = {0};
    assert_int_equal(request_set_endpoint(&req, small, SPAN("/longer/than/sixteen")),
                     ERR_NO_MEMORY);
    assert_int_equal(request_set_endpoint(&req, small, SPAN("/x?q")), ERR_NO_MEMORY);
    assert_null(req.path.p);
}

static void method__any_case__is_folded(void **state)
{
    static const struct {
        const char *text, *upper;
        enum method method;
    } cases[] = {
        {"GET", "GET", METHOD_GET},          {"get", "GET", METHOD_GET},
        {"Post", "POST", METHOD_POST},       {"put", "PUT", METHOD_PUT},
        {"DELETE", "DELETE", METHOD_DELETE}, {"patch", "PATCH", METHOD_OTHER},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request req = {0};
        assert_int_equal(request_set_method(&req, *state, span_of_text(cases[i].text)), OK);
        assert_true(span_eq_text(req.method_text, cases[i].upper));
        assert_int_equal(req.method, cases[i].method);
    }
}

static void method__what_is_not_letters__is_malformed(void **state)
{
    static const char *const cases[] = {"", "GET ", "G T", "G\n", "GET1", "@", "[", "`", "{"};
    struct request req = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(request_set_method(&req, *state, span_of_text(cases[i])), ERR_MALFORMED);
    assert_int_equal(request_set_method(&req, *state, SPAN("GET\0")), ERR_MALFORMED);
    assert_null(req.method_text.p);
}

#define HEADER(name_text, value_text)                                                              \
    {                                                                                              \
        {(const uint8_t *)(name_text), sizeof(name_text) - 1},                                     \
        {                                                                                          \
            (const uint8_t *)(value_text), sizeof(value_text) - 1                                  \
        }                                                                                          \
    }

static void header__last_of_any_case__is_found(void **state)
{
    (void)state;
    static const struct header headers[] = {HEADER("X-SOGS-PubKey", "one"), HEADER("other", ""),
                                            HEADER("x-sogs-pubkey", "two")};
    const struct request req = {.headers = headers, .header_count = COUNT_OF(headers)};
    EXPECT_SPAN(request_header(&req, "X-SOGS-Pubkey"), "two");
    EXPECT_SPAN(request_header(&req, "Other"), "");
    assert_null(request_header(&req, "X-SOGS").p);
    assert_null(request_header(&(const struct request){0}, "Other").p);
}

static void is_json__content_type_with_or_without_parameters(void **state)
{
    (void)state;
    static const struct {
        struct header header;
        bool json;
    } cases[] = {
        {HEADER("Content-Type", "application/json"), true},
        {HEADER("content-type", "Application/JSON; charset=utf-8"), true},
        {HEADER("content-type", " application/json ;x"), true},
        {HEADER("content-type", "application/jsonx"), false},
        {HEADER("content-type", "application/json x"), false},
        {HEADER("content-type", "text/plain; application/json"), false},
        {HEADER("content-type", ""), false},
        {HEADER("accept", "application/json"), false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct request req = {.headers = &cases[i].header, .header_count = 1};
        assert_int_equal(request_is_json(&req), cases[i].json);
    }
}

static void query__first_of_the_name__is_decoded(void **state)
{
    const struct request req = {.query = SPAN("a=1&limit&t=r%20r+q&t=x&&=y&e=&b=%zz&n=%00&u=%ff")};
    static const struct {
        const char *name, *value; /* NULL: absent */
        enum err err;
    } cases[] = {
        {"a", "1", OK},
        {"limit", "", OK},
        {"t", "r r q", OK},
        {"", "", OK},
        {"e", "", OK},
        {"T", NULL, OK},
        {"lim", NULL, OK},
        {"=y", NULL, OK},
        {"zz", NULL, OK},
        {"b", NULL, ERR_MALFORMED},
        {"n", NULL, ERR_MALFORMED},
        {"u", NULL, ERR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool found = false;
        struct span value = {NULL, 0};
        enum err e = request_query(&req, *state, cases[i].name, &found, &value);
        assert_int_equal(e, cases[i].err);
        assert_int_equal(found, cases[i].value != NULL);
        if (found)
            assert_true(span_eq_text(value, cases[i].value));
    }
}

static void query_int__clamps_and_refuses_as_the_protocol_says(void **state)
{
    static const struct {
        const char *query;
        enum err err;
        int64_t value;
    } cases[] = {
        {"", OK, 100},
        {"other=5", OK, 100},
        {"limit=1", OK, 1},
        {"limit=256", OK, 256},
        {"limit=257", OK, 256},
        {"limit=0", OK, 1},
        {"limit=-7", OK, 1},
        {"limit=007", OK, 7},
        {"limit=+7", OK, 7},   /* the plus is a blank here */
        {"limit=%2B7", OK, 7}, /* and here a sign */
        {"limit=%2B%2B7", ERR_MALFORMED, 0},
        {"limit=%20%0a7%09", OK, 7},
        {"limit=99999999999999999999999999", OK, 256},
        {"limit=-99999999999999999999999999", OK, 1},
        {"limit=9223372036854775808", OK, 256},
        {"limit=-9223372036854775808", OK, 1},
        {"limit=%2B5", OK, 5},
        {"limit=", ERR_MALFORMED, 0},
        {"limit", ERR_MALFORMED, 0},
        {"limit=abc", ERR_MALFORMED, 0},
        {"limit=1.5", ERR_MALFORMED, 0},
        {"limit=1_0", ERR_MALFORMED, 0},
        {"limit=-", ERR_MALFORMED, 0},
        {"limit=--1", ERR_MALFORMED, 0},
        {"limit=1%202", ERR_MALFORMED, 0},
        {"limit=%z", ERR_MALFORMED, 0},
        {"limit=5&limit=x", OK, 5},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct request req = {.query = span_of_text(cases[i].query)};
        int64_t value = 0;
        enum err e =
            request_query_int(&req, *state, "limit",
                              (struct int_range){.fallback = 100, .min = 1, .max = 256}, &value);
        assert_int_equal(e, cases[i].err);
        assert_int_equal(value, cases[i].value);
    }
}

int main(void)
{
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, arena_make, arena_remove)
    const struct CMUnitTest tests[] = {
        WITH_ARENA(endpoint__path_is_decoded_once_and_query_is_not),
        WITH_ARENA(endpoint__what_cannot_be_a_path__is_malformed),
        WITH_ARENA(endpoint__exact_limit__is_fine_and_one_more_is_not),
        cmocka_unit_test(endpoint__without_memory__says_so),
        WITH_ARENA(method__any_case__is_folded),
        WITH_ARENA(method__what_is_not_letters__is_malformed),
        cmocka_unit_test(header__last_of_any_case__is_found),
        cmocka_unit_test(is_json__content_type_with_or_without_parameters),
        WITH_ARENA(query__first_of_the_name__is_decoded),
        WITH_ARENA(query_int__clamps_and_refuses_as_the_protocol_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
