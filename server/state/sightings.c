/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An open-addressing table of (person, room) -> hour. Hashing is seeded per process: ids are public
 * keys, and whoever can grind keys must not be able to make them collide.
 */
#include "state/sightings.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem.h"

enum {
    PROBE_MAX = 32, /* beyond that a place counts as full */
};

enum mark { FREE = 0, PENDING, WRITTEN };

struct entry {
    struct session_id id;
    uint8_t mark;  /* enum mark */
    bool stranger; /* when last seen */
    bool admitted; /* of room 0: this person has been written before */
    int32_t room;  /* ids of rooms stay below 2^22 */
    int32_t hour;
};

struct sightings {
    pthread_mutex_t lock; /* guards all below */
    size_t capacity;
    size_t used;
    size_t strangers; /* of those in use */
    size_t pending;
    size_t next; /* where the next flush goes on, so that everybody's turn comes */
    uint64_t seed[2];
    struct entry *entries;
};

enum err sightings_new(size_t capacity, struct sightings **ret_sightings)
{
    assert(capacity >= PROBE_MAX && (capacity & (capacity - 1)) == 0);
    struct sightings *s = MEM_NEW(struct sightings);
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->entries = mem_alloc_zero(capacity, sizeof(*s->entries));
    if (s->entries == NULL) {
        mem_free(s);
        return ERR_NO_MEMORY;
    }
    s->capacity = capacity;
    crypto_random(s->seed, sizeof(s->seed));
    (void)pthread_mutex_init(&s->lock, NULL);
    *ret_sightings = s;
    return OK;
}

void sightings_free(struct sightings *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s->entries);
    mem_free(s);
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return h ^ (h >> 29);
}

static size_t place_of(const struct sightings *s, const struct session_id *id, int64_t room)
{
    uint64_t h = mix(s->seed[0], (uint64_t)room);
    for (size_t i = 1; i < sizeof(id->b); i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, id->b + i, sizeof(word));
        h = mix(h, word ^ s->seed[1]);
    }
    return (size_t)mix(h, id->b[0]) & (s->capacity - 1);
}

/* The entry of that person and room, or a free one, or NULL: neither within reach. */
static struct entry *find(struct sightings *s, const struct session_id *id, int64_t room)
{
    size_t place = place_of(s, id, room);
    for (size_t i = 0; i < PROBE_MAX; i++) {
        struct entry *e = &s->entries[(place + i) & (s->capacity - 1)];
        if (e->mark == FREE || (e->room == room && session_id_eq(&e->id, id)))
            return e;
    }
    return NULL;
}

/* Copies what is pending; out has room for it. */
static void gather_pending(const struct sightings *s, struct entry *out)
{
    for (size_t i = 0; i < s->capacity; i++)
        if (s->entries[i].mark == PENDING)
            *out++ = s->entries[i];
}

/*
 * Forgets what is written; what is pending finds new places. In the same memory, since the table is
 * one of the largest that there are. Returns false without memory.
 */
static bool make_space(struct sightings *s)
{
    size_t count = s->pending;
    struct entry *pending = mem_alloc(count * sizeof(*pending) + 1);
    if (pending == NULL)
        return false;
    gather_pending(s, pending);
    memset(s->entries, 0, s->capacity * sizeof(*s->entries));
    s->used = 0;
    s->strangers = 0;
    s->pending = 0;
    for (size_t i = 0; i < count; i++) {
        struct entry *e = find(s, &pending[i].id, pending[i].room);
        if (e == NULL)
            continue;
        *e = pending[i];
        s->used++;
        s->strangers += e->stranger;
        s->pending++;
    }
    mem_free(pending);
    return true;
}

/*
 * With the lock held. Strangers fill at most half of the table, so that members always find room.
 */
static struct entry *find_or_make(struct sightings *s, const struct session_id *id, int64_t room,
                                  bool stranger)
{
    struct entry *e = find(s, id, room);
    bool crowded = s->used >= s->capacity / 4 * 3 || (stranger && s->strangers >= s->capacity / 2);
    if (e != NULL && (e->mark != FREE || !crowded))
        return e;
    /*
     * Rebuilding pays only when a good part of it can be forgotten; else each call would rebuild.
     */
    if (s->pending > s->capacity / 2 || !crowded || !make_space(s))
        return NULL;
    return find(s, id, room);
}

void sightings_add(struct sightings *s, const struct session_id *id, int64_t room, int64_t hour,
                   bool stranger)
{
    (void)pthread_mutex_lock(&s->lock);
    struct entry *e = find_or_make(s, id, room, stranger);
    if (e != NULL && (e->mark == FREE || e->hour < hour)) {
        if (e->mark == FREE) {
            *e = (struct entry){.id = *id, .room = (int32_t)room};
            s->used++;
        }
        s->strangers = s->strangers - e->stranger + stranger;
        e->stranger = stranger;
        s->pending += e->mark != PENDING;
        e->mark = PENDING;
        e->hour = (int32_t)hour;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

bool sightings_has(struct sightings *s, const struct session_id *id, int64_t room)
{
    (void)pthread_mutex_lock(&s->lock);
    const struct entry *e = find(s, id, room);
    bool has = e != NULL && e->mark != FREE;
    (void)pthread_mutex_unlock(&s->lock);
    return has;
}

/* May it be written now? Counts down *left for strangers that come for the first time. */
static bool admit(struct sightings *s, const struct entry *e, size_t *left)
{
    if (!e->stranger)
        return true;
    struct entry *person = find(s, &e->id, 0);
    if (person != NULL && person->mark != FREE && person->admitted)
        return true;
    if (*left == 0)
        return false;
    (*left)--;
    if (person != NULL && person->mark != FREE)
        person->admitted = true;
    return true;
}

size_t sightings_take(struct sightings *s, struct sighting *ret_sightings, size_t max,
                      size_t *new_left)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->capacity && count < max && s->pending > 0; i++) {
        struct entry *e = &s->entries[s->next];
        s->next = (s->next + 1) & (s->capacity - 1);
        if (e->mark != PENDING || !admit(s, e, new_left))
            continue;
        e->mark = WRITTEN;
        s->pending--;
        ret_sightings[count] =
            (struct sighting){.session = e->id, .room = e->room, .hour = e->hour};
        count++;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return count;
}

void sightings_give_back(struct sightings *s, const struct sighting *sightings, size_t count)
{
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < count; i++) {
        struct entry *e = find(s, &sightings[i].session, sightings[i].room);
        if (e == NULL || e->mark != WRITTEN || e->hour != sightings[i].hour)
            continue;
        e->mark = PENDING;
        s->pending++;
    }
    (void)pthread_mutex_unlock(&s->lock);
}
