/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 180, test-alone: it measures times.
 *
 * `make attack` in short: members are answered, and nearly as soon as before, while somebody
 * attacks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "attack/suite.h"

static void members__under_each_attack__are_served_as_before(void **state)
{
    (void)state;
    const struct suite_options options = {.seconds = SUITE_SHORT_SECONDS, .is_short = true};
    struct suite_result result;
    assert_true(suite_run(&options, &result));
    assert_true(result.held > 0);
    assert_int_equal(result.failed, 0);
}

int main(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members__under_each_attack__are_served_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
