/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading JSON strictly and under a ceiling; writing it so that every reader gets the same values
 * back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/mem.h"
#include "integration/process.h"
#include "router/json_in.h"
#include "router/json_out.h"

static const char *written(struct buf *b)
{
    buf_put_byte(b, 0);
    assert_int_equal(buf_verdict(b), OK);
    return (const char *)b->p;
}

static struct json_in read_text(struct arena *mem, const char *text)
{
    return json_in_object(mem, span_of_text(text));
}

/* ---- json_in ---- */

static void json_in__typed_fields__are_read(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    AUTO_JSON struct json_in in = read_text(mem, "{\"t\":\"a\\u00e9\",\"i\":-9223372036854775808,"
                                                 "\"b\":true,\"one\":1,\"d\":\"AAEC\",\"n\":null}");
    assert_true(span_eq_text(json_text(&in, "t"), "a\xc3\xa9"));
    assert_true(json_int(&in, "i") == INT64_MIN);
    assert_true(json_bool(&in, "b"));
    assert_true(json_bool(&in, "one"));
    struct span d = json_base64(&in, "d");
    assert_true(span_eq(d, span_of("\0\1\2", 3)));
    assert_false(json_has(&in, "n"));
    assert_false(json_has(&in, "absent"));
    assert_true(json_has(&in, "t"));
    assert_true(json_bool_or(&in, "n", true));
    assert_true(span_eq_text(json_text_or(&in, "absent", SPAN("x")), "x"));
    assert_true(json_ok(&in));
}

static void json_in__wrong_type_or_missing__fails_for_good(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    const char *text = "{\"t\":\"a\",\"i\":1,\"two\":2,\"f\":1.0,\"bad64\":\"A-_=\",\"o\":{}}";
    for (int field = 0; field < 11; field++) {
        AUTO_JSON struct json_in in = read_text(mem, text);
        assert_true(json_ok(&in));
        switch (field) {
        case 0:
            (void)json_text(&in, "i");
            break;
        case 1:
            (void)json_text(&in, "absent");
            break;
        case 2:
            (void)json_int(&in, "t");
            break;
        case 3:
            (void)json_int(&in, "f");
            break;
        case 4:
            (void)json_bool(&in, "two");
            break;
        case 5:
            (void)json_bool_or(&in, "t", false);
            break;
        case 6:
            (void)json_base64(&in, "bad64");
            break;
        case 7:
            (void)json_int(&in, "t");
            break;
        case 8:
            (void)json_text_or(&in, "o", SPAN(""));
            break;
        case 9:
            (void)json_bool(&in, "f");
            break;
        default:
            (void)json_base64(&in, "absent");
            break;
        }
        assert_false(json_ok(&in));
        assert_int_equal(json_text(&in, "t").len, 0); /* sticky */
    }
}

static void json_in__bad_documents__are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "1",
        "{",
        "{\"a\":1}x",
        "{\"a\":1,\"a\":2}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":1,}",
        "{\"a\":\"\xff\"}",
        "{\"a\\u0000\":1}",
        "null",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":1e999}",
        "{\"a\":0999999999999999999999}",
        "{\"a\":99999999999999999999}x",
        "{\"a\":99999999999999999999,\"a\":1}",
        "{\"a\":\"\n\"}",
    };
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_JSON struct json_in in = read_text(mem, bad[i]);
        assert_false(json_ok(&in));
    }
}

/* PySOGS's parser takes both, so a key that nobody reads must not cost the request. */
static void json_in__nul_and_large_integers__are_refused_only_where_they_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"x\\u0000\"", "\"\\u0000\"", "9223372036854775808",
                                      "-9223372036854775809", "99999999999999999999999999999"};
    char document[256];
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        (void)snprintf(
            document, sizeof(document),
            "{\"ignored\":%s,\"t\":\"99999999999999999999 \\\"\","
            "\"deep\":[{\"x\":[%s,%s]}],\"i\":9223372036854775807,\"r\":-0.5e1,\"bad\":%s}",
            bad[i], bad[i], bad[i], bad[i]);
        AUTO_JSON struct json_in good = read_text(mem, document);
        assert_true(span_eq_text(json_text(&good, "t"), "99999999999999999999 \""));
        assert_true(json_int(&good, "i") == INT64_MAX);
        assert_true(json_number(&good, "r") < -4.9 && json_number(&good, "r") > -5.1);
        assert_true(json_ok(&good));
        AUTO_JSON struct json_in text = read_text(mem, document);
        (void)json_text(&text, "bad");
        assert_false(json_ok(&text));
        AUTO_JSON struct json_in bytes = read_text(mem, document);
        (void)json_base64(&bytes, "bad");
        assert_false(json_ok(&bytes));
        AUTO_JSON struct json_in number = read_text(mem, document);
        (void)json_int(&number, "bad");
        assert_false(json_ok(&number));
        AUTO_JSON struct json_in real = read_text(mem, document);
        (void)json_number(&real, "bad");
        assert_false(json_ok(&real));
        AUTO_JSON struct json_in truth = read_text(mem, document);
        (void)json_bool_or(&truth, "bad", true);
        assert_false(json_ok(&truth));
    }
}

