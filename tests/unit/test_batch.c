/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /batch and /sequence: the rules of docs/protocol/community.md, 1.9.
 */
#include "batch_fixture.h"

/* ---- replies ---- */

static void batch__of_nothing__is_an_empty_array(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch", " [ \n] ", false);
    assert_int_equal(a.reply.status, 200);
    assert_string_equal(a.reply.content_type, CONTENT_JSON);
    assert_true(span_eq_text(buf_span(&a.reply.body), "[]"));
    forget(&a);
}

static void batch__each_kind_of_reply__has_its_form(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/echo/a%20b?x=%20\"},{\"method\":\"GET\",\"path\":\"/"
        "status/404\"},"
        "{\"method\":\"GET\",\"path\":\"/status/304\"},{\"method\":\"GET\",\"path\":\"/unknown\"}]",
        false);
    assert_int_equal(json_array_size(a.json), 4);
    assert_int_equal(code_of(&a, 0), 200);
    assert_string_equal(text_in(body_of(&a, 0), "path"), "/echo/a b");
    assert_string_equal(text_in(body_of(&a, 0), "query"), "x=%20");
    assert_int_equal(json_integer_value(json_object_get(body_of(&a, 0), "depth")), 1);
    assert_string_equal(text_in(json_object_get(element(&a, 0), "headers"), "content-type"),
                        CONTENT_JSON);
    assert_int_equal(code_of(&a, 1), 404);
    assert_string_equal(json_string_value(body_of(&a, 1)), "d29yZHM=");
    assert_string_equal(text_in(json_object_get(element(&a, 1), "headers"), "content-type"),
                        CONTENT_TEXT);
    assert_int_equal(code_of(&a, 2), 304);
    assert_int_equal(json_object_size(json_object_get(element(&a, 2), "headers")), 0);
    assert_string_equal(json_string_value(body_of(&a, 2)), "");
    assert_int_equal(code_of(&a, 3), 404);
    assert_int_equal(a.world.authenticated, 1);
    assert_int_equal(a.world.claimed, 0);
    forget(&a);
}

static void batch__bodies__arrive_as_the_form_says(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    static const struct {
        const char *form, *type, *body;
    } cases[] = {
        {"\"json\":{\"a\" : [1, \"\\u00e9\"]}", "application/json", "eyJhIjpbMSwiw6kiXX0="},
        {"\"json\":null", "application/json", ""},
        {"\"json\":5", "application/json", "NQ=="},
        {"\"b64\":\"AAEC\"", "application/octet-stream", "AAEC"},
        {"\"b64\":\"AA\"", "application/octet-stream", "AA=="},
        {"\"b64\":\"\"", "application/octet-stream", ""},
        {"\"b64\":null", "application/octet-stream", ""},
        {"\"b64\" : \"\\/\\u002f\\u002B\\/AA\\u003d\\u003d\"", "application/octet-stream",
         "//+/AA=="},
        {"\"b\\u0036\\u0034\":\"AAEC\"", "application/octet-stream", "AAEC"},
        {"\"bytes\":\"\\u00e9\"", "application/octet-stream", "w6k="},
        {"\"bytes\":null", "application/octet-stream", ""},
        {"\"b64\":\"e30=\",\"headers\":{\"CONTENT-type\":\"application/json\"}", "application/json",
         "e30="},
        {"\"json\":{},\"other\":{\"b64\":1,\"json\":[]}", "application/json", "e30="},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[512];
        (void)snprintf(body, sizeof body, "[{\"method\":\"%s\",\"path\":\"/echo/x\",%s}]",
                       i % 2 ? "PUT" : "POST", cases[i].form);
        ask(&a, "/batch", body, true);
        assert_int_equal(code_of(&a, 0), 200);
        assert_string_equal(text_in(body_of(&a, 0), "type"), cases[i].type);
        assert_string_equal(text_in(body_of(&a, 0), "body"), cases[i].body);
        forget(&a);
    }
}

static void batch__signed_headers_of_elements__are_dropped(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/echo/"
        "x\",\"headers\":{\"X-SOGS-PubKey\":\"00\",\"x-sogs-nonce\":\"\","
        "\"Content-Length\":\"9\",\"Room\":\"a\"}}]",
        false);
    assert_int_equal(code_of(&a, 0), 200);
    assert_int_equal(json_integer_value(json_object_get(body_of(&a, 0), "headers")), 1);
    assert_int_equal(a.world.authenticated, 1);
    forget(&a);
}

