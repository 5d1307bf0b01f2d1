/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The X-SOGS-* headers of a signed community request (docs/protocol/identity.md, 3.1), as desktop
 * makes them: blinded id, hex key, base64 nonce and signature. It has its own idea of the signed
 * bytes; the server's stands in server/auth. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_SOGS_AUTH_H
#define CONCLAVE_TESTS_CLIENT_SOGS_AUTH_H

#include <jansson.h>

#include "base/buf.h"
#include "client/blinding.h"

enum { SOGS_NONCE_BYTES = 16 };

/* What is signed about a request. */
struct sogs_request {
    const char *method;
    const char *target; /* path and query as they will be sent */
    struct span body;
    uint8_t nonce[SOGS_NONCE_BYTES];
    int64_t timestamp_s;
};

struct sogs_signer {
    const struct account *account;
    const struct blinded *blinded; /* NULL: signs unblinded, with the 00 key */
    struct x25519_pub server;
};

/* Appends the signed bytes. ERR_MALFORMED: a bad %XX in the path. */
MUST_USE enum err sogs_auth_bytes(const struct x25519_pub *server,
                                  const struct sogs_request *request, struct buf *out);
/* Sets the four headers in headers, an object. */
MUST_USE enum err sogs_auth_sign(const struct sogs_signer *signer,
                                 const struct sogs_request *request, json_t *headers);

#endif
