/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The outermost form of an onion request (docs/protocol/identity.md, 4.1): LE32 N, N bytes of
 * ciphertext, a JSON object to the end.
 */
#ifndef CONCLAVE_ONION_FRAME_H
#define CONCLAVE_ONION_FRAME_H

#include "crypto/box.h"

struct arena;

enum {
    /*
     * The last hop sends its whole routing object along: host, target and keys make 110-230 bytes
     * (docs/protocol/identity.md, 7), and no host name is longer than 253. The rest is room for
     * keys that are yet to be invented.
     */
    FRAME_JSON_MAX_BYTES = 4096,
};

struct frame {
    struct bytes ciphertext; /* points into the frame */
    struct x25519_pub ephemeral;
    enum onion_cipher cipher;
};

/*
 * Decrypts nothing. ERR_MALFORMED: not a frame, a length lies, a key or enc_type that is none.
 * ERR_SEALED: an enc_type that exists, but that we do not open (aes-cbc). Any thread.
 */
MUST_USE enum err frame_parse(struct arena *mem, struct bytes raw, struct frame *ret_frame);

#endif
