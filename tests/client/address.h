/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where things are: host and port, a server's base URL, a hop's NODE text. Text from users and
 * files is checked here.
 */
#ifndef CONCLAVE_TESTS_CLIENT_ADDRESS_H
#define CONCLAVE_TESTS_CLIENT_ADDRESS_H

#include "crypto/keys.h"

enum { ADDRESS_HOST_MAX = 253, NODES_MAX = 16 };

/* IPv4 or a host name. */
struct address {
    char host[ADDRESS_HOST_MAX + 1];
    uint16_t port;
};

/* A server as users name it: http://host[:port], no path behind it. */
struct server_url {
    struct address at;
    bool https;
};

/* One hop: <64 hex of its Ed25519 key>@host:port. */
struct node {
    struct ed25519_pub ed;
    struct x25519_pub x;
    struct address at;
};

/* host:port; port 0 is legal here ("any"). ERR_MALFORMED. */
MUST_USE enum err address_read(struct span text, struct address *ret_address);
/* A final slash is taken; a path, query or user part is not. ERR_MALFORMED. */
MUST_USE enum err server_url_read(struct span text, struct server_url *ret_url);

/* ERR_MALFORMED: not the form, or the key is no usable point. */
MUST_USE enum err node_read(struct span text, struct node *ret_node);
/* The NODE text with a final NUL. */
struct node_text {
    char s[64 + 1 + ADDRESS_HOST_MAX + 1 + 5 + 1];
};
struct node_text node_write(const struct node *n);

#endif
