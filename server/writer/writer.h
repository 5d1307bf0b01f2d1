/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The batch writer (docs/design.md, D4): everything of this process that draws room numbers goes
 * through it. One thread with its own connection takes whatever is queued, runs it in one
 * transaction, commits, applies the result to memory (state_apply), answers, and takes what queued
 * meanwhile. A refused row is a result, never an error of its neighbours.
 */
#ifndef CONCLAVE_WRITER_WRITER_H
#define CONCLAVE_WRITER_WRITER_H

#include "crypto/fingerprint.h"
#include "crypto/keys.h"
#include "db/db.h"
#include "store/messages.h"
#include "store/nonces.h"

struct conf;
struct metrics;
struct ring;
struct state;
struct timestamps;
struct writer;

enum write_kind {
    WRITE_POST,
    WRITE_EDIT,            /* own message */
    WRITE_DELETE,          /* own, or as a moderator */
    WRITE_DELETE_ALL,      /* one slice of what `target` posted in the room */
    WRITE_REACT,           /* adds one's own reaction */
    WRITE_UNREACT,         /* takes it back */
    WRITE_CLEAR_REACTIONS, /* as a moderator: one reaction of a message, or all of them */
};

enum write_result {
    WRITE_DONE,
    WRITE_REPLAYED,     /* the nonce was claimed before: 425 */
    WRITE_ROOM_GONE,    /* 404 */
    WRITE_MISSING,      /* 404: no such message, or none that this may be done to */
    WRITE_BANNED,       /* 403 */
    WRITE_DENIED,       /* 403 */
    WRITE_RATE_LIMITED, /* 429 */
    WRITE_FULL,         /* 429: the message has as many different reactions as one may have */
    WRITE_BUSY,         /* database away or over capacity: 503; nothing happened */
};

enum {
    WRITE_SLICE_MAX = 500, /* deletions of one WRITE_DELETE_ALL */
    WRITE_FILES_MAX = 64,  /* attachments named by one post or edit */
};

/* A post or an edit as the gate let it through (community/gate.h, docs/design.md, D15). */
struct post_in {
    struct span data;      /* as sent */
    struct span signature; /* 64 bytes */
    enum message_state state;
    bool whisper, whisper_mods, has_whisper_to;
    struct session_id whisper_to;
    const int64_t *files; /* ids to adopt (store/attachments.h) */
    size_t file_count;
};

/*
 * Embedded in the caller's memory; belongs to the writer from writer_submit until done is called.
 */
struct write_op {
    struct write_op *next; /* the writer's */
    /*
     * A second op, decided right behind this one and only if this one was done; both are answered
     * by one call of this one's done, when both are over. NULL: none. That of an automatic reply
     * (docs/design.md, D15).
     */
    struct write_op *then;
    struct write_op *after; /* the writer's: whose `then` this is */
    bool by_server; /* WRITE_POST in the server's own name: nobody's rights and limits apply */
    enum write_kind kind;
    int64_t room;
    struct session_id author; /* who asks for it */
    bool stranger;            /* the author is one: strangers may hold a part of the queue only */
    bool has_nonce;           /* claim it in the same transaction */
    struct nonce_key nonce;
    struct post_in post; /* WRITE_POST, WRITE_EDIT */
    bool has_digest;     /* WRITE_POST: one like it in the last ten minutes is answered again */
    struct fingerprint digest;
    int64_t message; /* all but WRITE_POST and WRITE_DELETE_ALL */
    struct {
        struct session_id target;
        double posted; /* the slice begins here: 0, then `posted` of the previous slice's answer */
        int64_t messages; /* about how many there are: how much of a batch it takes */
    } all;                /* WRITE_DELETE_ALL */
    struct span reaction; /* the three of reactions: its text; empty: all (WRITE_CLEAR_REACTIONS) */
    /* Called once on the writer's thread after the commit (or refusal); must be quick. */
    void (*done)(struct write_op *op);
    void *owner;

    enum write_result result;
    bool repeats; /* WRITE_POST, done: nothing was written, `posted` is what the first one became */
    bool filtered;             /* WRITE_POST, done: nobody is shown it */
    bool put_off;              /* the writer's: to a later batch */
    struct message_row posted; /* WRITE_POST, done: data and signature are the caller's own spans */
    struct {
        int64_t seqno; /* the message's, reactions: after the op */
        int64_t count; /* reactions added or removed; messages deleted */
        double posted; /* WRITE_DELETE_ALL: of the newest message deleted */
    } answer;          /* all but WRITE_POST, done */
};

struct writer_options {
    const struct conf *conf; /* database url, [rooms] post_limit */
    struct metrics *metrics;
    struct ring *ring;
    struct state *state;
    struct timestamps *timestamps;
    struct db *db; /* connected, with all statements; taken over, also when writer_new fails */
};
MUST_USE enum err writer_new(const struct writer_options *options, struct writer **ret_writer);
/* Finishes what is queued (bounded by the statement time-out), joins. */
void writer_free(struct writer *writer);

/*
 * Would a write be done now? Known from the last one, or from a question that the writer asks the
 * database when it has nothing else to do, at most once a second. False: *ret_reason says why not.
 * Any thread; never waits.
 */
bool writer_is_ready(const struct writer *writer, int64_t mono_ms, enum db_reason *ret_reason);

/*
 * ERR_BUSY: the queue is full; nothing was kept. Otherwise done will be called exactly once. Any
 * thread.
 */
MUST_USE enum err writer_submit(struct writer *writer, struct write_op *op);
/*
 * Submits them together and waits until all are done, each with its result: for workers (batches),
 * never for pool threads or the writer itself. What the queue has no place for is WRITE_BUSY.
 */
void writer_run(struct writer *writer, struct write_op *const *ops, size_t count);

#endif
