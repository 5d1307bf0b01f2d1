/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /batch and /sequence: how much they take and give (docs/design.md, D8), and what happens at each
 * limit.
 */
#include "batch_fixture.h"
#include "unit/emulated.h"

/* "[" count times one "]"; each element is `one`. */
static struct span repeated(struct arena *mem, const char *one, size_t count)
{
    size_t len = strlen(one);
    char *text = arena_alloc(mem, count * (len + 1) + 2);
    assert_non_null(text);
    char *to = text;
    *to++ = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(to, one, len);
        to[len] = ',';
        to += len + 1;
    }
    to[-1] = ']';
    return span_of(text, (size_t)(to - text));
}

static void batch__of_500__runs_and_of_501__does_not(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(4 << 20);
    const char *one = "{\"method\":\"GET\",\"path\":\"/echo/a\"}";
    struct asked a = {.mem = NULL};
    ask_bytes(&a, "/batch", repeated(mem, one, 500), false);
    assert_int_equal(json_array_size(a.json), 500);
    assert_int_equal(a.world.ran, 500);
    forget(&a);
    ask_bytes(&a, "/batch", repeated(mem, one, 501), false);
    assert_int_equal(a.reply.status, 400);
    assert_int_equal(a.world.ran, 0);
    forget(&a);
}

/* The pure cost of a body made to hurt; milliseconds of CPU. */
static double cost_ms(struct span body, int expected_status)
{
    struct asked a = {.mem = NULL};
    clock_t before = clock();
    ask_bytes(&a, "/batch", body, false);
    double ms = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
    assert_int_equal(a.result, OK);
    assert_int_equal(a.reply.status, expected_status);
    assert_true(arena_used(a.mem) < MIB(1));
    forget(&a);
    return ms;
}

static void batch__bombs__are_cheap_to_refuse(void **state)
{
    (void)state;
    skip_when_emulated();
    AUTO_ARENA struct arena *mem = arena_new(64 << 20);
    const size_t big = 10 << 20;
    assert_true(cost_ms(repeated(mem, "{}", big / 3), 400) < 50);
    uint8_t *bomb = arena_alloc(mem, big);
    memset(bomb, '[', big);
    assert_true(cost_ms(span_of(bomb, big), 400) < 50);
    memcpy(bomb, "[{\"a\":", 6);
    assert_true(cost_ms(span_of(bomb, big), 400) < 50);
    for (size_t i = 1; i + 5 <= big; i += 5)
        memcpy(bomb + i, "{\"a\":", 5);
    assert_true(cost_ms(span_of(bomb, big), 400) < 50);
    /* One element that is not base64 and too large for a tree. */
    memset(bomb, ',', big);
    memcpy(bomb, "[{\"x\":[", 7);
    assert_true(cost_ms(span_of(bomb, big), 413) < 50);
    /* Just below what Jansson may see, made of what costs it most. */
    struct span small = repeated(mem, "{}", (JSON_MAX_BYTES - 100) / 3);
    uint8_t *whole = arena_alloc(mem, small.len + 8);
    memcpy(whole, "[{\"x\":", 6);
    memcpy(whole + 6, small.p, small.len);
    memcpy(whole + 6 + small.len, "}]", 2);
    assert_true(cost_ms(span_of(whole, small.len + 8), 400) < 150);
}

static void batch__small_json__ends_at_its_limit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(8 << 20);
    struct asked a = {.mem = NULL};
    static const char head[] = "[{\"method\":\"GET\",\"path\":\"/echo/x\",\"x\":\"";
    for (size_t over = 0; over < 2; over++) {
        size_t element_bytes = JSON_MAX_BYTES + over;
        uint8_t *body = arena_alloc(mem, element_bytes + 2);
        memset(body, 'x', element_bytes + 2);
        memcpy(body, head, sizeof head - 1);
        memcpy(body + element_bytes + 2 - 3, "\"}]", 3);
        ask_bytes(&a, "/batch", span_of(body, element_bytes + 2), false);
        assert_int_equal(a.reply.status, over == 0 ? 200 : 413);
        forget(&a);
    }
}

static void batch__a_file_as_b64__never_meets_the_small_limit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(64 << 20);
    static const char head[] = "[{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"";
    size_t text_len = base64_len(7 << 20);
    uint8_t *raw = arena_alloc(mem, 7 << 20);
    for (size_t i = 0; i < (7 << 20); i++)
        raw[i] = (uint8_t)(i * 7 % 253);
    char *body = arena_alloc(mem, sizeof head + text_len + 3);
    memcpy(body, head, sizeof head - 1);
    base64_write(span_of(raw, 7 << 20), body + sizeof head - 1);
    memcpy(body + sizeof head - 1 + text_len, "\"}]", 3);
    struct asked a = {.mem = NULL};
    ask_bytes(&a, "/batch", span_of(body, sizeof head - 1 + text_len + 3), true);
    assert_int_equal(code_of(&a, 0), 200);
    const char *echoed = text_in(body_of(&a, 0), "body");
    assert_int_equal(strlen(echoed), text_len);
    assert_memory_equal(echoed, body + sizeof head - 1, text_len);
    forget(&a);
}

/* ---- the ceiling of the reply ---- */

static void batch__replies_past_the_ceiling__are_413_elements(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/size/6000000\"},{\"method\":\"GET\",\"path\":\"/size/"
        "6000000\"},"
        "{\"method\":\"GET\",\"path\":\"/size/4000000\"},{\"method\":\"GET\",\"path\":\"/size/"
        "10485760\"},"
        "{\"method\":\"GET\",\"path\":\"/size/100\"}]",
        false);
    assert_int_equal(a.reply.status, 200);
    assert_true(a.reply.body.len + 200 <= REPLY_MAX_BYTES);
    const int expected[] = {200, 413, 200, 413, 200};
    assert_int_equal(json_array_size(a.json), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(code_of(&a, i), expected[i]);
    forget(&a);
}

