/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one dispatcher: authentication, route, access, body limit, handler, in the order of
 * docs/protocol/community.md, 2.0. Routes are data (server/routes.c); auth/ is reached through the
 * function pointers below, since it stands above.
 */
#ifndef CONCLAVE_ROUTER_DISPATCH_H
#define CONCLAVE_ROUTER_DISPATCH_H

#include "router/call.h"

/* Who may call a route. Zero is "undeclared" and refuses to start. */
enum access {
    ACCESS_UNDECLARED = 0,
    ACCESS_PUBLIC,            /* anyone */
    ACCESS_ROOM_ACCESSIBLE,   /* else 404 */
    ACCESS_ROOM_READ,         /* 403; 404 when not even accessible (docs/design.md, D11) */
    ACCESS_ROOM_READ_AS_USER, /* a user (401) with read (403): reactions */
    ACCESS_ROOM_WRITE,        /* a user (401) with write (403) */
    ACCESS_ROOM_UPLOAD,
    ACCESS_ROOM_MODERATOR,
    ACCESS_ROOM_ADMIN, /* 403 for everybody else, anonymous callers too: pins */
    /*
     * The same right; 401 for anonymous callers and 405 where the room is not there, as PySOGS
     * answers PUT of a room.
     */
    ACCESS_ROOM_SETTINGS,
    ACCESS_USER,
    ACCESS_BLINDED_USER,
    ACCESS_GLOBAL_ADMIN, /* a user (401) who is one (403): before it is told whether a room is there */
};

/* Whether running it twice matters (docs/design.md, D5). */
enum effect {
    EFFECT_UNDECLARED = 0,
    EFFECT_READS,                /* no claim; may be answered from memory */
    EFFECT_WRITES,               /* the dispatcher claims the nonce before the handler */
    EFFECT_WRITES_CLAIMED_LATER, /* the handler hands the claim to the batch writer (what is alone) */
    EFFECT_WRITES_IF_NEEDED,     /* the handler claims the nonce, when nothing refuses the change */
    EFFECT_BY_ELEMENTS,          /* batch and sequence: decided by what is inside */
};

typedef enum err (*handler_fn)(struct call *call);

struct route {
    const char *method;  /* "GET", "POST", "PUT", "DELETE" */
    const char *pattern; /* "/room/{room}/messages/since/{number}" */
    enum access access;
    enum effect effect;
    size_t body_max; /* bytes; 0: a body is ignored, whatever its size */
    handler_fn handler;
};

struct dispatcher {
    const struct route *routes;
    size_t route_count;
    /*
     * Checks the X-SOGS-* headers once: sets call->who and call->nonce, or writes the refusal and
     * returns false.
     */
    bool (*authenticate)(struct call *call);
    /*
     * Claims call->nonce in SQL (call->db set). False: refusal written (425), or busy. Called once
     * before the first write of a request.
     */
    bool (*claim)(struct call *call);
    /*
     * The authenticated call is answered busy: what memory noted of its nonce is dropped, so that
     * the same bytes may come again. Whether they may still write, the claim in SQL says. May be
     * NULL.
     */
    void (*forget)(struct call *call);
    /*
     * Finds call->room and call->rights when the route has {room}; checks access. ERR_DENIED:
     * refusal written. ERR_RETRY (only without db): memory cannot tell, run again on a worker.
     */
    enum err (*admit)(struct call *call, enum access access);
    /*
     * Gives back what admit took (call->room); called once for every call that was admitted or
     * tried to be.
     */
    void (*release)(struct call *call);
    /*
     * Whether the caller, as far as its headers claim, is a stranger (docs/design.md, D14): asked
     * before any proof is checked, to decide what waits for whom. May be NULL: nobody is.
     */
    bool (*is_stranger)(const struct call *call);
    /*
     * Before the route of an authenticated caller is looked for: what was stored for the caller
     * under another id becomes the caller's own. ERR_RETRY (only without db): there is something.
     * ERR_DENIED: refusal written. NULL: none.
     */
    enum err (*welcome)(struct call *call);
};

/*
 * Every route declared (access, effect, handler, pattern well-formed, no duplicate)? ERR_DEFECT
 * names the first bad one.
 */
MUST_USE enum err dispatch_check(const struct dispatcher *d, const char **ret_bad_pattern);

/*
 * Runs the outermost request. OK: call->reply is complete, or call->later.started. ERR_RETRY: needs
 * a worker; drop the reply and call again with db set (call->authenticated is kept). Anything else
 * was turned into a reply already.
 */
MUST_USE enum err dispatch_request(struct call *call);
/*
 * Claims the nonce of the request in SQL, unless that is done or there is nothing to claim;
 * call->db is set. ERR_DENIED: the refusal is written (the handler then returns OK). The dispatcher
 * does this itself for EFFECT_WRITES; handlers of EFFECT_WRITES_IF_NEEDED do it before they write
 * anything.
 */
MUST_USE enum err dispatch_claim(struct call *call);
/*
 * Completes a call that had started later work: runs later.finish, turns an unwritten or overflown
 * reply into an error and releases the room. Whoever implements later.complete calls it once,
 * before the reply is sealed, and not before dispatch_request has returned: the later of the two
 * events runs it. Any thread.
 */
void dispatch_finish(struct call *call);
/*
 * The outermost request is answered 503, by whomever: it may be sent again as it is, rather than be
 * taken for a replay. Once, when its reply is complete.
 */
void dispatch_forget(struct call *call);
/*
 * Runs one element of a batch: same caller, no authentication, headers X-SOGS-* ignored
 * (docs/protocol/community.md, 1.4). OK or ERR_RETRY as above.
 */
MUST_USE enum err dispatch_element(const struct call *outer, const struct request *req,
                                   struct reply *reply);
/*
 * The same for an element that may finish later, as outer->later says. *ret_started: it will; that
 * call is in outer->mem and is for dispatch_finish, after outer->later.complete was called with it,
 * with reply or another set. NULL: the reply is complete.
 */
MUST_USE enum err dispatch_element_start(const struct call *outer, const struct request *req,
                                         struct reply *reply, struct call **ret_started);
/* May its handler finish later? Those elements of a batch depend on no other's having finished. */
bool dispatch_may_finish_later(const struct dispatcher *d, const struct request *req);

/*
 * The handlers of POST /batch and POST /sequence (router/batch.c; docs/protocol/community.md, 1.9;
 * limits of docs/design.md, D8).
 */
MUST_USE enum err batch_run(struct call *call);
MUST_USE enum err sequence_run(struct call *call);

#endif
