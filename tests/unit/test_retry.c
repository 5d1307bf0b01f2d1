/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a repeated post is recognised by, and that the time it got survives being printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "community/post_text.h"
#include "crypto/fingerprint.h"
#include "router/json_out.h"

#define DATA(literal) SPAN(literal)
/* Content { dataMessage { body "hi" } }, in 6 bytes. */
#define HI "\x0a\x04\x0a\x02hi"

static void post_text_is_timed__of_each_form__finds_the_time(void **state)
{
    (void)state;
    const struct {
        struct span data;
        bool timed;
    } cases[] = {
        {DATA(""), false},
        {DATA(HI), false},
        {DATA(HI "\x78\x01"), true},                              /* sigTimestamp 1 */
        {DATA("\x78\x01" HI), true},                              /* in any order */
        {DATA(HI "\x78\x01\x80\x00\x00\x00"), true},              /* padded */
        {DATA(HI "\x78\x00"), false},                             /* 0 is none */
        {DATA(HI "\x78\x01\x78\x00"), false},                     /* the last one counts */
        {DATA(HI "\x79\x01\x01\x01\x01\x01\x01\x01\x01"), false}, /* another type */
        {DATA(HI "\x78"), false},                                 /* cut */
        {DATA("\x08\x06\x28\x01\x42\x06" HI), true},   /* Envelope: type, timestamp, content */
        {DATA("\x08\x06\x42\x06" HI), false},          /* without its time */
        {DATA("\x08\x06\x28\x01\x42\x06\x0a"), false}, /* cut */
        {DATA("\x08\x06\x28\x01"), false},             /* without content */
        {DATA("no protobuf"), false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(post_text_is_timed(cases[i].data), cases[i].timed);
}

static bool same(struct fingerprint a, struct fingerprint b)
{
    return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

static void fingerprint__of_other_parts_purpose_or_key__differs(void **state)
{
    (void)state;
    const struct x25519_secret key = {{1}}, other_key = {{2}};
    const struct span parts[] = {SPAN("ab"), SPAN("c")}, cut[] = {SPAN("a"), SPAN("bc")};
    struct fingerprint first = fingerprint_of(&key, "this", parts, 2);
    assert_true(same(first, fingerprint_of(&key, "this", parts, 2)));
    assert_false(same(first, fingerprint_of(&key, "this", cut, 2)));
    assert_false(same(first, fingerprint_of(&key, "this", parts, 1)));
    assert_false(same(first, fingerprint_of(&key, "that", parts, 2)));
    assert_false(same(first, fingerprint_of(&other_key, "this", parts, 2)));
}

/* floor(posted * 1000), in JavaScript, Kotlin and Swift alike. */
static void millisecond__printed_and_read_as_the_apps_do__is_the_same(void **state)
{
    (void)state;
    const int64_t from_ms = 1700000000000, until_ms = 2147483647000; /* 2023 to 2038 */
    for (int64_t ms = from_ms; ms < until_ms; ms += 446237) {
        AUTO_BUF struct buf text = buf_make(64);
        json_out_double(&text, (double)ms / 1000);
        buf_put_byte(&text, '\0');
        assert_int_equal(buf_verdict(&text), OK);
        double read = strtod((const char *)text.p, NULL);
        assert_true((int64_t)floor(read * 1000) == ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(post_text_is_timed__of_each_form__finds_the_time),
        cmocka_unit_test(fingerprint__of_other_parts_purpose_or_key__differs),
        cmocka_unit_test(millisecond__printed_and_read_as_the_apps_do__is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
