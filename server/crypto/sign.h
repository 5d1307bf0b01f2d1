/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ed25519 verification, point checks, and BLAKE2b. Stateless; any thread.
 */
#ifndef CONCLAVE_CRYPTO_SIGN_H
#define CONCLAVE_CRYPTO_SIGN_H

#include "crypto/keys.h"

/*
 * Plain Ed25519 over the concatenation of parts; refuses S >= L and a set top bit
 * (docs/protocol/identity.md, 3.1).
 */
bool sign_verify(const struct ed25519_pub *key, const struct ed25519_sig *sig, struct span message);
/*
 * Canonical, on the curve, in the main subgroup, not of small order (docs/protocol/identity.md,
 * 2.5). About 58 us: cache it.
 */
bool sign_point_ok(const struct ed25519_pub *key);

/*
 * Unkeyed BLAKE2b with an out_len-byte digest (1..64). Digests of different lengths are unrelated.
 */
void hash_blake2b(uint8_t *out, size_t out_len, struct span data);
/*
 * SipHash-2-4 with 128 bits: keyed fingerprints for tables, not a digest that anybody else may rely
 * on.
 */
enum { HASH_SHORT_BYTES = 16 };
void hash_short(uint8_t out[static HASH_SHORT_BYTES], const uint8_t key[static HASH_SHORT_BYTES],
                struct span data);
/*
 * With the 16-byte salt of file ids (docs/protocol/files.md, 1.2): "SessionFileSvr" and two zero
 * bytes; 33-byte digest.
 */
void hash_file_id(uint8_t out[static 33], struct span data);

#endif
