/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AES-256-GCM by OpenSSL: one message, in pieces or whole. Internal to crypto/: everybody else uses
 * box.h. A context per message: making one costs 0.3 us and looking the cipher up 0.4 us (measured,
 * OpenSSL 3.0), which is not worth state per thread.
 */
#ifndef CONCLAVE_CRYPTO_GCM_H
#define CONCLAVE_CRYPTO_GCM_H

#include "crypto/box.h"

enum { GCM_NONCE_BYTES = 12 };
enum gcm_way { GCM_SEAL, GCM_OPEN };

struct gcm {
    struct evp_cipher_ctx_st *ctx; /* owned */
    enum gcm_way way;
};

/* ERR_NO_MEMORY. Release with gcm_done, also after a failure; harmless on a zeroed one. */
MUST_USE enum err gcm_init(struct gcm *g, enum gcm_way way, const struct aead_key *key,
                           const uint8_t nonce[static GCM_NONCE_BYTES]);
void gcm_done(struct gcm *g);

/* Data that is authenticated only: before the first update. */
MUST_USE enum err gcm_authenticate(struct gcm *g, struct span ad);
/* As many bytes out as in; out may be in.p. */
MUST_USE enum err gcm_update(struct gcm *g, struct span in, uint8_t *out);
MUST_USE enum err gcm_seal_finish(struct gcm *g, uint8_t ret_tag[static BOX_TAG_BYTES]);
/* ERR_SEALED: the tag is wrong; what update gave must not be used. */
MUST_USE enum err gcm_open_finish(struct gcm *g, const uint8_t tag[static BOX_TAG_BYTES]);

#endif
