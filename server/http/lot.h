/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parking lot: connections that libmicrohttpd must leave alone until somebody else has finished
 * something.
 *
 * Apart because two things are easy to get wrong: whoever finishes may be faster than whoever
 * parks, and a daemon may not be stopped while a connection is suspended.
 */
#ifndef CONCLAVE_HTTP_LOT_H
#define CONCLAVE_HTTP_LOT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

struct MHD_Connection;
struct lot;

/* One place, embedded in what waits; zeroed. Outlives both sides. */
struct lot_place {
    struct lot_place *next, *prev;
    struct MHD_Connection *connection; /* suspended; NULL: not parked */
    bool woken; /* lot_wake came when nobody was parked: the next one need not park */
};

MUST_USE enum err lot_new(struct lot **ret_lot);
void lot_free(struct lot *lot);

enum lot_answer {
    LOT_PARKED, /* suspended: return to libmicrohttpd now */
    LOT_WOKEN,  /* it has happened already: go on */
    LOT_CLOSED, /* the listener ends: give up */
};
/* From a handler or reader of this connection only. */
MUST_USE enum lot_answer lot_park(struct lot *lot, struct lot_place *place,
                                  struct MHD_Connection *connection);
/* What the place waits for has happened. Any thread; quick. */
void lot_wake(struct lot *lot, struct lot_place *place);
/* Resumes everybody; from now on nobody parks. */
void lot_close(struct lot *lot);
bool lot_is_closed(const struct lot *lot);

#endif
