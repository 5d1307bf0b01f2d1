/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of small sets as in auth/recall.c. An entry also says since when and when last, since who
 * is forgotten first depends on both: identities are free, so those who make a million of them must
 * neither make the members strangers nor keep newcomers from becoming members.
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
    DAY_BITS = 8,     /* of the last sight, round and round */
    PRINT_BITS = 26,
    LEARN_ROWS = 4096,
    LEARN_ARENA_BYTES = 2 * 1024 * 1024,
};
static const uint64_t day_mask = ((UINT64_C(1) << DAY_BITS) - 1) << SECOND_BITS;
/* 2020-01-01: what is earlier counts as then. */
#define EPOCH_S INT64_C(1577836800)

/* From the top: fingerprint, day of the last sight, second of the first sight. 0: free. */
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
    uint64_t print; /* only its PRINT_BITS are set */
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
    return (struct place){words[0] & (k->set_count - 1),
                          words[1] >> (SECOND_BITS + DAY_BITS) << (SECOND_BITS + DAY_BITS)};
}

static uint64_t print_of(uint64_t entry)
{
    return entry >> (SECOND_BITS + DAY_BITS);
}

static uint64_t day_bits(int64_t s)
{
    return (uint64_t)(s * SECOND_MS / DAY_MS) % (1 << DAY_BITS) << SECOND_BITS;
}

/* Days since the last sight, as seen from that second; up to 255. */
static int64_t days_unseen(uint64_t entry, int64_t now_s)
{
    return (int64_t)((day_bits(now_s) - (entry & day_mask)) >> SECOND_BITS) % (1 << DAY_BITS);
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

/*
 * Is a of less use than b? A free place is; then a stranger, the newest first; then who was not
 * seen for the most days, and of those who came last.
 */
static bool is_less_useful(const struct known *k, uint64_t a, uint64_t b, int64_t now_s)
{
    if (a == 0 || b == 0)
        return a == 0 && b != 0;
    bool a_member = is_member(k, a, now_s), b_member = is_member(k, b, now_s);
    if (a_member != b_member)
        return b_member;
    int64_t a_days = days_unseen(a, now_s), b_days = days_unseen(b, now_s);
    if (a_member && a_days != b_days)
        return a_days > b_days;
    return second_of(a) > second_of(b);
}

static uint64_t *find(struct set *set, uint64_t print)
{
    for (size_t i = 0; i < WAYS; i++)
        if (set->entries[i] != 0 && print_of(set->entries[i]) == print_of(print))
            return &set->entries[i];
    return NULL;
}

/*
 * Where a new entry goes: a free place, or a stranger's, or that of a member who was not seen on a
 * later day than it. NULL: all are worth more.
 */
static uint64_t *make_place(const struct known *k, struct set *set, uint64_t entry, int64_t now_s)
{
    uint64_t *least = &set->entries[0];
    for (size_t i = 1; i < WAYS; i++)
        if (is_less_useful(k, set->entries[i], *least, now_s))
            least = &set->entries[i];
    bool worth_more = *least != 0 && is_member(k, *least, now_s) &&
                      days_unseen(*least, now_s) <= days_unseen(entry, now_s);
    return worth_more ? NULL : least;
}

/* One person's first and last sight, at that time. */
static void add(struct known *k, const struct session_id *id, int64_t first_ms, int64_t last_ms,
                int64_t now_ms)
{
    struct place at = place_of(k, id);
    int64_t first_s = second_at(first_ms), last_s = second_at(last_ms), now_s = second_at(now_ms);
    pthread_mutex_t *lock = &k->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    struct set *set = &k->sets[at.set];
    uint64_t *e = find(set, at.print);
    uint64_t last = day_bits(last_s);
    if (e != NULL) {
        if (second_of(*e) < first_s)
            first_s = second_of(*e);
        if (days_unseen(*e, now_s) < days_unseen(last, now_s))
            last = *e & day_mask;
    } else {
        e = make_place(k, set, last | (uint64_t)first_s, now_s);
    }
    if (e != NULL)
        *e = at.print | last | (uint64_t)first_s;
    (void)pthread_mutex_unlock(lock);
}

void known_add(struct known *k, const struct session_id *id, int64_t seen_ms)
{
    add(k, id, seen_ms, seen_ms, seen_ms);
}

bool known_is_member(struct known *k, const struct session_id *id, int64_t now_ms)
{
    struct place at = place_of(k, id);
    int64_t now_s = second_at(now_ms);
    pthread_mutex_t *lock = &k->locks[at.set % LOCKS];
    (void)pthread_mutex_lock(lock);
    const uint64_t *e = find(&k->sets[at.set], at.print);
    bool member = e != NULL && is_member(k, *e, now_s);
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
            add(k, &rows[i].session, rows[i].hour * HOUR_MS, rows[i].last_hour * HOUR_MS, now_ms);
        if (count > 0)
            k->learnt_user = rows[count - 1].user;
    }
    return OK;
}
