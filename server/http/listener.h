/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The public listener (docs/design.md, D1 and D14): exactly three POST paths do anything, every
 * other request gets the same empty 404 (but for join links, where [web] invite_page is on).
 * Sockets, sizes, deadlines and admission; a finished HTTP exchange becomes an onion request, its
 * reply goes back. libmicrohttpd is called only in this room.
 */
#ifndef CONCLAVE_HTTP_LISTENER_H
#define CONCLAVE_HTTP_LISTENER_H

#include "router/call.h"

struct budget;
struct lane;
struct listener;
struct shares;

struct listener_options {
    const struct services
        *services; /* conf: [server] listen, max_body; [memory] bodies; lives longer */
    struct budget *budget;
    struct lane *general, *upload;
    struct shares *shares; /* NULL: nobody is held back */
    struct span key_hex;   /* of the server, for [web] invite_page */
};
/* ERR_BUSY: cannot listen there (exit code 5). Serving starts at once. */
MUST_USE enum err listener_open(const struct listener_options *options,
                                struct listener **ret_listener);
/* How many threads read and answer requests: one per core, up to a bound. */
unsigned listener_threads(void);
/* The port in use (for listen addresses with port 0). */
uint16_t listener_port(const struct listener *listener);
/* Stops accepting, answers what is under way (bounded by 10 s), closes. */
void listener_close(struct listener *listener);

#endif
