/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole messages under the two onion ciphers, and the key that both sides of a layer share.
 * Messages in pieces: box_stream.c.
 */
#include "crypto/box.h"

#include <sodium.h>

#include "crypto/gcm.h"

enum { XCHACHA_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES };

_Static_assert((int)BOX_TAG_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert((int)BOX_NONCE_MAX_BYTES == (int)XCHACHA_NONCE_BYTES, "the longer nonce");

size_t box_nonce_bytes(enum onion_cipher cipher)
{
    return cipher == CIPHER_AES_GCM ? (size_t)GCM_NONCE_BYTES : (size_t)XCHACHA_NONCE_BYTES;
}

size_t box_overhead_bytes(enum onion_cipher cipher)
{
    return box_nonce_bytes(cipher) + BOX_TAG_BYTES;
}

/*
 * docs/protocol/identity.md, 4.2: "LOKI" is the HMAC key and the shared point the message, not the
 * reverse.
 */
static void gcm_key(const uint8_t shared[static crypto_scalarmult_BYTES], struct aead_key *ret_key)
{
    static const uint8_t loki[] = {'L', 'O', 'K', 'I'};
    crypto_auth_hmacsha256_state st;
    crypto_auth_hmacsha256_init(&st, loki, sizeof(loki));
    crypto_auth_hmacsha256_update(&st, shared, crypto_scalarmult_BYTES);
    crypto_auth_hmacsha256_final(&st, ret_key->b);
    crypto_wipe(&st, sizeof(st));
}

static void xchacha_key(const uint8_t shared[static crypto_scalarmult_BYTES],
                        const struct x25519_pub *client, const struct x25519_pub *server,
                        struct aead_key *ret_key)
{
    crypto_generichash_blake2b_state st;
    crypto_generichash_blake2b_init(&st, NULL, 0, sizeof(ret_key->b));
    crypto_generichash_blake2b_update(&st, shared, crypto_scalarmult_BYTES);
    crypto_generichash_blake2b_update(&st, client->b, sizeof(client->b));
    crypto_generichash_blake2b_update(&st, server->b, sizeof(server->b));
    crypto_generichash_blake2b_final(&st, ret_key->b, sizeof(ret_key->b));
    crypto_wipe(&st, sizeof(st));
}

enum err box_shared_key(enum onion_cipher cipher, const struct x25519_secret *ours,
                        const struct x25519_pub *theirs, const struct x25519_pub *client,
                        const struct x25519_pub *server, struct aead_key *ret_key)
{
    uint8_t shared[crypto_scalarmult_BYTES];
    if (crypto_scalarmult(shared, ours->b, theirs->b) != 0) {
        crypto_wipe(shared, sizeof(shared));
        return ERR_SEALED;
    }
    if (cipher == CIPHER_AES_GCM)
        gcm_key(shared, ret_key);
    else
        xchacha_key(shared, client, server, ret_key);
    crypto_wipe(shared, sizeof(shared));
    return OK;
}

/* body is ciphertext || tag, opened where it lies. */
static enum err gcm_open(const struct aead_key *key, const uint8_t *nonce, struct span ad,
                         struct bytes body)
{
    struct span ciphertext = span_of(body.p, body.len - BOX_TAG_BYTES);
    struct gcm g;
    enum err e = gcm_init(&g, GCM_OPEN, key, nonce);
    if (e == OK)
        e = gcm_authenticate(&g, ad);
    if (e == OK)
        e = gcm_update(&g, ciphertext, body.p);
    if (e == OK)
        e = gcm_open_finish(&g, body.p + ciphertext.len);
    gcm_done(&g);
    if (e != OK)
        crypto_wipe(body.p, body.len); /* GCM gives plaintext before it knows the tag */
    return e;
}

static enum err xchacha_open(const struct aead_key *key, const uint8_t *nonce, struct span ad,
                             struct bytes body)
{
    unsigned long long made = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(body.p, &made, NULL, body.p, body.len, ad.p,
                                                   ad.len, nonce, key->b) == 0)
        return OK;
    crypto_wipe(body.p, body.len);
    return ERR_SEALED;
}

