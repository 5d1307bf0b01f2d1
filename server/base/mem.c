/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only file that calls malloc, and where tests make it fail.
 */
#include "base/mem.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Per thread, so that a test can fail and count its own allocations without disturbing another
 * thread's. In a server `left` stays off for ever; the cost is a compare and two additions.
 */
static _Thread_local int64_t asked;
static _Thread_local int64_t left = -1;
static _Thread_local int64_t live;

/* Counts one request; true if a test wants this one to fail. */
static bool must_fail(void)
{
    asked++;
    if (left < 0)
        return false;
    return left-- == 0;
}

static void *counted(void *p)
{
    live += p != NULL;
    return p;
}

void *mem_alloc(size_t size)
{
    if (size == 0 || must_fail())
        return NULL;
    return counted(malloc(size));
}

void *mem_alloc_zero(size_t count, size_t size)
{
    if (count == 0 || size == 0 || must_fail())
        return NULL;
    if (count > SIZE_MAX / size)
        return NULL; /* calloc checks too, but under the sanitizers by ending the program */
    return counted(calloc(count, size));
}

void *mem_realloc(void *p, size_t size)
{
    /* realloc(p, 0) may free p: "the old block stays valid" would be a lie. */
    if (size == 0 || must_fail())
        return NULL;
    if (p == NULL)
        return counted(malloc(size));
    size_t old = malloc_usable_size(p);
    if (size <= old && size >= old / 2)
        return p;
    /* realloc() would leave a copy behind when it moves the block. */
    void *moved = malloc(size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, p, old < size ? old : size);
    explicit_bzero(p, old);
    free(p);
    return moved;
}

void mem_free(void *p)
{
    if (p != NULL)
        mem_free_used(p, malloc_usable_size(p));
}

void mem_free_used(void *p, size_t used)
{
    live -= p != NULL;
    if (p != NULL)
        explicit_bzero(p, used); /* not memset: the compiler leaves out what is never read */
    free(p);
}

void mem_trim(void)
{
    (void)malloc_trim(0);
}

int64_t mem_fail_after(int64_t n)
{
    int64_t since = asked;
    asked = 0;
    left = n < 0 ? -1 : n;
    return since;
}

int64_t mem_live(void)
{
    return live;
}
