/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages of the client core against payloads made elsewhere, for both kinds of blinded
 * ids.
 */
#include "client_vectors.h"

#include <sodium.h>

#include "base/base64.h"
#include "client/blinded_dm.h"

enum { VECTORS = 18, PAYLOAD_MAX = 1 << 16 };

/* The two people of a vector, and the server they met on. */
struct scene {
    struct x25519_pub server;
    struct account accounts[2]; /* sender, recipient */
    struct blinded blinded[2];
    struct blinded_dm_ends ends[2]; /* as each of them sees it */
};

static void set_scene(const json_t *v, struct scene *s)
{
    static const char *const seeds[] = {"sender_seed32", "recipient_seed32"};
    bool by_user = strcmp(vectors_text(v, "prefix"), "25") == 0;
    vectors_bytes(v, "server_pk", s->server.b, sizeof(s->server.b));
    for (size_t i = 0; i < 2; i++) {
        uint8_t seed[ACCOUNT_SEED_BYTES];
        vectors_bytes(v, seeds[i], seed, sizeof(seed));
        assert_int_equal(account_from_seed(seed, &s->accounts[i]), OK);
        assert_int_equal(
            (by_user ? blinding_25 : blinding_15)(&s->accounts[i], &s->server, &s->blinded[i]), OK);
    }
    ASSERT_KEY_IS(&s->blinded[0].id, v, "sender_id");
    ASSERT_KEY_IS(&s->blinded[1].id, v, "recipient_id");
    for (size_t i = 0; i < 2; i++)
        s->ends[i] = (struct blinded_dm_ends){&s->accounts[i], &s->blinded[i], s->blinded[0].id,
                                              s->blinded[1].id};
}

static void for_each_vector(void (*check)(const json_t *v, struct scene *s))
{
    json_auto_t *file = vectors_load("blinded-dm.json");
    const json_t *list = vectors_list(file, "vectors", VECTORS);
    size_t i;
    const json_t *v;
    json_array_foreach(list, i, v)
    {
        struct scene scene;
        set_scene(v, &scene);
        check(v, &scene);
    }
}

static void check_key(const json_t *v, struct scene *s)
{
    for (size_t i = 0; i < 2; i++) {
        struct aead_key key;
        assert_int_equal(blinded_dm_key(&s->ends[i], &key), OK);
        ASSERT_KEY_IS(&key, v, "shared_key");
    }
}

static void key__every_vector__is_the_same_at_both_ends(void **state)
{
    (void)state;
    for_each_vector(check_key);
}

static void check_seal(const json_t *v, struct scene *s)
{
    struct buf message AUTO_BUF = vectors_buf(v, "message");
    struct buf sealed AUTO_BUF = buf_make(PAYLOAD_MAX);
    struct buf base64 AUTO_BUF = buf_make(PAYLOAD_MAX);
    uint8_t nonce[BLINDED_DM_NONCE_BYTES];
    vectors_bytes(v, "nonce", nonce, sizeof(nonce));
    assert_int_equal(vectors_int(v, "version_byte"), 0);
    assert_int_equal(blinded_dm_seal(&s->ends[0], buf_span(&message), nonce, &sealed), OK);
    assert_span_is(buf_span(&sealed), v, "data");
    buf_put_base64(&base64, buf_span(&sealed));
    assert_span_equal(buf_span(&base64), span_of_text(vectors_text(v, "data_base64")));
}

static void seal__every_vector__is_the_listed_bytes(void **state)
{
    (void)state;
    for_each_vector(check_seal);
}

static void check_open(const json_t *v, struct scene *s)
{
    struct buf data AUTO_BUF = vectors_buf(v, "data");
    for (size_t i = 0; i < 2; i++) {
        struct buf out AUTO_BUF = buf_make(PAYLOAD_MAX);
        struct session_id sender;
        assert_int_equal(blinded_dm_open(&s->ends[i], &s->server, buf_span(&data), &out, &sender),
                         OK);
        assert_span_is(buf_span(&out), v, "message");
        ASSERT_KEY_IS(&sender, v, "sender_session_id");
    }
}

