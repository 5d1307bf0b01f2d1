/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every bound of the listeners on one page (design D1, D14), so that they can be read against each other.
 *
 * The storage node in front of us gives up 25 s after it began: whatever we do for a request has to be over before, and
 * the parts below add up to that. They are no settings: a slower server would only answer nobody.
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
     * Reserved beside a body: its arena while it waits, and its reply, as far as they are no larger than this; what is
     * larger is paid for in the budget. So all that waits for somebody has a ceiling; what runs, a few threads do.
     */
    EXCHANGE_OVERHEAD_BYTES = 16 * 1024,
    /* One arena per request: parsed headers, spans of a batch, decoded base64 of an upload inside JSON. */
    SMALL_ARENA_MAX_BYTES = 16 * 1024 * 1024,
    LARGE_ARENA_MAX_BYTES = 48 * 1024 * 1024,
    /* Headers of storage nodes take 200-400 bytes; libmicrohttpd needs room for one read of the body, too. */
    CONNECTION_MEMORY_BYTES = 16 * 1024,
    OPERATOR_MEMORY_BYTES = 8 * 1024,
    /* A download holds two buffers, sealed: one being sent, one being filled until it has at least this much. */
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
    /* Connections are watched in shards, one per tick, so that no lock is held for long. */
    CONN_SHARDS = 8,
};

/* ---- times, monotonic ---- */

enum {
    /* From the first byte of a request to its last. */
    ARRIVAL_MAX_MS = 20 * SECOND_MS,
    /* From the first byte until work begins at the latest, of a batch until its last element does; what is older is
     * answered busy. */
    START_MAX_MS = 22 * SECOND_MS,
    /* Waiting for memory before the body is read. */
    SMALL_ADMISSION_MAX_MS = 5 * SECOND_MS,
    LARGE_ADMISSION_MAX_MS = 10 * SECOND_MS,
    /* A large body has to keep this rate on average, asked after a start. */
    BODY_RATE_MIN_BYTES_PER_S = 16 * 1024,
    BODY_RATE_GRACE_MS = 5 * SECOND_MS,
    /* A reader that takes nothing for this long is gone; nobody needs longer than the second for one reply. */
    REPLY_STALL_MAX_MS = 10 * SECOND_MS,
    REPLY_MAX_MS = 60 * SECOND_MS,
    /* Between requests, silent. Storage nodes keep connections open; it also plugs the leak of closed ones in
     * libmicrohttpd 0.9.75, which only looks at them here (design, section 4). */
    IDLE_MAX_S = 180,
    OPERATOR_IDLE_MAX_S = 30,
    /* What is under way at the end gets this long. */
    CLOSE_MAX_MS = 10 * SECOND_MS,
    TICK_MS = 125,
};

#endif
