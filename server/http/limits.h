/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every bound of the listeners on one page (docs/design.md, D1 and D14), so that they can be read
 * against each other.
 *
 * The storage node in front of us gives up 25 s after it began: whatever we do for a request has to
 * be over before, and the parts below add up to that. They are no settings: a slower server would
 * only answer nobody.
 */
#ifndef CONCLAVE_HTTP_LIMITS_H
#define CONCLAVE_HTTP_LIMITS_H

#include "base/attr.h"
#include "base/clock.h"

/* ---- sizes ---- */

enum {
    /* Up to here a request is peeled on the thread that read it; above, in the upload lane. */
    SMALL_BODY_MAX_BYTES = 64 * 1024,
    /*
     * Charged with the first bytes of a body: its arena while it is queued, and its reply, as far
     * as they are no larger than this; what is larger is charged as working memory. So everything
     * that is queued has a ceiling; the few threads that run requests have one each.
     */
    EXCHANGE_OVERHEAD_BYTES = 16 * 1024,
    /* A large body has begun to arrive when the kernel holds so much of it, unread. */
    LARGE_ARRIVING_BYTES = 16 * 1024,
    /*
     * One arena per request: parsed headers, spans of a batch, decoded base64 of an upload inside
     * JSON.
     */
    SMALL_ARENA_MAX_BYTES = 16 * 1024 * 1024,
    LARGE_ARENA_MAX_BYTES = 48 * 1024 * 1024,
    /*
     * Headers of storage nodes take 200-400 bytes; libmicrohttpd needs room for one read of the
     * body, too.
     */
    CONNECTION_MEMORY_BYTES = 16 * 1024,
    OPERATOR_MEMORY_BYTES = 8 * 1024,
    /*
     * A download holds two buffers, sealed: one being sent, one being filled until it has at least
     * this much.
     */
    STREAM_BUFFER_BYTES = 64 * 1024,
    /* What one piece of a source may have at most; files come in chunks of 256 KB. */
    STREAM_PIECE_MAX_BYTES = 256 * 1024,
    /* All that a download takes: both buffers, and the piece that its source holds. */
    STREAM_TOTAL_BYTES =
        2 * (STREAM_BUFFER_BYTES + STREAM_PIECE_MAX_BYTES) + STREAM_PIECE_MAX_BYTES,
    STREAM_BLOCK_BYTES = 64 * 1024,
};

/* ---- counts ---- */

enum {
    CONNECTIONS_MAX = 20000,
    /* Descriptors that are not connections: database, files, listeners, pipes. */
    DESCRIPTORS_RESERVED = 256,
    POOL_THREADS_MAX = 8,
    LISTEN_BACKLOG = 1024,
    OPERATOR_CONNECTIONS_MAX = 64,
    /*
     * Beyond this part of the limit on connections, idle ones are closed, the longest idle first.
     */
    CONNECTIONS_CALM_PERCENT = 80,
    /* Connections are watched in shards, one per tick, so that no lock is held for long. */
    CONN_SHARDS = 8,
};

/* ---- times, monotonic ---- */

enum {
    /* From a connection's start to the end of its first header block. */
    FIRST_HEADERS_MAX_MS = 10 * SECOND_MS,
    /* From the first byte of a request to its last. */
    ARRIVAL_MAX_MS = 20 * SECOND_MS,
    /*
     * From the first byte until work begins at the latest, of a batch until its last element does;
     * what is older is answered busy.
     */
    START_MAX_MS = 22 * SECOND_MS,
    /* Waiting for memory before the body is read. */
    SMALL_ADMISSION_MAX_MS = 5 * SECOND_MS,
    LARGE_ADMISSION_MAX_MS = 10 * SECOND_MS,
    /*
     * A body has to keep this rate on average after its first second, and half of the rate at which
     * it would arrive within ARRIVAL_MAX_MS: what holds much memory has to come fast.
     */
    BODY_RATE_MIN_BYTES_PER_S = 16 * 1024,
    BODY_RATE_GRACE_MS = SECOND_MS,
    BODY_RATE_SPAN_MS = 2 * ARRIVAL_MAX_MS,
    /* A large body that waits for memory: by then its first bytes must have arrived. */
    LARGE_ARRIVING_MAX_MS = 1500,
    /* A reader that takes nothing for so long is gone; nobody needs more for one whole reply. */
    REPLY_STALL_MAX_MS = 10 * SECOND_MS,
    REPLY_MAX_MS = 60 * SECOND_MS,
    /* While memory is short, a reader has to take this much on average after its first seconds. */
    REPLY_SHORT_GRACE_MS = 2 * SECOND_MS,
    REPLY_SHORT_RATE_BYTES_PER_S = 64 * 1024,
    /*
     * Between requests, silent. Storage nodes keep connections open; it also plugs the leak of
     * closed ones in libmicrohttpd 0.9.75, which only looks at them here.
     */
    IDLE_MAX_S = 180,
    OPERATOR_IDLE_MAX_S = 30,
    /* What is under way at the end gets this long. */
    CLOSE_MAX_MS = 10 * SECOND_MS,
    TICK_MS = 125,
};

#endif
