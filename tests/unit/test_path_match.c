/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Path matching: what a pattern takes, what it refuses, and which patterns are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/path.h"

#define ID64 "e05c478ccaaa8097d884467f5baedab1f61ea5e363029bf997be807074658450"

static void path__values__are_taken(void **state)
{
    (void)state;
    struct params p;
    assert_true(path_match("/", SPAN("/"), &p));
    assert_true(path_match("/rooms", SPAN("/rooms"), &p));
    assert_true(path_match("/room/{room}/messages/since/{number}",
                           SPAN("/room/a_B-9/messages/since/007"), &p));
    assert_true(span_eq_text(p.room, "a_B-9"));
    assert_int_equal(p.number, 7);
    assert_true(path_match("/room/{room}/all/{user}", SPAN("/room/x/all/15" ID64), &p));
    assert_int_equal(p.user.b[0], 0x15);
    assert_int_equal(p.user.b[1], 0xe0);
    assert_true(
        path_match("/room/{room}/file/{number}/{text}", SPAN("/room/x/file/3/a b.png"), &p));
    assert_true(span_eq_text(p.text, "a b.png"));
    assert_true(
        path_match("/room/{room}/reaction/{number}/{rest}", SPAN("/room/x/reaction/3/a/b?c/"), &p));
    assert_true(span_eq_text(p.text, "a/b?c/"));
}

static void path__upper_case_ids__are_folded(void **state)
{
    (void)state;
    struct params lower, upper;
    assert_true(path_match(
        "/u/{user}", SPAN("/u/05abcdef0000000000000000000000000000000000000000000000000000000000"),
        &lower));
    assert_true(path_match(
        "/u/{user}", SPAN("/u/05ABCDEF0000000000000000000000000000000000000000000000000000000000"),
        &upper));
    assert_true(session_id_eq(&lower.user, &upper.user));
}

static void path__numbers_past_64_bits__are_the_largest(void **state)
{
    (void)state;
    struct params p;
    assert_true(path_match("/n/{number}", SPAN("/n/9223372036854775807"), &p));
    assert_true(p.number == INT64_MAX);
    assert_true(path_match("/n/{number}", SPAN("/n/9223372036854775808"), &p));
    assert_true(p.number == INT64_MAX);
    assert_true(path_match("/n/{number}", SPAN("/n/99999999999999999999999999999999999999"), &p));
    assert_true(p.number == INT64_MAX);
}

static void path__what_does_not_fit__is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
    } cases[] = {
        {"/rooms", ""},
        {"/rooms", "rooms"},
        {"/rooms", "/room"},
        {"/rooms", "/rooms/"},
        {"/rooms", "//rooms"},
        {"/rooms", "/ROOMS"},
        {"/rooms", "/rooms/x"},
        {"/room/{room}", "/room/"},
        {"/room/{room}", "/room"},
        {"/room/{room}", "/room/a/"},
        {"/room/{room}", "/room/a.b"},
        {"/room/{room}", "/room/\xc3\xa9"},
        {"/room/{room}", "/room/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"/n/{number}", "/n/-1"},
        {"/n/{number}", "/n/+1"},
        {"/n/{number}", "/n/1x"},
        {"/n/{number}", "/n/"},
        {"/n/{number}", "/n/99999999999999999999999x"},
        {"/u/{user}", "/u/25" ID64},
        {"/u/{user}", "/u/00" ID64},
        {"/u/{user}", "/u/15" ID64 "0"},
        {"/u/{user}", "/u/15"},
        {"/f/{text}", "/f/"},
        {"/f/{text}", "/f/a/b"},
        {"/r/{rest}", "/r"},
        {"/r/{rest}", "/r/"},
        {"/r/{rest}", "/r//a"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct params p = {.number = 42};
        if (path_match(cases[i].pattern, span_of_text(cases[i].path), &p))
            fail_msg("%s took %s", cases[i].pattern, cases[i].path);
        assert_int_equal(p.number, 42);
    }
    struct params p;
    assert_true(path_match(
        "/room/{room}",
        SPAN("/room/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), &p));
    assert_int_equal(p.room.len, 64);
}

static void path__bad_patterns__are_noticed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "x", "/a/", "//", "/{roam}", "/{room}/{room}", "/{rest}/a", "/{text}/{rest}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(path_pattern_ok(bad[i]));
    assert_true(path_pattern_ok("/room/{room}/reaction/{number}/{rest}"));
    assert_false(path_pattern_ok("/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path__values__are_taken),
        cmocka_unit_test(path__upper_case_ids__are_folded),
        cmocka_unit_test(path__numbers_past_64_bits__are_the_largest),
        cmocka_unit_test(path__what_does_not_fit__is_refused),
        cmocka_unit_test(path__bad_patterns__are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
