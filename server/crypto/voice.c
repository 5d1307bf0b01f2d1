/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BLAKE2b over name and secret as the seed of an Ed25519 pair.
 */
#include "crypto/voice.h"

#include <assert.h>

#include <sodium.h>

void voice_sign(const struct x25519_secret *server, struct span name, struct span message,
                struct session_id *ret_author, struct ed25519_sig *ret_sig)
{
    static const uint8_t domain[] = "sogsfiltering";
    uint8_t seed[crypto_sign_SEEDBYTES], pub[crypto_sign_PUBLICKEYBYTES],
        secret[crypto_sign_SECRETKEYBYTES];
    crypto_generichash_blake2b_state hash;
    assert(name.len <= VOICE_NAME_MAX_BYTES);
    (void)crypto_generichash_blake2b_init(&hash, domain, sizeof(domain) - 1, sizeof(seed));
    (void)crypto_generichash_blake2b_update(&hash, name.p, name.len);
    (void)crypto_generichash_blake2b_update(&hash, server->b, sizeof(server->b));
    (void)crypto_generichash_blake2b_final(&hash, seed, sizeof(seed));
    (void)crypto_sign_seed_keypair(pub, secret, seed);
    (void)crypto_sign_detached(ret_sig->b, NULL, message.p, message.len, secret);
    ret_author->b[0] = ID_BLINDED15;
    memcpy(ret_author->b + 1, pub, sizeof(pub));
    crypto_wipe(seed, sizeof(seed));
    crypto_wipe(secret, sizeof(secret));
    crypto_wipe(&hash, sizeof(hash));
}
