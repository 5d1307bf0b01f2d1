/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only door to the heap: malloc and realloc are banned elsewhere, so that a test lane can fail
 * the n-th allocation and so that every long-lived block has a name in the code.
 */
#ifndef CONCLAVE_BASE_MEM_H
#define CONCLAVE_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* NULL when there is no memory (or size is 0). Free with mem_free. Any thread. */
void *mem_alloc(size_t size);
/* The same, zeroed; count * size is checked for overflow. */
void *mem_alloc_zero(size_t count, size_t size);
/* As realloc; on NULL the old block stays valid. Leaves no copy behind when the block moves. */
void *mem_realloc(void *p, size_t size);
/*
 * NULL is harmless. What a block held is wiped, so that deleted content does not stay in the
 * process: a core image, or whoever breaks in, finds what is alive only.
 */
void mem_free(void *p);
/*
 * The same for a block of which only the first bytes were ever written: the others need no wiping.
 * NULL is harmless.
 */
void mem_free_used(void *p, size_t used);
/*
 * Gives memory that is free inside the process back to the system; takes milliseconds for hundreds
 * of megabytes. glibc keeps it otherwise, which is right while the load lasts. Any thread.
 */
void mem_trim(void);

/* A zeroed struct of a type: struct room *r = MEM_NEW(struct room); */
#define MEM_NEW(type) ((type *)mem_alloc_zero(1, sizeof(type)))

/*
 * Tests only: lets the next n allocations of this thread succeed and fails the one after (once);
 * negative: off. Returns how many allocations of this thread were asked for since the last call.
 */
int64_t mem_fail_after(int64_t n);
/*
 * Tests only: the blocks this thread allocated less those it freed. The same before and after:
 * nothing leaked.
 */
int64_t mem_live(void);

#endif
