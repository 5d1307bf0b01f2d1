/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * router/json_flat.c reads both forms alike: a text that json_plain.c accepts, Jansson accepts with
 * the same meaning. What clients send has to be plain, or the plain form would be of no use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "router/json_in.h"
#include "router/json_flat.h"

static const char *const sent[] = {
    "{\"method\":\"GET\",\"path\":\"/room/a/messages/since/12?t=r&reactors=5\"}",
    "{ \"method\" : \"POST\",\n\t\"endpoint\":\"/batch\", "
    "\"headers\":{\"X-SOGS-Timestamp\":\"1700000000\","
    "\"X-SOGS-Nonce\":\"AAAA+/==\",\"n\":1700000000}}",
    "{\"ephemeral_key\":\"00ff\",\"host\":\"chat.example\",\"port\":80,\"enc_type\":\"aes-gcm\"}",
    "{\"method\":\"GET\",\"path\":\"\\/room\\/a\\/messages\\/since\\/12?t=r\"}",
    "{\"endpoint\":\"\\/batch\",\"headers\":{\"n\":\"AA\\/\\/+==\",\"m\":\"\\/\"}}",
    "{}",
    "{\"a\":{},\"b\":{\"a\":\"\"},\"c\":0}",
};

static const char *const refused[] = {
    "",
    "[]",
    "{",
    "{}x",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":\"b\",}",
    "{,}",
    "{\"a\":\"b\" \"c\":\"d\"}",
    "{\"a\":\"b\",\"a\":\"c\"}",
    "{\"a\":{\"b\":1,\"b\":2}}",
    "{\"a\":01}",
    "{\"a\":-1}",
    "{\"a\":1.5}",
    "{\"a\":1e5}",
    "{\"a\":1234567890123456}",
    "{\"a\":tru}",
    "{\"a\":true}",
    "{\"a\":null}",
    "{\"a\":[]}",
    "{\"a\":{\"b\":{}}}",
    "{\"a\":\"\\n\"}",
    "{\"a\":\"\\\\\"}",
    "{\"a\":\"\\\"\"}",
    "{\"a\":\"\\u002f\"}",
    "{\"a\":\"\\",
    "{\"a\":\"\\/",
    "{\"\\/\":\"b\"}",
    "{\"a\":\"\xc3\xa9\"}",
    "{\"a\":\"\x01\"}",
    "{\"a\":\"\x7f\"}",
    "{\"a\":\"b",
    "{'a':'b'}",
    "\xef\xbb\xbf{}",
};

static bool is_same_text(enum err (*read)(const struct json_flat *, const struct json_member *,
                                          struct span *),
                         const struct json_flat *a, const struct json_member *in_a,
                         const struct json_flat *b, const struct json_member *in_b)
{
    struct span text_a = {NULL, 0}, text_b = {NULL, 0};
    return read(a, in_a, &text_a) == read(b, in_b, &text_b) && span_eq(text_a, text_b);
}

static void assert_same_member(const struct json_flat *plain, const struct json_member *in_plain,
                               const struct json_flat *tree, const struct json_member *in_tree)
{
    assert_true(in_plain->tree == NULL && in_tree->tree != NULL);
    assert_int_equal(in_plain->kind, in_tree->kind);
    assert_true(span_eq(in_plain->key, in_tree->key));
    assert_true(is_same_text(json_member_key, plain, in_plain, tree, in_tree));
    assert_true(is_same_text(json_member_text, plain, in_plain, tree, in_tree));
    assert_true(is_same_text(json_member_bytes, plain, in_plain, tree, in_tree));
    assert_true(is_same_text(json_member_json, plain, in_plain, tree, in_tree));
}

/* The members of one object inside the document, in their order. */
static void assert_same_object(const struct json_flat *plain, const struct json_member *in_plain,
                               const struct json_flat *tree, const struct json_member *in_tree)
{
    struct json_cursor at_plain = {0}, at_tree = {0};
    struct json_member a, b;
    size_t count = 0;
    assert_int_equal(json_flat_size(plain, in_plain), json_flat_size(tree, in_tree));
    while (json_flat_next(plain, in_plain, &at_plain, &a)) {
        assert_true(json_flat_next(tree, in_tree, &at_tree, &b));
        assert_same_member(plain, &a, tree, &b);
        count++;
    }
    assert_false(json_flat_next(tree, in_tree, &at_tree, &b));
    assert_int_equal(count, json_flat_size(plain, in_plain));
}

/* Whoever reads through json_flat.h sees the same in both forms. */
static void assert_same(struct span text)
{
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    AUTO_JSON_FLAT struct json_flat flat = {0};
    AUTO_JSON_FLAT struct json_flat tree = {0};
    size_t outer = 0;
    assert_int_equal(json_flat_read(mem, text, &flat), OK);
    assert_int_equal(json_flat_read_tree(mem, text, &tree), OK);
    assert_null(flat.in.root);
    for (size_t i = 0; i < flat.plain.count; i++) {
        const struct json_member *m = &flat.plain.members[i];
        struct json_member found, other;
        if (m->within > 0)
            continue;
        outer++;
        assert_true(json_flat_find(&flat, m->key, &found));
        assert_true(json_flat_find(&tree, m->key, &other));
        assert_same_member(&flat, &found, &tree, &other);
        assert_same_object(&flat, &found, &tree, &other);
    }
    assert_int_equal(json_object_size(tree.in.root), outer);
}

static void json_plain__what_clients_send__is_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sent); i++) {
        struct json_plain plain;
        assert_true(json_plain_read(span_of_text(sent[i]), &plain));
        assert_same(span_of_text(sent[i]));
    }
}

