/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame of every onion layer: LE32 length, ciphertext, JSON object (docs/protocol/identity.md,
 * 4.1). Used by the client that builds frames and by the relay that reads them.
 */
#ifndef CONCLAVE_TESTS_CLIENT_FRAME_H
#define CONCLAVE_TESTS_CLIENT_FRAME_H

#include <jansson.h>

#include "base/buf.h"
#include "client/layer.h"

struct frame {
    struct span sealed; /* the N bytes, inside the span that was read */
    json_t *route;      /* an object; owned */
};

/*
 * ERR_MALFORMED: too short, a length that lies, or the rest is not one JSON object. Release with
 * frame_done.
 */
MUST_USE enum err frame_read(struct span bytes, struct frame *ret_frame);
void frame_done(struct frame *f);
#define AUTO_FRAME CLEANUP(frame_done)

/* Appends a frame to out. route is borrowed. */
void frame_put(struct buf *out, struct span sealed, const json_t *route);

/*
 * The two keys that whoever decrypts needs: ephemeral_key (64 hex, or base64 with or without
 * padding) and enc_type (absent: aes-gcm). ERR_MALFORMED: missing, of another type, or unknown.
 */
MUST_USE enum err frame_sealing(const json_t *route, struct x25519_pub *ret_ephemeral,
                                enum layer_cipher *ret_cipher);
/* 64 hex digits under a name. ERR_MALFORMED otherwise. */
MUST_USE enum err frame_hex_key(const json_t *route, const char *name, uint8_t out[static 32]);

#endif
