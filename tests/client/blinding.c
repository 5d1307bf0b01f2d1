/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blinding of keys, straight from the recipes over libsodium. Posting and header signing stand
 * elsewhere (community_client.c, sogs_auth.c).
 */
#include "client/blinding.h"

#include <sodium.h>

#include "client/eddsa.h"
#include "client/xed25519.h"

enum { SIGN_BIT = 0x80, WIDE_BYTES = 64 };

struct scalar blinding_factor15(const struct x25519_pub *server)
{
    uint8_t wide[WIDE_BYTES];
    struct scalar k;
    (void)crypto_generichash(wide, sizeof(wide), server->b, sizeof(server->b), NULL, 0);
    crypto_core_ed25519_scalar_reduce(k.b, wide);
    return k;
}

static struct scalar factor25(const struct session_id *account, const struct x25519_pub *server)
{
    uint8_t wide[WIDE_BYTES];
    struct scalar k;
    crypto_generichash_state hash;
    (void)crypto_generichash_init(&hash, NULL, 0, sizeof(wide));
    (void)crypto_generichash_update(&hash, account->b, sizeof(account->b));
    (void)crypto_generichash_update(&hash, server->b, sizeof(server->b));
    (void)crypto_generichash_final(&hash, wide, sizeof(wide));
    crypto_core_ed25519_scalar_reduce(k.b, wide);
    return k;
}

static enum err blind(const struct account *a, const struct scalar *k, uint8_t prefix,
                      struct blinded *ret_blinded)
{
    struct blinded b;
    crypto_core_ed25519_scalar_mul(b.scalar.b, k->b, a->scalar.b);
    if (crypto_scalarmult_ed25519_base_noclamp(b.key.b, b.scalar.b) != 0)
        return ERR_DEFECT;
    b.id.b[0] = prefix;
    memcpy(b.id.b + 1, b.key.b, sizeof(b.key.b));
    *ret_blinded = b;
    blinding_done(&b);
    return OK;
}

enum err blinding_15(const struct account *a, const struct x25519_pub *server,
                     struct blinded *ret_blinded)
{
    struct scalar k = blinding_factor15(server);
    return blind(a, &k, ID_BLINDED15, ret_blinded);
}

enum err blinding_25(const struct account *a, const struct x25519_pub *server,
                     struct blinded *ret_blinded)
{
    struct scalar k = factor25(&a->id, server);
    /* The id starts from |A|, so a negative account negates its factor. */
    if ((a->ed.b[31] & SIGN_BIT) != 0)
        crypto_core_ed25519_scalar_negate(k.b, k.b);
    return blind(a, &k, ID_BLINDED25, ret_blinded);
}

void blinding_done(struct blinded *b)
{
    sodium_memzero(b, sizeof(*b));
}

/* h of 2.2: the upper half of a SHA-512, which plain Ed25519 uses as its nonce key as well. */
static void nonce_key15(const struct account *a, enum blinding_nonce nonce, uint8_t out[static 32])
{
    uint8_t wide[crypto_hash_sha512_BYTES];
    if (nonce == BLINDING_NONCE_SK64)
        (void)crypto_hash_sha512(wide, a->sk64, sizeof(a->sk64));
    else
        (void)crypto_hash_sha512(wide, a->seed, sizeof(a->seed));
    memcpy(out, wide + 32, 32);
    sodium_memzero(wide, sizeof(wide));
}

enum err blinding_sign15(const struct account *a, const struct blinded *b,
                         enum blinding_nonce nonce, struct span message,
                         struct ed25519_sig *ret_sig)
{
    uint8_t h[32];
    uint8_t wide[crypto_hash_sha512_BYTES];
    struct scalar r;
    nonce_key15(a, nonce, h);
    crypto_hash_sha512_state hash;
    (void)crypto_hash_sha512_init(&hash);
    (void)crypto_hash_sha512_update(&hash, h, sizeof(h));
    (void)crypto_hash_sha512_update(&hash, b->key.b, sizeof(b->key.b));
    (void)crypto_hash_sha512_update(&hash, message.p, message.len);
    (void)crypto_hash_sha512_final(&hash, wide);
    crypto_core_ed25519_scalar_reduce(r.b, wide);
    enum err e = eddsa_finish(&r, &b->scalar, &b->key, message, ret_sig);
    sodium_memzero(h, sizeof(h));
    sodium_memzero(&r, sizeof(r));
    return e;
}

enum err blinding_sign25(const struct account *a, const struct blinded *b, struct span message,
                         struct ed25519_sig *ret_sig)
{
    static const char seed_key[] = "SessCommBlind25_seed";
    static const char sig_key[] = "SessCommBlind25_sig";
    uint8_t s[32];
    uint8_t wide[WIDE_BYTES];
    struct scalar r;
    (void)crypto_generichash(s, sizeof(s), a->seed, sizeof(a->seed), (const uint8_t *)seed_key,
                             sizeof(seed_key) - 1);
    crypto_generichash_state hash;
    (void)crypto_generichash_init(&hash, (const uint8_t *)sig_key, sizeof(sig_key) - 1,
                                  sizeof(wide));
    (void)crypto_generichash_update(&hash, s, sizeof(s));
    (void)crypto_generichash_update(&hash, b->key.b, sizeof(b->key.b));
    (void)crypto_generichash_update(&hash, message.p, message.len);
    (void)crypto_generichash_final(&hash, wide, sizeof(wide));
    crypto_core_ed25519_scalar_reduce(r.b, wide);
    enum err e = eddsa_finish(&r, &b->scalar, &b->key, message, ret_sig);
    sodium_memzero(s, sizeof(s));
    sodium_memzero(&r, sizeof(r));
    return e;
}

bool blinding_matches(const struct session_id *account, const struct session_id *blinded,
                      const struct x25519_pub *server)
{
    struct x25519_pub x;
    struct ed25519_pub ed;
    struct ed25519_pub ours;
    bool by_user = blinded->b[0] == ID_BLINDED25;
    if (account->b[0] != ID_UNBLINDED || (!by_user && blinded->b[0] != ID_BLINDED15))
        return false;
    memcpy(x.b, account->b + 1, sizeof(x.b));
    struct scalar k = by_user ? factor25(account, server) : blinding_factor15(server);
    if (xed25519_convert(&x, &ed) != OK ||
        crypto_scalarmult_ed25519_noclamp(ours.b, k.b, ed.b) != 0)
        return false;
    uint8_t difference = 0;
    for (size_t i = 0; i < sizeof(ours.b); i++) {
        uint8_t d = ours.b[i] ^ blinded->b[i + 1];
        /* A 15 id may carry either sign, a 25 id has one. */
        if (i == sizeof(ours.b) - 1 && !by_user)
            d &= (uint8_t)~SIGN_BIT;
        difference |= d;
    }
    return difference == 0;
}

bool blinding_point_ok(const struct ed25519_pub *key)
{
    return crypto_core_ed25519_is_valid_point(key->b) == 1;
}

void blinding_07(const struct account *a, struct ed25519_pub *ret_key, uint8_t ret_seed[static 32],
                 uint8_t ret_sk64[static 64])
{
    static const char hash_key[] = "VersionCheckKey_sig";
    (void)crypto_generichash(ret_seed, 32, a->seed, sizeof(a->seed), (const uint8_t *)hash_key,
                             sizeof(hash_key) - 1);
    (void)crypto_sign_seed_keypair(ret_key->b, ret_sk64, ret_seed);
}