static void open__every_vector__gives_message_and_sender_at_both_ends(void **state)
{
    (void)state;
    for_each_vector(check_open);
}

static void check_tampered(const json_t *v, struct scene *s)
{
    struct buf data AUTO_BUF = vectors_buf(v, "data");
    struct session_id sender;
    for (size_t i = 0; i < data.len; i++) {
        struct buf out AUTO_BUF = buf_make(PAYLOAD_MAX);
        data.p[i] ^= 1;
        assert_int_equal(blinded_dm_open(&s->ends[1], &s->server, buf_span(&data), &out, &sender),
                         i == 0 ? ERR_MALFORMED : ERR_SEALED);
        assert_int_equal(out.len, 0);
        data.p[i] ^= 1;
    }
    for (size_t len = 0; len < data.len; len++) {
        struct buf out AUTO_BUF = buf_make(PAYLOAD_MAX);
        assert_int_not_equal(blinded_dm_open(&s->ends[1], &s->server,
                                             span_first(buf_span(&data), len), &out, &sender),
                             OK);
    }
}

static void open__any_bit_changed_or_cut__is_refused(void **state)
{
    (void)state;
    for_each_vector(check_tampered);
}

/* A member who knows the recipe seals with another's master key inside. */
static void check_impostor(const json_t *v, struct scene *s)
{
    (void)v;
    struct account stranger AUTO_ACCOUNT = {0};
    struct buf sealed AUTO_BUF = buf_make(PAYLOAD_MAX);
    struct buf out AUTO_BUF = buf_make(PAYLOAD_MAX);
    struct session_id sender;
    struct blinded_dm_ends ends = s->ends[0];
    struct account liar = s->accounts[0];
    assert_int_equal(account_new(&stranger), OK);
    liar.ed = stranger.ed;
    ends.account = &liar;
    assert_int_equal(blinded_dm_seal(&ends, SPAN("trust me"), NULL, &sealed), OK);
    assert_int_equal(blinded_dm_open(&s->ends[1], &s->server, buf_span(&sealed), &out, &sender),
                     ERR_SEALED);
}

static void open__another_master_key_inside__is_refused(void **state)
{
    (void)state;
    for_each_vector(check_impostor);
}

static void check_third(const json_t *v, struct scene *s)
{
    struct buf data AUTO_BUF = vectors_buf(v, "data");
    struct buf out AUTO_BUF = buf_make(PAYLOAD_MAX);
    struct account third AUTO_ACCOUNT = {0};
    struct blinded blinded;
    struct session_id sender;
    assert_int_equal(account_new(&third), OK);
    assert_int_equal(blinding_15(&third, &s->server, &blinded), OK);
    struct blinded_dm_ends ends = {&third, &blinded, s->blinded[0].id, s->blinded[1].id};
    assert_int_equal(blinded_dm_open(&ends, &s->server, buf_span(&data), &out, &sender),
                     ERR_SEALED);
    ends.recipient = blinded.id; /* handed to the wrong inbox */
    assert_int_equal(blinded_dm_open(&ends, &s->server, buf_span(&data), &out, &sender),
                     ERR_SEALED);
}

static void open__by_a_third_person__is_refused(void **state)
{
    (void)state;
    for_each_vector(check_third);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key__every_vector__is_the_same_at_both_ends),
        cmocka_unit_test(seal__every_vector__is_the_listed_bytes),
        cmocka_unit_test(open__every_vector__gives_message_and_sender_at_both_ends),
        cmocka_unit_test(open__any_bit_changed_or_cut__is_refused),
        cmocka_unit_test(open__another_master_key_inside__is_refused),
        cmocka_unit_test(open__by_a_third_person__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
