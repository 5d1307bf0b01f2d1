/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /batch and POST /sequence: has all elements read (batch_read.c) before any is run, runs them
 * in order through the dispatcher as the outer caller, and writes their replies into one. Writes of
 * a batch that stand next to each other are under way together (batch_together.h); in a sequence
 * each waits for the one before, which may end it. What an element may do is not decided here.
 */
#include "router/dispatch.h"

#include <assert.h>

#include "base/clock.h"
#include "router/batch_read.h"
#include "router/batch_together.h"
#include "router/json_out.h"

enum {
    /* The envelope's own bytes around the reply: nonce, tag, lengths and metadata are below 200. */
    ENVELOPE_MARGIN_BYTES = 1024,
    ARRAY_MAX_BYTES = REPLY_MAX_BYTES - ENVELOPE_MARGIN_BYTES,
    /*
     * {"code":413,"headers":{"content-type":"text/plain; charset=utf-8"},"body":""} and a comma,
     * without the body.
     */
    ELEMENT_FRAME_MAX_BYTES = 128,
    /* Kept free for each element that is still to come: a frame and one sentence as base64. */
    ELEMENT_RESERVE_BYTES = 320,
    JSON_ESCAPE_MAX_BYTES = 6, /* "\u001f" for one byte */
};

/* ---- writing ---- */

static bool body_is_json(const struct reply *part)
{
    return part->content_type != NULL && strcmp(part->content_type, CONTENT_JSON) == 0 &&
           part->source == NULL && part->body.len > 0;
}

/* An upper bound of what the element takes in the array. */
static uint64_t element_size(const struct reply *part)
{
    uint64_t size = ELEMENT_FRAME_MAX_BYTES;
    for (size_t i = 0; i < part->header_count; i++)
        size += strlen(part->headers[i].name) +
                JSON_ESCAPE_MAX_BYTES * (1 + (uint64_t)part->headers[i].value.len);
    if (body_is_json(part))
        return size + part->body.len;
    uint64_t bytes = part->source != NULL ? part->source->length : part->body.len;
    return size + (bytes + 2) / 3 * 4;
}

/* Brings a body that comes in pieces into the reply itself. Its size was checked before. */
static enum err gather_source(struct reply *part, struct db *db)
{
    struct body_source *source = part->source;
    part->body.max = REPLY_MAX_BYTES;
    buf_reset(&part->body);
    enum err e = body_source_read(source, db, &part->body);
    if (e != OK)
        return e; /* the caller's reply_error() closes the source */
    source->close(source);
    part->source = NULL;
    return OK;
}

static void put_element(struct buf *out, const struct reply *part)
{
    json_out_open(out, '{');
    json_out_key(out, "code");
    buf_put_i64(out, part->status);
    json_out_key(out, "headers");
    json_out_open(out, '{');
    if (part->content_type != NULL) {
        json_out_key(out, "content-type");
        json_out_text(out, span_of_text(part->content_type));
    }
    for (size_t i = 0; i < part->header_count; i++) {
        json_out_key(out, part->headers[i].name);
        json_out_text(out, part->headers[i].value);
    }
    json_out_close(out, '}');
    json_out_key(out, "body");
    if (body_is_json(part))
        buf_put(out, buf_span(&part->body));
    else
        json_out_base64(out, buf_span(&part->body));
    json_out_close(out, '}');
}

/*
 * 500 posts may be 500 commits; when the database is slow, the last hop has given up before they
 * are done. What was done stays done and is told; the rest does not begin.
 */
static bool is_too_late(const struct call *call)
{
    return call->begin_until_ms != 0 && clock_mono_ms() > call->begin_until_ms;
}

/* A batch as it runs. */
struct running {
    struct call *call;
    const struct batch_elements *elements;
    size_t put;        /* elements whose replies are written; the next ones are under way */
    struct reply part; /* of an element that was answered at once */
    struct reply late; /* of one that was under way */
    struct batch_together together;
};

