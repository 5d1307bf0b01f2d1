/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that are small to send and would be large to serve (docs/design.md, D8 and D14), against
 * a real server whose processor time and memory are watched; and JSON that must change nothing.
 *
 * test-alone: it measures times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "integration/group.h"
#include "integration/usage.h"
#include "integration/world.h"

enum {
    BOMB_BYTES = 10 * 1000 * 1000, /* what fits into the 10 MiB that a hop carries */
    BOMB_CPU_MAX_US = 50 * 1000,
    BOMB_TRIES = 5,
    BOMB_MEMORY_MAX_KB = 32 * 1024, /* the body itself, and little beside it */
    PAGE_ROWS = 256,
    POLLS = 500,
    CAP_BYTES = 10485760,
    CAP_MEMORY_MAX_KB = 96 * 1024,
    DEEP = 2000,
};

static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};

static struct member ana_of(void **state)
{
    struct member m;
    assert_int_equal(member_open(*state, 0, 0, false, &m), OK);
    return m;
}

static int ask(struct member *m, const char *method, const char *target, struct span body,
               struct onion_reply *ret_reply)
{
    const struct community_request request = {.method = method,
                                              .target = target,
                                              .body = body,
                                              .content_type = "application/json",
                                              .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&m->community, &request, ret_reply), OK);
    return ret_reply->code;
}

static size_t rows_in_lobby(struct member *m)
{
    json_t *rows = NULL;
    assert_int_equal(community_since(&m->community, "lobby", 0, PAGE_ROWS, &rows), OK);
    size_t count = json_array_size(rows);
    json_decref(rows);
    return count;
}

/* ---- batches ---- */

/* count posts as elements of one batch. */
static void put_posts(struct member *m, size_t count, struct buf *out)
{
    json_t *post = community_post_body(&m->community, "from a batch");
    char *text = json_dumps(post, JSON_COMPACT);
    assert_non_null(text);
    buf_put_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_put_text(out, i > 0 ? "," : "");
        buf_put_text(out, "{\"method\":\"POST\",\"path\":\"/room/lobby/message\",\"json\":");
        buf_put_text(out, text);
        buf_put_byte(out, '}');
    }
    buf_put_byte(out, ']');
    free(text);
    json_decref(post);
}

static void batch__of_501__is_400_and_nothing_runs(void **state)
{
    struct member ana = ana_of(state);
    AUTO_BUF struct buf body = buf_make(MIB(4));
    size_t before = rows_in_lobby(&ana);
    put_posts(&ana, 501, &body);
    static const char *const paths[] = {"/batch", "/sequence"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        AUTO_ONION_REPLY struct onion_reply reply = {0};
        assert_int_equal(ask(&ana, "POST", paths[i], buf_span(&body), &reply), 400);
    }
    assert_int_equal(rows_in_lobby(&ana), before);
    /*
     * The same with one element, or the test would pass against a server that takes no posts in
     * batches.
     */
    buf_reset(&body);
    put_posts(&ana, 1, &body);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(ask(&ana, "POST", "/batch", buf_span(&body), &reply), 200);
    assert_int_equal(rows_in_lobby(&ana), before + 1);
    member_close(&ana);
}

/* Fills BOMB_BYTES with repetitions of a piece between two texts. */
static void put_bomb(struct buf *out, const char *first, const char *piece, const char *last)
{
    size_t n = strlen(piece);
    buf_put_text(out, first);
    while (out->len + n < BOMB_BYTES)
        buf_put(out, span_of(piece, n));
    buf_put_text(out, last);
    assert_int_equal(buf_verdict(out), OK);
}

