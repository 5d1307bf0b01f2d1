/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds onion requests and opens their replies (docs/protocol/identity.md, 4.2-4.5): the v4 and v3
 * plaintexts, the wrapping for up to NODES_MAX hops. Bytes only; server_link.c sends them. Any
 * thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_ONION_CLIENT_H
#define CONCLAVE_TESTS_CLIENT_ONION_CLIENT_H

#include <jansson.h>

#include "client/address.h"
#include "client/layer.h"

/*
 * 10 MiB: what nodes carry in both directions; with some room, so that tests can go one byte past
 * it.
 */
enum { ONION_BODY_MAX_BYTES = 10485760, ONION_BUFFER_MAX_BYTES = 2 * ONION_BODY_MAX_BYTES };

enum onion_version { ONION_V4, ONION_V3 };

/* The request inside: what the server's router sees. */
struct onion_request {
    const char *method;
    const char *endpoint;
    const json_t *headers; /* an object, or NULL for {} */
    struct span body;
    bool has_body; /* v4: write the second string even if body is empty */
};

/*
 * How its layers are encrypted and named. enc_type NULL: left out of the JSON, as desktop does
 * (aes-gcm then).
 */
struct onion_style {
    enum layer_cipher cipher;
    const char *enc_type;
};

/* Where the innermost layer goes. */
struct onion_destination {
    struct x25519_pub key;
    struct server_url url;
    const char *target; /* "/oxen/v4/lsrpc" */
};

/* What opens the reply; the innermost layer's key. Wipe it with onion_client_done. */
struct onion_secret {
    enum layer_cipher cipher;
    struct aead_key key;
};

/* Ephemeral secret and nonce of a layer, fixed by vectors only. */
struct onion_fixed {
    struct x25519_secret secret;
    uint8_t nonce[LAYER_NONCE_MAX_BYTES];
};

struct onion_path {
    const struct node *hops; /* first (the guard) to last */
    size_t count;            /* 0: the innermost layer is posted to the server itself */
};

struct onion_reply {
    int code;
    json_t *headers;  /* object, lower-case names; NULL for v3 */
    struct buf plain; /* body lies in it */
    struct span body;
};

/*
 * Appends the plaintext of a request. ERR_MALFORMED: endpoint or body that this version cannot
 * carry.
 */
MUST_USE enum err onion_client_plain(enum onion_version version,
                                     const struct onion_request *request, struct buf *out);
/*
 * Appends the body to post: to the guard, or with an empty path to the server. fixed: NULL, or
 * path->count + 1 entries, innermost first. ERR_SEALED: a hop or the server has a low-order key.
 */
MUST_USE enum err onion_client_wrap(const struct onion_path *path,
                                    const struct onion_destination *to,
                                    const struct onion_style *style, struct span plain,
                                    const struct onion_fixed *fixed, struct buf *out,
                                    struct onion_secret *ret_secret);
/*
 * Opens what came back with HTTP status 200. ERR_SEALED: not for this secret. ERR_MALFORMED: opens,
 * but is no reply. Release with onion_reply_done.
 */
MUST_USE enum err onion_client_open(enum onion_version version, const struct onion_secret *secret,
                                    struct span sealed, struct onion_reply *ret_reply);
void onion_client_done(struct onion_secret *secret);
void onion_reply_done(struct onion_reply *r);
#define AUTO_ONION_REPLY CLEANUP(onion_reply_done)

/* A header of a v4 reply, or "". */
const char *onion_reply_header(const struct onion_reply *r, const char *name);

#endif
