/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a handler answers. Content types are compared as whole strings by clients
 * (docs/protocol/community.md, 1.2), so they are constants here and nothing else is ever sent.
 */
#ifndef CONCLAVE_ROUTER_REPLY_H
#define CONCLAVE_ROUTER_REPLY_H

#include "base/buf.h"

#define CONTENT_JSON   "application/json"
#define CONTENT_TEXT   "text/plain; charset=utf-8"
#define CONTENT_BINARY "application/octet-stream"

enum {
    REPLY_HEADERS_MAX = 4,
    REPLY_MAX_BYTES =
        10485760 /* sealed: what a storage node carries (docs/protocol/identity.md, 7) */
};

struct reply_header {
    const char *name;  /* lower case, a literal */
    struct span value; /* lives as long as the call's arena */
};

/*
 * A body that is not in memory as a whole (a file). next() gives the pieces in order, each valid
 * until the following call, and runs where SQL is allowed (a worker); after length bytes it is not
 * called again. close() frees it, in any state, on any thread.
 */
struct db;
struct body_source {
    uint64_t length;
    enum err (*next)(struct body_source *source, struct db *db, struct span *ret_piece);
    void (*close)(struct body_source *source);
};
/*
 * The next piece. *left is what is still to come, at first source->length. ERR_DEFECT: the piece is
 * empty or longer than that. Others as the source's.
 */
MUST_USE enum err body_source_next(struct body_source *source, struct db *db, uint64_t *left,
                                   struct span *ret_piece);
/* Appends the whole of it, from its start, to out. Errors of the source and of out. */
MUST_USE enum err body_source_read(struct body_source *source, struct db *db, struct buf *out);

struct reply {
    int status;               /* 0 until set */
    const char *content_type; /* one of the three above, or NULL: none (304) */
    struct reply_header headers[REPLY_HEADERS_MAX];
    size_t header_count;
    struct buf body;
    struct body_source *source; /* owned; when set, body is unused */
};

/* An empty reply whose body may grow to REPLY_MAX_BYTES. Release with reply_done. */
void reply_init(struct reply *r);
void reply_done(struct reply *r);
/* Back to empty: what a half-finished handler wrote is dropped, memory kept. */
void reply_reset(struct reply *r);

/* Status, type and headers stay. */
void reply_drop_body(struct reply *r);

/*
 * Plain text: status and exactly this text, replacing what was there. text is a literal or lives in
 * the arena.
 */
void reply_text(struct reply *r, int status, const char *text);
/* Starts a JSON reply; append to the returned buffer (r->body). */
struct buf *reply_json(struct reply *r, int status);
/* The default answer for an error of ours: one table of status and text (router/reply.c). */
void reply_error(struct reply *r, enum err e);
/* Adds a header; more than REPLY_HEADERS_MAX is a defect (asserted). */
void reply_add_header(struct reply *r, const char *name, struct span value);

#endif
