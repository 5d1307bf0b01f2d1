/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listening sockets from addresses in text. Apart from the listeners because both need it, and
 * because libmicrohttpd, given a socket, need not know what an address is.
 */
#ifndef CONCLAVE_HTTP_ADDRESS_H
#define CONCLAVE_HTTP_ADDRESS_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * A TCP socket that listens, close-on-exec and non-blocking. host without brackets; port 0: any
 * free one. ERR_BUSY.
 */
MUST_USE enum err address_listen_tcp(const char *host, uint16_t port, int *ret_fd);
/* "host:port" or "[host]:port", as above. ERR_MALFORMED: it is neither. */
MUST_USE enum err address_listen_text(const char *text, int *ret_fd);
/*
 * A unix socket, mode 0660. One that nobody listens on is replaced; ERR_BUSY when somebody does, or
 * when something else lies there. ERR_TOO_LARGE: the path does not fit the kernel's 107 bytes.
 */
MUST_USE enum err address_listen_unix(const char *path, int *ret_fd);
/* The port a TCP socket is bound to; 0 for others. */
uint16_t address_port(int fd);

#endif
