/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Classic attachment encryption (docs/protocol/identity.md, 6.1), which every client reads. The
 * deterministic stream of 6.2 is not here. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_ATTACHMENT_H
#define CONCLAVE_TESTS_CLIENT_ATTACHMENT_H

#include "base/buf.h"

enum { ATTACHMENT_KEY_BYTES = 64, ATTACHMENT_IV_BYTES = 16, ATTACHMENT_DIGEST_BYTES = 32 };

/* A reader that was not told the size keeps the padding. */
#define ATTACHMENT_SIZE_UNKNOWN SIZE_MAX

/* What the message tells its readers beside the URL. */
struct attachment_keys {
    uint8_t key[ATTACHMENT_KEY_BYTES];       /* AES key || MAC key */
    uint8_t digest[ATTACHMENT_DIGEST_BYTES]; /* SHA-256 of the whole file */
    size_t size_bytes;                       /* of the plaintext without padding */
};

/* The length that n bytes are padded to before encryption. */
size_t attachment_padded_size(size_t n);

/*
 * Appends the file: IV || AES-256-CBC(plain, zero-padded to attachment_padded_size) || HMAC.
 * keys->key and the IV are fresh when key and iv are NULL; a vector gives them, and then nothing is
 * padded unless pad is set.
 */
struct attachment_fixed {
    const uint8_t *key;
    const uint8_t *iv;
};
MUST_USE enum err attachment_seal(struct span plain, bool pad, const struct attachment_fixed *fixed,
                                  struct buf *out, struct attachment_keys *ret_keys);
/*
 * Appends the plaintext, cut to keys->size_bytes. ERR_SEALED: digest, MAC or padding do not agree.
 */
MUST_USE enum err attachment_open(struct span file, const struct attachment_keys *keys,
                                  struct buf *out);

#endif
