/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes and text: spans, reader, hex, base64, UTF-8. Base64 is compared with OpenSSL's encoder and
 * with RFC 4648, UTF-8 with jansson's own check, because our code cannot vouch for itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/reader.h"
#include "base/terminal.h"
#include "base/utf8.h"

/* Repeatable noise (xorshift): the same bytes in every run. */
static uint32_t noise(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void span__numbers__are_digits_only_and_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err verdict;
        int64_t value;
    } cases[] = {
        {"0", OK, 0},
        {"007", OK, 7},
        {"9223372036854775807", OK, INT64_MAX},
        {"00000000000000000000000000001", OK, 1},
        {"9223372036854775808", ERR_TOO_LARGE, 0},
        {"99999999999999999999999", ERR_TOO_LARGE, 0},
        {"99999999999999999999999x", ERR_MALFORMED, 0},
        {"", ERR_MALFORMED, 0},
        {"-1", ERR_MALFORMED, 0},
        {"+1", ERR_MALFORMED, 0},
        {" 1", ERR_MALFORMED, 0},
        {"1 ", ERR_MALFORMED, 0},
        {"0x10", ERR_MALFORMED, 0},
        {"1.0", ERR_MALFORMED, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = -77;
        assert_int_equal(span_to_i64(span_of_text(cases[i].text), &value), cases[i].verdict);
        assert_true(value == (cases[i].verdict == OK ? cases[i].value : -77));
    }
}

static void span__comparison_without_case__is_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(span_eq_nocase(SPAN("X-SOGS-Pubkey"), SPAN("x-sogs-pubKEY")));
    assert_true(span_eq_nocase((struct span){NULL, 0}, SPAN("")));
    assert_false(span_eq_nocase(SPAN("abc"), SPAN("abcd")));
    assert_false(span_eq_nocase(SPAN("@[`{"), SPAN("`{@[")));
    assert_false(span_eq_nocase(SPAN("\xc3\x84"), SPAN("\xc3\xa4")));
}

static void span__find_and_skip__never_leave_the_span(void **state)
{
    (void)state;
    struct span none = {NULL, 0};
    assert_int_equal(span_find(SPAN("a=b=c"), '='), 1);
    assert_int_equal(span_find(SPAN("abc"), '='), 3);
    assert_int_equal(span_find(none, '='), 0);
    assert_int_equal(span_skip(SPAN("abc"), 3).len, 0);
    assert_int_equal(span_skip(SPAN("abc"), SIZE_MAX).len, 0);
    assert_null(span_skip(none, 5).p);
    assert_int_equal(span_first(SPAN("abc"), SIZE_MAX).len, 3);
    assert_false(span_starts_with(SPAN("ab"), SPAN("abc")));
    assert_true(span_starts_with(SPAN("ab"), none));
}

static void reader__reads_in_order__until_the_end(void **state)
{
    (void)state;
    struct reader r = reader_of(SPAN("\x07\x04\x03\x02\x81"
                                     "abcdef"));
    assert_int_equal(reader_u8(&r), 7);
    assert_true(reader_u32_le(&r) == 0x81020304U);
    assert_true(span_eq_text(reader_take(&r, 2), "ab"));
    assert_true(span_eq_text(reader_rest(&r), "cdef"));
    assert_int_equal(reader_rest(&r).len, 0);
    assert_true(reader_ok(&r));
}

static void reader__a_lying_length__fails_and_stays_failed(void **state)
{
    (void)state;
    static const size_t lies[] = {4, 5, SIZE_MAX, SIZE_MAX - 3};
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        struct reader r = reader_of(SPAN("abc"));
        assert_int_equal(reader_take(&r, lies[i]).len, 0);
        assert_false(reader_ok(&r));
        assert_int_equal(reader_u8(&r), 0);
        assert_int_equal(reader_rest(&r).len, 0);
        assert_false(reader_ok(&r));
    }
}

