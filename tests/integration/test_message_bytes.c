/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was posted is read byte for byte, since its signature covers every byte: all of
 * tests/vectors/messages.json, from memory and from the database. And two messages that differ in
 * their padding alone are the same message.
 */
#include "unit/vectors.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/unpad.h"
#include "integration/talk.h"

enum { ANA, BEN, MEMBERS, CASES_MAX = 64, TEXT_MAX = 4096 };

static struct talk talk;

/* One vector as it was posted. */
struct posted {
    int64_t id;
    char data[TEXT_MAX];
    char signature[TEXT_MAX];
};
static struct posted cases[CASES_MAX];
static size_t case_count;

static void write_base64(struct span bytes, char *out)
{
    struct buf text AUTO_BUF = buf_make(TEXT_MAX - 1);
    buf_put_base64(&text, bytes);
    assert_int_equal(buf_verdict(&text), OK);
    if (text.len > 0)
        memcpy(out, text.p, text.len);
    out[text.len] = '\0';
}

static void post_bytes(struct span data, struct span signature)
{
    assert_true(case_count < CASES_MAX);
    struct posted *p = &cases[case_count++];
    write_base64(data, p->data);
    write_base64(signature, p->signature);
    json_auto_t *body = json_pack("{s:s, s:s}", "data", p->data, "signature", p->signature);
    json_auto_t *row = NULL;
    assert_int_equal(talk_ask(&talk, ANA, "POST", "/room/lobby/message", body, &row), 201);
    p->id = talk_int(row, "id");
}

static void post_key(const json_t *vector, const char *key)
{
    static const uint8_t any_signature[64] = {1};
    struct bytes data = vector_bytes(vector, key);
    post_bytes(span_of_bytes(data), span_of(any_signature, sizeof(any_signature)));
    test_free(data.p);
}

static void post_all(const json_t *root)
{
    size_t i;
    const json_t *v;
    json_array_foreach(vectors_list(root, "message_padding", 9), i, v)
    {
        post_key(v, "message");
        post_key(v, "padded_newer");
        post_key(v, "padded_older");
    }
    json_array_foreach(vectors_list(root, "message_unpadding", 10), i, v)
    {
        post_key(v, "padded");
        post_key(v, "unpadded");
    }
    json_array_foreach(vectors_list(root, "community_messages", 2), i, v)
    {
        struct bytes data = vector_bytes(v, "data");
        struct bytes sig = vector_bytes(json_object_get(v, "blinded"), "signature");
        post_bytes(span_of_bytes(data), span_of_bytes(sig));
        assert_string_equal(cases[case_count - 1].data,
                            json_string_value(json_object_get(v, "data_base64")));
        test_free(data.p);
        test_free(sig.p);
    }
}

static void expect_all(const json_t *rows)
{
    assert_int_equal(json_array_size(rows), case_count);
    for (size_t i = 0; i < case_count; i++) {
        const json_t *row = talk_row(rows, cases[i].id);
        assert_string_equal(json_string_value(json_object_get(row, "data")), cases[i].data);
        assert_string_equal(json_string_value(json_object_get(row, "signature")),
                            cases[i].signature);
    }
}

static void read_all(void)
{
    json_auto_t *since = talk_get(&talk, BEN, "/room/lobby/messages/since/0?limit=256");
    expect_all(since);
    json_auto_t *recent = talk_get(&talk, BEN, "/room/lobby/messages/recent?limit=256");
    expect_all(recent);
    json_auto_t *before =
        talk_get(&talk, BEN, "/room/lobby/messages/before/%lld?limit=256", (long long)INT64_MAX);
    expect_all(before);
}

static void messages__of_all_vectors__are_read_byte_for_byte(void **state)
{
    (void)state;
    json_auto_t *root = vectors_load("messages.json");
    post_all(root);
    read_all();
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
    assert_int_equal(world_restart_server(&talk.w, 0, NULL), OK);
    for (size_t i = 0; i < MEMBERS; i++)
        talk_move(&talk, i, 0);
    read_all();
}

static void edits__that_change_the_padding_alone__are_no_edits(void **state)
{
    static const uint8_t any_signature[64] = {2};
    (void)state;
    json_auto_t *root = vectors_load("messages.json");
    size_t i;
    const json_t *v;
    char signature[TEXT_MAX];
    write_base64(span_of(any_signature, sizeof(any_signature)), signature);
    json_array_foreach(vectors_list(root, "message_unpadding", 10), i, v)
    {
        struct bytes padded = vector_bytes(v, "padded"), stored = vector_bytes(v, "pysogs_stores");
        assert_true(span_eq(unpad_data(span_of_bytes(padded)), span_of_bytes(stored)));
        /* The same text, padded further; what has no padding gets some. */
        char data[TEXT_MAX], target[64];
        struct buf longer AUTO_BUF = buf_make(TEXT_MAX);
        buf_put(&longer, span_of_bytes(stored));
        buf_put(&longer, SPAN("\x80\0\0\0\0\0\0\0"));
        write_base64(buf_span(&longer), data);
        post_key(v, "padded");
        int64_t sequence = talk_sequence(&talk, BEN, "lobby");
        json_auto_t *body = json_pack("{s:s, s:s}", "data", data, "signature", signature);
        (void)snprintf(target, sizeof(target), "/room/lobby/message/%lld",
                       (long long)cases[case_count - 1].id);
        assert_int_equal(talk_ask(&talk, ANA, "PUT", target, body, NULL), 200);
        assert_int_equal(talk_sequence(&talk, BEN, "lobby"), sequence);
        test_free(padded.p);
        test_free(stored.p);
    }
}

static int set_up(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off", NULL};
    (void)state;
    talk_open(&talk, 1, MEMBERS, env);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages__of_all_vectors__are_read_byte_for_byte),
        cmocka_unit_test(edits__that_change_the_padding_alone__are_no_edits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
