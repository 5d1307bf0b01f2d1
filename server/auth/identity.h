/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who sent a request: the X-SOGS-* headers (docs/protocol/identity.md, 3.1). Pure but for the two
 * memories it is given; the server's way of calling it is auth.h.
 */
#ifndef CONCLAVE_AUTH_IDENTITY_H
#define CONCLAVE_AUTH_IDENTITY_H

#include "auth/recall.h"
#include "router/call.h"

struct identity_rules {
    const struct x25519_pub *server;
    bool blinding_required; /* true in the server (docs/design.md, D10) */
    bool (*banned)(void *arg, const struct session_id *id);
    void *banned_arg;
    struct recall *keys;   /* whose point check passed and who proved to hold them */
    struct recall *nonces; /* of verified requests */
};

/*
 * Checks call->req at call->now_ms, in the order of docs/protocol/identity.md, 3.1. True: call->who
 * is set (and call->nonce, unless anonymous). False: the refusal is written to call->reply. Nothing
 * is remembered of a request that fails. Any thread.
 */
MUST_USE bool identity_check(const struct identity_rules *rules, struct call *call);

/* Who the headers say it is; nothing is checked. False: nobody, or not well-formed. */
bool identity_claimed(const struct request *req, struct session_id *ret_id);

/* The answer to who is banned from the whole server. */
#define IDENTITY_BANNED "Banned"
/* The answer to a nonce that was used before, wherever that is noticed. */
#define IDENTITY_REPLAYED "Invalid authentication: X-SOGS-Nonce cannot be reused"

#endif
