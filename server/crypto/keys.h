/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Typed keys: one struct per kind, so that an X25519 key cannot be passed for an Ed25519 one.
 * Shapes from docs/protocol (01, sections 1 and 2).
 */
#ifndef CONCLAVE_CRYPTO_KEYS_H
#define CONCLAVE_CRYPTO_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct x25519_pub {
    uint8_t b[32];
};
struct x25519_secret {
    uint8_t b[32];
};
struct ed25519_pub {
    uint8_t b[32];
};
struct ed25519_sig {
    uint8_t b[64];
};
/* A key for one AEAD: an onion layer, a sealed row, a wrapped ring key. */
struct aead_key {
    uint8_t b[32];
};
/* A reduced scalar mod L. */
struct scalar {
    uint8_t b[32];
};

/*
 * An account as the protocol names it: prefix byte (05 unblinded, 15 and 25 blinded) and 32 bytes
 * of key. Text form: 66 lower-case hex characters.
 */
enum { ID_UNBLINDED = 0x05, ID_BLINDED15 = 0x15, ID_BLINDED25 = 0x25, SESSION_ID_TEXT_LEN = 66 };
struct session_id {
    uint8_t b[33];
};

static inline bool session_id_eq(const struct session_id *a, const struct session_id *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* 66 hex digits, either case, prefix 05, 15 or 25. ERR_MALFORMED otherwise. Any thread. */
MUST_USE enum err session_id_read(struct span text, struct session_id *ret_id);
/* Writes 66 lower-case hex characters, no NUL. */
void session_id_write(const struct session_id *id, char out[static SESSION_ID_TEXT_LEN]);

/*
 * libsodium's one-time start; every program calls it before anything else here. ERR_DEFECT if it
 * fails.
 */
MUST_USE enum err crypto_start(void);
/* Fills with random bytes from the system. Any thread. */
void crypto_random(void *p, size_t len);
/* Erases, in a way that the compiler may not remove. */
void crypto_wipe(void *p, size_t len);

#endif