static void json_plain__anything_else__is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct json_plain plain;
        assert_false(json_plain_read(span_of_text(refused[i]), &plain));
    }
    struct json_plain plain;
    assert_false(json_plain_read(span_of("{\"a\":\"b\0c\"}", 11), &plain));
}

static void json_plain__members__up_to_the_limit(void **state)
{
    (void)state;
    for (int count = JSON_PLAIN_MEMBERS_MAX; count <= JSON_PLAIN_MEMBERS_MAX + 1; count++) {
        AUTO_BUF struct buf text = buf_make(KIB(4));
        buf_put_byte(&text, '{');
        for (int i = 0; i < count; i++) {
            buf_put_text(&text, i > 0 ? ",\"k" : "\"k");
            buf_put_i64(&text, i);
            buf_put_text(&text, "\":\"v\"");
        }
        buf_put_byte(&text, '}');
        struct json_plain plain;
        assert_int_equal(json_plain_read(buf_span(&text), &plain), count <= JSON_PLAIN_MEMBERS_MAX);
    }
}

/* Every truncation, and every byte replaced by others: what is still plain means the same. */
static void json_plain__mutated_texts__never_mean_something_else(void **state)
{
    (void)state;
    static const char bytes[] = "\"{}[]:,\\/ 0a-.e\n\x80\x1f";
    size_t still_plain = 0;
    for (size_t i = 0; i < COUNT_OF(sent); i++) {
        size_t len = strlen(sent[i]);
        char text[512];
        for (size_t at = 0; at < len; at++) {
            struct json_plain plain;
            assert_false(json_plain_read(span_of(sent[i], at), &plain));
            for (size_t b = 0; b < sizeof(bytes); b++) {
                memcpy(text, sent[i], len);
                text[at] = bytes[b];
                if (!json_plain_read(span_of(text, len), &plain))
                    continue;
                still_plain++;
                assert_same(span_of(text, len));
            }
        }
    }
    assert_true(still_plain > 500);
}

static void json_flat__find__sees_the_outer_object_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"a\":{\"b\":\"in\"},\"c\":\"out\"}",
                                        "{\"a\":{\"b\":\"in\"},\"c\":\"\\u006fut\"}"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        AUTO_ARENA struct arena *mem = arena_new(1 << 20);
        AUTO_JSON_FLAT struct json_flat flat = {0};
        struct json_member member;
        struct span text;
        assert_int_equal(json_flat_read(mem, span_of_text(texts[i]), &flat), OK);
        assert_int_equal(flat.in.root != NULL, i == 1);
        assert_false(json_flat_find(&flat, SPAN("b"), &member));
        assert_false(json_flat_find(&flat, SPAN("d"), &member));
        assert_int_equal(json_flat_text(&flat, SPAN("c"), &text), OK);
        assert_true(span_eq_text(text, "out"));
        assert_int_equal(json_flat_text(&flat, SPAN("a"), &text), ERR_MALFORMED);
        assert_int_equal(json_flat_text(&flat, SPAN("d"), &text), ERR_MALFORMED);
    }
}

/* What has no plain form: each kind, and what may be read of it. */
static void json_flat__other_values__have_kinds_and_texts(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum json_kind kind;
        const char *text, *json; /* text NULL: it has none */
    } cases[] = {
        {"null", JSON_KIND_NULL, NULL, "null"},
        {"true", JSON_KIND_OTHER, NULL, "true"},
        {"[ 1, 2 ]", JSON_KIND_OTHER, NULL, "[1,2]"},
        {"{ \"b\" : [] }", JSON_KIND_OBJECT, NULL, "{\"b\":[]}"},
        {"-12", JSON_KIND_NUMBER, "-12", "-12"},
        {"0.5", JSON_KIND_NUMBER, "0.5", "0.5"},
        {"9223372036854775808", JSON_KIND_OTHER, NULL, "[{}]"},
        {"\"\\u00e9\"", JSON_KIND_TEXT, "\xc3\xa9", "\"\xc3\xa9\""},
        {"\"a\\u0000b\"", JSON_KIND_TEXT, NULL, "\"a\\u0000b\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_ARENA struct arena *mem = arena_new(1 << 20);
        AUTO_JSON_FLAT struct json_flat flat = {0};
        char text[100];
        struct json_member member;
        struct span value = {NULL, 0};
        (void)snprintf(text, sizeof(text), "{\"a\":%s}", cases[i].value);
        assert_int_equal(json_flat_read(mem, span_of_text(text), &flat), OK);
        assert_true(json_flat_find(&flat, SPAN("a"), &member));
        assert_int_equal(member.kind, cases[i].kind);
        assert_int_equal(json_member_text(&flat, &member, &value),
                         cases[i].text != NULL ? OK : ERR_MALFORMED);
        if (cases[i].text != NULL)
            assert_true(span_eq_text(value, cases[i].text));
        assert_int_equal(json_member_json(&flat, &member, &value), OK);
        assert_true(span_eq_text(value, cases[i].json));
    }
}

int main(void)
{
    json_in_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_plain__what_clients_send__is_plain),
        cmocka_unit_test(json_plain__anything_else__is_not),
        cmocka_unit_test(json_plain__members__up_to_the_limit),
        cmocka_unit_test(json_plain__mutated_texts__never_mean_something_else),
        cmocka_unit_test(json_flat__find__sees_the_outer_object_alone),
        cmocka_unit_test(json_flat__other_values__have_kinds_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
