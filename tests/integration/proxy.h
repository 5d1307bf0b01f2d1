/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between a server and its PostgreSQL: a unix socket that passes everything on, until it is told to
 * lose the connection at an exact moment. A thread of the test; one proxy at a time is enough for
 * anybody.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_PROXY_H
#define CONCLAVE_TESTS_INTEGRATION_PROXY_H

#include "base/attr.h"
#include "base/err.h"

enum loss {
    LOSE_REQUEST, /* PostgreSQL never receives it */
    LOSE_ANSWER,  /* PostgreSQL has done it; its answer is dropped */
    LOSE_AT_ONCE, /* passed on, and the server's side is closed while PostgreSQL still works on it */
    /*
     * Both sides stay open and hear nothing more, as if PostgreSQL stood still: before it has read
     * the request (which it does with proxy_release, even when the server has gone), or when it has
     * done it.
     */
    FREEZE_REQUEST,
    FREEZE_ANSWER,
};

/*
 * When: a connection that has carried `mark` (the name of a statement) carries `trigger`. times:
 * for how many connections, one after the other.
 */
struct loss_plan {
    enum loss loss;
    const char *mark, *trigger; /* literals */
    int times;
};

struct proxy;

/* folder: gets the socket .s.PGSQL.5432; database_folder has the one of PostgreSQL. */
MUST_USE enum err proxy_start(const char *folder, const char *database_folder,
                              struct proxy **ret_proxy);
/* Closes everything; NULL is harmless. */
void proxy_stop(struct proxy *p);

void proxy_lose(struct proxy *p, const struct loss_plan *plan);
/* PostgreSQL goes on with the requests that were held. */
void proxy_release(struct proxy *p);
/* How many connections were lost since the last proxy_lose. */
int proxy_lost(struct proxy *p);

#endif
