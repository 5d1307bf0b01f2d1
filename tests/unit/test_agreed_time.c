/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a clock is trusted, and how long a jump is doubted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "jobs/agreed_time.h"

static const int64_t now_ms = INT64_C(1800000000000);

/* Asking took `took_ms`; the database was `ahead_ms` before us at its end. */
static struct clock_reading reading(int64_t took_ms, int64_t database_ahead_ms, int64_t trusted_ms)
{
    struct clock_reading r = {
        .now_ms = now_ms, .database_ms = now_ms + database_ahead_ms, .trusted_ms = trusted_ms};
    clock_judge(&r, now_ms - took_ms);
    return r;
}

static void clock__is_trusted_within_two_seconds_and_two_days(void **state)
{
    (void)state;
    static const struct {
        int64_t took_ms, database_ahead_ms, trusted_ago_ms;
        enum clock_doubt doubt;
        int64_t ahead_ms;
    } cases[] = {
        {0, 0, 0, CLOCK_TRUSTED, 0},
        {0, 2000, 0, CLOCK_TRUSTED, -2000},
        {0, 2001, 0, CLOCK_APART, -2001},
        {0, -2000, 0, CLOCK_TRUSTED, 2000},
        {0, -2001, 0, CLOCK_APART, 2001},
        /* A database that took long to answer is not apart. */
        {9000, -9000, 0, CLOCK_TRUSTED, 0},
        {9000, -11001, 0, CLOCK_APART, 2001},
        {0, 0, 48 * (int64_t)HOUR_MS, CLOCK_TRUSTED, 0},
        {0, 0, 48 * (int64_t)HOUR_MS + 1, CLOCK_JUMPED, 0},
        {0, 0, -48 * (int64_t)HOUR_MS, CLOCK_TRUSTED, 0},
        {0, 0, -48 * (int64_t)HOUR_MS - 1, CLOCK_JUMPED, 0},
        {0, 5000, 99 * (int64_t)HOUR_MS, CLOCK_APART, -5000},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct clock_reading r =
            reading(cases[i].took_ms, cases[i].database_ahead_ms, now_ms - cases[i].trusted_ago_ms);
        assert_int_equal(r.doubt, cases[i].doubt);
        assert_int_equal(r.ahead_ms, cases[i].ahead_ms);
    }
}

static void clock__of_a_new_database__is_believed(void **state)
{
    (void)state;
    assert_int_equal(reading(0, 0, 0).doubt, CLOCK_TRUSTED);
}

static void jump__that_lasts_for_a_day_of_steady_running__is_accepted(void **state)
{
    (void)state;
    struct agreed_time t = {0};
    struct clock_reading r = {.doubt = CLOCK_JUMPED, .now_ms = now_ms};
    const int64_t start_ms = 5000, day_ms = DAY_MS;
    assert_false(agreed_time_accepts(&t, &r, start_ms));
    r.now_ms = now_ms + day_ms - 1;
    assert_false(agreed_time_accepts(&t, &r, start_ms + day_ms - 1));
    r.now_ms = now_ms + day_ms;
    assert_true(agreed_time_accepts(&t, &r, start_ms + day_ms));
}

static void jump__after_a_jump__starts_the_day_over(void **state)
{
    (void)state;
    struct agreed_time t = {0};
    struct clock_reading r = {.doubt = CLOCK_JUMPED, .now_ms = now_ms};
    assert_false(agreed_time_accepts(&t, &r, 1));
    r.now_ms = now_ms + DAY_MS + 2 * MINUTE_MS; /* two minutes more than a day went by */
    assert_false(agreed_time_accepts(&t, &r, 1 + DAY_MS));
    r.now_ms += DAY_MS;
    assert_true(agreed_time_accepts(&t, &r, 1 + 2 * DAY_MS));
}

static void process__a_day_apart__refuses_members(void **state)
{
    (void)state;
    struct clock_reading r = reading(0, -DAY_MS, now_ms);
    assert_false(clock_refuses_members(&r));
    r = reading(0, DAY_MS + 1, now_ms);
    assert_true(clock_refuses_members(&r));
}

static void doubt__is_told_with_what_to_do(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = buf_make(KIB(4));
    struct clock_reading r = reading(0, 0, now_ms);
    clock_explain(&r, &out);
    assert_int_equal(out.len, 0);
    r = reading(0, -3000, now_ms);
    clock_explain(&r, &out);
    r = reading(0, 0, now_ms - 10 * DAY_MS);
    clock_explain(&r, &out);
    buf_put_byte(&out, '\0');
    assert_non_null(strstr((const char *)out.p, "3 seconds ahead of the database's"));
    assert_non_null(strstr((const char *)out.p, "240 hours after the last time"));
    assert_non_null(strstr((const char *)out.p, "conclave clock confirm"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock__is_trusted_within_two_seconds_and_two_days),
        cmocka_unit_test(clock__of_a_new_database__is_believed),
        cmocka_unit_test(jump__that_lasts_for_a_day_of_steady_running__is_accepted),
        cmocka_unit_test(jump__after_a_jump__starts_the_day_over),
        cmocka_unit_test(process__a_day_apart__refuses_members),
        cmocka_unit_test(doubt__is_told_with_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
