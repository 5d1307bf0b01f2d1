/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two buffers: the reader (a pool thread) sends from `front`, a worker fills `back`. They are
 * exchanged by the reader when front is empty and back is not being filled. While `filling`,
 * everything but front belongs to the worker.
 *
 * libmicrohttpd's lengths keep both sides honest: it asks for exactly stream_length() bytes.
 */
#include "http/stream.h"

#include <microhttpd.h>
#include <pthread.h>

#include "base/mem.h"
#include "http/exchange.h"
#include "http/limits.h"

/* Nonce, end and tag. */
enum { STREAM_MARGIN_BYTES = 64 };

struct stream {
    struct job job; /* first: the lane hands it back */
    struct exchange *ex;
    uint64_t length;
    struct buf front; /* the reader's */
    size_t sent;      /* of front */

    pthread_mutex_t lock; /* guards filling; what it protects is said above */
    bool filling;
    struct buf back;
    struct body_source *source; /* owned */
    struct box_stream *box;
    uint64_t left; /* of the source */
    bool complete, failed;
};

/* ---- the worker's side ---- */

static enum err seal_piece(struct stream *s, struct span plain)
{
    uint8_t *out = buf_reserve(&s->back, plain.len);
    if (out == NULL)
        return buf_verdict(&s->back);
    enum err e = box_stream_update(s->box, plain, out);
    if (e == OK)
        buf_commit(&s->back, plain.len);
    return e;
}

/* The end of the bencoded plaintext, and the tag. */
static enum err seal_tail(struct stream *s)
{
    enum err e = seal_piece(s, SPAN("e"));
    if (e != OK)
        return e;
    uint8_t tag[BOX_TAG_BYTES];
    e = box_stream_finish(s->box, tag);
    if (e != OK)
        return e;
    buf_put(&s->back, span_of(tag, sizeof tag));
    s->complete = true;
    return buf_verdict(&s->back);
}

static enum err fill(struct stream *s, struct db *db)
{
    while (s->back.len < STREAM_BUFFER_BYTES && !s->complete) {
        enum err e;
        if (s->left == 0) {
            e = seal_tail(s);
        } else {
            struct span piece = {NULL, 0};
            e = body_source_next(s->source, db, &s->left, &piece);
            if (e == OK)
                e = seal_piece(s, piece);
        }
        if (e != OK)
            return e;
    }
    return OK;
}

static void set_filling(struct stream *s, bool filling)
{
    (void)pthread_mutex_lock(&s->lock);
    s->filling = filling;
    (void)pthread_mutex_unlock(&s->lock);
}

/*
 * However long it waited in the lane: the reply has begun, and the client has a deadline of its
 * own.
 */
static void run_fill(struct job *job, struct db *db, bool overdue)
{
    (void)overdue;
    struct stream *s = (struct stream *)(void *)job;
    struct exchange *ex = s->ex;
    s->failed = db == NULL || fill(s, db) != OK;
    set_filling(s, false);
    lot_wake(ex->host->lot, &ex->place);
    exchange_unref(ex);
}

/* ---- the reader's side ---- */

static bool start_filling(struct stream *s)
{
    set_filling(s, true);
    exchange_ref(s->ex);
    s->job.run = run_fill;
    if (lane_submit(s->ex->host->general, &s->job) == OK)
        return true;
    exchange_unref(s->ex);
    set_filling(s, false);
    return false;
}

static bool is_filling(struct stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool filling = s->filling;
    (void)pthread_mutex_unlock(&s->lock);
    return filling;
}

/*
 * Front is empty: takes over what was filled meanwhile. False: there is nothing, and never will be.
 */
static bool swap(struct stream *s)
{
    if (s->failed)
        return false;
    struct buf empty = s->front;
    s->front = s->back;
    s->back = empty;
    buf_reset(&s->back);
    s->sent = 0;
    if (s->complete)
        return s->front.len > 0;
    /* A full lane is no failure while there is something to send. */
    return start_filling(s) || s->front.len > 0;
}

ssize_t stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
    (void)pos;
    struct exchange *ex = cls;
    struct stream *s = ex->stream;
    while (s->sent == s->front.len) {
        if (!is_filling(s)) {
            if (!swap(s))
                return MHD_CONTENT_READER_END_WITH_ERROR;
            continue;
        }
        switch (lot_park(ex->host->lot, &ex->place, ex->connection)) {
        case LOT_PARKED:
            return 0;
        case LOT_CLOSED:
            return MHD_CONTENT_READER_END_WITH_ERROR;
        case LOT_WOKEN:
            break;
        }
    }
    size_t n = s->front.len - s->sent;
    if (n > max)
        n = max;
    memcpy(buf, s->front.p + s->sent, n);
    s->sent += n;
    return (ssize_t)n;
}

/* ---- birth and end ---- */

/* Nonce, bencoded head and the first pieces. */
static enum err begin(struct stream *s, struct db *db)
{
    struct exchange *ex = s->ex;
    AUTO_BUF struct buf head = buf_make(STREAM_BUFFER_BYTES - STREAM_MARGIN_BYTES);
    uint64_t plain = 0;
    enum err e = envelope_stream_head(&ex->reply, &head, &plain);
    if (e != OK)
        return e;
    s->length = plain + box_overhead_bytes(ex->key.cipher);
    if (s->length > REPLY_MAX_BYTES)
        return ERR_TOO_LARGE;
    uint8_t nonce[BOX_NONCE_MAX_BYTES];
    e = box_stream_new(ex->key.cipher, &ex->key.key, &s->box, nonce);
    if (e != OK)
        return e;
    buf_put(&s->back, span_of(nonce, box_nonce_bytes(ex->key.cipher)));
    e = seal_piece(s, buf_span(&head));
    return e == OK ? fill(s, db) : e;
}

enum err stream_new(struct exchange *ex, struct db *db, struct stream **ret_stream)
{
    bool stranger = exchange_is_strangers(ex);
    enum err e = budget_grow(ex->host->budget, &ex->ticket, STREAM_TOTAL_BYTES, stranger);
    if (e != OK)
        return e;
    struct stream *s = MEM_NEW(struct stream);
    if (s == NULL)
        return ERR_NO_MEMORY;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->ex = ex;
    s->job.stranger = stranger; /* each piece waits where its reader's requests wait */
    s->front = buf_make(STREAM_BUFFER_BYTES + STREAM_PIECE_MAX_BYTES + STREAM_MARGIN_BYTES);
    s->back = buf_make(STREAM_BUFFER_BYTES + STREAM_PIECE_MAX_BYTES + STREAM_MARGIN_BYTES);
    s->left = ex->reply.source->length;
    s->source = ex->reply.source;
    e = begin(s, db);
    ex->reply.source = NULL;
    if (e != OK) {
        stream_free(s);
        return e;
    }
    *ret_stream = s;
    return OK;
}

void stream_free(struct stream *s)
{
    if (s == NULL)
        return;
    if (s->source != NULL)
        s->source->close(s->source);
    if (s->box != NULL)
        box_stream_free(s->box);
    buf_done(&s->front);
    buf_done(&s->back);
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

uint64_t stream_length(const struct stream *s)
{
    return s->length;
}