static void batch__of_500_that_all_want_the_rest__stays_below_the_ceiling(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(4 << 20);
    struct asked a = {.mem = NULL};
    for (int i = 0; i < 2; i++) {
        /* As text (base64 grows by a third) and as JSON. */
        const char *one = i == 0 ? "{\"method\":\"GET\",\"path\":\"/size/100000\"}"
                                 : "{\"method\":\"GET\",\"path\":\"/size/30000\"}";
        ask_bytes(&a, "/batch", repeated(mem, one, 500), false);
        assert_int_equal(a.reply.status, 200);
        assert_true(a.reply.body.len + 200 <= REPLY_MAX_BYTES);
        assert_int_equal(json_array_size(a.json), 500);
        assert_int_equal(code_of(&a, 0), 200);
        assert_int_equal(code_of(&a, 499), 413);
        forget(&a);
    }
}

static void batch__a_lone_element__may_use_nearly_all(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch", "[{\"method\":\"GET\",\"path\":\"/echo/x\"}]", false);
    assert_in_range(a.world.largest_room, REPLY_MAX_BYTES - 4096, REPLY_MAX_BYTES - 1024);
    forget(&a);
}

/* ---- bodies that come in pieces ---- */

static void batch__a_file__is_gathered_into_base64(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 999, 1000, 1001, 123457};
    struct asked a = {.mem = NULL};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        char body[128];
        (void)snprintf(body, sizeof body, "[{\"method\":\"GET\",\"path\":\"/file/%lld\"}]",
                       (long long)sizes[s]);
        ask(&a, "/batch", body, true);
        assert_int_equal(code_of(&a, 0), 200);
        const json_t *headers = json_object_get(element(&a, 0), "headers");
        assert_string_equal(text_in(headers, "content-type"), CONTENT_BINARY);
        assert_string_equal(text_in(headers, "content-disposition"), "attachment; filename=\"a\"");
        struct span text =
            span_of(json_string_value(body_of(&a, 0)), json_string_length(body_of(&a, 0)));
        uint8_t *bytes = arena_alloc(a.mem, base64_max_decoded(text.len));
        size_t len = 0;
        assert_int_equal(base64_read(text, bytes, &len), OK);
        assert_int_equal(len, sizes[s]);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(bytes[i], i % 251);
        assert_int_equal(a.world.sources_closed, 1);
        forget(&a);
    }
}

static void batch__a_file_without_sql_or_too_large_or_failing__is_closed(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch", "[{\"method\":\"GET\",\"path\":\"/file/5\"}]", false);
    assert_int_equal(a.result, ERR_RETRY);
    assert_int_equal(a.world.sources_closed, 1);
    forget(&a);
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/file/8000000\"},{\"method\":\"GET\",\"path\":\"/file/"
        "5\"}]",
        true);
    assert_int_equal(code_of(&a, 0), 413);
    assert_int_equal(code_of(&a, 1), 200);
    assert_int_equal(a.world.sources_closed, 2);
    forget(&a);
    a.world.source_fails = true;
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/file/5000\"},{\"method\":\"GET\",\"path\":\"/echo/x\"}]",
        true);
    assert_int_equal(code_of(&a, 0), 503);
    assert_int_equal(code_of(&a, 1), 200);
    assert_int_equal(a.world.sources_closed, 1);
    forget(&a);
}

/* ---- memory ---- */

static void batch__each_allocation_failing__is_an_error_and_no_crash(void **state)
{
    (void)state;
    bool whole = false;
    struct asked a = {.mem = NULL};
    for (int64_t n = 2; !whole && n < 400; n++) { /* the first two are this test's own arena */
        (void)mem_fail_after(n);
        ask(&a, "/batch",
            "[{\"method\":\"POST\",\"path\":\"/echo/"
            "x\",\"json\":{\"a\":[1,2]},\"headers\":{\"a\":\"b\"}},"
            "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"AAE\\/"
            "\"},{\"method\":\"GET\",\"path\":\"/file/2000\"}]",
            true);
        (void)mem_fail_after(-1);
        assert_int_equal(a.result, OK);
        whole = a.json != NULL && json_array_size(a.json) == 3 && code_of(&a, 0) == 200 &&
                code_of(&a, 1) == 200 && code_of(&a, 2) == 200;
        if (a.json == NULL && a.reply.status == 200)
            fail_msg("half a reply when allocation %lld fails", (long long)n);
        forget(&a);
    }
    assert_true(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch__of_500__runs_and_of_501__does_not),
        cmocka_unit_test(batch__bombs__are_cheap_to_refuse),
        cmocka_unit_test(batch__small_json__ends_at_its_limit),
        cmocka_unit_test(batch__a_file_as_b64__never_meets_the_small_limit),
        cmocka_unit_test(batch__replies_past_the_ceiling__are_413_elements),
        cmocka_unit_test(batch__of_500_that_all_want_the_rest__stays_below_the_ceiling),
        cmocka_unit_test(batch__a_lone_element__may_use_nearly_all),
        cmocka_unit_test(batch__a_file__is_gathered_into_base64),
        cmocka_unit_test(batch__a_file_without_sql_or_too_large_or_failing__is_closed),
        cmocka_unit_test(batch__each_allocation_failing__is_an_error_and_no_crash),
    };
    json_in_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
