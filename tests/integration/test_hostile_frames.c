/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Onion requests of people who wish us ill, against a real server: each is refused with the answer
 * that the protocol names, changes nothing, and the next request is served. What the same bytes do
 * to one parser alone is in tests/unit; what large ones cost is in test_hostile_sizes.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "integration/group.h"
#include "integration/knock.h"
#include "unit/vectors.h"

#define BAD_REQUEST_V4 "Invalid v4 onion request"

enum { TRUNCATION_STEP = 3, DEEP = 2000 };

static const char *const onion_paths[] = {"/oxen/v4/lsrpc", "/oxen/v3/lsrpc", "/loki/v3/lsrpc"};

static struct span valid_plain(void)
{
    return SPAN("l43:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}e");
}

/* Outside of any encryption: HTTP 400 without a word, on all three paths. */
static void assert_not_opened(const struct world *w, struct span frame)
{
    for (size_t i = 0; i < COUNT_OF(onion_paths); i++) {
        AUTO_BUF struct buf answer = buf_make(KIB(4));
        assert_int_equal(knock_bytes(w, onion_paths[i], frame, &answer), 400);
        assert_int_equal(answer.len, 0);
    }
}

static void assert_frame_not_opened(const struct world *w, uint32_t length, struct span sealed,
                                    const char *json)
{
    AUTO_BUF struct buf frame = buf_make(sealed.len + KIB(16));
    knock_put_frame(&frame, length, sealed, json);
    assert_not_opened(w, buf_span(&frame));
}

/* Inside: HTTP 200, and sealed in it 400 with the text of the reference. */
static void assert_plain_refused(const struct world *w, struct span plain)
{
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(knock_plain(w, ONION_V4, plain, &reply), 400);
    assert_true(span_eq_text(reply.body, BAD_REQUEST_V4));
    assert_string_equal(onion_reply_header(&reply, "content-type"), "text/plain; charset=utf-8");
}

static void assert_meta_refused(const struct world *w, struct span meta)
{
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(knock_meta(w, meta, &reply), 400);
    assert_true(span_eq_text(reply.body, BAD_REQUEST_V4));
}

static void assert_v3_refused(const struct world *w, struct span plain)
{
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(knock_plain(w, ONION_V3, plain, &reply), 400);
}

static int code_of_meta(const struct world *w, const char *meta)
{
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    return knock_meta(w, span_of_text(meta), &reply);
}

/* Without it the tests above and below would pass against a server that refuses everybody. */
static void frame__made_by_the_same_hand_but_valid__is_answered(void **state)
{
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(knock_plain(*state, ONION_V4, valid_plain(), &reply), 200);
    AUTO_ONION_REPLY struct onion_reply old = {0};
    assert_int_equal(knock_plain(*state, ONION_V3,
                                 SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}"), &old),
                     200);
}

/* ---- frames ---- */

static void frame__that_is_no_onion_frame__is_400(void **state)
{
    static const char *const junk[] = {
        "a",
        "abcd",
        "{}",
        "{\"ephemeral_key\":\"00\"}",
        "l1:ae",
        "GET / HTTP/1.1\r\n\r\n",
        "\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    for (size_t i = 0; i < COUNT_OF(junk); i++)
        assert_not_opened(*state, span_of_text(junk[i]));
    uint8_t noise[5000];
    for (size_t len = 1; len <= sizeof(noise); len = len * 2 + 1) {
        crypto_random(noise, len);
        assert_not_opened(*state, span_of(noise, len));
    }
    memset(noise, 0, sizeof(noise));
    assert_not_opened(*state, span_of(noise, sizeof(noise)));
}

static void frame__with_a_length_field_beyond_the_body__is_400(void **state)
{
    AUTO_KNOCK struct knock k = knock_seal(*state, valid_plain());
    const char *json = knock_json(&k);
    uint32_t len = (uint32_t)k.sealed.len;
    const uint32_t lies[] = {0,
                             1,
                             len - 1,
                             len + 1,
                             len + (uint32_t)strlen(json),
                             len + (uint32_t)strlen(json) + 1,
                             0x7fffffff,
                             0x80000000,
                             0xfffffffc,
                             0xffffffff};
    for (size_t i = 0; i < COUNT_OF(lies); i++)
        assert_frame_not_opened(*state, lies[i], buf_span(&k.sealed), json);
}

static void frame__with_an_unknown_enc_type__is_400(void **state)
{
    static const char *const types[] = {
        "\"rot13\"", "\"AES-GCM\"", "\"aes-gcm \"", "\"\"", "\"aes-cbc\"",          "null",
        "5",         "[]",          "{}",           "true", "\"xchacha20\\u0000\"", "\"xchacha\"",
        "\"cbc\"",   "\"aes-gcm\"", /* exists, but it was sealed by the other */
    };
    AUTO_KNOCK struct knock k = knock_seal(*state, valid_plain());
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        char json[200];
        (void)snprintf(json, sizeof(json), "{\"ephemeral_key\":\"%s\",\"enc_type\":%s}",
                       k.ephemeral_hex, types[i]);
        assert_frame_not_opened(*state, (uint32_t)k.sealed.len, buf_span(&k.sealed), json);
    }
}

