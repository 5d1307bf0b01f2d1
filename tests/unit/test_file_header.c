/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names and dates of files as they stand in headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "files/header.h"

static struct arena *mem;

static int open_mem(void **state)
{
    (void)state;
    mem = arena_new(MIB(1));
    return mem == NULL ? -1 : 0;
}

static int close_mem(void **state)
{
    (void)state;
    arena_free(mem);
    return 0;
}

static void name__in_every_form_that_clients_send__is_read(void **state)
{
    (void)state;
    static const struct {
        const char *header, *name;
    } cases[] = {
        {"", ""},
        {"attachment", ""},
        {"attachment;", ""},
        {"attachment; filename", ""},
        {"attachment; filename=", ""},
        {"attachment; filename=\"\"", ""},
        {"attachment; filename=x.png", "x.png"},
        {"attachment; filename= x.png ", "x.png"},
        {"attachment;filename=\"x y.png\"", "x y.png"},
        {"ATTACHMENT; FileName=\"x.png\"", "x.png"},
        {"attachment; filename=\"a;b=c.png\"; size=3", "a;b=c.png"},
        {"attachment; filename=\"a\\\"b\\\\c\"", "a\"b\\c"},
        {"attachment; filename=\"open", "open"},
        {"attachment; filename=\"end\\", "end\\"},
        {"attachment; filename*=UTF-8''%F0%9F%8D%8D.png", "\xf0\x9f\x8d\x8d.png"},
        {"attachment; filename*=utf-8'en'x%20y", "x y"},
        {"attachment; filename*=UTF-8''100%", "100%"},
        {"attachment; filename*=UTF-8''100%2", "100%2"},
        {"attachment; filename*=UTF-8''100%zz", "100%zz"},
        {"attachment; filename=plain; filename*=UTF-8''better", "better"},
        {"attachment; filename*=UTF-8''better; filename=plain", "better"},
        {"attachment; filename*=ISO-8859-1''x; filename=plain", "plain"},
        {"attachment; filename*=UTF-8''%FF; filename=plain", "plain"},
        {"attachment; filename=\xff", ""},
        {"attachment; filename=\xf0\x9f\x8d\x8d", "\xf0\x9f\x8d\x8d"},
        {"attachment; filename=a/b", "a\xef\xbf\xbd"
                                     "b"},
        {"attachment; filename*=UTF-8''a%2Fb%00c", "a\xef\xbf\xbd"
                                                   "b\xef\xbf\xbd"
                                                   "c"},
        {"attachment; filename*=UTF-8''a%0D%0Ab", "a\r\nb"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct span name;
        assert_int_equal(header_name_read(mem, span_of_text(cases[i].header), 100, &name), OK);
        if (!span_eq_text(name, cases[i].name))
            fail_msg("%s: \"%.*s\"", cases[i].header, (int)name.len, (const char *)name.p);
    }
}

static void name__of_every_truncated_header__is_valid_text(void **state)
{
    (void)state;
    static const char header[] =
        "attachment; filename=\"a\\\"b\xc3\xa9\"; filename*=UTF-8'en'%F0%9F%8D%8D%2Fx";
    for (size_t n = 0; n < sizeof(header); n++) {
        struct span name;
        assert_int_equal(header_name_read(mem, span_of(header, n), 100, &name), OK);
        assert_true(utf8_valid(name));
    }
}

static void name__longer_than_allowed__is_cut_between_characters(void **state)
{
    (void)state;
    static const char header[] = "attachment; filename=\"\xc3\xa9\xc3\xa9\xc3\xa9\"";
    static const size_t lengths[] = {0, 0, 2, 2, 4, 4, 6, 6};
    for (size_t max = 0; max < COUNT_OF(lengths); max++) {
        struct span name;
        assert_int_equal(header_name_read(mem, span_of_text(header), max, &name), OK);
        assert_int_equal(name.len, lengths[max]);
    }
}

static void name__written__escapes_all_but_the_bare_characters(void **state)
{
    (void)state;
    assert_true(span_eq_text(header_name_write(mem, (struct span){NULL, 0}), "attachment"));
    assert_true(span_eq_text(header_name_write(mem, SPAN("aZ09_.-~/ \"\r\n\xc3\xa9")),
                             "attachment; filename*=UTF-8''aZ09_.-~/%20%22%0D%0A%C3%A9"));
}

static void date__is_rfc_1123_in_gmt(void **state)
{
    (void)state;
    assert_true(span_eq_text(header_date(mem, 784111777.9), "Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_true(span_eq_text(header_date(mem, 0), "Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_true(span_eq_text(header_date(mem, 1709164800), "Thu, 29 Feb 2024 00:00:00 GMT"));
    /* A year of more digits would be no such date: none is better than a wrong one. */
    assert_int_equal(header_date(mem, 1e17).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name__in_every_form_that_clients_send__is_read),
        cmocka_unit_test(name__of_every_truncated_header__is_valid_text),
        cmocka_unit_test(name__longer_than_allowed__is_cut_between_characters),
        cmocka_unit_test(name__written__escapes_all_but_the_bare_characters),
        cmocka_unit_test(date__is_rfc_1123_in_gmt),
    };
    return cmocka_run_group_tests(tests, open_mem, close_mem);
}