static void reader__every_truncation_of_a_number__fails(void **state)
{
    (void)state;
    for (size_t n = 0; n < 4; n++) {
        struct reader r = reader_of(span_first(SPAN("\xff\xff\xff\xff"), n));
        assert_int_equal(reader_u32_le(&r), 0);
        assert_false(reader_ok(&r));
    }
    struct reader empty = reader_of((struct span){NULL, 0});
    assert_int_equal(reader_u8(&empty), 0);
    assert_false(reader_ok(&empty));
}

static void hex__all_bytes__come_back_in_either_case(void **state)
{
    (void)state;
    uint8_t all[256];
    uint8_t back[256];
    char text[512];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    hex_write(span_of(all, sizeof all), text);
    assert_memory_equal(text, "000102", 6);
    assert_memory_equal(text + 506, "fdfeff", 6);
    assert_int_equal(hex_read(span_of(text, sizeof text), back, sizeof back), OK);
    assert_memory_equal(all, back, sizeof all);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(text[i] >= 'a' ? text[i] - 32 : text[i]);
    assert_int_equal(hex_read(span_of(text, sizeof text), back, sizeof back), OK);
    assert_memory_equal(all, back, sizeof all);
}

static void hex__anything_else__is_malformed_and_leaves_the_output_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "a",    "aab",  "aabbcc",    "zz00",
                                      "00g0", "0x00", "00 0", "00\xc3\xa9"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint8_t out[2] = {0x55, 0x55};
        assert_int_equal(hex_read(span_of_text(bad[i]), out, sizeof out), ERR_MALFORMED);
        assert_memory_equal(out, "\x55\x55", 2);
    }
    /* Every byte that is no digit, in every place. */
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[4] = {'0', '0', '0', '0'};
        uint8_t out[2];
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        text[c % 4] = (uint8_t)c;
        assert_int_equal(hex_read(span_of(text, 4), out, 2), digit ? OK : ERR_MALFORMED);
    }
}

static void base64__examples_of_rfc_4648__hold(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct span plain = span_of_text(pairs[i][0]);
        struct span coded = span_of_text(pairs[i][1]);
        char text[16];
        uint8_t out[16];
        size_t len = 99;
        base64_write(plain, text);
        assert_int_equal(base64_len(plain.len), coded.len);
        assert_memory_equal(text, coded.p, coded.len);
        assert_int_equal(base64_read(coded, out, &len), OK);
        assert_true(span_eq(span_of(out, len), plain));
        /* The same without its padding. */
        assert_int_equal(base64_read(span_first(coded, span_find(coded, '=')), out, &len), OK);
        assert_true(span_eq(span_of(out, len), plain));
    }
}

static void base64__noise_of_all_lengths__agrees_with_openssl(void **state)
{
    (void)state;
    uint32_t seed = 20240611;
    for (size_t n = 1; n < 400; n++) {
        uint8_t plain[400];
        uint8_t theirs[600];
        uint8_t back[600];
        char ours[600];
        size_t len = 0;
        for (size_t i = 0; i < n; i++)
            plain[i] = (uint8_t)noise(&seed);
        int written = EVP_EncodeBlock(theirs, plain, (int)n);
        assert_int_equal(base64_len(n), written);
        base64_write(span_of(plain, n), ours);
        assert_memory_equal(ours, theirs, base64_len(n));
        assert_int_equal(base64_read(span_of(theirs, base64_len(n)), back, &len), OK);
        assert_true(len <= base64_max_decoded(base64_len(n)));
        assert_true(span_eq(span_of(back, len), span_of(plain, n)));
    }
}

static void base64__damaged_text__is_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {"=",        "==",    "Z",     "Z=",       "Z==",   "Z===",
                                      "Zg=",      "Zg===", "Zm8==", "Zm9v=",    "Zm9vY", "Zm9v\n",
                                      "Zm 9v",    "Zm-v",  "Zm_v",  "Zg==Zg==", "====",  "Zg==\n",
                                      "Zm9v====", "Z=g=",  "=Zm9"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint8_t out[16];
        size_t len = 99;
        assert_int_equal(base64_read(span_of_text(bad[i]), out, &len), ERR_MALFORMED);
        assert_int_equal(len, 99);
    }
}

