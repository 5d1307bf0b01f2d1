/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Building replies, and the one table of what our errors look like from outside. It exists so that
 * no handler invents a status of its own where the protocol names none. Does not seal or send
 * anything.
 */
#include "router/reply.h"

#include <assert.h>

#include "base/log.h"

static void close_source(struct reply *r)
{
    if (r->source != NULL)
        r->source->close(r->source);
    r->source = NULL;
}

enum err body_source_next(struct body_source *source, struct db *db, uint64_t *left,
                          struct span *ret_piece)
{
    struct span piece = {NULL, 0};
    enum err e = source->next(source, db, &piece);
    if (e != OK)
        return e;
    if (piece.len == 0 || piece.len > *left) {
        log_event(LOG_ERROR, "reply.source_length");
        return ERR_DEFECT;
    }
    *left -= piece.len;
    *ret_piece = piece;
    return OK;
}

enum err body_source_read(struct body_source *source, struct db *db, struct buf *out)
{
    for (uint64_t left = source->length; left > 0;) {
        struct span piece = {NULL, 0};
        enum err e = body_source_next(source, db, &left, &piece);
        if (e != OK)
            return e;
        buf_put(out, piece);
    }
    return buf_verdict(out);
}

void reply_init(struct reply *r)
{
    *r = (struct reply){.body = buf_make(REPLY_MAX_BYTES)};
}

void reply_done(struct reply *r)
{
    close_source(r);
    buf_done(&r->body);
}

void reply_reset(struct reply *r)
{
    close_source(r);
    buf_reset(&r->body);
    r->status = 0;
    r->content_type = NULL;
    r->header_count = 0;
}

void reply_drop_body(struct reply *r)
{
    close_source(r);
    buf_reset(&r->body);
}

void reply_text(struct reply *r, int status, const char *text)
{
    reply_reset(r);
    r->status = status;
    r->content_type = CONTENT_TEXT;
    buf_put_text(&r->body, text);
    /* Without room for one sentence the status alone must do: clients look at it first. */
    if (r->body.failed)
        buf_reset(&r->body);
}

struct buf *reply_json(struct reply *r, int status)
{
    reply_reset(r);
    r->status = status;
    r->content_type = CONTENT_JSON;
    return &r->body;
}

/*
 * Statuses of docs/protocol/community.md, 1.8 (style 1). 409, 413 and 503 are ours: PySOGS has no
 * limits and answers 500 when its database is away; clients retry on any of them.
 */
void reply_error(struct reply *r, enum err e)
{
    switch (e) {
    case ERR_MALFORMED:
    case ERR_SEALED:
        reply_text(r, 400, "Bad request");
        return;
    case ERR_UNKNOWN_CALLER:
        reply_text(r, 401, "X-SOGS-* request authentication required");
        return;
    case ERR_DENIED:
        reply_text(r, 403, "Permission denied");
        return;
    case ERR_MISSING:
        reply_text(r, 404, "Not found");
        return;
    case ERR_CONFLICT:
        reply_text(r, 409, "Conflict");
        return;
    case ERR_TOO_LARGE:
        reply_text(r, 413, "Too large");
        return;
    case ERR_TOO_EARLY:
        reply_text(r, 425, "Too early");
        return;
    case ERR_RETRY:
    case ERR_BUSY:
    case ERR_NO_MEMORY:
        reply_text(r, 503, "Server busy");
        return;
    case OK: /* not an error: whoever passes it lost track */
    case ERR_DEFECT:
        break;
    }
    reply_text(r, 500, "Internal server error");
}

void reply_add_header(struct reply *r, const char *name, struct span value)
{
    assert(r->header_count < REPLY_HEADERS_MAX);
    r->headers[r->header_count++] = (struct reply_header){name, value};
}