enum err box_open(enum onion_cipher cipher, const struct aead_key *key, struct span ad,
                  struct bytes sealed, struct bytes *ret_plain)
{
    if (sealed.len < box_overhead_bytes(cipher))
        return ERR_SEALED;
    size_t nonce_bytes = box_nonce_bytes(cipher);
    struct bytes body = {sealed.p + nonce_bytes, sealed.len - nonce_bytes};
    enum err e = cipher == CIPHER_AES_GCM ? gcm_open(key, sealed.p, ad, body)
                                          : xchacha_open(key, sealed.p, ad, body);
    if (e != OK)
        return e;
    *ret_plain = (struct bytes){body.p, body.len - BOX_TAG_BYTES};
    return OK;
}

/* Writes ciphertext || tag to out, which may be plain.p. */
static enum err gcm_seal(const struct aead_key *key, const uint8_t *nonce, struct span ad,
                         struct span plain, uint8_t *out)
{
    struct gcm g;
    enum err e = gcm_init(&g, GCM_SEAL, key, nonce);
    if (e == OK)
        e = gcm_authenticate(&g, ad);
    if (e == OK)
        e = gcm_update(&g, plain, out);
    if (e == OK)
        e = gcm_seal_finish(&g, out + plain.len);
    gcm_done(&g);
    return e;
}

static enum err xchacha_seal(const struct aead_key *key, const uint8_t *nonce, struct span ad,
                             struct span plain, uint8_t *out)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.len, ad.p, ad.len, NULL,
                                               nonce, key->b);
    return OK; /* it cannot fail */
}

/* Fresh nonce to frame, ciphertext and tag behind it. */
static enum err seal_to(enum onion_cipher cipher, const struct aead_key *key, struct span ad,
                        struct span plain, uint8_t *frame)
{
    size_t nonce_bytes = box_nonce_bytes(cipher);
    crypto_random(frame, nonce_bytes);
    return cipher == CIPHER_AES_GCM ? gcm_seal(key, frame, ad, plain, frame + nonce_bytes)
                                    : xchacha_seal(key, frame, ad, plain, frame + nonce_bytes);
}

enum err box_seal(enum onion_cipher cipher, const struct aead_key *key, struct span ad,
                  struct span plain, struct buf *out)
{
    size_t total = 0;
    if (__builtin_add_overflow(plain.len, box_overhead_bytes(cipher), &total))
        return ERR_TOO_LARGE;
    uint8_t *frame = buf_reserve(out, total);
    if (frame == NULL)
        return buf_verdict(out);
    enum err e = seal_to(cipher, key, ad, plain, frame);
    if (e == OK)
        buf_commit(out, total);
    return e;
}

enum err box_seal_with(const struct aead_key *key, const uint8_t nonce[static BOX_NONCE_MAX_BYTES],
                       struct span plain, struct buf *out)
{
    size_t total = 0;
    if (__builtin_add_overflow(plain.len, box_overhead_bytes(CIPHER_XCHACHA20), &total))
        return ERR_TOO_LARGE;
    uint8_t *frame = buf_reserve(out, total);
    if (frame == NULL)
        return buf_verdict(out);
    memcpy(frame, nonce, BOX_NONCE_MAX_BYTES);
    enum err e = xchacha_seal(key, frame, (struct span){0}, plain, frame + BOX_NONCE_MAX_BYTES);
    if (e == OK)
        buf_commit(out, total);
    return e;
}

enum err box_seal_in_place(enum onion_cipher cipher, const struct aead_key *key, struct bytes frame)
{
    if (frame.len < box_overhead_bytes(cipher))
        return ERR_DEFECT;
    struct span plain =
        span_of(frame.p + box_nonce_bytes(cipher), frame.len - box_overhead_bytes(cipher));
    return seal_to(cipher, key, (struct span){NULL, 0}, plain, frame.p);
}
