/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Field arithmetic is OpenSSL's big numbers, since libsodium exports none. Not constant time where
 * inputs are public.
 */
#include "client/xed25519.h"

#include <openssl/bn.h>
#include <sodium.h>

#include "client/eddsa.h"

enum { KEY_BYTES = 32, SIGN_BIT = 0x80 };

/* y = (u - 1) * (u + 1)^-1 mod p, all in bn_ctx's temporaries. */
static bool convert(BN_CTX *ctx, const uint8_t u_bytes[static KEY_BYTES],
                    uint8_t out[static KEY_BYTES])
{
    BIGNUM *p = BN_CTX_get(ctx);
    BIGNUM *u = BN_CTX_get(ctx);
    BIGNUM *down = BN_CTX_get(ctx);
    BIGNUM *up = BN_CTX_get(ctx);
    if (up == NULL)
        return false;
    /* p = 2^255 - 19 */
    BN_zero(p);
    if (BN_set_bit(p, 255) != 1 || BN_sub_word(p, 19) != 1)
        return false;
    if (BN_lebin2bn(u_bytes, KEY_BYTES, u) == NULL || BN_nnmod(u, u, p, ctx) != 1)
        return false;
    if (BN_mod_sub(down, u, BN_value_one(), p, ctx) != 1 ||
        BN_mod_add(up, u, BN_value_one(), p, ctx) != 1)
        return false;
    if (BN_is_zero(up))
        BN_zero(down);
    else if (BN_mod_inverse(up, up, p, ctx) == NULL || BN_mod_mul(down, down, up, p, ctx) != 1)
        return false;
    return BN_bn2lebinpad(down, out, KEY_BYTES) == KEY_BYTES;
}

enum err xed25519_convert(const struct x25519_pub *x, struct ed25519_pub *ret_ed)
{
    uint8_t u[KEY_BYTES];
    uint8_t y[KEY_BYTES];
    memcpy(u, x->b, sizeof(u));
    u[KEY_BYTES - 1] &= (uint8_t)~SIGN_BIT;
    BN_CTX *ctx = BN_CTX_new();
    if (ctx == NULL)
        return ERR_NO_MEMORY;
    BN_CTX_start(ctx);
    bool done = convert(ctx, u, y);
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    if (!done)
        return ERR_NO_MEMORY;
    memcpy(ret_ed->b, y, sizeof(y));
    return OK;
}

/* The clamped scalar and its public point with the true sign. */
static enum err own_point(const struct x25519_secret *secret, struct scalar *ret_a,
                          struct ed25519_pub *ret_ed)
{
    struct scalar a;
    memcpy(a.b, secret->b, sizeof(a.b));
    a.b[0] &= 248;
    a.b[31] = (uint8_t)((a.b[31] & 127) | 64);
    if (crypto_scalarmult_ed25519_base_noclamp(ret_ed->b, a.b) != 0)
        return ERR_MALFORMED;
    *ret_a = a;
    return OK;
}

enum err xed25519_sign(const struct x25519_secret *secret, struct span message,
                       const uint8_t *random, struct ed25519_sig *ret_sig)
{
    static const uint8_t pers[crypto_generichash_blake2b_PERSONALBYTES] = "xed25519signatur";
    struct scalar a;
    struct ed25519_pub pub;
    uint8_t z[XED25519_RANDOM_BYTES];
    uint8_t wide[64];
    struct scalar r;
    enum err e = own_point(secret, &a, &pub);
    if (e != OK)
        return e;
    if ((pub.b[31] & SIGN_BIT) != 0) {
        crypto_core_ed25519_scalar_negate(a.b, a.b);
        pub.b[31] &= (uint8_t)~SIGN_BIT;
    }
    if (random != NULL)
        memcpy(z, random, sizeof(z));
    else
        randombytes_buf(z, sizeof(z));
    crypto_generichash_blake2b_state hash;
    (void)crypto_generichash_blake2b_init_salt_personal(&hash, NULL, 0, sizeof(wide), NULL, pers);
    (void)crypto_generichash_blake2b_update(&hash, a.b, sizeof(a.b));
    (void)crypto_generichash_blake2b_update(&hash, message.p, message.len);
    (void)crypto_generichash_blake2b_update(&hash, z, sizeof(z));
    (void)crypto_generichash_blake2b_final(&hash, wide, sizeof(wide));
    crypto_core_ed25519_scalar_reduce(r.b, wide);
    e = eddsa_finish(&r, &a, &pub, message, ret_sig);
    sodium_memzero(&a, sizeof(a));
    sodium_memzero(&r, sizeof(r));
    return e;
}

enum err xed25519_sign_desktop(const struct x25519_secret *secret, struct span message,
                               struct ed25519_sig *ret_sig)
{
    struct scalar a;
    struct ed25519_pub pub;
    uint8_t wide[crypto_hash_sha512_BYTES];
    struct scalar r;
    enum err e = own_point(secret, &a, &pub);
    if (e != OK)
        return e;
    crypto_hash_sha512_state hash;
    (void)crypto_hash_sha512_init(&hash);
    (void)crypto_hash_sha512_update(&hash, a.b, sizeof(a.b));
    (void)crypto_hash_sha512_update(&hash, message.p, message.len);
    (void)crypto_hash_sha512_final(&hash, wide);
    crypto_core_ed25519_scalar_reduce(r.b, wide);
    struct ed25519_sig sig;
    e = eddsa_finish(&r, &a, &pub, message, &sig);
    sodium_memzero(&a, sizeof(a));
    sodium_memzero(&r, sizeof(r));
    if (e != OK)
        return e;
    sig.b[63] |= pub.b[31] & SIGN_BIT;
    *ret_sig = sig;
    return OK;
}

bool xed25519_verify(const struct x25519_pub *key, struct span message,
                     const struct ed25519_sig *sig)
{
    struct ed25519_pub pub;
    struct ed25519_sig plain = *sig;
    if (xed25519_convert(key, &pub) != OK)
        return false;
    /*
     * The signature carries the sign of the point; without this half of desktop's posts would be
     * refused.
     */
    pub.b[31] |= plain.b[63] & SIGN_BIT;
    plain.b[63] &= (uint8_t)~SIGN_BIT;
    return crypto_sign_verify_detached(plain.b, message.p, message.len, pub.b) == 0;
}
