/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /batch and POST /sequence (protocol 02, 1.9): has all elements read (batch_read.c) before any is run, runs them in
 * order through the dispatcher as the outer caller, and writes their replies into one. What an element may do is not
 * decided here.
 */
#include "router/dispatch.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "router/batch_read.h"
#include "router/json_out.h"

enum {
    /* The envelope's own bytes around the reply: nonce, tag, lengths and metadata are below 200. */
    ENVELOPE_MARGIN_BYTES = 1024,
    ARRAY_MAX_BYTES = REPLY_MAX_BYTES - ENVELOPE_MARGIN_BYTES,
    /* {"code":413,"headers":{"content-type":"text/plain; charset=utf-8"},"body":""} and a comma, without the body. */
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
    uint64_t left = source->length;
    part->body.max = REPLY_MAX_BYTES;
    buf_reset(&part->body);
    while (left > 0) {
        struct span piece = {NULL, 0};
        enum err e = source->next(source, db, &piece);
        if (e != OK)
            return e;
        if (piece.len == 0 || piece.len > left) {
            log_event(LOG_ERROR, "batch.source_length");
            return ERR_DEFECT;
        }
        buf_put(&part->body, piece);
        left -= piece.len;
    }
    source->close(source);
    part->source = NULL;
    return buf_verdict(&part->body);
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
 * 500 posts are 500 commits; when the database is slow, the last hop has given up before they are done. What was done stays
 * done and is told; the rest does not begin.
 */
static bool is_too_late(const struct call *call)
{
    return call->begin_until_ms != 0 && clock_mono_ms() > call->begin_until_ms;
}

/*
 * Runs one element and appends its reply; `allowed` bytes are there for it, and one that would take more is answered
 * 413 (design D14). Lists see the limit as their buffer's ceiling.
 */
static enum err run_element(struct call *call, const struct request *req, struct reply *part,
                            size_t allowed)
{
    reply_reset(part);
    part->body.max = allowed - ELEMENT_FRAME_MAX_BYTES;
    enum err e = OK;
    if (is_too_late(call))
        reply_error(part, ERR_BUSY);
    else
        e = dispatch_element(call, req, part);
    if (e != OK)
        return e;
    if (element_size(part) > allowed)
        reply_error(part, ERR_TOO_LARGE);
    if (part->source != NULL) {
        if (call->db == NULL)
            return ERR_RETRY;
        e = gather_source(part, call->db);
        if (e != OK)
            reply_error(part, e);
    }
    put_element(&call->reply->body, part);
    return OK;
}

static enum err run_elements(struct call *call, const struct batch_elements *elements,
                             struct reply *part, bool stop_at_failure)
{
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '[');
    for (size_t i = 0; i < elements->count; i++) {
        size_t later = (elements->count - i - 1) * ELEMENT_RESERVE_BYTES;
        assert(out->failed || out->len + later + ELEMENT_RESERVE_BYTES <= ARRAY_MAX_BYTES);
        enum err e =
            run_element(call, &elements->requests[i], part, ARRAY_MAX_BYTES - out->len - later);
        if (e != OK)
            return e;
        if (stop_at_failure && (part->status < 200 || part->status > 299))
            break;
    }
    json_out_close(out, ']');
    return buf_verdict(out);
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
    struct reply part;
    reply_init(&part);
    e = run_elements(call, &elements, &part, stop_at_failure);
    reply_done(&part);
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