/* ---- violations ---- */

static void batch__one_violation__refuses_all_and_runs_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "5",
        "\"x\"",
        "[]",
        "null",
        "{}",
        "{\"path\":\"/echo/x\"}",
        "{\"method\":\"GET\"}",
        "{\"method\":\"get\",\"path\":\"/echo/x\"}",
        "{\"method\":\"PATCH\",\"path\":\"/echo/x\"}",
        "{\"method\":\"HEAD\",\"path\":\"/echo/x\"}",
        "{\"method\":5,\"path\":\"/echo/x\"}",
        "{\"method\":\"GET\",\"path\":\"echo/x\"}",
        "{\"method\":\"GET\",\"path\":\"\"}",
        "{\"method\":\"GET\",\"path\":5}",
        "{\"method\":\"GET\",\"path\":null}",
        "{\"method\":\"GET\",\"path\":\"/echo/%ff\"}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"json\":{}}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"json\":null}",
        "{\"method\":\"DELETE\",\"path\":\"/echo/x\",\"b64\":\"\"}",
        "{\"method\":\"DELETE\",\"path\":\"/echo/x\",\"bytes\":\"\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\"}",
        "{\"method\":\"PUT\",\"path\":\"/echo/x\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"json\":{},\"b64\":\"\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"json\":null,\"bytes\":null}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"A-_A\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"A\\nAA\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"A\\u0141AA\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":5}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"AAEC\",\"b64\":\"AAEC\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"AAEC\",\"b\\u00364\":\"AAEC\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"bytes\":[1,2]}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"headers\":[]}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"headers\":{\"a\":1}}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"headers\":{\"X-SOGS-Nonce\":1}}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\"]",
        "{\"method\":\"GET\",\"path\":\"/echo/x\"}}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\"} x",
        "{\"method\":\"GET\",\"path\":\"/echo/x\"},",
        "{\"method\":\"GET\" \"path\":\"/echo/x\"}",
        "{\"method\":\"GET\",\"path\":\"/echo/\xff\"}",
        "{\"x\":\"b64\":\"AAAA\",\"method\":\"GET\",\"path\":\"/echo/x\"}",
    };
    struct asked a = {.mem = NULL};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        for (int first = 0; first < 2; first++) {
            char body[1024];
            const char *good = "{\"method\":\"GET\",\"path\":\"/echo/x\"}";
            (void)snprintf(body, sizeof body, "[%s,%s]", first ? bad[i] : good,
                           first ? good : bad[i]);
            ask(&a, "/batch", body, true);
            if (a.result != OK || a.reply.status != 400)
                fail_msg("%s: status %d", body, a.reply.status);
            assert_int_equal(a.world.ran, 0);
            assert_int_equal(a.world.claimed, 0);
            forget(&a);
        }
    }
    static const char *const bad_bodies[] = {"", " ", "{}", "null", "[", "]", "[,]", "[]x", "[][]"};
    for (size_t i = 0; i < COUNT_OF(bad_bodies); i++) {
        ask(&a, "/batch", bad_bodies[i], true);
        assert_int_equal(a.reply.status, 400);
        forget(&a);
    }
}

static void batch__quotes_behind_backslashes__end_strings_where_json_says(void **state)
{
    (void)state;
    static const char *const strings[] = {"\\\\", "\\\"", "\\\\\\\"", "\\\\\\\\", "x\\\\\\\\\\\""};
    struct asked a = {.mem = NULL};
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "[{\"x\":\"%s\",\"y\":\"]}\",\"method\":\"GET\",\"path\":\"/echo/x\"},"
                       "{\"method\":\"GET\",\"path\":\"/echo/y\"}]",
                       strings[i]);
        ask(&a, "/batch", body, false);
        assert_int_equal(a.reply.status, 200);
        assert_int_equal(json_array_size(a.json), 2);
        forget(&a);
    }
}