static void json_in__every_truncation__is_refused(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    static const char whole[] = "{\"a\":[1,{\"b\":\"\\u00e9\\\\\"}],\"c\":-1.5e3,\"d\":null}";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        AUTO_JSON struct json_in in = json_in_object(mem, span_of(whole, len));
        assert_false(json_ok(&in));
    }
    AUTO_JSON struct json_in in = read_text(mem, whole);
    assert_true(json_ok(&in));
}

/* {"a":[[[...]]]} whose deepest bracket is at `depth`. */
static struct span nested(struct arena *mem, size_t depth)
{
    size_t arrays = depth - 1;
    uint8_t *p = arena_alloc(mem, 2 * arrays + 6);
    memcpy(p, "{\"a\":", 5);
    memset(p + 5, '[', arrays);
    memset(p + 5 + arrays, ']', arrays);
    p[5 + 2 * arrays] = '}';
    return span_of(p, 2 * arrays + 6);
}

static void json_in__depth__ends_at_the_limit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(4 << 20);
    AUTO_JSON struct json_in in = json_in_object(mem, nested(mem, JSON_MAX_DEPTH));
    assert_true(json_ok(&in));
    AUTO_JSON struct json_in over = json_in_object(mem, nested(mem, JSON_MAX_DEPTH + 1));
    assert_false(json_ok(&over));
    AUTO_JSON struct json_in bomb = json_in_object(mem, nested(mem, 500000));
    assert_false(json_ok(&bomb));
    /* Brackets inside strings are text. */
    AUTO_JSON struct json_in text =
        read_text(mem, "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}");
    assert_true(json_ok(&text));
}

static void json_in__size__ends_at_the_limit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(4 << 20);
    size_t len = JSON_MAX_BYTES + 1;
    uint8_t *p = arena_alloc(mem, len);
    memset(p, ' ', len);
    memcpy(p, "{}", 2);
    AUTO_JSON struct json_in exact = json_in_object(mem, span_of(p, JSON_MAX_BYTES));
    assert_true(json_ok(&exact));
    AUTO_JSON struct json_in over = json_in_object(mem, span_of(p, len));
    assert_false(json_ok(&over));
}

/*
 * [{},{},...] costs Jansson some 80 times its length: the ceiling ends it early (docs/design.md,
 * D8).
 */
static void json_in__many_small_objects__stop_at_the_memory_ceiling(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(4 << 20);
    size_t count = 300000;
    uint8_t *p = arena_alloc(mem, 3 * count + 7);
    memcpy(p, "{\"a\":[", 6);
    for (size_t i = 0; i < count; i++)
        memcpy(p + 6 + 3 * i, "{},", 3);
    memcpy(p + 5 + 3 * count, "]}", 2);
    clock_t before = clock();
    AUTO_JSON struct json_in in = json_in_object(mem, span_of(p, 3 * count + 7));
    assert_false(json_ok(&in));
    assert_true(clock() - before < CLOCKS_PER_SEC / 2);
    /* And the next document has the whole ceiling again. */
    AUTO_JSON struct json_in next = read_text(mem, "{\"a\":[{},{}]}");
    assert_true(json_ok(&next));
}

static void json_in__each_allocation_failing__is_a_refusal(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    bool ok = false;
    for (int64_t n = 0; !ok && n < 200; n++) {
        (void)mem_fail_after(n);
        struct json_in in = read_text(mem, "{\"a\":[1,\"x\",{\"b\":null}],\"c\":\"dd\"}");
        (void)mem_fail_after(-1);
        ok = json_ok(&in);
        json_in_done(&in);
    }
    assert_true(ok);
}

/* ---- json_out ---- */

