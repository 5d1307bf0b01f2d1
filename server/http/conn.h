/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One open connection and its clocks. Inside http/ only.
 */
#ifndef CONCLAVE_HTTP_CONN_H
#define CONCLAVE_HTTP_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum conn_phase {
    CONN_IDLE,    /* between requests, or inside the headers of one */
    CONN_BODY,    /* its body arrives */
    CONN_WORK,    /* ours to do; those who do it have limits of their own */
    CONN_WRITING, /* the reply leaves */
};

/*
 * One open connection. The atomic fields are written by the thread that serves it and read by the
 * timer.
 */
struct conn {
    struct conn *next, *prev; /* of its shard */
    unsigned shard;
    int fd;
    bool routed;  /* the URI of the request now under way is one of ours; its own thread only */
    int kind;     /* then: enum envelope_kind */
    bool invited; /* it is a join link, and these have a page */

    _Atomic int phase;             /* enum conn_phase */
    _Atomic int64_t first_byte_ms; /* of the request under way; 0: none seen yet */
    _Atomic int64_t body_from_ms;  /* CONN_BODY: reading began */
    _Atomic int64_t body_length;   /* CONN_BODY: as announced */
    _Atomic int64_t body_bytes;    /* CONN_BODY: received */
    _Atomic int64_t writing_from_ms;
    _Atomic int64_t idle_from_ms; /* it was opened, or its last request ended */
    _Atomic bool rebase;          /* a request ended: what arrived so far is accounted for */
    _Atomic bool had_headers;     /* a header block was complete */
    _Atomic bool is_members;      /* it carried a member's request */

    /* The timer's own. */
    uint64_t seen_bytes;
    uint64_t acked_bytes, acked_at_start;
    int64_t acked_ms;
    int64_t acked_of_ms; /* writing_from_ms to which the three belong */
};

/*
 * The first byte of the request under way was seen at the latest now. Returns when it was first
 * noticed.
 */
int64_t conn_started(struct conn *conn, int64_t mono_ms);
/* The request is over; the connection is idle. */
void conn_finished(struct conn *conn);
/* What the kernel has received and nobody has read. */
int conn_unread_bytes(const struct conn *conn);
/*
 * Whether it is over its time. While memory is short, readers have less of it. The timer's thread.
 */
bool conn_is_over(struct conn *conn, int64_t mono_ms, bool memory_is_short);

#endif
