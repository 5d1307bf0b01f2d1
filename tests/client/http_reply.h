/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the bytes of one HTTP/1.1 reply: head, then a body by length, in chunks, or up to the end
 * of the connection. Pure: no sockets. http_client.c feeds it.
 */
#ifndef CONCLAVE_TESTS_CLIENT_HTTP_REPLY_H
#define CONCLAVE_TESTS_CLIENT_HTTP_REPLY_H

#include "base/buf.h"

enum { HTTP_HEAD_MAX_BYTES = 32768 };

enum http_body { HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_UNTIL_CLOSE };

struct http_head {
    int status;
    enum http_body kind;
    size_t length; /* for HTTP_BODY_LENGTH */
    bool close;    /* the server will close after this reply */
    char content_type[128];
};

/* Length of the head with its empty line at the front of data; 0 while it is incomplete. */
size_t http_head_length(struct span data);
/* head: exactly that many bytes. ERR_MALFORMED. */
MUST_USE enum err http_head_read(struct span head, struct http_head *ret_head);
/*
 * Decodes a chunked body from the front of data into out. ERR_RETRY: more bytes are needed (out is
 * as before); ERR_MALFORMED; ERR_TOO_LARGE (out's ceiling).
 */
MUST_USE enum err http_chunks_read(struct span data, struct buf *out);

#endif