static void base64__every_byte_outside_the_alphabet__is_malformed_in_every_place(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned c = 0; c < 256; c++) {
        bool valid = memchr(alphabet, (int)c, 64) != NULL;
        for (size_t at = 0; at < 7; at++) {
            uint8_t text[7] = {'A', 'A', 'A', 'A', 'A', 'A', 'A'};
            uint8_t out[8];
            size_t len = 0;
            text[at] = (uint8_t)c;
            assert_int_equal(base64_read(span_of(text, 7), out, &len), valid ? OK : ERR_MALFORMED);
        }
    }
}

static void base64__unused_trailing_bits__are_ignored(void **state)
{
    (void)state;
    uint8_t out[4];
    size_t len = 0;
    assert_int_equal(base64_read(SPAN("Zh=="), out, &len), OK);
    assert_true(span_eq(span_of(out, len), SPAN("f")));
    assert_int_equal(base64_read(SPAN("Zm9"), out, &len), OK);
    assert_true(span_eq(span_of(out, len), SPAN("fo")));
}

static void base64url__has_its_own_alphabet_and_no_padding(void **state)
{
    (void)state;
    char text[8];
    uint8_t out[8];
    size_t len = 0;
    assert_int_equal(base64url_write(SPAN("\xfb\xff\xbf\xfe"), text), 6);
    assert_memory_equal(text, "-_-__g", 6);
    assert_int_equal(base64url_read(span_of(text, 6), out, &len), OK);
    assert_true(span_eq(span_of(out, len), SPAN("\xfb\xff\xbf\xfe")));
    assert_int_equal(base64url_read(SPAN("+/"), out, &len), ERR_MALFORMED);
    assert_int_equal(base64url_read(SPAN("Zg=="), out, &len), ERR_MALFORMED);
    assert_int_equal(base64_read(SPAN("-_"), out, &len), ERR_MALFORMED);
}

static bool jansson_accepts(struct span s)
{
    json_t *text = json_stringn((const char *)s.p, s.len);
    json_decref(text);
    return text != NULL;
}

static void utf8__all_one_to_three_byte_strings__agree_with_jansson(void **state)
{
    (void)state;
    uint8_t s[3];
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            s[0] = (uint8_t)a;
            s[1] = (uint8_t)b;
            assert_int_equal(utf8_valid(span_of(s, 1)), jansson_accepts(span_of(s, 1)));
            assert_int_equal(utf8_valid(span_of(s, 2)), jansson_accepts(span_of(s, 2)));
            /* The third byte matters only by its class. */
            static const uint8_t third[] = {0x00, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
            for (size_t c = 0; c < sizeof third; c++) {
                s[2] = third[c];
                assert_int_equal(utf8_valid(span_of(s, 3)), jansson_accepts(span_of(s, 3)));
            }
        }
    }
}

static void utf8__four_byte_noise__agrees_with_jansson(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int i = 0; i < 300000; i++) {
        uint32_t bits = noise(&seed);
        uint8_t s[4] = {(uint8_t)(0xf0 | (bits & 7)), (uint8_t)(0x80 | (bits >> 3 & 0x3f)),
                        (uint8_t)(0x80 | (bits >> 9 & 0x3f)),
                        (uint8_t)(0x80 | (bits >> 15 & 0x3f))};
        if (bits >> 29 == 0)
            s[bits >> 21 & 3] ^= 0x80;
        assert_int_equal(utf8_valid(span_of(s, 4)), jansson_accepts(span_of(s, 4)));
    }
}

static void utf8__bad_byte_behind_ascii__is_found_at_every_distance(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        uint8_t s[48];
        memset(s, 'a', sizeof s);
        s[n] = 0xff;
        assert_false(utf8_valid(span_of(s, sizeof s)));
        assert_true(utf8_valid(span_of(s, n)));
        s[n] = 0xc3; /* its second byte is missing */
        assert_false(utf8_valid(span_of(s, n + 1)));
        s[n + 1] = 0xa4;
        assert_true(utf8_valid(span_of(s, sizeof s)));
        assert_int_equal(utf8_count(span_of(s, sizeof s)), sizeof s - 1);
    }
}

