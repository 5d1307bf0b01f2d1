/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BLAKE2b-16 under the server's secret.
 */
#include "crypto/fingerprint.h"

#include <string.h>

#include <sodium.h>

static void put_part(crypto_generichash_blake2b_state *hash, struct span part)
{
    uint64_t len = part.len;
    (void)crypto_generichash_blake2b_update(hash, (const uint8_t *)&len, sizeof(len));
    (void)crypto_generichash_blake2b_update(hash, part.p, part.len);
}

struct fingerprint fingerprint_of(const struct x25519_secret *server, const char *purpose,
                                  const struct span *parts, size_t count)
{
    struct fingerprint print;
    crypto_generichash_blake2b_state hash;
    (void)crypto_generichash_blake2b_init(&hash, server->b, sizeof(server->b), sizeof(print.b));
    put_part(&hash, span_of(purpose, strlen(purpose)));
    for (size_t i = 0; i < count; i++)
        put_part(&hash, parts[i]);
    (void)crypto_generichash_blake2b_final(&hash, print.b, sizeof(print.b));
    crypto_wipe(&hash, sizeof(hash));
    return print;
}
