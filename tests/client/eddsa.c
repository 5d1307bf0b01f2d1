/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function, apart because four signature forms end in it and libsodium's own signing takes no
 * ready scalar.
 */
#include "client/eddsa.h"

#include <sodium.h>

enum err eddsa_finish(const struct scalar *r, const struct scalar *scalar,
                      const struct ed25519_pub *key, struct span message,
                      struct ed25519_sig *ret_sig)
{
    struct ed25519_sig sig;
    uint8_t wide[crypto_hash_sha512_BYTES];
    struct scalar challenge;
    struct scalar product;
    if (crypto_scalarmult_ed25519_base_noclamp(sig.b, r->b) != 0)
        return ERR_DEFECT;
    crypto_hash_sha512_state hash;
    (void)crypto_hash_sha512_init(&hash);
    (void)crypto_hash_sha512_update(&hash, sig.b, 32);
    (void)crypto_hash_sha512_update(&hash, key->b, sizeof(key->b));
    (void)crypto_hash_sha512_update(&hash, message.p, message.len);
    (void)crypto_hash_sha512_final(&hash, wide);
    crypto_core_ed25519_scalar_reduce(challenge.b, wide);
    crypto_core_ed25519_scalar_mul(product.b, challenge.b, scalar->b);
    crypto_core_ed25519_scalar_add(sig.b + 32, r->b, product.b);
    sodium_memzero(&product, sizeof(product));
    *ret_sig = sig;
    return OK;
}
