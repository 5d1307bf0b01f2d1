/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A short `make torture` (tests/torture/): the long one runs by hand, and its report is
 * docs/torture-report.md.
 *
 * test-seconds: 31
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "integration/fake_clock.h"
#include "torture/torture.h"

/* test-timeout-s: 600 */
enum { KILLS = 8, KILLS_SHORT = 3, KILLS_FULL = 100 };

static uint32_t how_many(void)
{
    if (getenv("CONCLAVE_TEST_FULL") != NULL)
        return KILLS_FULL;
    return getenv("CONCLAVE_TEST_SHORT") != NULL ? KILLS_SHORT : KILLS;
}

static void two_servers__killed_with_their_database__lose_and_double_nothing(void **state)
{
    (void)state;
    const struct torture_options options = {
        .seed = (uint64_t)clock_wall_ms(),
        .kills = how_many(),
    };
    struct torture_result result;
    print_message("torture: seed %" PRIu64 "\n", options.seed);
    enum err e = torture_run(&options, stderr, &result);
    assert_int_equal(e, OK);
    assert_int_equal(result.kills_done, options.kills);
    assert_int_equal(result.complaints, 0);
    /* A load that did nothing would pass all checks. */
    assert_true(result.sums.posts[FATE_DONE] > 5 * options.kills);
    assert_true(result.sums.uploads[FATE_DONE] > 0);
}

/* Nothing goes early and nothing is replayed by a server whose clock is wrong. */
static void two_servers__one_with_a_clock_that_jumps__lose_and_double_nothing(void **state)
{
    (void)state;
    if (!fake_clock_possible())
        return;
    const struct torture_options options = {
        .seed = (uint64_t)clock_wall_ms(), .kills = how_many(), .clock = true};
    struct torture_result result;
    print_message("torture with a clock: seed %" PRIu64 "\n", options.seed);
    enum err e = torture_run(&options, stderr, &result);
    assert_int_equal(e, OK);
    assert_int_equal(result.complaints, 0);
    assert_true(result.jumps > options.kills);
    assert_true(result.sums.posts[FATE_DONE] > 5 * options.kills);
}

static void schedule__of_the_same_seed__is_the_same(void **state)
{
    (void)state;
    struct dice a = {7}, b = {7};
    uint32_t kinds[KILL_KINDS] = {0};
    for (int i = 0; i < 1000; i++) {
        struct blow x = plan_next(&a), y = plan_next(&b);
        assert_int_equal(x.kind, y.kind);
        assert_int_equal(x.delay_ms, y.delay_ms);
        assert_int_equal(x.which, y.which);
        kinds[x.kind]++;
    }
    for (size_t i = 0; i < KILL_KINDS; i++)
        assert_true(kinds[i] > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule__of_the_same_seed__is_the_same),
        cmocka_unit_test(two_servers__killed_with_their_database__lose_and_double_nothing),
        cmocka_unit_test(two_servers__one_with_a_clock_that_jumps__lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