static void assert_bomb_is_cheap(void **state, const char *path, struct span body)
{
    struct world *w = *state;
    struct member ana = ana_of(state);
    pid_t pid = w->servers[0].process.pid;
    int64_t cheapest_us = INT64_MAX;
    usage_forget_peak(pid);
    int64_t resident_kb = usage_peak_kb(pid);
    for (int i = 0; i < BOMB_TRIES; i++) {
        AUTO_ONION_REPLY struct onion_reply reply = {0};
        int64_t before_us = usage_cpu_us(pid);
        int code = ask(&ana, "POST", path, body, &reply);
        int64_t spent_us = usage_cpu_us(pid) - before_us;
        assert_true(code == 400 || code == 413);
        cheapest_us = spent_us < cheapest_us ? spent_us : cheapest_us;
    }
    int64_t grown_kb = usage_peak_kb(pid) - resident_kb;
    print_message("%s: %lld us, %lld KB more\n", path, (long long)cheapest_us, (long long)grown_kb);
    if (usage_is_ours()) {
        assert_in_range(cheapest_us, 0, BOMB_CPU_MAX_US);
        assert_true(grown_kb < BOMB_MEMORY_MAX_KB);
    }
    member_close(&ana);
}

static void bomb__of_empty_objects__costs_no_memory_and_under_50_ms(void **state)
{
    AUTO_BUF struct buf bomb = buf_make(BOMB_BYTES + KIB(1));
    put_bomb(&bomb, "[{}", ",{}", "]");
    assert_bomb_is_cheap(state, "/batch", buf_span(&bomb));
    assert_bomb_is_cheap(state, "/sequence", buf_span(&bomb));
    assert_bomb_is_cheap(state, "/room/lobby/message", buf_span(&bomb));
}

static void bomb__of_brackets__costs_no_memory_and_under_50_ms(void **state)
{
    AUTO_BUF struct buf bomb = buf_make(BOMB_BYTES + KIB(1));
    put_bomb(&bomb, "[", "[", "");
    assert_bomb_is_cheap(state, "/batch", buf_span(&bomb));
    assert_bomb_is_cheap(state, "/room/lobby/message", buf_span(&bomb));
}

static void bomb__inside_one_element__costs_no_memory_and_under_50_ms(void **state)
{
    AUTO_BUF struct buf bomb = buf_make(BOMB_BYTES + KIB(1));
    put_bomb(&bomb, "[{\"method\":\"POST\",\"path\":\"/room/lobby/message\",\"json\":[{}", ",{}",
             "]}]");
    assert_bomb_is_cheap(state, "/batch", buf_span(&bomb));
}

/* ---- replies ---- */

static void reply__of_500_full_pages__ends_at_the_cap(void **state)
{
    struct world *w = *state;
    struct member ana = ana_of(state);
    char text[1200];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < PAGE_ROWS; i++) {
        json_t *message = NULL;
        assert_int_equal(community_post(&ana.community, "lobby", text, &message), OK);
        json_decref(message);
    }
    AUTO_BUF struct buf body = buf_make(MIB(1));
    for (int i = 0; i < POLLS; i++) {
        buf_put_text(&body, i == 0 ? "[" : ",");
        buf_put_text(&body,
                     "{\"method\":\"GET\",\"path\":\"/room/lobby/messages/recent?limit=256\"}");
    }
    buf_put_byte(&body, ']');
    pid_t pid = w->servers[0].process.pid;
    usage_forget_peak(pid);
    int64_t resident_kb = usage_peak_kb(pid);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(ask(&ana, "POST", "/batch", buf_span(&body), &reply), 200);
    assert_in_range(reply.plain.len, CAP_BYTES / 2, CAP_BYTES);
    json_t *elements = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    assert_int_equal(json_array_size(elements), POLLS);
    size_t i, full = 0, cut = 0, refused = 0;
    const json_t *e;
    json_array_foreach(elements, i, e)
    {
        int64_t code = json_integer_value(json_object_get(e, "code"));
        size_t rows = json_array_size(json_object_get(e, "body"));
        assert_true(code == 413 || (code == 200 && rows >= 1));
        refused += code == 413;
        full += rows == PAGE_ROWS;
        cut += rows > 0 && rows < PAGE_ROWS;
    }
    json_decref(elements);
    int64_t grown_kb = usage_peak_kb(pid) - resident_kb;
    print_message("%zu full, %zu cut, %zu refused, %lld KB more\n", full, cut, refused,
                  (long long)grown_kb);
    assert_true(full >= 10);
    /*
     * A list takes what is left (docs/design.md, D14), and refusals leave a little each, so that
     * one more row fits now and then.
     */
    assert_true(cut <= POLLS / 5);
    assert_true(refused > POLLS / 2);
    if (usage_is_ours())
        assert_true(grown_kb < CAP_MEMORY_MAX_KB);
    member_close(&ana);
}

