/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bare TCP connections for tests of what stands before HTTP is understood: bytes out, bytes in, no
 * help. Any thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_RAW_H
#define CONCLAVE_TESTS_INTEGRATION_RAW_H

#include "base/buf.h"
#include "client/address.h"

/* receive_bytes: of the socket's own buffer, 0: the system's choice. -1: cannot connect. */
int raw_connect(const struct address *at, int receive_bytes);
/* False when the other side does not take them (any more). */
bool raw_send(int fd, struct span bytes);
/* Appends to out until the other side ends. ERR_BUSY: not within that time. */
MUST_USE enum err raw_read_to_end(int fd, int timeout_ms, struct buf *out);
/*
 * One connection: sends, reads to the end, closes. A refusal to take all of the bytes is no
 * failure. ERR_MISSING: cannot connect.
 */
MUST_USE enum err raw_ask(const struct address *at, struct span bytes, int timeout_ms,
                          struct buf *out);
/* Appends a POST of body to path as a last hop sends it. */
void raw_put_post(struct buf *out, const char *path, struct span body, const char *more_headers);

#endif