static void frame__with_a_low_order_or_invalid_ephemeral_key__is_400(void **state)
{
    /*
     * The points of small order of Curve25519 and their forms that are not canonical, then what is
     * no key at all.
     */
    static const char *const keys[] = {
        "\"0000000000000000000000000000000000000000000000000000000000000000\"",
        "\"0100000000000000000000000000000000000000000000000000000000000000\"",
        "\"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800\"",
        "\"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157\"",
        "\"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f\"",
        "\"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f\"",
        "\"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f\"",
        "\"0000000000000000000000000000000000000000000000000000000000000080\"",
        "\"0100000000000000000000000000000000000000000000000000000000000080\"",
        "\"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"",
        "\"\"",
        "\"00\"",
        "\"zz00000000000000000000000000000000000000000000000000000000000000\"",
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"",
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"",
        "null",
        "5",
        "[]",
    };
    AUTO_KNOCK struct knock k = knock_seal(*state, valid_plain());
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char json[200];
        (void)snprintf(json, sizeof(json), "{\"ephemeral_key\":%s,\"enc_type\":\"xchacha20\"}",
                       keys[i]);
        assert_frame_not_opened(*state, (uint32_t)k.sealed.len, buf_span(&k.sealed), json);
        (void)snprintf(json, sizeof(json), "{\"ephemeral_key\":%s}", keys[i]);
        assert_frame_not_opened(*state, (uint32_t)k.sealed.len, buf_span(&k.sealed), json);
    }
    assert_frame_not_opened(*state, (uint32_t)k.sealed.len, buf_span(&k.sealed), "{}");
}

static void frame__with_a_wrong_tag__is_400(void **state)
{
    AUTO_KNOCK struct knock k = knock_seal(*state, valid_plain());
    const char *json = knock_json(&k);
    const size_t at[] = {0, 23, 24, k.sealed.len / 2, k.sealed.len - 16, k.sealed.len - 1};
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        k.sealed.p[at[i]] ^= 1;
        assert_frame_not_opened(*state, (uint32_t)k.sealed.len, buf_span(&k.sealed), json);
        k.sealed.p[at[i]] ^= 1;
    }
    for (size_t len = 0; len < k.sealed.len; len += TRUNCATION_STEP)
        assert_frame_not_opened(*state, (uint32_t)len, span_first(buf_span(&k.sealed), len), json);
}

static void frame__with_hostile_json__is_400(void **state)
{
    AUTO_KNOCK struct knock k = knock_seal(*state, valid_plain());
    struct span sealed = buf_span(&k.sealed);
    char key[100];
    (void)snprintf(key, sizeof(key), "\"ephemeral_key\":\"%s\"", k.ephemeral_hex);
    static const char *const forms[] = {
        "",
        "[]",
        "null",
        "[%s]",
        "{%s",
        "{%s}}",
        "{%s}x",
        "{%s,%s,\"enc_type\":\"xchacha20\"}",
        "{%s,}",
        "{%s,\"\\u0000\":1,\"enc_type\":\"xchacha20\"}",
        "{%s,\"a\":\"\xff\",\"enc_type\":\"xchacha20\"}",
        "{%s,\"a\":\"\\ud800\",\"enc_type\":\"xchacha20\"}",
        "{%s,\"a\":1e999,\"enc_type\":\"xchacha20\"}",
        "{%s,\"enc_type\":\"xchacha20\",\"enc_type\":\"xchacha20\"}",
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        char json[400];
        size_t n = 0;
        for (const char *f = forms[i]; *f != '\0'; f++) {
            bool here = f[0] == '%' && f[1] == 's';
            n += (size_t)snprintf(json + n, sizeof(json) - n, "%.*s", here ? 100 : 1,
                                  here ? key : f);
            f += here;
        }
        json[n] = '\0';
        assert_frame_not_opened(*state, (uint32_t)sealed.len, sealed, json);
    }
    AUTO_BUF struct buf deep = buf_make(KIB(8));
    buf_put_text(&deep, "{");
    buf_put_text(&deep, key);
    buf_put_text(&deep, ",\"enc_type\":\"xchacha20\",\"a\":");
    for (int i = 0; i < DEEP; i++)
        buf_put_byte(&deep, '[');
    buf_put_byte(&deep, '\0');
    assert_frame_not_opened(*state, (uint32_t)sealed.len, sealed, (const char *)deep.p);
}

