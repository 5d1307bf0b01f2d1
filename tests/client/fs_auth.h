/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The X-FS-* headers, with which a client may sign what it asks of a file server
 * (docs/protocol/identity.md, 3.2): its 07 key, hex key, base64 signature, no nonce. It has its own
 * idea of the signed bytes; the server's stands in server/auth. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_FS_AUTH_H
#define CONCLAVE_TESTS_CLIENT_FS_AUTH_H

#include <jansson.h>

#include "base/buf.h"
#include "client/account.h"

struct fs_request {
    const char *method;
    const char *target; /* path and query as they will be sent */
    struct span body;
    int64_t timestamp_s;
};

/* Appends the signed bytes. */
MUST_USE enum err fs_auth_bytes(const struct fs_request *request, struct buf *out);
/* Sets the three headers in headers, an object. */
MUST_USE enum err fs_auth_sign(const struct account *account, const struct fs_request *request,
                               json_t *headers);

#endif
