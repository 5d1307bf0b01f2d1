/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opened payloads of v4 and v3: what a request may say, and every way of saying it wrongly
 * (docs/protocol/identity.md, 4.3 and 4.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "onion/bencode.h"
#include "onion/envelope.h"
#include "onion/v4.h"
#include "router/json_in.h"

/* What was parsed: blocks of exactly their size, since requests point there; freed after a test. */
struct block {
    struct block *next;
    uint8_t bytes[];
};
static struct block *blocks;

static struct span exact_copy(struct span text)
{
    struct block *block = malloc(sizeof(*block) + text.len);
    assert_non_null(block);
    if (text.len > 0)
        memcpy(block->bytes, text.p, text.len);
    block->next = blocks;
    blocks = block;
    return span_of(block->bytes, text.len);
}

static int arena_make(void **state)
{
    *state = arena_new(MIB(8));
    return *state == NULL ? -1 : 0;
}

static int arena_remove(void **state)
{
    arena_free(*state);
    while (blocks != NULL) {
        struct block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
    return 0;
}

static enum err parse_v4(struct arena *mem, struct span meta, struct request **ret_req)
{
    AUTO_BUF struct buf plain = buf_make(MIB(2));
    bencode_write_head(&plain, meta, 0);
    buf_put_byte(&plain, BENCODE_END);
    assert_int_equal(buf_verdict(&plain), OK);
    return envelope_parse(mem, ENVELOPE_V4, exact_copy(buf_span(&plain)), ret_req);
}

static enum err parse_v3(struct arena *mem, struct span json, struct request **ret_req)
{
    return envelope_parse(mem, ENVELOPE_V3, exact_copy(json), ret_req);
}

static bool header_is(const struct request *req, const char *name, const char *value)
{
    return span_eq_text(request_header(req, name), value);
}

#define WITH(rest) "{\"method\":\"GET\",\"endpoint\":\"/x\"" rest "}"

/* ---- v4 ---- */

static void v4__metadata__becomes_the_request(void **state)
{
    struct request *req = NULL;
    assert_int_equal(parse_v4(*state,
                              SPAN("{\"method\":\"put\",\"unknown\":[null],\"endpoint\":"
                                   "\"/room/caf%C3%A9/\\u00e9?limit=5&t=%20\",\"headers\":{"
                                   "\"X-SOGS-PubKey\":\"ab\",\"X-SOGS-Timestamp\":1700000000,"
                                   "\"neg\":-9223372036854775808,\"half\":0.5,\"empty\":\"\","
                                   "\"x-sogs-pubkey\":\"cd\",\"Content-Length\":\"999\"}}"),
                              &req),
                     OK);
    assert_int_equal(req->method, METHOD_PUT);
    assert_true(span_eq_text(req->method_text, "PUT"));
    assert_true(span_eq_text(req->path, "/room/caf\xc3\xa9/\xc3\xa9"));
    assert_true(span_eq_text(req->query, "limit=5&t=%20"));
    assert_int_equal(req->header_count, 7);
    assert_true(header_is(req, "X-SOGS-Pubkey", "cd"));
    assert_true(header_is(req, "x-sogs-timestamp", "1700000000"));
    assert_true(header_is(req, "neg", "-9223372036854775808"));
    assert_true(header_is(req, "half", "0.5"));
    assert_true(header_is(req, "empty", ""));
    assert_false(request_is_json(req));
    assert_int_equal(req->body.len, 0); /* Content-Length is only a header */
}

static void v4__body__is_taken_for_every_method_and_not_copied(void **state)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        AUTO_BUF struct buf meta = buf_make(1000);
        buf_put_text(&meta, "{\"endpoint\":\"/x\",\"method\":\"");
        buf_put_text(&meta, methods[i]);
        buf_put_text(&meta, "\"}");
        AUTO_BUF struct buf plain = buf_make(1000);
        bencode_write_head(&plain, buf_span(&meta), 4);
        buf_put_text(&plain, "bodye");
        struct request *req = NULL;
        assert_int_equal(envelope_parse(*state, ENVELOPE_V4, buf_span(&plain), &req), OK);
        assert_true(span_eq_text(req->body, "body"));
        assert_ptr_equal(req->body.p, plain.p + plain.len - 5);
    }
}

