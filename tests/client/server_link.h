/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A way to a server: through a path of hops, or straight to its lsrpc. Wraps, posts, opens; one
 * request at a time. Community and file clients stand on it and know nothing of onions.
 */
#ifndef CONCLAVE_TESTS_CLIENT_SERVER_LINK_H
#define CONCLAVE_TESTS_CLIENT_SERVER_LINK_H

#include "client/http_client.h"
#include "client/onion_client.h"

enum { LINK_TIMEOUT_MS = 30000, LINK_TROUBLE_MAX = 200 };

struct server_link_options {
    struct server_url url;
    struct x25519_pub key;
    struct node hops[NODES_MAX];
    size_t hop_count; /* 0: straight */
    struct onion_style style;
    enum onion_version version;
    char bind_address[ADDRESS_HOST_MAX + 1]; /* own address to call from, or empty */
    int timeout_ms;                          /* 0: LINK_TIMEOUT_MS */
};

/* What went wrong outside the encryption, for people to read. */
struct link_trouble {
    int status; /* HTTP status of the guard (or server); 0: no answer at all */
    char text[LINK_TROUBLE_MAX];
};

struct server_link;

/* options is copied. ERR_NO_MEMORY; ERR_DENIED: https without a path, as this client has no TLS. */
MUST_USE enum err server_link_open(const struct server_link_options *options,
                                   struct server_link **ret_link);
void server_link_close(struct server_link *l); /* NULL is harmless */
const struct server_link_options *server_link_options(const struct server_link *l);
const struct link_trouble *server_link_trouble(const struct server_link *l);

/*
 * One request and its reply (release it with onion_reply_done), whatever its code. ERR_DENIED: HTTP
 * status other than 200; see server_link_trouble. ERR_MISSING, ERR_BUSY, ERR_MALFORMED,
 * ERR_TOO_LARGE: as in http_client.h. ERR_SEALED: the reply does not open.
 */
MUST_USE enum err server_link_call(struct server_link *l, const struct onion_request *request,
                                   struct onion_reply *ret_reply);

/*
 * The two halves of server_link_call, for tests that tamper with or repeat what lies between them.
 */
MUST_USE enum err server_link_wrap(const struct server_link *l, const struct onion_request *request,
                                   struct buf *out, struct onion_secret *ret_secret);
MUST_USE enum err server_link_post(struct server_link *l, struct span wrapped,
                                   const struct onion_secret *secret,
                                   struct onion_reply *ret_reply);

static inline void server_link_close_auto(struct server_link **l)
{
    server_link_close(*l);
}
#define AUTO_LINK CLEANUP(server_link_close_auto)

#endif
