/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two onion ciphers: keys against vectors, sealing in one go, in place and in pieces against
 * each other and against libsodium's own whole-message function.
 */
#include "unit/vectors.h"

#include <sodium.h>

#include "base/mem.h"
#include "crypto/box.h"

static const enum onion_cipher both[] = {CIPHER_AES_GCM, CIPHER_XCHACHA20};

static const struct aead_key some_key = {.b = {1, 2, 3, 4, 5}};

static void fill(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(7 * i + 3);
}

static void box_shared_key__every_layer_of_the_vectors__is_the_same_from_both_sides(void **state)
{
    (void)state;
    json_t *root = vectors_load("onion-hops.json");
    size_t i, j, layers = 0;
    const json_t *c, *layer;
    json_array_foreach(vectors_list(root, "cases", 2), i, c)
    {
        enum onion_cipher cipher = span_eq_text(vector_text(c, "enc_type"), "xchacha20")
                                       ? CIPHER_XCHACHA20
                                       : CIPHER_AES_GCM;
        json_array_foreach(vectors_list(c, "layers_innermost_first", 4), j, layer)
        {
            struct x25519_secret ephemeral;
            struct x25519_pub client, server;
            struct aead_key expected, key;
            VECTOR_KEY(layer, "ephemeral_sk", &ephemeral);
            VECTOR_KEY(layer, "ephemeral_pk", &client);
            VECTOR_KEY(layer, "encrypt_to", &server);
            VECTOR_KEY(layer, "key", &expected);
            assert_int_equal(box_shared_key(cipher, &ephemeral, &server, &client, &server, &key),
                             OK);
            assert_memory_equal(key.b, expected.b, sizeof(key.b));

            struct bytes sealed = vector_bytes(layer, "ciphertext"), plain;
            struct bytes expected_plain = vector_bytes(layer, "plaintext");
            assert_int_equal(box_open(cipher, &key, SPAN(""), sealed, &plain), OK);
            assert_span_equal(span_of_bytes(plain), span_of_bytes(expected_plain));
            test_free(sealed.p);
            test_free(expected_plain.p);
            layers++;
        }
    }
    assert_int_equal(layers, 8);
    json_decref(root);
}

static void box_shared_key__low_order_key__is_sealed(void **state)
{
    (void)state;
    /* Points of small order: libsodium gives the zero point for them. */
    static const uint8_t low[][32] = {{0}, {1}, {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae,
                                                 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
                                                 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd,
                                                 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}};
    struct x25519_secret ours = {.b = {8}};
    struct x25519_pub server = {.b = {9}};
    for (size_t i = 0; i < COUNT_OF(low); i++) {
        struct x25519_pub theirs;
        struct aead_key key;
        memcpy(theirs.b, low[i], sizeof(theirs.b));
        for (size_t c = 0; c < COUNT_OF(both); c++)
            assert_int_equal(box_shared_key(both[c], &ours, &theirs, &theirs, &server, &key),
                             ERR_SEALED);
    }
}

static void box_seal__any_size__opens_again(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 63, 64, 65, 1000, 100000};
    for (size_t c = 0; c < COUNT_OF(both); c++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            uint8_t *text = test_malloc(sizes[i] + 1);
            fill(text, sizes[i]);
            AUTO_BUF struct buf out = buf_make(sizes[i] + box_overhead_bytes(both[c]));
            assert_int_equal(
                box_seal(both[c], &some_key, SPAN("row 7"), span_of(text, sizes[i]), &out), OK);
            assert_int_equal(out.len, sizes[i] + box_overhead_bytes(both[c]));
            struct bytes plain;
            struct bytes sealed = {out.p, out.len};
            assert_int_equal(box_open(both[c], &some_key, SPAN("row 7"), sealed, &plain), OK);
            assert_span_equal(span_of_bytes(plain), span_of(text, sizes[i]));
            test_free(text);
        }
    }
}

