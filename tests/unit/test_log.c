/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a log line looks like, and the clock it is stamped with. Standard error is replaced by a
 * file in memory meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct capture {
    int saved;
    int file;
};

static struct capture capture_begin(void)
{
    struct capture c = {.saved = dup(STDERR_FILENO), .file = memfd_create("stderr", MFD_CLOEXEC)};
    assert_true(c.saved >= 0 && c.file >= 0);
    assert_true(dup2(c.file, STDERR_FILENO) >= 0);
    return c;
}

/* What was written, as text. */
static const char *capture_end(struct capture c, char text[static 8192])
{
    assert_true(dup2(c.saved, STDERR_FILENO) >= 0);
    ssize_t n = pread(c.file, text, 8191, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    close(c.saved);
    close(c.file);
    return text;
}

/* The part behind "2026-11-24T10:00:00Z ", whose shape is checked. */
static const char *after_time(const char *line)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ ";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] == 'd')
            assert_in_range(line[i], '0', '9');
        else
            assert_int_equal(line[i], shape[i]);
    }
    return line + sizeof shape - 1;
}

static void log__text__is_one_line_of_keys_and_values(void **state)
{
    (void)state;
    char text[8192];
    struct capture c = capture_begin();
    log_event(LOG_WARN, "db.lost", LOG_U64("retry_in_ms", 500), LOG_I64("least", INT64_MIN),
              LOG_ERR(ERR_BUSY), LOG_STATIC("why", "two \"words\""));
    assert_string_equal(after_time(capture_end(c, text)),
                        "warn event=db.lost retry_in_ms=500 least=-9223372036854775808 err=busy "
                        "why=\"two \\\"words\\\"\"\n");
}

static void log__an_event_without_fields__is_a_line_too(void **state)
{
    (void)state;
    char text[8192];
    struct capture c = capture_begin();
    log_event(LOG_INFO, "server.stop");
    assert_string_equal(after_time(capture_end(c, text)), "info event=server.stop\n");
}

static void log__the_time__is_that_of_the_wall_clock_in_utc(void **state)
{
    (void)state;
    char text[8192];
    char before[32];
    char after[32];
    struct tm tm;
    time_t now = time(NULL);
    assert_true(strftime(before, sizeof before, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm)) > 0);
    struct capture c = capture_begin();
    log_event(LOG_INFO, "x");
    capture_end(c, text);
    now = time(NULL);
    assert_true(strftime(after, sizeof after, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm)) > 0);
    text[20] = '\0';
    /* Text of this shape sorts as time does. */
    assert_true(strcmp(before, text) <= 0 && strcmp(text, after) <= 0);
}

static void log__levels_above_the_chosen__are_silent(void **state)
{
    (void)state;
    char text[8192];
    struct capture c = capture_begin();
    log_setup(LOG_WARN, LOG_FORMAT_TEXT);
    log_event(LOG_INFO, "not.this");
    log_event(LOG_DEBUG, "nor.this");
    log_event(LOG_ERROR, "but.this");
    assert_true(log_wants(LOG_WARN));
    assert_false(log_wants(LOG_INFO));
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    assert_string_equal(after_time(capture_end(c, text)), "error event=but.this\n");
}

static void log__json__is_read_by_a_json_parser(void **state)
{
    (void)state;
    char text[8192];
    struct capture c = capture_begin();
    log_setup(LOG_DEBUG, LOG_FORMAT_JSON);
    log_event(LOG_DEBUG, "a.b", LOG_I64("n", -5), LOG_STATIC("why", "quote \" and \\ and\ttab"));
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    capture_end(c, text);
    json_error_t error;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(line);
    assert_int_equal(strlen(json_string_value(json_object_get(line, "time"))), 20);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "debug");
    assert_string_equal(json_string_value(json_object_get(line, "event")), "a.b");
    assert_int_equal(json_integer_value(json_object_get(line, "n")), -5);
    assert_string_equal(json_string_value(json_object_get(line, "why")), "quote \" and \\ and tab");
    assert_int_equal(json_object_size(line), 5);
    json_decref(line);
}

static void log__more_fields_than_a_line_holds__drops_whole_fields(void **state)
{
    (void)state;
    char text[8192];
    struct log_field fields[200];
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        char *name = mem_alloc(8);
        assert_true(snprintf(name, 8, "f%03zu", i) == 4);
        fields[i] = LOG_I64(name, INT64_MIN);
    }
    struct capture c = capture_begin();
    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    log_write(LOG_INFO, "many", fields, COUNT_OF(fields));
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    capture_end(c, text);
    json_error_t error;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(line);
    assert_in_range(json_object_size(line), 50, 150);
    assert_int_equal(text[strlen(text) - 1], '\n');
    json_decref(line);
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        mem_free((void *)(uintptr_t)fields[i].name);
}

static void log__without_memory__still_writes(void **state)
{
    (void)state;
    char text[8192];
    struct capture c = capture_begin();
    (void)mem_fail_after(-1);
    log_event(LOG_ERROR, "memory.none", LOG_U64("n", 1));
    assert_int_equal(mem_fail_after(-1), 0);
    assert_string_equal(after_time(capture_end(c, text)), "error event=memory.none n=1\n");
}

static void log__words_for_the_operator__are_written_as_they_are(void **state)
{
    (void)state;
    char text[8192];
    struct capture c = capture_begin();
    log_operator_words("Hello.\n");
    assert_string_equal(capture_end(c, text), "Hello.\n");
}

static void err__every_error__has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = OK; a <= ERR_DEFECT; a++) {
        assert_string_not_equal(err_name((enum err)a), "unknown");
        for (int b = OK; b < a; b++)
            assert_string_not_equal(err_name((enum err)a), err_name((enum err)b));
    }
}

static void clock__monotonic__never_goes_back_and_units_agree(void **state)
{
    (void)state;
    int64_t last_us = clock_mono_us();
    for (int i = 0; i < 1000; i++) {
        int64_t ms = clock_mono_ms();
        int64_t us = clock_mono_us();
        assert_true(us >= last_us);
        assert_true(us / 1000 - ms <= 1000 && us / 1000 >= ms);
        last_us = us;
    }
    int64_t seconds = (int64_t)time(NULL);
    int64_t wall = clock_wall_ms() / SECOND_MS;
    assert_true(wall >= seconds && wall <= seconds + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__text__is_one_line_of_keys_and_values),
        cmocka_unit_test(log__an_event_without_fields__is_a_line_too),
        cmocka_unit_test(log__the_time__is_that_of_the_wall_clock_in_utc),
        cmocka_unit_test(log__levels_above_the_chosen__are_silent),
        cmocka_unit_test(log__json__is_read_by_a_json_parser),
        cmocka_unit_test(log__more_fields_than_a_line_holds__drops_whole_fields),
        cmocka_unit_test(log__without_memory__still_writes),
        cmocka_unit_test(log__words_for_the_operator__are_written_as_they_are),
        cmocka_unit_test(err__every_error__has_a_name_of_its_own),
        cmocka_unit_test(clock__monotonic__never_goes_back_and_units_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
