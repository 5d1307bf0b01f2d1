/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blinded identities as a client makes and checks them (docs/protocol/identity.md, 2): ids 15 and
 * 25, the file server's 07 key. Written apart from server/crypto/blind.c. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_BLINDING_H
#define CONCLAVE_TESTS_CLIENT_BLINDING_H

#include "client/account.h"

/* What an account is on one server. */
struct blinded {
    struct scalar scalar;   /* ka, or k'a */
    struct ed25519_pub key; /* scalar * G */
    struct session_id id;   /* prefix and key */
};

/* Where the nonce of a 15 signature comes from; verifiers cannot tell. */
enum blinding_nonce { BLINDING_NONCE_SEED32, BLINDING_NONCE_SK64 };

/* k of 2.2, the same for all accounts of a server. */
struct scalar blinding_factor15(const struct x25519_pub *server);
MUST_USE enum err blinding_15(const struct account *a, const struct x25519_pub *server,
                              struct blinded *ret_blinded);
MUST_USE enum err blinding_25(const struct account *a, const struct x25519_pub *server,
                              struct blinded *ret_blinded);
void blinding_done(struct blinded *b);

/* Signs as b; clients use BLINDING_NONCE_SEED32, desktop's form. */
MUST_USE enum err blinding_sign15(const struct account *a, const struct blinded *b,
                                  enum blinding_nonce nonce, struct span message,
                                  struct ed25519_sig *ret_sig);
MUST_USE enum err blinding_sign25(const struct account *a, const struct blinded *b,
                                  struct span message, struct ed25519_sig *ret_sig);

/* True if blinded (15 in either sign, or 25) can be account (05) on that server. */
bool blinding_matches(const struct session_id *account, const struct session_id *blinded,
                      const struct x25519_pub *server);
/* Canonical, on the curve, in the main subgroup, not of small order. */
bool blinding_point_ok(const struct ed25519_pub *key);

/* The key pair of 2.4: ret_sk64 signs for the file server. */
void blinding_07(const struct account *a, struct ed25519_pub *ret_key, uint8_t ret_seed[static 32],
                 uint8_t ret_sk64[static 64]);

#endif
