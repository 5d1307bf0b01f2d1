/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An account: a seed and everything that follows from it (docs/protocol/identity.md, 1), and the
 * file it is kept in. Called account.c rather than identity.c so that it is not mistaken for the
 * server's auth/identity.c.
 */
#ifndef CONCLAVE_TESTS_CLIENT_ACCOUNT_H
#define CONCLAVE_TESTS_CLIENT_ACCOUNT_H

#include "crypto/keys.h"

enum { ACCOUNT_SEED_BYTES = 32, ACCOUNT_RANDOM_BYTES = 16 };

struct account {
    uint8_t seed[ACCOUNT_SEED_BYTES];
    uint8_t sk64[64];              /* libsodium's form: seed || A */
    struct ed25519_pub ed;         /* A, the master key */
    struct scalar scalar;          /* a: the Ed25519 private scalar ... */
    struct x25519_secret x_secret; /* ... which is the X25519 secret too */
    struct x25519_pub x;
    struct session_id id; /* 05 || X */
};

/* ERR_DEFECT cannot happen for a seed of ours; it guards the conversion. */
MUST_USE enum err account_from_seed(const uint8_t seed[static ACCOUNT_SEED_BYTES],
                                    struct account *ret_account);
/* 16 random bytes and 16 zero ones, as every client makes them. */
MUST_USE enum err account_new(struct account *ret_account);
/* Wipes it. */
void account_done(struct account *a);
#define AUTO_ACCOUNT CLEANUP(account_done)

/*
 * The seed as hex text in a file of mode 0600: 64 digits, or 32 (the other half is zeros then), and
 * a final newline. Writing never overwrites: ERR_CONFLICT. ERR_MISSING: no such file.
 * ERR_MALFORMED: another content.
 */
MUST_USE enum err account_save(const struct account *a, const char *path);
MUST_USE enum err account_load(const char *path, struct account *ret_account);

/* Lower-case hex with a final NUL. */
struct id_text {
    char s[SESSION_ID_TEXT_LEN + 1];
};
struct id_text account_id_text(const struct session_id *id);
/* 66 hex digits with any two-digit prefix. */
MUST_USE enum err account_id_read(struct span text, struct session_id *ret_id);

#endif