static void utf8__count__is_of_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_count(SPAN("")), 0);
    assert_int_equal(utf8_count(SPAN("a\0b")), 3);
    assert_true(utf8_valid(SPAN("a\0b")));
    assert_int_equal(utf8_count(SPAN("\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd")), 2);
}

/* ---- on terminals ---- */

static void printed(void (*put)(FILE *out, struct span text), struct span text, const char *wanted)
{
    char *out = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&out, &len);
    assert_non_null(memory);
    put(memory, text);
    assert_int_equal(fclose(memory), 0);
    assert_int_equal(len, strlen(wanted));
    assert_string_equal(out, wanted);
    free(out);
}

static void terminal__text_in_any_script__is_printed_as_it_is(void **state)
{
    (void)state;
    static const char *const texts[] = {"",      "Lobby",       "a\\b",        "Привет",
                                        "مرحبا", "🐟‍🔥", "\xef\xbf\xbd"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        printed(terminal_put, span_of_text(texts[i]), texts[i]);
        printed(terminal_put_lines, span_of_text(texts[i]), texts[i]);
    }
}

static void terminal__what_steers_it__is_escaped(void **state)
{
    (void)state;
    printed(terminal_put, SPAN("a\x1b[2J\a\0z\x7f"), "a\\u{1b}[2J\\u{7}\\u{0}z\\u{7f}");
    printed(terminal_put, SPAN("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0"),
            "\\u{80}\\u{9b}\\u{9f}\xc2\xa0");
    printed(terminal_put, SPAN("\xe2\x80\xae\xe2\x81\xa6\xd8\x9c"), "\\u{202e}\\u{2066}\\u{61c}");
    printed(terminal_put, SPAN("\xe2\x80\xa8\xf3\xa0\x80\x81"), "\\u{2028}\\u{e0001}");
    printed(terminal_put, SPAN("\x9b\xff\xc3"), "\\x9b\\xff\\xc3");
    printed(terminal_put, SPAN("one\ntwo\r\t"), "one\\u{a}two\\u{d}\\u{9}");
    printed(terminal_put_lines, SPAN("one\ntwo\r"), "one\ntwo\\u{d}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span__numbers__are_digits_only_and_bounded),
        cmocka_unit_test(span__comparison_without_case__is_for_ascii_letters_only),
        cmocka_unit_test(span__find_and_skip__never_leave_the_span),
        cmocka_unit_test(reader__reads_in_order__until_the_end),
        cmocka_unit_test(reader__a_lying_length__fails_and_stays_failed),
        cmocka_unit_test(reader__every_truncation_of_a_number__fails),
        cmocka_unit_test(hex__all_bytes__come_back_in_either_case),
        cmocka_unit_test(hex__anything_else__is_malformed_and_leaves_the_output_alone),
        cmocka_unit_test(base64__examples_of_rfc_4648__hold),
        cmocka_unit_test(base64__noise_of_all_lengths__agrees_with_openssl),
        cmocka_unit_test(base64__damaged_text__is_malformed),
        cmocka_unit_test(base64__every_byte_outside_the_alphabet__is_malformed_in_every_place),
        cmocka_unit_test(base64__unused_trailing_bits__are_ignored),
        cmocka_unit_test(base64url__has_its_own_alphabet_and_no_padding),
        cmocka_unit_test(utf8__all_one_to_three_byte_strings__agree_with_jansson),
        cmocka_unit_test(utf8__four_byte_noise__agrees_with_jansson),
        cmocka_unit_test(utf8__bad_byte_behind_ascii__is_found_at_every_distance),
        cmocka_unit_test(utf8__count__is_of_code_points),
        cmocka_unit_test(terminal__text_in_any_script__is_printed_as_it_is),
        cmocka_unit_test(terminal__what_steers_it__is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
