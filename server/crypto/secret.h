/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long-lived secrets: in locked memory (guard pages, not swapped, not in core files), wiped on
 * release. Server key and storage key come from files (32 raw bytes or 64 hex; refused when group-
 * or world-writable, reported when readable by others).
 */
#ifndef CONCLAVE_CRYPTO_SECRET_H
#define CONCLAVE_CRYPTO_SECRET_H

#include "crypto/keys.h"

/* Locked, zeroed memory, or NULL. Free with secret_free (wipes; NULL is harmless). */
void *secret_alloc(size_t size);
void secret_free(void *p);

/* What reading a key file found, for a clear sentence to the operator. */
enum key_file_state {
    KEY_FILE_OK,
    KEY_FILE_READABLE_BY_OTHERS, /* usable; warn */
    KEY_FILE_MISSING,
    KEY_FILE_UNREADABLE,
    KEY_FILE_WRITABLE_BY_OTHERS, /* refused */
    KEY_FILE_BAD_CONTENT, /* neither 32 raw bytes nor 64 hex digits (a final newline is fine) */
};
/* Reads 32 bytes into out (filled for the first two states only). */
MUST_USE enum key_file_state key_file_read(const char *path, uint8_t out[static 32]);
/*
 * Makes a new random key file: 32 raw bytes, mode 0400, written to a temporary name beside it,
 * fsynced, linked into place; never overwrites. ERR_CONFLICT: exists already. ERR_DENIED: cannot
 * write there.
 */
MUST_USE enum err key_file_generate(const char *path);
/* The same with a key that there is already. */
MUST_USE enum err key_file_write(const char *path, const uint8_t key[static 32]);

/*
 * The server's identity, ready for use. All pointers live in locked memory.
 */
struct server_keys {
    struct x25519_pub pub; /* B: what join links carry */
    struct ed25519_pub
        ed_form; /* the same key for #p= links (docs/protocol/files.md, 2.1), sign bit 0 */
    struct scalar blind15_factor; /* k of docs/protocol/identity.md, 2.2 */
    struct x25519_secret *secret; /* locked memory, owned */
};
/* ERR_DEFECT if raw is not a usable secret (its public key would be zero). */
MUST_USE enum err server_keys_open(const uint8_t raw[static 32], struct server_keys *ret_keys);
void server_keys_close(struct server_keys *keys);

#endif
