/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ed25519 verification, point checks and BLAKE2b: thin, typed doors to libsodium. The server signs
 * nothing.
 */
#include "crypto/sign.h"

#include <assert.h>

#include <sodium.h>

bool sign_verify(const struct ed25519_pub *key, const struct ed25519_sig *sig, struct span message)
{
    return crypto_sign_verify_detached(sig->b, message.p, message.len, key->b) == 0;
}

bool sign_point_ok(const struct ed25519_pub *key)
{
    return crypto_core_ed25519_is_valid_point(key->b) == 1;
}

void hash_blake2b(uint8_t *out, size_t out_len, struct span data)
{
    int bad = crypto_generichash_blake2b(out, out_len, data.p, data.len, NULL, 0);
    assert(bad == 0); /* only an out_len outside 1..64 */
    (void)bad;
}

void hash_short(uint8_t out[static HASH_SHORT_BYTES], const uint8_t key[static HASH_SHORT_BYTES],
                struct span data)
{
    _Static_assert(HASH_SHORT_BYTES == crypto_shorthash_siphashx24_BYTES, "size of SipHash");
    (void)crypto_shorthash_siphashx24(out, data.p, data.len, key);
}

void hash_file_id(uint8_t out[static 33], struct span data)
{
    static const uint8_t salt[crypto_generichash_blake2b_SALTBYTES] = "SessionFileSvr";
    int bad =
        crypto_generichash_blake2b_salt_personal(out, 33, data.p, data.len, NULL, 0, salt, NULL);
    assert(bad == 0);
    (void)bad;
}