static void v4__malformed_metadata__is_malformed(void **state)
{
    static const char *const cases[] = {
        "",
        "{}",
        "[]",
        "null",
        "\"x\"",
        "{\"method\":\"GET\"}",
        "{\"endpoint\":\"/x\"}",
        "{\"method\":5,\"endpoint\":\"/x\"}",
        "{\"method\":null,\"endpoint\":\"/x\"}",
        "{\"method\":\"\",\"endpoint\":\"/x\"}",
        "{\"method\":\"GE T\",\"endpoint\":\"/x\"}",
        "{\"method\":\"GET\",\"endpoint\":5}",
        "{\"method\":\"GET\",\"endpoint\":\"\"}",
        "{\"method\":\"GET\",\"endpoint\":\"x\"}",
        "{\"method\":\"GET\",\"endpoint\":\"http://x/\"}",
        "{\"method\":\"GET\",\"endpoint\":\"?x\"}",
        "{\"method\":\"GET\",\"endpoint\":\"/%\"}",
        "{\"method\":\"GET\",\"endpoint\":\"/%zz\"}",
        "{\"method\":\"GET\",\"endpoint\":\"/%ff\"}",
        "{\"method\":\"GET\",\"endpoint\":\"/%00\"}",
        "{\"method\":\"GET\",\"endpoint\":\"/\\u0000\"}",
        "{\"method\":\"GET\",\"endpoint\":\"/\\ud800\"}",
        "{\"method\":\"GET\",\"endpoint\":\"/\xff\"}",
        "{\"method\":\"GET\",\"endpoint\":\"/x\",\"endpoint\":\"/x\"}",
        WITH(",\"headers\":null"),
        WITH(",\"headers\":[]"),
        WITH(",\"headers\":\"a\""),
        WITH(",\"headers\":{\"a\":null}"),
        WITH(",\"headers\":{\"a\":true}"),
        WITH(",\"headers\":{\"a\":[]}"),
        WITH(",\"headers\":{\"a\":{}}"),
        WITH(",\"headers\":{\"a\":1e999}"),
        WITH(",\"headers\":{\"a\":9223372036854775808}"),
        WITH(",\"headers\":{\"a\":\"1\",\"a\":\"2\"}"),
        WITH(",\"headers\":{\"a\\u0000b\":\"1\"}"),
        WITH(",\"headers\":{\"a\":\"\\u0000\"}"),
        WITH(",\"headers\":{}") " x",
        WITH("") "{}",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request *req = NULL;
        enum err e = parse_v4(*state, span_of_text(cases[i]), &req);
        if (e != ERR_MALFORMED)
            fail_msg("%s: %s", cases[i], err_name(e));
        assert_null(req);
    }
    struct request *req = NULL;
    assert_int_equal(parse_v4(*state, SPAN(WITH("")), &req), OK);
    assert_int_equal(
        parse_v4(*state, SPAN(WITH(",\"x\":\"\\u0000\",\"y\":[-99999999999999999999]")), &req), OK);
    assert_int_equal(parse_v4(*state, SPAN(WITH("") "\0"), &req), ERR_MALFORMED);
}

static void v4__every_truncation_of_a_payload__is_malformed(void **state)
{
    AUTO_BUF struct buf plain = buf_make(1000);
    bencode_write_head(&plain, SPAN(WITH(",\"headers\":{\"a\":\"b\"}")), 3);
    buf_put_text(&plain, "abce");
    struct request *req = NULL;
    assert_int_equal(envelope_parse(*state, ENVELOPE_V4, buf_span(&plain), &req), OK);
    for (size_t len = 0; len < plain.len; len++) {
        uint8_t *copy = test_malloc(len + (len == 0));
        memcpy(copy, plain.p, len);
        assert_int_equal(envelope_parse(*state, ENVELOPE_V4, span_of(copy, len), &req),
                         ERR_MALFORMED);
        test_free(copy);
    }
}

/* Metadata with `count` headers, padded with blanks to `size` bytes when that is more. */
static void write_headers(struct buf *out, size_t count, size_t size)
{
    buf_put_text(out, "{\"method\":\"GET\",\"endpoint\":\"/x\",\"headers\":{");
    for (size_t i = 0; i < count; i++) {
        buf_put_text(out, i == 0 ? "\"h" : ",\"h");
        buf_put_u64(out, i);
        buf_put_text(out, "\":1");
    }
    buf_put_text(out, "}}");
    while (out->len < size)
        buf_put_byte(out, ' ');
}

