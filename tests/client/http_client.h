/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small HTTP/1.1 client over plain TCP or a unix socket: keep-alive, deadlines, bounded replies.
 * Clients reach their guard with it, relays the next node and the server, tests the operator
 * socket. No TLS, no redirects, no proxies. One connection per object; one thread at a time.
 */
#ifndef CONCLAVE_TESTS_CLIENT_HTTP_CLIENT_H
#define CONCLAVE_TESTS_CLIENT_HTTP_CLIENT_H

#include "base/buf.h"
#include "client/address.h"

enum { HTTP_UNIX_PATH_MAX = 107 };

struct http_target {
    struct address at;
    char unix_path[HTTP_UNIX_PATH_MAX + 1]; /* instead of at, when not empty */
    char bind_address[ADDRESS_HOST_MAX +
                      1];   /* own IPv4 address to call from; empty: the system's choice */
    int timeout_ms;         /* for one whole exchange, connecting included */
    size_t max_reply_bytes; /* of the body */
};

struct http_reply {
    int status;
    struct span body; /* in the client's memory, until its next call */
    char content_type[128];
};

struct http_client;

/* Opens nothing yet. NULL without memory. */
struct http_client *http_client_new(const struct http_target *target);
/* Closes the connection; NULL is harmless. */
void http_client_free(struct http_client *c);

/*
 * One exchange. A kept connection that turns out to be closed before it answered anything is opened
 * again, once. body may be empty; content_type NULL: none is sent. ERR_MISSING: nobody listens or
 * the name does not resolve. ERR_BUSY: no answer in time. ERR_TOO_LARGE: a longer reply than
 * allowed. ERR_MALFORMED: not HTTP, or cut off. After an error the connection is closed.
 */
MUST_USE enum err http_client_call(struct http_client *c, const char *method, const char *path,
                                   const char *content_type, struct span body,
                                   struct http_reply *ret_reply);
/*
 * http_client_call with POST and application/octet-stream, as everything of the onion network goes.
 */
MUST_USE enum err http_client_post(struct http_client *c, const char *path, struct span body,
                                   struct http_reply *ret_reply);

static inline void http_client_free_auto(struct http_client **c)
{
    http_client_free(*c);
}
#define AUTO_HTTP CLEANUP(http_client_free_auto)

#endif
