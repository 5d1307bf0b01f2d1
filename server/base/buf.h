/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing byte buffer with a ceiling given at birth and sticky failure: append freely, ask once.
 * After a failure (ceiling or memory) further appends do nothing.
 */
#ifndef CONCLAVE_BASE_BUF_H
#define CONCLAVE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

struct buf {
    uint8_t *p; /* owned; 0..len is filled, len..cap is free */
    size_t len;
    size_t cap;
    size_t touched; /* at most cap: may have been written since it was allocated, and is wiped */
    size_t max;     /* ceiling in bytes */
    bool failed;
    bool no_memory; /* why it failed: memory, else the ceiling */
};

/* An empty buffer; allocates nothing yet. Release with buf_done. */
static inline struct buf buf_make(size_t max_bytes)
{
    return (struct buf){.max = max_bytes};
}

/* Wipes and frees what it holds; harmless on a zeroed or half-built one. */
void buf_done(struct buf *b);
#define AUTO_BUF CLEANUP(buf_done)

/* Empties it, keeps the memory, clears the failure. */
void buf_reset(struct buf *b);

void buf_put(struct buf *b, struct span s);
void buf_put_byte(struct buf *b, uint8_t byte);
/* A string literal or text of ours. */
void buf_put_text(struct buf *b, const char *text);
void buf_put_u64(struct buf *b, uint64_t value);
void buf_put_i64(struct buf *b, int64_t value);
void buf_put_u32_le(struct buf *b, uint32_t value);
/* Lower-case hex; padded standard base64. */
void buf_put_hex(struct buf *b, struct span s);
void buf_put_base64(struct buf *b, struct span s);

/*
 * Makes room for n more bytes and returns where they go, or NULL (failed). The caller fills them
 * and then calls buf_commit(n). The pointer is valid until the next append.
 */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* The verdict: OK, or ERR_TOO_LARGE (ceiling), or ERR_NO_MEMORY. */
MUST_USE enum err buf_verdict(const struct buf *b);

static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->p, b->len};
}

/*
 * Moves the memory out (free with mem_free); b is empty afterwards. {NULL, 0} when it was empty or
 * had failed.
 */
struct bytes buf_take(struct buf *b);

#endif