static void v4__count_and_size_of_metadata__have_exact_limits(void **state)
{
    static const struct {
        size_t headers, size;
        enum err err;
    } cases[] = {
        {0, 0, OK},
        {REQUEST_HEADERS_MAX, 0, OK},
        {REQUEST_HEADERS_MAX + 1, 0, ERR_MALFORMED},
        {1, V4_META_MAX_BYTES, OK},
        {1, V4_META_MAX_BYTES + 1, ERR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_BUF struct buf meta = buf_make(MIB(1));
        write_headers(&meta, cases[i].headers, cases[i].size);
        struct request *req = NULL;
        assert_int_equal(parse_v4(*state, buf_span(&meta), &req), cases[i].err);
        if (cases[i].err == OK)
            assert_int_equal(req->header_count, cases[i].headers);
    }
}

/* ---- v3 ---- */

static void v3__content_type__is_always_json(void **state)
{
    struct request *req = NULL;
    assert_int_equal(
        parse_v3(*state,
                 SPAN("{\"method\":\"POST\",\"endpoint\":\"/x?q\",\"auth_code\":\"t\",\"body\":"
                      "\"{\\\"a\\\":\\\"\\u00e9\\\"}\",\"headers\":{\"CONTENT-type\":\"text/html\","
                      "\"a\":1,\"content-type\":\"b\"}}"),
                 &req),
        OK);
    assert_true(request_is_json(req));
    assert_true(header_is(req, "content-type", CONTENT_JSON));
    assert_int_equal(req->header_count, 2);
    assert_true(header_is(req, "a", "1"));
    assert_true(span_eq_text(req->path, "/x"));
    assert_true(span_eq_text(req->query, "q"));
    assert_true(span_eq_text(req->body, "{\"a\":\"\xc3\xa9\"}"));
}

static void v3__content_type_beside_the_most_headers__still_fits(void **state)
{
    AUTO_BUF struct buf json = buf_make(MIB(1));
    write_headers(&json, REQUEST_HEADERS_MAX, 0);
    struct request *req = NULL;
    assert_int_equal(parse_v3(*state, buf_span(&json), &req), OK);
    assert_int_equal(req->header_count, REQUEST_HEADERS_MAX + 1);
    assert_true(request_is_json(req));
}

static void v3__endpoint_without_slash__is_legacy(void **state)
{
    static const struct {
        const char *json, *path, *query;
    } cases[] = {
        {"{\"method\":\"GET\",\"endpoint\":\"rooms\"}", "/legacy/rooms", ""},
        {"{\"method\":\"GET\",\"endpoint\":\"messages?from=1\"}", "/legacy/messages", "from=1"},
        {"{\"method\":\"GET\",\"endpoint\":\"\"}", "/legacy/", ""},
        {"{\"method\":\"GET\",\"endpoint\":\"/rooms\"}", "/rooms", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request *req = NULL;
        assert_int_equal(parse_v3(*state, span_of_text(cases[i].json), &req), OK);
        assert_true(span_eq_text(req->path, cases[i].path));
        assert_true(span_eq_text(req->query, cases[i].query));
    }
}

static void v3__body__is_allowed_for_post_and_put_only(void **state)
{
    static const struct {
        const char *method, *member;
        enum err err;
        const char *body;
    } cases[] = {
        {"GET", "", OK, ""},
        {"GET", ",\"body\":\"\"", OK, ""},
        {"GET", ",\"body\":\"null\"", OK, ""},
        {"DELETE", ",\"body\":\"null\"", OK, ""},
        {"GET", ",\"body\":\"nul\"", ERR_MALFORMED, ""},
        {"GET", ",\"body\":\"null \"", ERR_MALFORMED, ""},
        {"DELETE", ",\"body\":\"{}\"", ERR_MALFORMED, ""},
        {"PATCH", ",\"body\":\"x\"", ERR_MALFORMED, ""},
        {"GET", ",\"body\":null", ERR_MALFORMED, ""},
        {"GET", ",\"body\":{}", ERR_MALFORMED, ""},
        {"POST", "", OK, ""},
        {"POST", ",\"body\":\"\"", OK, ""},
        {"POST", ",\"body\":\"null\"", OK, "null"},
        {"PUT", ",\"body\":\"{}\"", OK, "{}"},
        {"post", ",\"body\":\"x\"", OK, "x"},
        {"POST", ",\"body\":5", ERR_MALFORMED, ""},
        {"POST", ",\"body\":null", ERR_MALFORMED, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_BUF struct buf json = buf_make(1000);
        buf_put_text(&json, "{\"endpoint\":\"/x\",\"method\":\"");
        buf_put_text(&json, cases[i].method);
        buf_put_text(&json, "\"");
        buf_put_text(&json, cases[i].member);
        buf_put_text(&json, "}");
        struct request *req = NULL;
        enum err e = parse_v3(*state, buf_span(&json), &req);
        if (e != cases[i].err)
            fail_msg("%.*s: %s", (int)json.len, (const char *)json.p, err_name(e));
        if (e == OK)
            assert_true(span_eq_text(req->body, cases[i].body));
    }
}

static void v3__malformed_payload__is_malformed(void **state)
{
    static const char *const cases[] = {
        "",
        "{",
        "{}",
        "[]",
        " " WITH(""),
        WITH("") "x",
        WITH(",\"headers\":null"),
        WITH(",\"headers\":{\"a\":null}"),
        WITH(",\"method\":\"GET\""),
        "l2:{}e",
        "{\"endpoint\":\"/x\"}",
        "{\"method\":\"GET\"}",
        "{\"method\":1,\"endpoint\":\"/x\"}",
        "{\"method\":\"GET\",\"endpoint\":1}",
        "{\"method\":\"GET\",\"endpoint\":\"%\"}",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request *req = NULL;
        enum err e = parse_v3(*state, span_of_text(cases[i]), &req);
        if (e != ERR_MALFORMED)
            fail_msg("%s: %s", cases[i], err_name(e));
        assert_null(req);
    }
}

static void v3__endpoint__has_an_exact_limit(void **state)
{
    static const struct {
        size_t len;
        enum err err;
    } cases[] = {{REQUEST_PATH_MAX_BYTES, OK}, {REQUEST_PATH_MAX_BYTES + 1, ERR_MALFORMED}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_BUF struct buf json = buf_make(MIB(1));
        buf_put_text(&json, "{\"method\":\"GET\",\"endpoint\":\"/");
        for (size_t n = 1; n < cases[i].len; n++)
            buf_put_byte(&json, 'a');
        buf_put_text(&json, "\"}");
        struct request *req = NULL;
        assert_int_equal(parse_v3(*state, buf_span(&json), &req), cases[i].err);
    }
}

/* ---- memory ---- */

static void payload__small_arena__is_no_memory_or_fine(void **state)
{
    (void)state;
    static const char json[] = "{\"method\":\"POST\",\"endpoint\":\"rooms?query=x\",\"body\":\"0123"
                               "456789\",\"headers\":{\"one\":\"a value\",\"two\":2}}";
    bool refused = false, fine = false;
    for (size_t ceiling = 0; ceiling < 1024; ceiling += 16) {
        AUTO_ARENA struct arena *mem = arena_new(ceiling);
        struct request *req = NULL;
        enum err e = parse_v3(mem, span_of_text(json), &req);
        assert_true(e == OK || e == ERR_NO_MEMORY);
        assert_int_equal(req != NULL, e == OK);
        refused |= e != OK;
        fine |= e == OK;
    }
    assert_true(refused && fine);
}

static void payload__any_failing_allocation__is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    static const char json[] = WITH(",\"headers\":{\"one\":\"a value\",\"two\":2,\"three\":0.5}");
    bool fine = false;
    for (int64_t n = 0; n < 200 && !fine; n++) {
        AUTO_ARENA struct arena *mem = arena_new(MIB(1));
        struct request *req = NULL;
        (void)mem_fail_after(n);
        enum err e = parse_v3(mem, span_of_text(json), &req);
        (void)mem_fail_after(-1);
        /* Jansson does not tell a lack of memory from bad text. */
        assert_true(e == OK || e == ERR_NO_MEMORY || e == ERR_MALFORMED);
        assert_int_equal(req != NULL, e == OK);
        fine = e == OK;
        assert_false(fine && n == 0);
    }
    assert_true(fine);
}

int main(void)
{
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, arena_make, arena_remove)
    const struct CMUnitTest tests[] = {
        WITH_ARENA(v4__metadata__becomes_the_request),
        WITH_ARENA(v4__body__is_taken_for_every_method_and_not_copied),
        WITH_ARENA(v4__malformed_metadata__is_malformed),
        WITH_ARENA(v4__every_truncation_of_a_payload__is_malformed),
        WITH_ARENA(v4__count_and_size_of_metadata__have_exact_limits),
        WITH_ARENA(v3__content_type__is_always_json),
        WITH_ARENA(v3__content_type_beside_the_most_headers__still_fits),
        WITH_ARENA(v3__endpoint_without_slash__is_legacy),
        WITH_ARENA(v3__body__is_allowed_for_post_and_put_only),
        WITH_ARENA(v3__malformed_payload__is_malformed),
        WITH_ARENA(v3__endpoint__has_an_exact_limit),
        cmocka_unit_test(payload__small_arena__is_no_memory_or_fine),
        cmocka_unit_test(payload__any_failing_allocation__is_an_error_and_leaks_nothing),
    };
    json_in_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
