/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deadlines (design D14). libmicrohttpd's own time-out is per activity, so one byte a second lives for ever; here every
 * open connection is looked at about once a second, and one that is over its time is shut down. libmicrohttpd then sees
 * it end and cleans up as after any lost client.
 */
#ifndef CONCLAVE_HTTP_WATCH_H
#define CONCLAVE_HTTP_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct budget;
struct metrics;
struct watch;

enum conn_phase {
    CONN_IDLE,    /* between requests, or inside the headers of one */
    CONN_BODY,    /* its body arrives */
    CONN_WORK,    /* ours to do; those who do it have limits of their own */
    CONN_WRITING, /* the reply leaves */
};

/* One open connection. The atomic fields are written by the thread that serves it and read by the timer. */
struct conn {
    struct conn *next, *prev; /* of its shard */
    unsigned shard;
    int fd;
    bool routed;  /* the URI of the request now under way is one of ours; its own thread only */
    int kind;     /* then: enum envelope_kind */
    bool invited; /* it is a join link, and these have a page */

    _Atomic int phase;             /* enum conn_phase */
    _Atomic int64_t first_byte_ms; /* of the request under way; 0: none seen yet */
    _Atomic int64_t body_from_ms;  /* CONN_BODY: reading began */
    _Atomic int64_t body_bytes;    /* CONN_BODY: received of a large body; small ones stay 0 */
    _Atomic int64_t writing_from_ms;
    _Atomic bool rebase; /* a request ended: what arrived so far is accounted for */

    /* The timer's own. */
    uint64_t seen_bytes;
    uint64_t acked_bytes;
    int64_t acked_ms;
    int64_t acked_of_ms; /* writing_from_ms to which the two belong */
};

MUST_USE enum err watch_new(struct budget *budget, struct metrics *metrics,
                            struct watch **ret_watch);
/* Stops the timer; no connection may be left. */
void watch_free(struct watch *watch);
/* NULL without memory. */
struct conn *watch_add(struct watch *watch, int fd);
/* Before the descriptor is closed. */
void watch_remove(struct watch *watch, struct conn *conn);

/* The first byte of the request under way was seen at the latest now. Returns when it was first noticed. */
int64_t conn_started(struct conn *conn, int64_t mono_ms);
/* The request is over; the connection is idle. */
void conn_finished(struct conn *conn);

#endif
