/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request under way: what a handler sees, and all that it sees. Made by http/ for the outermost
 * request and by batch.c for each element.
 *
 * Where it runs. First on a pool thread with db == NULL: only memory may be used, and a handler
 * that needs SQL returns ERR_RETRY, upon which the whole request is restarted on a worker with db
 * set. A lone post may also finish later: see `later` below.
 */
#ifndef CONCLAVE_ROUTER_CALL_H
#define CONCLAVE_ROUTER_CALL_H

#include "crypto/keys.h"
#include "router/reply.h"
#include "router/request.h"

struct arena;
struct conf;
struct db;
struct disk;
struct dispatcher;
struct files;
struct metrics;
struct ring;
struct room;
struct server_keys;
struct state;
struct auth;
struct limits;
struct recall;
struct timestamps;
struct writer;

/* The long-lived parts of the server that handlers may use. Set once by app.c, const afterwards. */
struct services {
    const struct conf *conf;
    const struct server_keys *keys;
    const struct dispatcher *dispatcher;
    struct metrics *metrics;
    struct auth *auth;             /* auth/: caches of keys and nonces */
    struct state *state;           /* state/: rooms, rights, users, windows in memory */
    struct ring *ring;             /* store/: keys that seal rows */
    struct writer *writer;         /* work/: the batch writer */
    struct timestamps *timestamps; /* work/: the times that messages get */
    struct recall *posted; /* auth/: posts that this process has accepted, to recognise retries */
    struct limits *limits; /* work/: what one identity may do, and all new ones together */
    struct files *files;   /* files/: limits of uploads, and the look at types */
    struct disk *disk;     /* work/: how much is free on the database's disk */
};

/* Who asks. Anonymous when !known. */
struct identity {
    bool known;
    struct session_id id; /* 15..., as given: never normalised (docs/protocol/identity.md, 2.2) */
};

/*
 * What the caller may do in call->room (docs/protocol/community.md, 3.8); all false without a room.
 */
struct rights {
    bool banned, read, accessible, write, upload;
    bool moderator, admin, global_moderator, global_admin;
};

/* Values of the placeholders of the matched pattern. */
struct params {
    struct span room; /* {room}: 1-64 of [A-Za-z0-9_-] */
    int64_t
        number; /* {number}: digits; past 64 bits: INT64_MAX (docs/protocol/community.md, 1.5) */
    struct session_id user; /* {user}: folded to lower case by parsing */
    struct span text;       /* {text}: one segment; {rest}: everything to the end */
};

/* The proof of a signed request, kept for the claim that makes it run once (docs/design.md, D5). */
struct nonce {
    uint8_t b[16];
    int64_t signed_s; /* the signed timestamp, seconds since 1970 */
};

struct call {
    struct arena *mem;
    const struct services *services;
    const struct request *req;
    struct reply *reply;
    struct db *db;  /* NULL: memory only */
    int64_t now_ms; /* wall clock, read once per request */
    /*
     * Monotonic: what has not begun by then is answered busy, since nobody waits for its reply; 0:
     * no limit.
     */
    int64_t begin_until_ms;
    struct identity who;
    bool authenticated; /* the outermost proof was checked; survives the restart on a worker */
    bool
        stranger; /* anonymous, or first seen lately (docs/design.md, D14); set with authenticated */
    bool nonce_claimed; /* a claim in SQL succeeded (or there is nothing to claim) */
    struct nonce nonce; /* valid when who.known */
    int depth;          /* 0 outermost, 1 inside a batch */
    struct params params;
    struct room *room; /* a reference held for the call (state/); NULL for routes without {room} */
    struct rights rights;

    /*
     * Finishing later. When later.allowed, a handler may store finish and arg, start work
     * elsewhere, and return OK with later.started = true. Whoever completes the work calls
     * later.complete(call) once, from any thread: it runs finish(call, arg), which writes the
     * reply, and then seals and sends it. Never allowed inside batches or on workers.
     */
    struct {
        bool allowed, started;
        void (*complete)(struct call *call);
        void (*finish)(struct call *call, void *arg);
        void *arg;
        void *owner; /* http's own pointer */
    } later;
};

#endif