/* ---- plaintexts ---- */

static void payload__of_each_bencode_vector__is_answered_as_the_reference_does(void **state)
{
    json_t *root = vectors_load("bencode.json");
    size_t i, refused = 0;
    const json_t *c;
    json_array_foreach(vectors_list(root, "cases", 33), i, c)
    {
        struct bytes input = vector_bytes(c, "input");
        AUTO_ONION_REPLY struct onion_reply reply = {0};
        int code = knock_plain(*state, ONION_V4, span_of_bytes(input), &reply);
        /*
         * The reference skips one stray byte after a lone string; we do not
         * (docs/protocol/identity.md, 4.3).
         */
        bool accepted =
            json_is_true(json_object_get(c, "reference_accepts")) &&
            !span_eq_text(vector_text(c, "name"), "one stray byte after the first string");
        assert_int_equal(code == 400 && span_eq_text(reply.body, BAD_REQUEST_V4), !accepted);
        refused += !accepted;
        test_free(input.p);
    }
    assert_true(refused >= 20);
    json_decref(root);
}

static void payload__truncated_trailing_or_overflowing__is_a_sealed_400(void **state)
{
    struct span valid = valid_plain();
    for (size_t len = 0; len < valid.len; len++)
        assert_plain_refused(*state, span_first(valid, len));
    static const char *const others[] = {
        "l43:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}ee",
        "l43:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}e ",
        "l43:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}1:a1:be",
        "l18446744073709551659:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}e",
        "l99999999999999999999:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}e",
        "l-1:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}e",
        "l43:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}18446744073709551615:e",
        "l43:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}4294967296:e",
        "d44:{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}e",
        "le",
        "ll1:aee",
        "li43ee",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_plain_refused(*state, span_of_text(others[i]));
}

static void payload__json_of_wrong_shape__is_a_sealed_400(void **state)
{
    static const char *const shapes[] = {
        "[]",
        "null",
        "5",
        "\"GET\"",
        "{}",
        "{\"method\":\"GET\"}",
        "{\"endpoint\":\"/capabilities\"}",
        "{\"method\":5,\"endpoint\":\"/capabilities\"}",
        "{\"method\":null,\"endpoint\":\"/capabilities\"}",
        "{\"method\":\"\",\"endpoint\":\"/capabilities\"}",
        "{\"method\":\"GET\",\"endpoint\":[\"/capabilities\"]}",
        "{\"method\":\"GET\",\"endpoint\":\"/capabilities\",\"headers\":null}",
        "{\"method\":\"GET\",\"endpoint\":\"/capabilities\",\"headers\":[]}",
        "{\"method\":\"GET\",\"endpoint\":\"/capabilities\",\"headers\":{\"a\":null}}",
        "{\"method\":\"GET\",\"endpoint\":\"/capabilities\",\"headers\":{\"a\":{}}}",
    };
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        assert_meta_refused(*state, span_of_text(shapes[i]));
        assert_v3_refused(*state, span_of_text(shapes[i]));
    }
}

static void payload__json_too_deep__is_a_sealed_400(void **state)
{
    static const char open[] = "{\"method\":\"GET\",\"endpoint\":\"/capabilities\",\"a\":";
    AUTO_BUF struct buf json = buf_make(KIB(16));
    buf_put_text(&json, open);
    for (int i = 0; i < DEEP; i++)
        buf_put_byte(&json, '[');
    for (int i = 0; i < DEEP; i++)
        buf_put_byte(&json, ']');
    buf_put_byte(&json, '}');
    assert_meta_refused(*state, buf_span(&json));
    assert_v3_refused(*state, buf_span(&json));
}

static void payload__json_with_duplicate_keys_bad_utf8_or_nul__is_a_sealed_400(void **state)
{
    const struct span documents[] = {
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\",\"endpoint\":\"/rooms\"}"),
        SPAN("{\"method\":\"GET\",\"method\":\"POST\",\"endpoint\":\"/capabilities\"}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\",\"x\":1,\"x\":1}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\xff\"}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\xc0\x80\"}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\xed\xa0\x80\"}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\\ud800\"}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\\u0000\"}"),
        SPAN("{\"method\":\"GET\\u0000\",\"endpoint\":\"/capabilities\"}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\",\"a\\u0000\":1}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\0\"}"),
        SPAN("{\"method\":\"GET\",\"endpoint\":\"/capabilities\"}\0"),
    };
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        assert_meta_refused(*state, documents[i]);
        assert_v3_refused(*state, documents[i]);
    }
}