static void batch_scan__spans__are_those_of_the_body(void **state)
{
    (void)state;
    struct batch_item items[BATCH_MAX_ELEMENTS];
    size_t count = 0;
    const struct span body = SPAN(
        " [ {\"b64\" : \"AAEC\", \"x\":{\"b64\":\"no\"}} , {\"x\":\"b64\"} ,{\"b64\":\"\"}]\n");
    assert_int_equal(batch_scan(body, items, &count), OK);
    assert_int_equal(count, 3);
    assert_true(span_eq_text(items[0].text, "{\"b64\" : \"AAEC\", \"x\":{\"b64\":\"no\"}}"));
    assert_true(span_eq_text(items[0].b64, "AAEC"));
    assert_null(items[1].b64.p);
    assert_non_null(items[2].b64.p);
    assert_int_equal(items[2].b64.len, 0);
    assert_int_equal(batch_scan(SPAN("[{\"b64\":\"AA\",\"b64\":\"AA\"}]"), items, &count),
                     ERR_MALFORMED);
    assert_int_equal(count, 3); /* untouched */
}

static void batch__every_truncation__is_refused(void **state)
{
    (void)state;
    static const char whole[] =
        "[{\"method\":\"GET\",\"path\":\"/echo/x\",\"headers\":{\"a\\\\\":\"\\\"]}\"}},\n"
        "{\"method\":\"POST\",\"path\":\"/echo/y\",\"b64\":\"AAEC\\/w==\"},"
        "{\"json\":[{},[\"\\u00e9\"]],\"method\":\"PUT\",\"path\":\"/echo/z\"}]";
    struct asked a = {.mem = NULL};
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        /* A copy of exactly that size, so that a step past its end is seen by the sanitizer. */
        uint8_t *copy = mem_alloc(len + (len == 0));
        memcpy(copy, whole, len);
        ask_bytes(&a, "/batch", span_of(copy, len), true);
        assert_int_equal(a.reply.status, 400);
        assert_int_equal(a.world.ran, 0);
        forget(&a);
        mem_free(copy);
    }
    ask(&a, "/batch", whole, true);
    assert_int_equal(a.reply.status, 200);
    assert_int_equal(a.world.ran, 3);
    forget(&a);
}

static void batch__another_content_type__is_refused(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    /*
     * By way of an element, whose b64 defaults to octet-stream: nesting is refused before the type
     * is looked at.
     */
    ask(&a, "/batch", "[{\"method\":\"POST\",\"path\":\"/batch\",\"b64\":\"W10=\"}]", true);
    assert_int_equal(code_of(&a, 0), 400);
    forget(&a);
    struct reply reply;
    reply_init(&reply);
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    struct request req = {.body = SPAN("[]")};
    struct call call = {.mem = mem, .req = &req, .reply = &reply};
    assert_int_equal(batch_run(&call), ERR_MALFORMED);
    reply_done(&reply);
}

static void batch__nested__is_400_for_that_element_alone(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"POST\",\"path\":\"/batch\",\"json\":[]},{\"method\":\"POST\",\"path\":\"/"
        "sequence\",\"json\":[]},"
        "{\"method\":\"GET\",\"path\":\"/echo/x\"}]",
        true);
    assert_int_equal(json_array_size(a.json), 3);
    assert_int_equal(code_of(&a, 0), 400);
    assert_int_equal(code_of(&a, 1), 400);
    assert_int_equal(code_of(&a, 2), 200);
    forget(&a);
}

/* ---- order, memory pass, claim ---- */

static void sequence__stops_after_the_first_failure(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        size_t answered;
    } cases[] = {{"200", 3}, {"201", 3}, {"299", 3}, {"304", 2}, {"404", 2}, {"199", 2}};
    struct asked a = {.mem = NULL};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[512];
        (void)snprintf(body, sizeof body,
                       "[{\"method\":\"GET\",\"path\":\"/echo/a\"},{\"method\":\"GET\",\"path\":\"/"
                       "status/%s\"},"
                       "{\"method\":\"GET\",\"path\":\"/echo/b\"}]",
                       cases[i].status);
        ask(&a, "/sequence", body, false);
        assert_int_equal(json_array_size(a.json), cases[i].answered);
        assert_int_equal(a.world.ran, cases[i].answered);
        forget(&a);
        ask(&a, "/batch", body, false);
        assert_int_equal(json_array_size(a.json), 3);
        forget(&a);
    }
}