static void box_seal__over_the_ceiling__is_too_large_and_writes_nothing(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = buf_make(40);
    assert_int_equal(box_seal(CIPHER_XCHACHA20, &some_key, SPAN(""), SPAN("x"), &out),
                     ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
}

static void box_open__any_bit_flipped_or_other_data__is_sealed_and_destroyed(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT_OF(both); c++) {
        AUTO_BUF struct buf out = buf_make(1000);
        assert_int_equal(box_seal(both[c], &some_key, SPAN("a"), SPAN("0123456789abcdef0"), &out),
                         OK);
        uint8_t copy[100];
        struct bytes plain;
        for (size_t bit = 0; bit < 8 * out.len; bit++) {
            memcpy(copy, out.p, out.len);
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct bytes sealed = {copy, out.len};
            assert_int_equal(box_open(both[c], &some_key, SPAN("a"), sealed, &plain), ERR_SEALED);
            assert_true(sodium_is_zero(copy + box_nonce_bytes(both[c]),
                                       out.len - box_nonce_bytes(both[c])));
        }
        memcpy(copy, out.p, out.len);
        assert_int_equal(
            box_open(both[c], &some_key, SPAN("b"), (struct bytes){copy, out.len}, &plain),
            ERR_SEALED);
    }
}

static void box_open__every_truncation__is_sealed(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT_OF(both); c++) {
        AUTO_BUF struct buf out = buf_make(1000);
        assert_int_equal(box_seal(both[c], &some_key, SPAN(""), SPAN("a secret"), &out), OK);
        for (size_t len = 0; len < out.len; len++) {
            uint8_t *copy = test_malloc(len + (len == 0));
            memcpy(copy, out.p, len);
            struct bytes plain;
            assert_int_equal(
                box_open(both[c], &some_key, SPAN(""), (struct bytes){copy, len}, &plain),
                ERR_SEALED);
            test_free(copy);
        }
    }
}

static void box_seal_in_place__opens_again_and_refuses_short_frames(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT_OF(both); c++) {
        uint8_t frame[300] = {0}, text[300];
        size_t overhead = box_overhead_bytes(both[c]);
        fill(text, sizeof(text));
        for (size_t len = 0; len < overhead; len++)
            assert_int_equal(box_seal_in_place(both[c], &some_key, (struct bytes){frame, len}),
                             ERR_DEFECT);
        for (size_t len = overhead; len < sizeof(frame); len++) {
            struct bytes whole = {frame, len}, plain;
            memcpy(frame + box_nonce_bytes(both[c]), text, len - overhead);
            assert_int_equal(box_seal_in_place(both[c], &some_key, whole), OK);
            assert_int_equal(box_open(both[c], &some_key, SPAN(""), whole, &plain), OK);
            assert_span_equal(span_of_bytes(plain), span_of(text, len - overhead));
        }
    }
}

/* Seals text in pieces of the given sizes, taken in turn, and opens it again. */
static void stream_and_open(enum onion_cipher cipher, struct span text, const size_t *pieces,
                            size_t piece_count)
{
    size_t total = text.len + box_overhead_bytes(cipher);
    uint8_t *sealed = test_malloc(total);
    uint8_t nonce[BOX_NONCE_MAX_BYTES];
    struct box_stream *s = NULL;
    assert_int_equal(box_stream_new(cipher, &some_key, &s, nonce), OK);
    memcpy(sealed, nonce, box_nonce_bytes(cipher));
    size_t at = box_nonce_bytes(cipher);
    struct span rest = text;
    for (size_t i = 0; rest.len > 0; i++) {
        struct span piece = span_first(rest, pieces[i % piece_count]);
        assert_int_equal(box_stream_update(s, piece, sealed + at), OK);
        at += piece.len;
        rest = span_skip(rest, piece.len);
    }
    assert_int_equal(box_stream_finish(s, sealed + at), OK);
    box_stream_free(s);

    if (cipher == CIPHER_XCHACHA20) { /* libsodium's one-shot function is the judge */
        uint8_t *expected = test_malloc(text.len + BOX_TAG_BYTES);
        crypto_aead_xchacha20poly1305_ietf_encrypt(expected, NULL, text.p, text.len, NULL, 0, NULL,
                                                   nonce, some_key.b);
        assert_memory_equal(sealed + BOX_NONCE_MAX_BYTES, expected, text.len + BOX_TAG_BYTES);
        test_free(expected);
    }
    struct bytes plain;
    assert_int_equal(box_open(cipher, &some_key, SPAN(""), (struct bytes){sealed, total}, &plain),
                     OK);
    assert_span_equal(span_of_bytes(plain), text);
    test_free(sealed);
}

