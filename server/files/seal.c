/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One AEAD over each piece, with its place as the data that is covered but not sent. Chunks under
 * AES-256-GCM, which takes a quarter of the time (docs/decisions/0023-cipher-of-chunks.md).
 */
#include "files/seal.h"

#include "crypto/box.h"

enum { PLACE_BYTES = 16 };

/* blob and n, little-endian. */
static struct span place(uint8_t out[static PLACE_BYTES], int64_t blob, int64_t n)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)blob >> (8 * i));
        out[8 + i] = (uint8_t)((uint64_t)n >> (8 * i));
    }
    return span_of(out, PLACE_BYTES);
}

static enum onion_cipher cipher_of(int64_t n)
{
    return n == SEAL_NAME ? CIPHER_XCHACHA20 : CIPHER_AES_GCM;
}

enum err seal_piece(const struct aead_key *key, int64_t blob, int64_t n, struct span plain,
                    struct buf *out)
{
    uint8_t ad[PLACE_BYTES];
    return box_seal(cipher_of(n), key, place(ad, blob, n), plain, out);
}

enum err seal_open(const struct aead_key *key, int64_t blob, int64_t n, struct bytes sealed,
                   struct bytes *ret_plain)
{
    uint8_t ad[PLACE_BYTES];
    return box_open(cipher_of(n), key, place(ad, blob, n), sealed, ret_plain);
}
