/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deterministic attachments of the client core against tests/vectors/attachments.json, and the ids
 * that they give.
 */
#include <sodium.h>

#include "base/base64.h"
#include "client/attachment_stream.h"
#include "crypto/sign.h"
#include "unit/client_vectors.h"

enum { BIG = 1 << 20 };

static struct buf plaintext_of(const json_t *at)
{
    size_t len = (size_t)vectors_int(at, "plaintext_length");
    struct buf plain = buf_make(BIG);
    assert_string_equal(vectors_text(at, "plaintext_rule"), "byte i = (7*i) mod 256");
    for (size_t i = 0; i < len; i++)
        buf_put_byte(&plain, (uint8_t)(7 * i));
    return plain;
}

static enum stream_generation generation_of(const json_t *at)
{
    const char *name = vectors_text(at, "generation");
    if (strcmp(name, "v1-domain-byte-key") == 0)
        return STREAM_DOMAIN_BYTE;
    assert_string_equal(name, "v2-seed-key-personal");
    return STREAM_PERSONAL;
}

static void attachment_stream__every_vector__is_the_listed_file_and_opens(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("attachments.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "deterministic_stream", 18), i, at)
    {
        struct buf plain AUTO_BUF = plaintext_of(at);
        struct buf sealed AUTO_BUF = buf_make(BIG), back AUTO_BUF = buf_make(BIG);
        enum stream_domain domain =
            vectors_int(at, "domain") == 0 ? STREAM_ATTACHMENT : STREAM_PROFILE_PICTURE;
        uint8_t seed[32], key[STREAM_KEY_BYTES], hash[32];
        vectors_bytes(at, "seed32", seed, sizeof(seed));
        assert_int_equal(attachment_stream_padding(plain.len), vectors_int(at, "padding"));
        assert_int_equal(
            attachment_stream_seal(generation_of(at), domain, seed, buf_span(&plain), &sealed, key),
            OK);
        assert_span_is(span_of(key, sizeof(key)), at, "key");
        assert_span_is(span_first(span_skip(buf_span(&sealed), 1), STREAM_HEADER_BYTES), at,
                       "header");
        assert_int_equal(sealed.len, vectors_int(at, "encrypted_size"));
        (void)crypto_hash_sha256(hash, sealed.p, sealed.len);
        assert_span_is(span_of(hash, sizeof(hash)), at, "encrypted_sha256");
        assert_span_is(span_first(buf_span(&sealed), 64), at, "encrypted_first_64");
        assert_span_is(span_skip(buf_span(&sealed), sealed.len - 64), at, "encrypted_last_64");
        if (json_object_get(at, "encrypted") != NULL)
            assert_span_is(buf_span(&sealed), at, "encrypted");
        assert_int_equal(attachment_stream_open(buf_span(&sealed), key, &back), OK);
        assert_span_equal(buf_span(&back), buf_span(&plain));
    }
}

static void attachment_stream__every_listed_size__is_the_same(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("attachments.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "deterministic_sizes", 15), i, at)
    {
        assert_int_equal(attachment_stream_size((size_t)vectors_int(at, "size")),
                         vectors_int(at, "encrypted_size"));
    }
}

static void attachment_stream__damaged_cut_or_prolonged__does_not_open(void **state)
{
    (void)state;
    static const size_t cuts[] = {0, 1, 24, 25, 26, 41, 42, 43, 4095, 32809, 32810, 32811};
    uint8_t seed[32] = {1}, key[STREAM_KEY_BYTES];
    struct buf plain AUTO_BUF = buf_make(BIG), sealed AUTO_BUF = buf_make(BIG),
                     back AUTO_BUF = buf_make(BIG);
    for (size_t i = 0; i < 40000; i++)
        buf_put_byte(&plain, (uint8_t)i);
    assert_int_equal(attachment_stream_seal(STREAM_PERSONAL, STREAM_ATTACHMENT, seed,
                                            buf_span(&plain), &sealed, key),
                     OK);
    for (size_t i = 0; i < COUNT_OF(cuts); i++)
        assert_int_equal(attachment_stream_open(span_first(buf_span(&sealed), cuts[i]), key, &back),
                         ERR_SEALED);
    static const size_t places[] = {0, 1, 24, 25, 30000, 32810};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        sealed.p[places[i]] ^= 1;
        assert_int_equal(attachment_stream_open(buf_span(&sealed), key, &back), ERR_SEALED);
        sealed.p[places[i]] ^= 1;
    }
    assert_int_equal(attachment_stream_open(buf_span(&sealed), key, &back), OK);
    buf_put(&sealed, span_of(plain.p, 40));
    assert_int_equal(attachment_stream_open(buf_span(&sealed), key, &back), ERR_SEALED);
}

/* Padding that does not end with 01 is somebody else's format. */
static void attachment_stream__padding_of_another_kind__does_not_open(void **state)
{
    (void)state;
    static const uint8_t wrong[][3] = {{0, 0, 0}, {0, 2, 1}, {5, 1, 1}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        crypto_secretstream_xchacha20poly1305_state st;
        uint8_t key[STREAM_KEY_BYTES] = {9}, file[1 + STREAM_HEADER_BYTES + 3 + 17] = {'S'};
        struct buf back AUTO_BUF = buf_make(BIG);
        (void)crypto_secretstream_xchacha20poly1305_init_push(&st, file + 1, key);
        (void)crypto_secretstream_xchacha20poly1305_push(
            &st, file + 25, NULL, wrong[i], 3, NULL, 0,
            crypto_secretstream_xchacha20poly1305_TAG_FINAL);
        assert_int_equal(attachment_stream_open(span_of(file, sizeof(file)), key, &back),
                         ERR_SEALED);
    }
}

/* A header that was drawn instead of computed is read just as well. */
static void attachment_stream__with_a_random_header__opens(void **state)
{
    (void)state;
    crypto_secretstream_xchacha20poly1305_state st;
    static const uint8_t padded[] = {0, 0, 1, 'h', 'i'};
    uint8_t key[STREAM_KEY_BYTES] = {7},
            file[1 + STREAM_HEADER_BYTES + sizeof(padded) + 17] = {'S'};
    struct buf back AUTO_BUF = buf_make(BIG);
    (void)crypto_secretstream_xchacha20poly1305_init_push(&st, file + 1, key);
    (void)crypto_secretstream_xchacha20poly1305_push(
        &st, file + 25, NULL, padded, sizeof(padded), NULL, 0,
        crypto_secretstream_xchacha20poly1305_TAG_FINAL);
    assert_int_equal(attachment_stream_open(span_of(file, sizeof(file)), key, &back), OK);
    assert_span_equal(buf_span(&back), SPAN("hi"));
}

static void file_id__every_listed_content__has_the_listed_id(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("attachments.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "file_server_content_ids", 3), i, at)
    {
        struct buf content AUTO_BUF = vectors_buf(at, "content");
        uint8_t hash[33];
        char text[64];
        hash_file_id(hash, buf_span(&content));
        size_t len = base64url_write(span_of(hash, sizeof(hash)), text);
        assert_span_equal(span_of(text, len), span_of_text(vectors_text(at, "file_id")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attachment_stream__every_vector__is_the_listed_file_and_opens),
        cmocka_unit_test(attachment_stream__every_listed_size__is_the_same),
        cmocka_unit_test(attachment_stream__damaged_cut_or_prolonged__does_not_open),
        cmocka_unit_test(attachment_stream__padding_of_another_kind__does_not_open),
        cmocka_unit_test(attachment_stream__with_a_random_header__opens),
        cmocka_unit_test(file_id__every_listed_content__has_the_listed_id),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