static void json_out__nested_values__have_their_commas(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(1000);
    json_out_open(&b, '{');
    json_out_key(&b, "a");
    json_out_open(&b, '[');
    json_out_comma(&b);
    buf_put_i64(&b, 1);
    json_out_comma(&b);
    json_out_text(&b, SPAN("["));
    json_out_open(&b, '{');
    json_out_close(&b, '}');
    json_out_comma(&b);
    json_out_open(&b, '[');
    json_out_close(&b, ']');
    json_out_close(&b, ']');
    json_out_key(&b, "b");
    json_out_bool(&b, false);
    json_out_key(&b, "c");
    json_out_base64(&b, SPAN("ab"));
    json_out_key(&b, "d");
    json_out_hex(&b, SPAN("\xAB"));
    json_out_close(&b, '}');
    assert_string_equal(written(&b),
                        "{\"a\":[1,\"[\",{},[]],\"b\":false,\"c\":\"YWI=\",\"d\":\"ab\"}");
}

static void json_out__text__reads_back_through_jansson(void **state)
{
    (void)state;
    char all[0x80 + 8];
    size_t len = 0;
    for (int c = 1; c < 0x80; c++)
        all[len++] = (char)c;
    memcpy(all + len, "\xc3\xa9\xf0\x9f\x8d\x8d", 6);
    len += 6;
    AUTO_BUF struct buf b = buf_make(10000);
    json_out_open(&b, '[');
    json_out_text(&b, span_of(all, len));
    json_out_close(&b, ']');
    json_t *root = json_loadb((const char *)b.p, b.len, 0, NULL);
    assert_non_null(root);
    const json_t *text = json_array_get(root, 0);
    assert_int_equal(json_string_length(text), len);
    assert_memory_equal(json_string_value(text), all, len);
    json_decref(root);
    buf_reset(&b);
    json_out_text(&b, SPAN("\0\x1f"));
    assert_string_equal(written(&b), "\"\\u0000\\u001f\"");
}

static void assert_double(double value, const char *expected)
{
    AUTO_BUF struct buf b = buf_make(100);
    json_out_double(&b, value);
    assert_string_equal(written(&b), expected);
}

static void json_out__doubles__are_shortest(void **state)
{
    (void)state;
    assert_double(0, "0.0");
    assert_double(-0.0, "-0.0");
    assert_double(1754863793.186, "1754863793.186");
    assert_double(1754863793, "1754863793.0");
    assert_double(1754863793.1, "1754863793.1");
    assert_double(-1.05, "-1.05");
    assert_double(0.001, "0.001");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(1754863793.1234567, "1754863793.1234567");
    assert_double(1e300, "1e+300");
    assert_double(5e-324, "4.94065645841247e-324");
    assert_double(9007199254740993.0, "9007199254740992.0");
}

static void run(const char *const *argv)
{
    AUTO_BUF struct buf out = buf_make(KIB(64));
    const struct process_spec spec = {.argv = argv, .err_path = "/dev/null"};
    int status = -1;
    /* localedef warns of what is not in the source, with exit code 1, and makes it all the same. */
    assert_int_equal(process_run(&spec, 30000, &out, &status), OK);
    assert_in_range(status, 0, 1);
}

/*
 * A locale of our own, since a machine may have none with a comma: its folder, made by localedef.
 */
static void make_comma_locale(char folder[static 64])
{
    char source[100];
    char locale[100];
    (void)snprintf(folder, 64, "/tmp/conclave-locale-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(source, sizeof source, "%s/source", folder);
    (void)snprintf(locale, sizeof locale, "%s/comma", folder);
    FILE *f = fopen(source, "we");
    assert_non_null(f);
    assert_true(
        fputs(
            "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n",
            f) >= 0);
    assert_int_equal(fclose(f), 0);
    run((const char *[]){"/usr/bin/localedef", "-c", "--no-archive", "-i", source, locale, NULL});
}

static void json_out__locale_with_a_comma__still_writes_points(void **state)
{
    (void)state;
    static const double values[] = {0.5, -1.05, 1754863793.186, 1754863793.1234567, 1e300, 2.5e-7};
    static const char *const texts[] = {"0.5",    "-1.05",  "1754863793.186", "1754863793.1234567",
                                        "1e+300", "2.5e-07"};
    char folder[64];
    char proof[16];
    make_comma_locale(folder);
    assert_int_equal(setenv("LOCPATH", folder, 1), 0);
    assert_non_null(setlocale(LC_NUMERIC, "comma"));
    (void)snprintf(proof, sizeof proof, "%.1f", 0.5);
    for (size_t i = 0; i < COUNT_OF(values); i++)
        assert_double(values[i], texts[i]);
    assert_non_null(setlocale(LC_NUMERIC, "C"));
    assert_int_equal(unsetenv("LOCPATH"), 0);
    run((const char *[]){"/bin/rm", "-rf", folder, NULL});
    assert_string_equal(proof, "0,5"); /* it was really in force */
}

static void json_out__infinity_and_nan__spoil_the_reply(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(100);
    json_out_double(&b, (double)INFINITY);
    assert_int_not_equal(buf_verdict(&b), OK);
    buf_reset(&b);
    json_out_double(&b, (double)NAN);
    assert_int_not_equal(buf_verdict(&b), OK);
}

/* The definition, spelled out slowly: 15, 16, 17 digits, the first that reads back. */
static void slow_text(double value, char out[static 64])
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, 64, "%.*g", digits, value);
        double back = strtod(out, NULL);
        if (memcmp(&back, &value, sizeof back) == 0)
            break;
    }
    if (strpbrk(out, ".e") == NULL)
        memcpy(out + strlen(out), ".0", 3);
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void json_out__100000_random_millisecond_times__equal_the_definition(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252U;
    AUTO_BUF struct buf b = buf_make(100);
    char expected[64];
    for (int i = 0; i < 100000; i++) {
        /*
         * Times of these decades mostly, every tenth up to the edge of the fast path and past it.
         */
        uint64_t ms = i % 10 != 0 ? 1600000000000U + next_random(&x) % 400000000000U
                                  : next_random(&x) % 3000000000000000U;
        double value = (double)ms / 1000;
        slow_text(value, expected);
        buf_reset(&b);
        json_out_double(&b, value);
        assert_string_equal(written(&b), expected);
    }
}

