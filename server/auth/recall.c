/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of small sets: the keyed hash of an item chooses a set of eight fingerprints, one cache
 * line, in which the newest stands first and pushes the oldest out. Chosen over one ring with an
 * index because nothing is ever rehashed, and eight compares are all that anything can cost.
 */
#include "auth/recall.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem.h"
#include "crypto/sign.h"

enum {
    WAYS_LOG2 = 3,
    WAYS = 1 << WAYS_LOG2,
    LOCKS = 64, /* stripes: set s is guarded by locks[s % LOCKS] */
    SECRET_BYTES = HASH_SHORT_BYTES,
};

struct set {
    uint64_t prints[WAYS]; /* newest first; 0: free */
};

struct recall {
    uint8_t secret[SECRET_BYTES]; /* so that nobody can aim at a set or at another's fingerprint */
    struct set *sets;
    uint64_t set_count; /* a power of two */
    pthread_mutex_t locks[LOCKS];
};

struct place {
    uint64_t set;
    uint64_t print;
};

enum err recall_new(unsigned entries_log2, struct recall **ret_recall)
{
    assert(entries_log2 > WAYS_LOG2 && entries_log2 < 32);
    struct recall *r = MEM_NEW(struct recall);
    if (r == NULL)
        return ERR_NO_MEMORY;
    r->set_count = (uint64_t)1 << (entries_log2 - WAYS_LOG2);
    r->sets = mem_alloc_zero((size_t)r->set_count, sizeof(struct set));
    if (r->sets == NULL) {
        mem_free(r);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&r->locks[i], NULL);
    crypto_random(r->secret, sizeof r->secret);
    *ret_recall = r;
    return OK;
}

void recall_free(struct recall *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&r->locks[i]);
    crypto_wipe(r->secret, sizeof r->secret);
    mem_free(r->sets);
    mem_free(r);
}

static struct place place_of(const struct recall *r, struct span item)
{
    uint64_t words[2];
    hash_short((uint8_t *)words, r->secret, item);
    return (struct place){words[0] & (r->set_count - 1), words[1] == 0 ? 1 : words[1]};
}

static bool set_has(const struct set *set, uint64_t print)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (set->prints[i] == print)
            return true;
    }
    return false;
}

bool recall_has(struct recall *r, struct span item)
{
    struct place at = place_of(r, item);
    pthread_mutex_t *lock = &r->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    bool found = set_has(&r->sets[at.set], at.print);
    (void)pthread_mutex_unlock(lock);
    return found;
}

bool recall_add(struct recall *r, struct span item)
{
    struct place at = place_of(r, item);
    struct set *set = &r->sets[at.set];
    pthread_mutex_t *lock = &r->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    bool is_new = !set_has(set, at.print);
    if (is_new) {
        memmove(&set->prints[1], &set->prints[0], sizeof set->prints - sizeof set->prints[0]);
        set->prints[0] = at.print;
    }
    (void)pthread_mutex_unlock(lock);
    return is_new;
}

void recall_remove(struct recall *r, struct span item)
{
    struct place at = place_of(r, item);
    struct set *set = &r->sets[at.set];
    pthread_mutex_t *lock = &r->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    size_t kept = 0;
    for (size_t i = 0; i < WAYS; i++)
        if (set->prints[i] != at.print)
            set->prints[kept++] = set->prints[i];
    while (kept < WAYS)
        set->prints[kept++] = 0;
    (void)pthread_mutex_unlock(lock);
}