/* What is there for the reply of the next element that is written. */
static size_t allowed_for(const struct running *r)
{
    const struct buf *out = &r->call->reply->body;
    size_t later = (r->elements->count - r->put - 1) * ELEMENT_RESERVE_BYTES;
    assert(out->failed || out->len + later + ELEMENT_RESERVE_BYTES <= ARRAY_MAX_BYTES);
    return ARRAY_MAX_BYTES - out->len - later;
}

/* Lists see the limit as their buffer's ceiling. */
static void make_ready(const struct running *r, struct reply *reply)
{
    reply_reset(reply);
    reply->body.max = allowed_for(r) - ELEMENT_FRAME_MAX_BYTES;
}

/* Appends the reply of the next element; one that would take too much is answered 413. */
static enum err put_next(struct running *r, struct reply *reply)
{
    struct call *call = r->call;
    if (element_size(reply) > allowed_for(r))
        reply_error(reply, ERR_TOO_LARGE);
    if (reply->source != NULL) {
        if (call->db == NULL)
            return ERR_RETRY;
        enum err e = gather_source(reply, call->db);
        if (e != OK)
            reply_error(reply, e);
    }
    put_element(&call->reply->body, reply);
    r->put++;
    return OK;
}

/* Waits for what is under way and writes its replies, which come before anything later. */
static enum err finish_together(struct running *r)
{
    struct batch_together *t = &r->together;
    enum err e = OK;
    if (t->count == 0)
        return OK;
    batch_together_wait(t);
    for (size_t i = 0; i < t->count; i++) {
        make_ready(r, &r->late);
        t->calls[i]->reply = &r->late;
        dispatch_finish(t->calls[i]);
        if (e == OK)
            e = put_next(r, &r->late);
    }
    t->count = 0;
    return e;
}

/*
 * Runs one element; with together, what writes may stay under way. Its reply is written, or will
 * be.
 */
static enum err run_element(struct running *r, const struct request *req, bool together)
{
    bool started = false;
    enum err e = OK;
    make_ready(r, &r->part);
    if (is_too_late(r->call))
        reply_error(&r->part, ERR_BUSY);
    else if (together && dispatch_may_finish_later(r->call->services->dispatcher, req))
        e = batch_together_start(&r->together, req, &r->part, &started);
    else {
        e = finish_together(r);
        make_ready(r, &r->part);
        if (e == OK)
            e = dispatch_element(r->call, req, &r->part);
    }
    if (e == OK && (!started || r->together.count == BATCH_TOGETHER_MAX))
        e = finish_together(r);
    return e == OK && !started ? put_next(r, &r->part) : e;
}

static enum err run_elements(struct running *r, bool stop_at_failure)
{
    struct buf *out = reply_json(r->call->reply, 200);
    bool together = !stop_at_failure && !r->elements->only_gets;
    enum err e = OK;
    json_out_open(out, '[');
    for (size_t i = 0; e == OK && i < r->elements->count; i++) {
        e = run_element(r, &r->elements->requests[i], together);
        if (stop_at_failure && (r->part.status < 200 || r->part.status > 299))
            break;
    }
    enum err last = finish_together(r); /* also after a failure: the writer holds their ops */
    json_out_close(out, ']');
    if (e == OK)
        e = last;
    return e == OK ? buf_verdict(out) : e;
}

static enum err run_all(struct call *call, bool stop_at_failure)
{
    struct batch_elements elements;
    enum err e = batch_read(call->mem, call->req, &elements);
    if (e != OK)
        return e;
    if (!elements.only_gets) {
        if (call->db == NULL)
            return ERR_RETRY; /* what writes runs on a worker from its first element on */
        if (dispatch_claim(call) != OK)
            return OK; /* the refusal is written */
    }
    struct running r = {.call = call, .elements = &elements};
    reply_init(&r.part);
    reply_init(&r.late);
    batch_together_init(&r.together, call);
    e = run_elements(&r, stop_at_failure);
    batch_together_done(&r.together);
    reply_done(&r.late);
    reply_done(&r.part);
    return e;
}

enum err batch_run(struct call *call)
{
    return run_all(call, false);
}

enum err sequence_run(struct call *call)
{
    return run_all(call, true);
}