static void json_out__random_doubles__read_back_to_the_bit(void **state)
{
    (void)state;
    uint64_t x = 1234567;
    AUTO_BUF struct buf b = buf_make(100);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next_random(&x);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        buf_reset(&b);
        json_out_double(&b, value);
        back = strtod(written(&b), NULL);
        assert_memory_equal(&back, &value, sizeof value);
    }
}

static void json_out__past_the_ceiling__is_told_once_at_the_end(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(20);
    json_out_open(&b, '[');
    for (int i = 0; i < 10; i++) {
        json_out_comma(&b);
        json_out_double(&b, 1.5);
    }
    json_out_close(&b, ']');
    assert_int_equal(buf_verdict(&b), ERR_TOO_LARGE);
}

static void json_in__number__is_an_integer_or_a_real_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        double value;
    } cases[] = {
        {"{\"n\":30}", true, 30},       {"{\"n\":-0.5}", true, -0.5},
        {"{\"n\":1e300}", true, 1e300}, {"{\"n\":true}", false, 0},
        {"{\"n\":\"1\"}", false, 0},    {"{\"n\":null}", false, 0},
        {"{\"n\":1e999}", false, 0},    {"{}", false, 0},
        {"{\"n\":[1]}", false, 0},      {"{\"n\":9223372036854775808}", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena *mem AUTO_ARENA = arena_new(1 << 16);
        AUTO_JSON struct json_in in = json_in_object(mem, span_of_text(cases[i].text));
        double value = json_number(&in, "n");
        assert_true(json_ok(&in) == cases[i].ok);
        if (cases[i].ok)
            assert_true(value >= cases[i].value && value <= cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_in__typed_fields__are_read),
        cmocka_unit_test(json_in__wrong_type_or_missing__fails_for_good),
        cmocka_unit_test(json_in__number__is_an_integer_or_a_real_one),
        cmocka_unit_test(json_in__bad_documents__are_refused),
        cmocka_unit_test(json_in__nul_and_large_integers__are_refused_only_where_they_are_read),
        cmocka_unit_test(json_in__every_truncation__is_refused),
        cmocka_unit_test(json_in__depth__ends_at_the_limit),
        cmocka_unit_test(json_in__size__ends_at_the_limit),
        cmocka_unit_test(json_in__many_small_objects__stop_at_the_memory_ceiling),
        cmocka_unit_test(json_in__each_allocation_failing__is_a_refusal),
        cmocka_unit_test(json_out__nested_values__have_their_commas),
        cmocka_unit_test(json_out__text__reads_back_through_jansson),
        cmocka_unit_test(json_out__doubles__are_shortest),
        cmocka_unit_test(json_out__locale_with_a_comma__still_writes_points),
        cmocka_unit_test(json_out__infinity_and_nan__spoil_the_reply),
        cmocka_unit_test(json_out__100000_random_millisecond_times__equal_the_definition),
        cmocka_unit_test(json_out__random_doubles__read_back_to_the_bit),
        cmocka_unit_test(json_out__past_the_ceiling__is_told_once_at_the_end),
    };
    json_in_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
