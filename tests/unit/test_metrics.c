/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters: that threads do not lose counts, and that the text is what Prometheus reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "metrics/metrics.h"

static void *count_many(void *arg)
{
    for (int i = 0; i < 100000; i++)
        metrics_add(arg, METRIC_POSTS, 1);
    return NULL;
}

static void metrics__counts_of_several_threads__add_up(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, m), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(metrics_get(m, METRIC_POSTS), 400000);
    metrics_free(m);
}

static void metrics__a_gauge__goes_up_and_down(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    metrics_set(m, METRIC_BODY_BYTES, 100);
    metrics_add(m, METRIC_BODY_BYTES, -30);
    assert_int_equal(metrics_get(m, METRIC_BODY_BYTES), 70);
    assert_int_equal(metrics_get(m, METRIC_STATE_BYTES), 0);
    metrics_free(m);
}

/* The text, NUL-terminated. */
static struct buf written(const struct metrics *m)
{
    struct buf out = buf_make(KIB(64));
    metrics_write(m, &out);
    buf_put_byte(&out, '\0');
    assert_int_equal(buf_verdict(&out), OK);
    return out;
}

static void metrics__the_text__shows_name_label_and_value(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    metrics_add(m, METRIC_REQUESTS, 7);
    metrics_add(m, METRIC_REFUSED_BUSY, 2);
    metrics_set(m, METRIC_QUEUE_UPLOAD, 3);
    AUTO_BUF struct buf out = written(m);
    const char *text = (const char *)out.p;
    assert_non_null(
        strstr(text, "# TYPE conclave_requests_total counter\nconclave_requests_total 7\n"));
    assert_non_null(strstr(text, "\nconclave_requests_refused_total{reason=\"busy\"} 2\n"));
    assert_non_null(
        strstr(text, "# TYPE conclave_queue_depth gauge\nconclave_queue_depth{lane=\"general\"} 0\n"
                     "conclave_queue_depth{lane=\"upload\"} 3\n"));
    metrics_free(m);
}

/* The rules of the format that a wrong row in the table would break. */
static void metrics__every_line__follows_the_text_format(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    AUTO_BUF struct buf out = written(m);
    char help[100] = "";
    char type[100] = "";
    char samples[METRIC_COUNT][160];
    size_t count = 0;
    for (char *line = (char *)out.p; *line != '\0'; line += strlen(line) + 1) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        char name[100];
        char kind[20];
        if (sscanf(line, "# HELP %99s %19s", name, kind) == 2) {
            assert_string_not_equal(name, help); /* once for each name, with words */
            memcpy(help, name, sizeof help);
        } else if (sscanf(line, "# TYPE %99s %19s", name, kind) == 2) {
            assert_string_equal(name, help);
            assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0);
            /* By convention counters end with _total and gauges do not. */
            size_t len = strlen(name);
            assert_int_equal(strcmp(kind, "counter") == 0,
                             len > 6 && strcmp(name + len - 6, "_total") == 0);
            memcpy(type, name, sizeof type);
        } else {
            assert_true(count < METRIC_COUNT);
            size_t name_len = strcspn(line, "{ ");
            assert_int_equal(strlen(type), name_len);
            assert_memory_equal(line, type, name_len);
            for (size_t i = 0; i < count; i++)
                assert_string_not_equal(samples[i],
                                        line); /* all are 0, so equal lines are equal metrics */
            assert_true(snprintf(samples[count++], sizeof samples[0], "%s", line) <
                        (int)sizeof samples[0]);
        }
    }
    assert_int_equal(count, METRIC_COUNT);
    metrics_free(m);
}

static void metrics__without_memory__are_null_and_free_is_harmless(void **state)
{
    (void)state;
    (void)mem_fail_after(0);
    struct metrics *m = metrics_new();
    (void)mem_fail_after(-1);
    assert_null(m);
    metrics_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics__counts_of_several_threads__add_up),
        cmocka_unit_test(metrics__a_gauge__goes_up_and_down),
        cmocka_unit_test(metrics__the_text__shows_name_label_and_value),
        cmocka_unit_test(metrics__every_line__follows_the_text_format),
        cmocka_unit_test(metrics__without_memory__are_null_and_free_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
