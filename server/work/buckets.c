/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The generic cell rate algorithm: of a key one number is kept, the time at which its whole rate is
 * there again. Sets of four, chosen by a keyed hash.
 */
#include "work/buckets.h"

#include <assert.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/keys.h"
#include "crypto/sign.h"

enum { DEBT_MAX = 10 }; /* times the whole rate */
enum { WAYS_LOG2 = 2, WAYS = 1 << WAYS_LOG2, LOCKS = 64 };

struct bucket {
    uint64_t print;  /* 0: free */
    int64_t full_us; /* when its whole rate is there again */
};

struct set {
    struct bucket ways[WAYS];
};

struct buckets {
    uint8_t secret[HASH_SHORT_BYTES];
    struct set *sets;
    uint64_t set_count;           /* a power of two */
    pthread_mutex_t locks[LOCKS]; /* stripes: set s is guarded by locks[s % LOCKS] */
};

enum err buckets_new(unsigned entries_log2, struct buckets **ret_buckets)
{
    assert(entries_log2 > WAYS_LOG2 && entries_log2 < 32);
    struct buckets *b = MEM_NEW(struct buckets);
    if (b == NULL)
        return ERR_NO_MEMORY;
    b->set_count = (uint64_t)1 << (entries_log2 - WAYS_LOG2);
    b->sets = mem_alloc_zero((size_t)b->set_count, sizeof(*b->sets));
    if (b->sets == NULL) {
        mem_free(b);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&b->locks[i], NULL);
    crypto_random(b->secret, sizeof(b->secret));
    *ret_buckets = b;
    return OK;
}

void buckets_free(struct buckets *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&b->locks[i]);
    mem_free(b->sets);
    mem_free(b);
}

struct counting {
    int64_t now_ms;
    int64_t times;
    bool cut; /* what is beyond is counted as far as it goes */
};

struct place {
    uint64_t set;
    uint64_t print;
};

static struct place place_of(const struct buckets *b, struct span key)
{
    uint64_t words[2];
    hash_short((uint8_t *)words, b->secret, key);
    return (struct place){words[0] & (b->set_count - 1), words[1] == 0 ? 1 : words[1]};
}

/* The key's bucket, or NULL. */
static struct bucket *find(struct set *set, uint64_t print)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (set->ways[i].print == print)
            return &set->ways[i];
    }
    return NULL;
}

/* The one to be forgotten: a free one, or who is full first. */
static struct bucket *oldest(struct set *set)
{
    struct bucket *found = &set->ways[0];
    for (size_t i = 1; i < WAYS && found->print != 0; i++) {
        if (set->ways[i].print == 0 || set->ways[i].full_us < found->full_us)
            found = &set->ways[i];
    }
    return found;
}

/* How long the rate needs to bring back `amount`. */
static int64_t cost_us(struct bucket_rate rate, int64_t amount)
{
    return (int64_t)((double)amount * (double)rate.per_ms * 1000 / (double)rate.count);
}

/*
 * False: then the whole rate would be back later than after `times` its time; nothing was counted.
 */
static bool count(struct buckets *b, struct span key, struct bucket_rate rate, int64_t amount,
                  const struct counting *how)
{
    if (rate.count == 0)
        return true;
    struct place at = place_of(b, key);
    struct set *set = &b->sets[at.set];
    int64_t now_us = how->now_ms * 1000;
    int64_t latest_us = now_us + rate.per_ms * 1000 * how->times;
    pthread_mutex_t *lock = &b->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    struct bucket *bucket = find(set, at.print);
    int64_t full_us = bucket == NULL || bucket->full_us < now_us ? now_us : bucket->full_us;
    full_us += cost_us(rate, amount);
    if (full_us > latest_us && how->cut)
        full_us = latest_us;
    bool fits = full_us <= latest_us;
    if (fits) {
        if (bucket == NULL)
            bucket = oldest(set);
        *bucket = (struct bucket){at.print, full_us};
    }
    (void)pthread_mutex_unlock(lock);
    return fits;
}

bool buckets_take(struct buckets *b, struct span key, struct bucket_rate rate, int64_t amount,
                  int64_t now_ms)
{
    return count(b, key, rate, amount, &(struct counting){.now_ms = now_ms, .times = 1});
}

void buckets_charge(struct buckets *b, struct span key, struct bucket_rate rate, int64_t amount,
                    int64_t now_ms)
{
    const struct counting how = {.now_ms = now_ms, .times = DEBT_MAX, .cut = true};
    (void)count(b, key, rate, amount, &how);
}

void buckets_give(struct buckets *b, struct span key, struct bucket_rate rate, int64_t amount)
{
    if (rate.count == 0)
        return;
    struct place at = place_of(b, key);
    pthread_mutex_t *lock = &b->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    struct bucket *bucket = find(&b->sets[at.set], at.print);
    if (bucket != NULL)
        bucket->full_us -= cost_us(rate, amount);
    (void)pthread_mutex_unlock(lock);
}
