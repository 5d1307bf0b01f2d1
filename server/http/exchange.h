/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One exchange on one of the three paths: from complete headers to the last byte of the reply.
 * Inside http/ only.
 *
 * It has two sides. The pool side is libmicrohttpd's thread of the connection; the other is whoever
 * the request was handed to (a worker, the batch writer, the budget). At any moment only one of
 * them may touch the exchange; `waiting` says, to the pool side, that it is not its turn. The turn
 * changes through the lot (lot.h).
 */
#ifndef CONCLAVE_HTTP_EXCHANGE_H
#define CONCLAVE_HTTP_EXCHANGE_H

#include <stdatomic.h>

#include "http/lot.h"
#include "http/conn.h"
#include "onion/envelope.h"
#include "router/call.h"
#include "work/budget.h"
#include "work/lanes.h"

struct MHD_Connection;
struct MHD_Response;
struct stream;

/*
 * What all exchanges of a listener share. Counted: a worker may hold an exchange a little longer
 * than the listener.
 */
struct host {
    const struct services *services;
    struct budget *budget;
    struct lane *general, *upload;
    struct shares *shares; /* may be NULL */
    struct lot *lot;
    atomic_int exchanges; /* alive */
    atomic_int refs;
    atomic_bool closing; /* replies end their connection */
};
void host_unref(struct host *host);

/* What the pool side does next, when it is its turn. */
enum step {
    STEP_ADMIT,  /* the budget has decided about a large body */
    STEP_BODY,   /* the body arrives */
    STEP_FINISH, /* what was started elsewhere is complete: write the reply */
    STEP_SEND,   /* sealed, stream or status are ready */
};

struct exchange {
    struct job job; /* first: the lanes hand it back */
    struct host *host;
    struct conn *conn;
    struct MHD_Connection *connection; /* pool side only */
    atomic_int refs;                   /* libmicrohttpd's, and one per hand-over */
    struct lot_place place;
    bool waiting;      /* pool side: it is the other's turn */
    int64_t parked_ms; /* a small body that waits for memory: since when, monotonic */
    enum step step;

    enum envelope_kind kind;
    int64_t first_byte_ms; /* monotonic */
    uint64_t length;       /* of the body, as announced */
    bool large;
    struct budget_ticket ticket;
    bool admitted; /* what the ticket wanted is held */
    bool drained;  /* there was no memory: the rest of the body is read and forgotten */
    uint64_t received;
    struct buf body;

    struct arena *mem;
    struct reply_key key;
    struct reply reply;
    struct call call;
    bool peeled;     /* call is there: in the upload lane, where a stranger steps back once */
    bool dispatched; /* the reply is complete */
    bool finished;   /* call.later.finish has run */

    unsigned http_status; /* 200: sealed or stream is the body; else a refusal (refuse.h) */
    struct buf sealed;
    struct stream *stream;
};

/* Headers are complete and the path is ours. NULL without memory. length > 0. */
struct exchange *exchange_new(struct host *host, struct conn *conn,
                              struct MHD_Connection *connection, uint64_t length);
/* Nobody proved to be a member, as far as the request was worked on. */
static inline bool exchange_is_strangers(const struct exchange *ex)
{
    return !ex->call.authenticated || ex->call.stranger;
}
void exchange_ref(struct exchange *ex);
/* The last one frees it, on any thread. */
void exchange_unref(struct exchange *ex);

/*
 * Peels and runs the request on the calling pool thread, as far as memory answers; else hands it
 * over and sets waiting. Afterwards or later step says what to do (exchange_work.c).
 */
void exchange_work(struct exchange *ex);
/* STEP_FINISH: the reply of a call that finished later, sealed. */
void exchange_finish(struct exchange *ex);

#endif
