/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * X25519 keys that sign: the conversion to Ed25519 and the XEd25519 signatures of unblinded posts
 * (docs/protocol/identity.md, 2.1 and 5.2). Two producers are in the wild, one verifier accepts
 * both. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_XED25519_H
#define CONCLAVE_TESTS_CLIENT_XED25519_H

#include "crypto/keys.h"

enum { XED25519_RANDOM_BYTES = 64 };

/*
 * y = (u - 1) / (u + 1), sign bit 0; bit 255 of u is ignored, the inverse of 0 is 0. ERR_NO_MEMORY.
 */
MUST_USE enum err xed25519_convert(const struct x25519_pub *x, struct ed25519_pub *ret_ed);

/* libsession's form. random: 64 bytes, or NULL for fresh ones. */
MUST_USE enum err xed25519_sign(const struct x25519_secret *secret, struct span message,
                                const uint8_t *random, struct ed25519_sig *ret_sig);
/* Desktop's form (curve25519-js): no randomness, A's sign in the top bit of the signature. */
MUST_USE enum err xed25519_sign_desktop(const struct x25519_secret *secret, struct span message,
                                        struct ed25519_sig *ret_sig);

bool xed25519_verify(const struct x25519_pub *key, struct span message,
                     const struct ed25519_sig *sig);

#endif