static void batch__without_sql__runs_gets_only(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/echo/a\"},{\"method\":\"DELETE\",\"path\":\"/echo/b\"}]",
        false);
    assert_int_equal(a.result, ERR_RETRY);
    assert_int_equal(a.world.ran, 0);
    forget(&a);
    /* One that memory cannot answer sends the whole back, half-written replies dropped. */
    a.world.needs_sql = true;
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/status/200\"},{\"method\":\"GET\",\"path\":\"/echo/a\"},"
        "{\"method\":\"GET\",\"path\":\"/status/200\"}]",
        false);
    assert_int_equal(a.result, ERR_RETRY);
    assert_int_equal(a.world.ran, 2);
    assert_int_equal(a.reply.body.len, 0);
    forget(&a);
    /* A violation is known without SQL. */
    ask(&a, "/batch", "[{\"method\":\"DELETE\",\"path\":\"/echo/b\"},{}]", false);
    assert_int_equal(a.result, OK);
    assert_int_equal(a.reply.status, 400);
    forget(&a);
}

static void batch__that_writes__is_claimed_once_before_its_first_element(void **state)
{
    (void)state;
    static const char body[] =
        "[{\"method\":\"GET\",\"path\":\"/echo/a\"},{\"method\":\"DELETE\",\"path\":\"/echo/b\"},"
        "{\"method\":\"POST\",\"path\":\"/echo/c\",\"json\":1}]";
    struct asked a = {.mem = NULL};
    ask(&a, "/batch", body, true);
    assert_int_equal(a.world.claimed, 1);
    assert_int_equal(a.world.ran, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(code_of(&a, i), 200);
    forget(&a);
    a.world.claim_lost = true;
    ask(&a, "/batch", body, true);
    assert_int_equal(a.reply.status, 425);
    assert_int_equal(a.world.ran, 0);
    forget(&a);
}

/* Each of them writes; the second lasts until the request is too old for anything to begin. */
static void batch__that_is_too_late__answers_what_it_did_and_503_for_the_rest(void **state)
{
    (void)state;
    static const char one[] = "{\"method\":\"POST\",\"path\":\"/echo/a\",\"json\":1}";
    static const char slow_one[] = "{\"method\":\"POST\",\"path\":\"/slow\",\"json\":1}";
    static const struct {
        const char *path;
        size_t answered;
    } cases[] = {{"/batch", 4}, {"/sequence", 3}};
    char body[512];
    struct asked a = {.mem = NULL};
    (void)snprintf(body, sizeof body, "[%s,%s,%s,%s]", one, slow_one, one, one);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        a.world.begin_until_ms = clock_mono_ms() + 100;
        ask(&a, cases[i].path, body, true);
        assert_int_equal(a.world.ran, 2);
        assert_int_equal(json_array_size(a.json), cases[i].answered);
        for (size_t n = 0; n < cases[i].answered; n++)
            assert_int_equal(code_of(&a, n), n < 2 ? 200 : 503);
        forget(&a);
    }
}

/* ---- limits ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch__of_nothing__is_an_empty_array),
        cmocka_unit_test(batch__each_kind_of_reply__has_its_form),
        cmocka_unit_test(batch__bodies__arrive_as_the_form_says),
        cmocka_unit_test(batch__signed_headers_of_elements__are_dropped),
        cmocka_unit_test(batch__one_violation__refuses_all_and_runs_nothing),
        cmocka_unit_test(batch__quotes_behind_backslashes__end_strings_where_json_says),
        cmocka_unit_test(batch_scan__spans__are_those_of_the_body),
        cmocka_unit_test(batch__every_truncation__is_refused),
        cmocka_unit_test(batch__another_content_type__is_refused),
        cmocka_unit_test(batch__nested__is_400_for_that_element_alone),
        cmocka_unit_test(sequence__stops_after_the_first_failure),
        cmocka_unit_test(batch__without_sql__runs_gets_only),
        cmocka_unit_test(batch__that_is_too_late__answers_what_it_did_and_503_for_the_rest),
        cmocka_unit_test(batch__that_writes__is_claimed_once_before_its_first_element),
    };
    json_in_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
