/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * router/json_plain.c against Jansson: what it takes, Jansson takes with the same meaning; and what clients send is taken,
 * or it would be of no use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "router/json_in.h"
#include "router/json_plain.h"

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

static size_t members_within(const struct json_plain *plain, size_t within)
{
    size_t n = 0;
    for (size_t i = 0; i < plain->count; i++)
        n += plain->members[i].within == within;
    return n;
}

/* Jansson's tree says exactly the same. */
static void assert_same(struct span text, const struct json_plain *plain)
{
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    AUTO_JSON struct json_in in = json_in_object(mem, text);
    assert_true(json_ok(&in));
    assert_int_equal(json_object_size(in.root), members_within(plain, 0));
    for (size_t i = 0; i < plain->count; i++) {
        const struct json_plain_member *m = &plain->members[i];
        const json_t *object = in.root;
        if (m->within > 0) {
            struct span outer = plain->members[m->within - 1].key;
            object = json_object_getn(in.root, (const char *)outer.p, outer.len);
        }
        const json_t *value = json_object_getn(object, (const char *)m->key.p, m->key.len);
        char number[32];
        struct span meant;
        switch (m->kind) {
        case JSON_PLAIN_TEXT:
            assert_true(json_is_string(value));
            assert_int_equal(json_plain_value(m, mem, &meant), OK);
            assert_int_equal(json_string_length(value), meant.len);
            assert_memory_equal(json_string_value(value), meant.p, meant.len);
            break;
        case JSON_PLAIN_NUMBER:
            assert_true(json_is_integer(value));
            (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
            assert_true(span_eq_text(m->value, number));
            break;
        case JSON_PLAIN_OBJECT:
            assert_true(json_is_object(value));
            assert_int_equal(json_object_size(value), members_within(plain, i + 1));
            break;
        }
    }
}

static void json_plain__what_clients_send__is_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sent); i++) {
        struct json_plain plain;
        assert_true(json_plain_read(span_of_text(sent[i]), &plain));
        assert_same(span_of_text(sent[i]), &plain);
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

/* Every truncation and every byte replaced by others: what is still plain must still be the same to Jansson. */
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
                assert_same(span_of(text, len), &plain);
            }
        }
    }
    assert_true(still_plain > 500);
}

static void json_plain__find__sees_the_outer_object_alone(void **state)
{
    (void)state;
    struct json_plain plain;
    assert_true(json_plain_read(SPAN("{\"a\":{\"b\":\"in\"},\"c\":\"out\"}"), &plain));
    assert_null(json_plain_find(&plain, "b"));
    assert_true(span_eq_text(json_plain_find(&plain, "c")->value, "out"));
    assert_null(json_plain_find(&plain, "d"));
}

int main(void)
{
    json_in_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_plain__what_clients_send__is_plain),
        cmocka_unit_test(json_plain__anything_else__is_not),
        cmocka_unit_test(json_plain__members__up_to_the_limit),
        cmocka_unit_test(json_plain__mutated_texts__never_mean_something_else),
        cmocka_unit_test(json_plain__find__sees_the_outer_object_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
