/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two onion ciphers (docs/protocol/identity.md, 4.2) and the sealing of rows at rest
 * (docs/design.md, D13). AES-256-GCM is OpenSSL's (works without AES hardware, streams);
 * XChaCha20-Poly1305 is libsodium's.
 */
#ifndef CONCLAVE_CRYPTO_BOX_H
#define CONCLAVE_CRYPTO_BOX_H

#include "base/buf.h"
#include "crypto/keys.h"

enum onion_cipher { CIPHER_AES_GCM, CIPHER_XCHACHA20 };
enum { BOX_TAG_BYTES = 16, BOX_NONCE_MAX_BYTES = 24 };

/* Nonce length on the wire: 12 for GCM, 24 for XChaCha20. */
size_t box_nonce_bytes(enum onion_cipher cipher);
/* Bytes that sealing adds: nonce and tag. */
size_t box_overhead_bytes(enum onion_cipher cipher);

/*
 * The key shared by the client's ephemeral pair and the server's pair; request and reply use the
 * same one. ours: our secret; theirs: the other side's public key; client/server: both public keys
 * in protocol order. ERR_SEALED: low-order key. Any thread.
 */
MUST_USE enum err box_shared_key(enum onion_cipher cipher, const struct x25519_secret *ours,
                                 const struct x25519_pub *theirs, const struct x25519_pub *client,
                                 const struct x25519_pub *server, struct aead_key *ret_key);

/*
 * Opens nonce || ciphertext || tag in place. *ret_plain points into sealed. ERR_SEALED when the tag
 * is wrong (the bytes are then destroyed) or sealed is too short. ad may be empty.
 */
MUST_USE enum err box_open(enum onion_cipher cipher, const struct aead_key *key, struct span ad,
                           struct bytes sealed, struct bytes *ret_plain);

/* Appends nonce || ciphertext || tag to out, with a fresh random nonce. */
MUST_USE enum err box_seal(enum onion_cipher cipher, const struct aead_key *key, struct span ad,
                           struct span plain, struct buf *out);
/*
 * The same for a row of ours, XChaCha20, with a nonce that says something. It must never come twice
 * with one key and different texts.
 */
MUST_USE enum err box_seal_with(const struct aead_key *key,
                                const uint8_t nonce[static BOX_NONCE_MAX_BYTES], struct span plain,
                                struct buf *out);
/*
 * Seals in place what the caller laid out: frame = nonce space | plain | tag space, all frame.len
 * bytes. Saves a copy of large replies. ERR_DEFECT if frame is shorter than the overhead.
 */
MUST_USE enum err box_seal_in_place(enum onion_cipher cipher, const struct aead_key *key,
                                    struct bytes frame);

/*
 * A reply sealed piece by piece, for bodies that are not in memory as a whole. Output of start (the
 * nonce), of each update (as many bytes as went in) and of finish (the tag), in that order, is
 * exactly what box_seal would give. One thread at a time. Release with box_stream_free in any
 * state.
 */
struct box_stream;
MUST_USE enum err box_stream_new(enum onion_cipher cipher, const struct aead_key *key,
                                 struct box_stream **ret_stream,
                                 uint8_t ret_nonce[static BOX_NONCE_MAX_BYTES]);
MUST_USE enum err box_stream_update(struct box_stream *s, struct span plain, uint8_t *out);
MUST_USE enum err box_stream_finish(struct box_stream *s, uint8_t ret_tag[static BOX_TAG_BYTES]);
void box_stream_free(struct box_stream *s);

#endif