/* ---- bodies ---- */

static void post__of_hostile_json__is_400_and_changes_nothing(void **state)
{
    struct member ana = ana_of(state);
    size_t before = rows_in_lobby(&ana);
    json_t *post = community_post_body(&ana.community, "would be valid");
    const char *data = json_string_value(json_object_get(post, "data"));
    const char *signature = json_string_value(json_object_get(post, "signature"));
    assert_non_null(data);
    assert_non_null(signature);
    static const char *const forms[] = {
        "",
        "null",
        "[]",
        "\"D\"",
        "{\"data\":\"D\"}",
        "{\"signature\":\"S\"}",
        "{\"data\":[\"D\"],\"signature\":\"S\"}",
        "{\"data\":\"D\",\"signature\":5}",
        "{\"data\":\"D\",\"signature\":\"S\"",
        "{\"data\":\"D\",\"signature\":\"S\"}}",
        "{\"data\":\"D\",\"data\":\"D\",\"signature\":\"S\"}",
        "{\"data\":\"D\",\"signature\":\"S\",\"a\\u0000\":1}",
        "{\"data\":\"D\",\"signature\":\"S\",\"files\":99999999999999999999}",
        "{\"data\":\"D\",\"signature\":\"S\",\"a\":\"\xff\"}",
        "{\"data\":\"D\",\"signature\":\"S\",\"a\":\"\\udc00\"}",
        "{\"data\":\"D\",\"signature\":\"S\",\"a\":NaN}",
        "{\"data\":\"D\",\"signature\":\"S\",\"whisper_to\":{}}",
        "{\"data\":\"D\",\"signature\":\"S\",\"files\":[[[]]]}",
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        AUTO_BUF struct buf body = buf_make(KIB(16));
        for (const char *f = forms[i]; *f != '\0'; f++) {
            bool value = f[0] == '"' && (f[1] == 'D' || f[1] == 'S') && f[2] == '"';
            if (!value) {
                buf_put_byte(&body, (uint8_t)*f);
                continue;
            }
            buf_put_byte(&body, '"');
            buf_put_text(&body, f[1] == 'D' ? data : signature);
            buf_put_byte(&body, '"');
            f += 2;
        }
        AUTO_ONION_REPLY struct onion_reply reply = {0};
        int code = ask(&ana, "POST", "/room/lobby/message", buf_span(&body), &reply);
        if (code != 400)
            print_error("%s: %d\n", forms[i], code);
        assert_int_equal(code, 400);
    }
    AUTO_BUF struct buf deep = buf_make(KIB(16));
    buf_put_text(&deep, "{\"data\":\"");
    buf_put_text(&deep, data);
    buf_put_text(&deep, "\",\"signature\":\"");
    buf_put_text(&deep, signature);
    buf_put_text(&deep, "\",\"a\":");
    for (int i = 0; i < DEEP; i++)
        buf_put_byte(&deep, '[');
    for (int i = 0; i < DEEP; i++)
        buf_put_byte(&deep, ']');
    buf_put_byte(&deep, '}');
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(ask(&ana, "POST", "/room/lobby/message", buf_span(&deep), &reply), 400);
    assert_int_equal(rows_in_lobby(&ana), before);
    json_decref(post);
    member_close(&ana);
}

static int open_world(void **state)
{
    const struct world_options options = {
        .servers = 1, .accounts = 1, .no_fsync = true, .env = env};
    return group_open(state, &options);
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch__of_501__is_400_and_nothing_runs),
        cmocka_unit_test(post__of_hostile_json__is_400_and_changes_nothing),
        cmocka_unit_test(bomb__of_empty_objects__costs_no_memory_and_under_50_ms),
        cmocka_unit_test(bomb__of_brackets__costs_no_memory_and_under_50_ms),
        cmocka_unit_test(bomb__inside_one_element__costs_no_memory_and_under_50_ms),
        cmocka_unit_test(reply__of_500_full_pages__ends_at_the_cap),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
