/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One layer of onion encryption as clients and hops do it (docs/protocol/identity.md, 4.2). Written
 * apart from the server's: the two meet only on the wire. Relay and client core share this file,
 * since a hop is on the client's side of the proof. Stateless; any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_LAYER_H
#define CONCLAVE_TESTS_CLIENT_LAYER_H

#include "base/buf.h"
#include "crypto/keys.h"

/*
 * aes-cbc is here for the relay, which accepts it as the storage server does; clients never send
 * it.
 */
enum layer_cipher { LAYER_AES_GCM, LAYER_XCHACHA20, LAYER_AES_CBC };
enum { LAYER_NONCE_MAX_BYTES = 24 };

struct layer_pair {
    struct x25519_pub pub;
    struct x25519_secret secret;
};

/* Names and aliases of enc_type, exact lower case. ERR_MALFORMED: unknown. */
MUST_USE enum err layer_cipher_read(struct span name, enum layer_cipher *ret_cipher);
/* The main name: "aes-gcm", "xchacha20", "aes-cbc". */
const char *layer_cipher_name(enum layer_cipher cipher);
size_t layer_nonce_bytes(enum layer_cipher cipher);

/* A fresh ephemeral pair, or the public half of a given secret. */
struct layer_pair layer_pair_random(void);
struct layer_pair layer_pair_of(const struct x25519_secret *secret);

/*
 * The key of a layer; the same for request and reply. ours belongs to whoever calls, theirs to the
 * other side, and client and server are both public keys in that order. ERR_SEALED: a low-order
 * key.
 */
MUST_USE enum err layer_key(enum layer_cipher cipher, const struct x25519_secret *ours,
                            const struct x25519_pub *theirs, const struct x25519_pub *client,
                            const struct x25519_pub *server, struct aead_key *ret_key);

/*
 * Appends nonce || ciphertext [|| tag] to out. nonce NULL: random, as everything but a vector test
 * wants.
 */
MUST_USE enum err layer_seal(enum layer_cipher cipher, const struct aead_key *key,
                             const uint8_t *nonce, struct span plain, struct buf *out);
/* Appends the plaintext to out. ERR_SEALED: too short, or it does not open. */
MUST_USE enum err layer_open(enum layer_cipher cipher, const struct aead_key *key,
                             struct span sealed, struct buf *out);

#endif