static void endpoint__without_slash_or_with_bad_percent__is_a_sealed_400(void **state)
{
    static const char *const endpoints[] = {"",     "capabilities", "?x=/",    "http://x/",
                                            "/%",   "/%4",          "/%zz",    "/%1g",
                                            "/%00", "/%ff",         "/%c3%28", "/%ed%a0%80"};
    for (size_t i = 0; i < COUNT_OF(endpoints); i++) {
        char meta[100];
        (void)snprintf(meta, sizeof(meta), "{\"method\":\"GET\",\"endpoint\":\"%s\"}",
                       endpoints[i]);
        assert_meta_refused(*state, span_of_text(meta));
        /*
         * v3 puts /legacy/ before what has no slash, and nothing is there
         * (docs/protocol/identity.md, 4.4).
         */
        AUTO_ONION_REPLY struct onion_reply reply = {0};
        int code = knock_plain(*state, ONION_V3, span_of_text(meta), &reply);
        assert_true(code == 400 || code == 404);
    }
}

static void endpoint__nested_lsrpc__is_no_endpoint(void **state)
{
    static const char *const paths[] = {"/oxen/v4/lsrpc", "/oxen/v3/lsrpc", "/loki/v3/lsrpc"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char meta[100];
        (void)snprintf(meta, sizeof(meta), "{\"method\":\"POST\",\"endpoint\":\"%s\"}", paths[i]);
        assert_int_equal(code_of_meta(*state, meta), 404);
    }
    /* A whole valid request inside a request, and one inside a batch. */
    AUTO_KNOCK struct knock inner = knock_seal(*state, valid_plain());
    AUTO_BUF struct buf frame = buf_make(KIB(4));
    AUTO_BUF struct buf plain = buf_make(KIB(8));
    knock_put_frame(&frame, (uint32_t)inner.sealed.len, buf_span(&inner.sealed),
                    knock_json(&inner));
    buf_put_text(&plain, "l45:{\"method\":\"POST\",\"endpoint\":\"/oxen/v4/lsrpc\"}");
    buf_put_u64(&plain, frame.len);
    buf_put_byte(&plain, ':');
    buf_put(&plain, buf_span(&frame));
    buf_put_byte(&plain, 'e');
    AUTO_ONION_REPLY struct onion_reply nested = {0};
    assert_int_equal(knock_plain(*state, ONION_V4, buf_span(&plain), &nested), 404);

    static const char elements[] =
        "[{\"method\":\"POST\",\"path\":\"/oxen/v4/lsrpc\",\"b64\":\"AAAA\"},"
        "{\"method\":\"GET\",\"path\":\"/capabilities\"}]";
    static const char head[] = "{\"method\":\"POST\",\"endpoint\":\"/batch\","
                               "\"headers\":{\"Content-Type\":\"application/json\"}}";
    buf_reset(&plain);
    buf_put_byte(&plain, 'l');
    buf_put_u64(&plain, strlen(head));
    buf_put_byte(&plain, ':');
    buf_put_text(&plain, head);
    buf_put_u64(&plain, strlen(elements));
    buf_put_byte(&plain, ':');
    buf_put_text(&plain, elements);
    buf_put_byte(&plain, 'e');
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(knock_plain(*state, ONION_V4, buf_span(&plain), &reply), 200);
    json_t *codes = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    assert_int_equal(json_array_size(codes), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(codes, 0), "code")), 404);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(codes, 1), "code")), 200);
    json_decref(codes);
}

static int open_world(void **state)
{
    const struct world_options options = {.servers = 1, .no_fsync = true};
    return group_open(state, &options);
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame__made_by_the_same_hand_but_valid__is_answered),
        cmocka_unit_test(frame__that_is_no_onion_frame__is_400),
        cmocka_unit_test(frame__with_a_length_field_beyond_the_body__is_400),
        cmocka_unit_test(frame__with_an_unknown_enc_type__is_400),
        cmocka_unit_test(frame__with_a_low_order_or_invalid_ephemeral_key__is_400),
        cmocka_unit_test(frame__with_a_wrong_tag__is_400),
        cmocka_unit_test(frame__with_hostile_json__is_400),
        cmocka_unit_test(payload__of_each_bencode_vector__is_answered_as_the_reference_does),
        cmocka_unit_test(payload__truncated_trailing_or_overflowing__is_a_sealed_400),
        cmocka_unit_test(payload__json_of_wrong_shape__is_a_sealed_400),
        cmocka_unit_test(payload__json_too_deep__is_a_sealed_400),
        cmocka_unit_test(payload__json_with_duplicate_keys_bad_utf8_or_nul__is_a_sealed_400),
        cmocka_unit_test(endpoint__without_slash_or_with_bad_percent__is_a_sealed_400),
        cmocka_unit_test(endpoint__nested_lsrpc__is_no_endpoint),
        cmocka_unit_test(frame__made_by_the_same_hand_but_valid__is_answered),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
