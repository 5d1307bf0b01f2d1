/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * XChaCha20-Poly1305 secretstream with a header that is computed instead of drawn. libsodium has no
 * call for that: its public state is filled as its own init_push would fill it.
 */
#include "client/attachment_stream.h"

#include <sodium.h>

enum {
    MARK = 'S',
    CHUNK_BYTES = 32768,
    CHUNK_OVERHEAD = crypto_secretstream_xchacha20poly1305_ABYTES,
    SEALED_CHUNK_BYTES = CHUNK_BYTES + CHUNK_OVERHEAD,
    FRONT_BYTES = 1 + STREAM_HEADER_BYTES,
    STEP_MIN_SIZE = 131072, /* below it files grow in steps of 4 KB */
    STEPS_PER_DOUBLING = 32,
};

/* ---- sizes ---- */

static size_t chunks_of(size_t n)
{
    return (n + CHUNK_BYTES - 1) / CHUNK_BYTES;
}

size_t attachment_stream_padding(size_t size)
{
    size_t chunks = chunks_of(size);
    size_t least = size + FRONT_BYTES + 1 + CHUNK_OVERHEAD * chunks;
    size_t power = STEP_MIN_SIZE;
    while (power * 2 <= least)
        power *= 2;
    size_t step = power / STEPS_PER_DOUBLING;
    size_t whole = (least + step - 1) / step * step;
    size_t before = whole - least + 1;
    size_t padding = before;
    if (before >= SEALED_CHUNK_BYTES)
        padding -= CHUNK_OVERHEAD * (before / SEALED_CHUNK_BYTES);
    if (before % SEALED_CHUNK_BYTES > CHUNK_BYTES * chunks - size)
        padding -= CHUNK_OVERHEAD;
    return padding;
}

size_t attachment_stream_size(size_t size)
{
    size_t plain = size + attachment_stream_padding(size);
    return FRONT_BYTES + plain + CHUNK_OVERHEAD * chunks_of(plain);
}

/* ---- header and key ---- */

void attachment_stream_derive(enum stream_generation generation, enum stream_domain domain,
                              const uint8_t seed[static 32], struct span plain,
                              uint8_t ret_header[static STREAM_HEADER_BYTES],
                              uint8_t ret_key[static STREAM_KEY_BYTES])
{
    static const uint8_t person[2][crypto_generichash_blake2b_PERSONALBYTES + 1] = {
        "SessionAttachmnt", "Session_Prof_Pic"};
    uint8_t both[STREAM_HEADER_BYTES + STREAM_KEY_BYTES];
    crypto_generichash_blake2b_state state;
    if (generation == STREAM_DOMAIN_BYTE) {
        uint8_t key = (uint8_t)domain;
        (void)crypto_generichash_blake2b_init(&state, &key, 1, sizeof(both));
        (void)crypto_generichash_blake2b_update(&state, seed, 32);
    } else {
        (void)crypto_generichash_blake2b_init_salt_personal(&state, seed, 32, sizeof(both), NULL,
                                                            person[domain]);
    }
    (void)crypto_generichash_blake2b_update(&state, plain.p, plain.len);
    (void)crypto_generichash_blake2b_final(&state, both, sizeof(both));
    memcpy(ret_header, both, STREAM_HEADER_BYTES);
    memcpy(ret_key, both + STREAM_HEADER_BYTES, STREAM_KEY_BYTES);
    sodium_memzero(both, sizeof(both));
}

static void start(crypto_secretstream_xchacha20poly1305_state *state, const uint8_t *header,
                  const uint8_t *key)
{
    memset(state, 0, sizeof(*state));
    (void)crypto_core_hchacha20(state->k, header, key, NULL);
    state->nonce[0] = 1;
    memcpy(state->nonce + 4, header + 16, 8);
}

/* ---- sealing ---- */

enum err attachment_stream_seal(enum stream_generation generation, enum stream_domain domain,
                                const uint8_t seed[static 32], struct span plain, struct buf *out,
                                uint8_t ret_key[static STREAM_KEY_BYTES])
{
    crypto_secretstream_xchacha20poly1305_state state;
    uint8_t header[STREAM_HEADER_BYTES], key[STREAM_KEY_BYTES];
    if (plain.len > STREAM_PLAIN_MAX_BYTES)
        return ERR_TOO_LARGE;
    size_t padding = attachment_stream_padding(plain.len);
    struct buf padded AUTO_BUF = buf_make(padding + plain.len);
    uint8_t *front = buf_reserve(&padded, padding);
    if (front == NULL)
        return ERR_NO_MEMORY;
    memset(front, 0, padding);
    front[padding - 1] = 1;
    buf_commit(&padded, padding);
    buf_put(&padded, plain);

    attachment_stream_derive(generation, domain, seed, plain, header, key);
    start(&state, header, key);
    buf_put_byte(out, MARK);
    buf_put(out, span_of(header, sizeof(header)));
    struct span rest = buf_span(&padded);
    while (rest.len > 0) {
        struct span piece = span_first(rest, CHUNK_BYTES);
        rest = span_skip(rest, CHUNK_BYTES);
        uint8_t *to = buf_reserve(out, piece.len + CHUNK_OVERHEAD);
        if (to == NULL)
            return buf_verdict(out);
        (void)crypto_secretstream_xchacha20poly1305_push(
            &state, to, NULL, piece.p, piece.len, NULL, 0,
            rest.len > 0 ? 0 : crypto_secretstream_xchacha20poly1305_TAG_FINAL);
        buf_commit(out, piece.len + CHUNK_OVERHEAD);
    }
    memcpy(ret_key, key, sizeof(key));
    sodium_memzero(key, sizeof(key));
    return buf_verdict(out);
}

/* ---- opening ---- */

/* Appends the padded plaintext. */
static enum err open_chunks(crypto_secretstream_xchacha20poly1305_state *state, struct span rest,
                            struct buf *padded)
{
    bool is_final = false;
    while (rest.len > 0) {
        struct span piece = span_first(rest, SEALED_CHUNK_BYTES);
        uint8_t tag = 0;
        rest = span_skip(rest, SEALED_CHUNK_BYTES);
        uint8_t *to = buf_reserve(padded, piece.len);
        if (to == NULL)
            return buf_verdict(padded);
        if (is_final || piece.len <= CHUNK_OVERHEAD ||
            crypto_secretstream_xchacha20poly1305_pull(state, to, NULL, &tag, piece.p, piece.len,
                                                       NULL, 0) != 0)
            return ERR_SEALED;
        is_final = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
        buf_commit(padded, piece.len - CHUNK_OVERHEAD);
    }
    return is_final ? OK : ERR_SEALED;
}

enum err attachment_stream_open(struct span file, const uint8_t key[static STREAM_KEY_BYTES],
                                struct buf *out)
{
    crypto_secretstream_xchacha20poly1305_state state;
    if (file.len < FRONT_BYTES || file.p[0] != MARK)
        return ERR_SEALED;
    struct buf padded AUTO_BUF = buf_make(file.len);
    start(&state, file.p + 1, key);
    enum err e = open_chunks(&state, span_skip(file, FRONT_BYTES), &padded);
    if (e != OK)
        return e;
    size_t zeros = 0;
    while (zeros < padded.len && padded.p[zeros] == 0)
        zeros++;
    if (zeros == padded.len || padded.p[zeros] != 1)
        return ERR_SEALED;
    buf_put(out, span_skip(buf_span(&padded), zeros + 1));
    return buf_verdict(out);
}
