/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory of one request: allocated piecemeal, released at once. It has a ceiling, so a request
 * cannot eat the server. One owner at a time (a pool thread or a worker); not for sharing between
 * threads.
 */
#ifndef CONCLAVE_BASE_ARENA_H
#define CONCLAVE_BASE_ARENA_H

#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

struct arena;

/* ceiling_bytes bounds the sum of all allocations. NULL when there is no memory. */
struct arena *arena_new(size_t ceiling_bytes);
/* Frees it with everything allocated from it; NULL is harmless. */
void arena_free(struct arena *a);
/* Releases all allocations but keeps the first block for reuse. */
void arena_reset(struct arena *a);

/* 16-byte aligned, zeroed. NULL at the ceiling or without memory; size 0 has an address too. */
void *arena_alloc(struct arena *a, size_t size);
/* count * size with an overflow check. */
void *arena_alloc_array(struct arena *a, size_t count, size_t size);
/* A copy of s; {NULL, 0} on failure (and for an empty s: tell by s.len). */
struct span arena_dup(struct arena *a, struct span s);
/* Bytes handed out so far, each allocation rounded up to 16. */
size_t arena_used(const struct arena *a);

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_alloc_array((arena), (count), sizeof(type)))

static inline void arena_free_auto(struct arena **a)
{
    arena_free(*a);
}
#define AUTO_ARENA CLEANUP(arena_free_auto)

#endif
