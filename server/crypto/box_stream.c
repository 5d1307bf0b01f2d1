/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealing in pieces. OpenSSL's GCM streams by itself. libsodium has XChaCha20-Poly1305 only for
 * whole messages, so it is put together here from its parts (draft-irtf-cfrg-xchacha-03, RFC 8439
 * section 2.8, without additional data): subkey and short nonce by HChaCha20, the authenticator's
 * key from block 0, the text from block 1 on.
 */
#include "crypto/box.h"

#include <sodium.h>

#include "base/mem.h"
#include "crypto/gcm.h"

enum {
    BLOCK_BYTES = 64, /* of ChaCha20 */
    PAD_BYTES = 16,   /* Poly1305 is fed in units of this */
    SHORT_NONCE_BYTES = crypto_stream_chacha20_ietf_NONCEBYTES,
};

/* RFC 8439's 32-bit block counter starts at 1 for the text. */
static const uint64_t XCHACHA_MAX_BYTES = (uint64_t)BLOCK_BYTES * (UINT32_MAX - 1);

struct xchacha {
    crypto_onetimeauth_poly1305_state auth;
    uint8_t subkey[crypto_stream_chacha20_ietf_KEYBYTES];
    uint8_t nonce[SHORT_NONCE_BYTES];
    uint8_t keystream[BLOCK_BYTES]; /* of the block that the last update left unfinished */
    uint64_t done_bytes;
};

struct box_stream {
    enum onion_cipher cipher;
    struct gcm gcm;
    struct xchacha xchacha;
};

static void xchacha_start(struct xchacha *x, const struct aead_key *key, const uint8_t *nonce)
{
    uint8_t auth_key[crypto_onetimeauth_poly1305_KEYBYTES];
    crypto_core_hchacha20(x->subkey, nonce, key->b, NULL);
    memset(x->nonce, 0, sizeof(x->nonce));
    memcpy(x->nonce + 4, nonce + crypto_core_hchacha20_INPUTBYTES, 8);
    crypto_stream_chacha20_ietf(auth_key, sizeof(auth_key), x->nonce, x->subkey);
    crypto_onetimeauth_poly1305_init(&x->auth, auth_key);
    crypto_wipe(auth_key, sizeof(auth_key));
    x->done_bytes = 0;
}

/* Block counter of the text's byte number done_bytes. */
static uint32_t block_of(const struct xchacha *x)
{
    return (uint32_t)(x->done_bytes / BLOCK_BYTES + 1);
}

/* Encrypts with the keystream block at hand; the text reaches at most its end. */
static void xor_within_block(struct xchacha *x, struct span plain, uint8_t *out)
{
    size_t at = x->done_bytes % BLOCK_BYTES;
    for (size_t i = 0; i < plain.len; i++)
        out[i] = plain.p[i] ^ x->keystream[at + i];
    x->done_bytes += plain.len;
}

static void next_keystream(struct xchacha *x)
{
    memset(x->keystream, 0, sizeof(x->keystream));
    crypto_stream_chacha20_ietf_xor_ic(x->keystream, x->keystream, sizeof(x->keystream), x->nonce,
                                       block_of(x), x->subkey);
}

static enum err xchacha_update(struct xchacha *x, struct span plain, uint8_t *out)
{
    if (plain.len > XCHACHA_MAX_BYTES - x->done_bytes)
        return ERR_TOO_LARGE;
    const uint8_t *start = out;
    size_t total = plain.len;
    size_t begun = x->done_bytes % BLOCK_BYTES;
    if (begun != 0) {
        struct span rest_of_block = span_first(plain, BLOCK_BYTES - begun);
        xor_within_block(x, rest_of_block, out);
        out += rest_of_block.len;
        plain = span_skip(plain, rest_of_block.len);
    }
    size_t whole = plain.len / BLOCK_BYTES * BLOCK_BYTES;
    if (whole != 0) {
        crypto_stream_chacha20_ietf_xor_ic(out, plain.p, whole, x->nonce, block_of(x), x->subkey);
        x->done_bytes += whole;
        out += whole;
        plain = span_skip(plain, whole);
    }
    if (plain.len != 0) {
        next_keystream(x);
        xor_within_block(x, plain, out);
    }
    crypto_onetimeauth_poly1305_update(&x->auth, start, total);
    return OK;
}

static void put_u64_le(uint8_t *p, uint64_t v)
{
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static void xchacha_finish(struct xchacha *x, uint8_t ret_tag[static BOX_TAG_BYTES])
{
    static const uint8_t zeros[PAD_BYTES];
    uint8_t lengths[16] = {0}; /* additional data: none; then the text */
    crypto_onetimeauth_poly1305_update(&x->auth, zeros, (0 - x->done_bytes) % PAD_BYTES);
    put_u64_le(lengths + 8, x->done_bytes);
    crypto_onetimeauth_poly1305_update(&x->auth, lengths, sizeof(lengths));
    crypto_onetimeauth_poly1305_final(&x->auth, ret_tag);
}

enum err box_stream_new(enum onion_cipher cipher, const struct aead_key *key,
                        struct box_stream **ret_stream,
                        uint8_t ret_nonce[static BOX_NONCE_MAX_BYTES])
{
    struct box_stream *s = MEM_NEW(struct box_stream);
    if (s == NULL)
        return ERR_NO_MEMORY;
    uint8_t nonce[BOX_NONCE_MAX_BYTES];
    crypto_random(nonce, sizeof(nonce));
    s->cipher = cipher;
    if (cipher == CIPHER_AES_GCM) {
        enum err e = gcm_init(&s->gcm, GCM_SEAL, key, nonce);
        if (e != OK) {
            box_stream_free(s);
            return e;
        }
    } else {
        xchacha_start(&s->xchacha, key, nonce);
    }
    memcpy(ret_nonce, nonce, box_nonce_bytes(cipher));
    *ret_stream = s;
    return OK;
}

enum err box_stream_update(struct box_stream *s, struct span plain, uint8_t *out)
{
    return s->cipher == CIPHER_AES_GCM ? gcm_update(&s->gcm, plain, out)
                                       : xchacha_update(&s->xchacha, plain, out);
}

enum err box_stream_finish(struct box_stream *s, uint8_t ret_tag[static BOX_TAG_BYTES])
{
    if (s->cipher == CIPHER_AES_GCM)
        return gcm_seal_finish(&s->gcm, ret_tag);
    xchacha_finish(&s->xchacha, ret_tag);
    return OK;
}

void box_stream_free(struct box_stream *s)
{
    if (s == NULL)
        return;
    gcm_done(&s->gcm);
    crypto_wipe(s, sizeof(*s));
    mem_free(s);
}
