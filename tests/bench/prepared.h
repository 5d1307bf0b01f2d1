/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests made ahead of a measurement: signed, wrapped as the last hop posts them, and each
 * unique, since the server takes a nonce once. Beside the bytes stands what the floor needs to do
 * the same cryptography without a server.
 */
#ifndef CONCLAVE_TESTS_BENCH_PREPARED_H
#define CONCLAVE_TESTS_BENCH_PREPARED_H

#include "client/community_client.h"

/* Somebody who sends requests. */
struct bench_user {
    struct account account;
    struct blinded blinded;
};

enum { BENCH_TARGET_MAX = 256 };

/* What to ask. body lives until prepared_make returns. */
struct bench_request {
    const char *method;
    char target[BENCH_TARGET_MAX];
    const char *content_type; /* NULL: none */
    struct span body;
    bool is_signed;
};

struct prepared {
    struct buf http;    /* the whole HTTP request */
    struct span sealed; /* in http: the ciphertext of the innermost layer */
    struct x25519_pub ephemeral;
    struct onion_secret secret;
    bool is_signed;
    struct buf signed_bytes;
    struct ed25519_pub key;
    struct ed25519_sig signature;
};

struct bench_target {
    struct x25519_pub server;
    struct server_url url;
    struct onion_style style;
};

MUST_USE enum err bench_user_make(const struct x25519_pub *server, struct bench_user *ret_user);
/* Release with prepared_done. */
MUST_USE enum err prepared_make(const struct bench_target *target, const struct bench_user *user,
                                const struct bench_request *request, struct prepared *ret_prepared);
void prepared_done(struct prepared *p);

#endif
