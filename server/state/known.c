/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of small sets as in auth/recall.c, but an entry also says since when, and who may be pushed out depends on it:
 * identities are free, so whoever makes a hundred thousand of them must not make the members strangers.
 */
#include "state/known.h"

#include <assert.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/sign.h"
#include "store/first_sights.h"
#include "store/users.h"

enum {
    WAYS_LOG2 = 3,
    WAYS = 1 << WAYS_LOG2,
    LOCKS = 64,       /* stripes: set s is guarded by locks[s % LOCKS] */
    SECOND_BITS = 30, /* 34 years */
    LEARN_ROWS = 4096,
    LEARN_ARENA_BYTES = 2 * 1024 * 1024,
};
/* 2020-01-01: what is earlier counts as then. */
#define EPOCH_S INT64_C(1577836800)

/* 34 bits of fingerprint, then the second of the first sight. 0: free. */
struct set {
    uint64_t entries[WAYS];
};

struct known {
    uint8_t
        secret[HASH_SHORT_BYTES]; /* so that nobody can aim at a set or at another's fingerprint */
    int64_t known_after_s;
    struct set *sets;
    uint64_t set_count; /* a power of two */
    pthread_mutex_t locks[LOCKS];
    int64_t learnt_user; /* known_learn's own: the last row that was read */
};

struct place {
    uint64_t set;
    uint64_t print; /* its low SECOND_BITS are 0 */
};

enum err known_new(unsigned entries_log2, int64_t known_after_ms, struct known **ret_known)
{
    assert(entries_log2 > WAYS_LOG2 && entries_log2 < 32);
    struct known *k = MEM_NEW(struct known);
    if (k == NULL)
        return ERR_NO_MEMORY;
    k->set_count = (uint64_t)1 << (entries_log2 - WAYS_LOG2);
    k->known_after_s = known_after_ms / SECOND_MS;
    k->sets = mem_alloc_zero((size_t)k->set_count, sizeof(*k->sets));
    if (k->sets == NULL) {
        mem_free(k);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&k->locks[i], NULL);
    crypto_random(k->secret, sizeof(k->secret));
    *ret_known = k;
    return OK;
}

void known_free(struct known *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&k->locks[i]);
    mem_free(k->sets);
    mem_free(k);
}

static struct place place_of(const struct known *k, const struct session_id *id)
{
    uint64_t words[2];
    hash_short((uint8_t *)words, k->secret, SPAN_OF_KEY(id));
    return (struct place){words[0] & (k->set_count - 1), words[1] >> SECOND_BITS << SECOND_BITS};
}

static int64_t second_of(uint64_t entry)
{
    return (int64_t)(entry & (((uint64_t)1 << SECOND_BITS) - 1));
}

/* Never 0, so that an entry never looks free. */
static int64_t second_at(int64_t ms)
{
    int64_t s = ms / SECOND_MS - EPOCH_S;
    int64_t max = ((int64_t)1 << SECOND_BITS) - 1;
    return s < 1 ? 1 : s > max ? max : s;
}

static bool is_member(const struct known *k, uint64_t entry, int64_t now_s)
{
    return now_s - second_of(entry) >= k->known_after_s;
}

/* The entry of that print; else a free one; else the newest stranger's; NULL when all are members. */
static uint64_t *find_place(const struct known *k, struct set *set, uint64_t print, int64_t now_s)
{
    uint64_t *best = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        uint64_t *e = &set->entries[i];
        if (*e != 0 && *e >> SECOND_BITS == print >> SECOND_BITS)
            return e;
        if (*e == 0)
            best = best == NULL || *best != 0 ? e : best;
        else if (!is_member(k, *e, now_s) &&
                 (best == NULL || (*best != 0 && second_of(*best) < second_of(*e))))
            best = e;
    }
    return best;
}

/* now_ms: by which it is judged who may be pushed out. */
static void add(struct known *k, const struct session_id *id, int64_t seen_ms, int64_t now_ms)
{
    struct place at = place_of(k, id);
    int64_t seen_s = second_at(seen_ms);
    pthread_mutex_t *lock = &k->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    uint64_t *e = find_place(k, &k->sets[at.set], at.print, second_at(now_ms));
    if (e != NULL && (*e >> SECOND_BITS != at.print >> SECOND_BITS || second_of(*e) > seen_s))
        *e = at.print | (uint64_t)seen_s;
    (void)pthread_mutex_unlock(lock);
}

void known_add(struct known *k, const struct session_id *id, int64_t seen_ms)
{
    add(k, id, seen_ms, seen_ms);
}

bool known_is_member(struct known *k, const struct session_id *id, int64_t now_ms)
{
    struct place at = place_of(k, id);
    int64_t now_s = second_at(now_ms);
    bool member = false;
    pthread_mutex_t *lock = &k->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    for (size_t i = 0; i < WAYS; i++) {
        uint64_t e = k->sets[at.set].entries[i];
        if (e != 0 && e >> SECOND_BITS == at.print >> SECOND_BITS)
            member = is_member(k, e, now_s);
    }
    (void)pthread_mutex_unlock(lock);
    return member;
}

enum err known_learn(struct known *k, struct db *db, int64_t now_ms)
{
    struct arena *mem AUTO_ARENA = arena_new(LEARN_ARENA_BYTES);
    if (mem == NULL)
        return ERR_NO_MEMORY;
    for (size_t count = LEARN_ROWS; count == LEARN_ROWS;) {
        struct first_sight *rows = NULL;
        arena_reset(mem);
        enum err e =
            first_sights_after(db, mem, k->learnt_user, now_ms / HOUR_MS - ACTIVITY_KEPT_HOURS,
                               LEARN_ROWS, &rows, &count);
        if (e != OK)
            return e;
        for (size_t i = 0; i < count; i++)
            add(k, &rows[i].session, rows[i].hour * HOUR_MS, now_ms);
        if (count > 0)
            k->learnt_user = rows[count - 1].user;
    }
    return OK;
}
