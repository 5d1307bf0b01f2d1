/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A relay: listens for onion requests and does what hop.c decides. A process has one; it runs until
 * it is closed.
 */
#ifndef CONCLAVE_TESTS_NETWORK_RELAY_H
#define CONCLAVE_TESTS_NETWORK_RELAY_H

#include "network/hop.h"

/* Times of docs/protocol/identity.md, 4.6 and 7. */
enum { RELAY_SERVER_TIMEOUT_MS = 25000, RELAY_NODE_TIMEOUT_MS = 30000 };

struct relay_options {
    struct hop_keys keys;
    struct address listen; /* port 0: any free one */
    const char *
        peers_path; /* one NODE per line; read anew for every forward, so it may grow while we run */
    int server_timeout_ms; /* tests shorten them */
    int node_timeout_ms;
};

struct relay;

/*
 * options is copied; peers_path must stay valid. ERR_BUSY: cannot listen there. ERR_MALFORMED: the
 * peers file.
 */
MUST_USE enum err relay_open(const struct relay_options *options, struct relay **ret_relay);
/* Waits for requests in hand. NULL is harmless. */
void relay_close(struct relay *r);
/* Its own NODE, with the port it really listens on. */
struct node relay_node(const struct relay *r);

/*
 * Looks a node up in a peers file. ERR_MISSING: not there. ERR_MALFORMED: unreadable, or a line
 * that is no NODE.
 */
MUST_USE enum err relay_find_peer(const char *path, const struct ed25519_pub *key,
                                  struct node *ret_node);

#endif
