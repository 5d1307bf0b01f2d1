/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chained blocks, filled from the front. A block doubles the one before, so the number of mallocs
 * of a request grows with the logarithm of its size; what would not fit well gets a block of its
 * own behind the current one, so that one large allocation does not waste the rest of a small
 * block.
 */
#include "base/arena.h"

#include <stdalign.h>

#include "base/mem.h"

/*
 * Under AddressSanitizer, what is not handed out is poisoned: reading past an allocation, or after
 * a reset, is then seen there as it would be for malloc.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define HIDE(p, len) ASAN_POISON_MEMORY_REGION((p), (len))
#define SHOW(p, len) ASAN_UNPOISON_MEMORY_REGION((p), (len))
#else
#define HIDE(p, len) ((void)(p), (void)(len))
#define SHOW(p, len) ((void)(p), (void)(len))
#endif

enum {
    ALIGN_BYTES = 16,
    FIRST_BLOCK_BYTES = 4 * 1024,     /* an idle poll takes half of it */
    LARGEST_BLOCK_BYTES = 1024 * 1024 /* doubling ends here */
};

struct block {
    struct block *next; /* older blocks */
    size_t cap;
    size_t used;
    alignas(ALIGN_BYTES) uint8_t bytes[];
};

struct arena {
    size_t ceiling;
    size_t used;
    size_t next_block;    /* size of the next ordinary block */
    struct block *first;  /* kept by a reset; also the end of the chain */
    struct block *blocks; /* the one being filled, then the older ones */
};

static struct block *block_new(size_t cap)
{
    struct block *b = mem_alloc(sizeof(struct block) + cap);
    if (b == NULL)
        return NULL;
    b->next = NULL;
    b->cap = cap;
    b->used = 0;
    HIDE(b->bytes, b->cap);
    return b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* size rounded up to the alignment; 0 if that overflows. Even nothing has an address of its own. */
static size_t rounded(size_t size)
{
    if (size > SIZE_MAX / 2)
        return 0;
    return size == 0 ? ALIGN_BYTES : (size + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
}

/* A block with room for `need`, or NULL. */
static struct block *make_room(struct arena *a, size_t need)
{
    if (a->blocks->cap - a->blocks->used >= need)
        return a->blocks;
    if (need > a->next_block / 4) {
        struct block *own = block_new(need);
        if (own == NULL)
            return NULL;
        own->next = a->blocks->next;
        a->blocks->next = own;
        return own;
    }
    struct block *b = block_new(a->next_block);
    if (b == NULL)
        return NULL;
    a->next_block = smaller(a->next_block * 2, LARGEST_BLOCK_BYTES);
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

struct arena *arena_new(size_t ceiling_bytes)
{
    struct arena *a = MEM_NEW(struct arena);
    if (a == NULL)
        return NULL;
    a->first = block_new(FIRST_BLOCK_BYTES);
    if (a->first == NULL) {
        mem_free(a);
        return NULL;
    }
    a->ceiling = ceiling_bytes;
    a->next_block = 2 * (size_t)FIRST_BLOCK_BYTES;
    a->blocks = a->first;
    return a;
}

/* Nothing of a request stays in memory that others get: the allocator's, or the next request's. */
static void wipe(struct block *b)
{
    SHOW(b->bytes, b->used);
    explicit_bzero(b->bytes, b->used);
}

static void block_free(struct block *b)
{
    SHOW(b->bytes, b->used);
    mem_free_used(b, sizeof(*b) + b->used);
}

/* Frees all blocks but the first, which may lie anywhere in the chain. */
static void free_later_blocks(struct arena *a)
{
    struct block *next = NULL;
    for (struct block *b = a->blocks; b != NULL; b = next) {
        next = b->next;
        if (b != a->first)
            block_free(b);
    }
    a->first->next = NULL;
    a->blocks = a->first;
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    free_later_blocks(a);
    block_free(a->first);
    mem_free(a);
}

void arena_reset(struct arena *a)
{
    free_later_blocks(a);
    wipe(a->first);
    a->first->used = 0;
    HIDE(a->first->bytes, a->first->cap);
    a->used = 0;
    a->next_block = 2 * (size_t)FIRST_BLOCK_BYTES;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t need = rounded(size);
    if (need == 0 || need > a->ceiling - a->used)
        return NULL;
    struct block *b = make_room(a, need);
    if (b == NULL)
        return NULL;
    uint8_t *p = b->bytes + b->used;
    b->used += need;
    a->used += need;
    SHOW(p, size);
    return memset(p, 0, size);
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return arena_alloc(a, total);
}

struct span arena_dup(struct arena *a, struct span s)
{
    if (s.len == 0)
        return (struct span){NULL, 0};
    void *p = arena_alloc(a, s.len);
    if (p == NULL)
        return (struct span){NULL, 0};
    memcpy(p, s.p, s.len);
    return span_of(p, s.len);
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