/* A nonce that came twice under one key would give away both texts. */
static void box__of_the_same_text_again__has_another_nonce(void **state)
{
    (void)state;
    enum { TIMES = 64 };
    for (size_t c = 0; c < COUNT_OF(both); c++) {
        const size_t n = box_nonce_bytes(both[c]);
        uint8_t nonces[3 * TIMES][BOX_NONCE_MAX_BYTES] = {{0}};
        for (size_t i = 0; i < TIMES; i++) {
            struct box_stream *s = NULL;
            assert_int_equal(box_stream_new(both[c], &some_key, &s, nonces[3 * i]), OK);
            box_stream_free(s);
            AUTO_BUF struct buf sealed = buf_make(KIB(1));
            assert_int_equal(box_seal(both[c], &some_key, SPAN(""), SPAN("text"), &sealed), OK);
            memcpy(nonces[3 * i + 1], sealed.p, n);
            uint8_t frame[100] = {0};
            struct bytes whole = {frame, sizeof(frame)};
            assert_int_equal(box_seal_in_place(both[c], &some_key, whole), OK);
            memcpy(nonces[3 * i + 2], frame, n);
        }
        for (size_t i = 0; i < COUNT_OF(nonces); i++)
            for (size_t j = 0; j < i; j++)
                assert_memory_not_equal(nonces[i], nonces[j], n);
    }
}

static void box_stream__every_size_and_boundary__equals_the_whole(void **state)
{
    (void)state;
    static const size_t patterns[][4] = {{1, 1, 1, 1},     {3, 61, 64, 1},  {64, 64, 64, 64},
                                         {63, 1, 65, 127}, {16, 0, 48, 7},  {200, 1, 1, 62},
                                         {65, 65, 65, 65}, {999, 5, 64, 30}};
    uint8_t text[400];
    fill(text, sizeof(text));
    for (size_t c = 0; c < COUNT_OF(both); c++)
        for (size_t len = 0; len <= sizeof(text); len++)
            for (size_t p = 0; p < COUNT_OF(patterns); p++)
                stream_and_open(both[c], span_of(text, len), patterns[p], 4);
}

static void box_stream__a_megabyte_in_ragged_pieces__equals_the_whole(void **state)
{
    (void)state;
    static const size_t pieces[] = {262144, 17, 70001, 64, 5, 65536};
    size_t len = 1000003;
    uint8_t *text = test_malloc(len);
    fill(text, len);
    for (size_t c = 0; c < COUNT_OF(both); c++)
        stream_and_open(both[c], span_of(text, len), pieces, COUNT_OF(pieces));
    test_free(text);
}

static void box_stream__without_memory__says_so(void **state)
{
    (void)state;
    struct box_stream *s = NULL;
    uint8_t nonce[BOX_NONCE_MAX_BYTES];
    (void)mem_fail_after(0);
    assert_int_equal(box_stream_new(CIPHER_AES_GCM, &some_key, &s, nonce), ERR_NO_MEMORY);
    (void)mem_fail_after(-1);
    assert_null(s);
    box_stream_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(box_shared_key__every_layer_of_the_vectors__is_the_same_from_both_sides),
        cmocka_unit_test(box_shared_key__low_order_key__is_sealed),
        cmocka_unit_test(box_seal__any_size__opens_again),
        cmocka_unit_test(box_seal__over_the_ceiling__is_too_large_and_writes_nothing),
        cmocka_unit_test(box_open__any_bit_flipped_or_other_data__is_sealed_and_destroyed),
        cmocka_unit_test(box_open__every_truncation__is_sealed),
        cmocka_unit_test(box_seal_in_place__opens_again_and_refuses_short_frames),
        cmocka_unit_test(box__of_the_same_text_again__has_another_nonce),
        cmocka_unit_test(box_stream__every_size_and_boundary__equals_the_whole),
        cmocka_unit_test(box_stream__a_megabyte_in_ragged_pieces__equals_the_whole),
        cmocka_unit_test(box_stream__without_memory__says_so),
    };
    if (crypto_start() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
