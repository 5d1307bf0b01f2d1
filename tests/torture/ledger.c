/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two arrays of fixed size under one lock: nothing here may be slower than what it accounts for.
 */
#include "torture/ledger.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "torture/plan.h"

enum {
    POSTS_MAX = 2000000, /* pages are touched as it fills */
    UPLOADS_MAX = 200000,
    ROOMS = 2,
    NUMBERS_MAX = 8000000, /* of one room */
    COMPLAINTS_KEPT = 40,
    COMPLAINT_MAX = 200,
};

struct ledger {
    uint64_t seed;
    pthread_mutex_t *lock; /* guards all below; apart, so that readers can take a const ledger */
    struct post *posts;
    size_t post_count;
    struct upload *uploads;
    size_t upload_count;
    uint8_t *numbers[ROOMS]; /* 1: given */
    size_t changes[CHANGES], maybe_changes[CHANGES];
    char complaints[COMPLAINTS_KEPT][COMPLAINT_MAX];
    size_t complaint_count;
};

struct ledger *ledger_new(uint64_t seed)
{
    struct ledger *l = MEM_NEW(struct ledger);
    if (l == NULL)
        return NULL;
    l->seed = seed;
    l->lock = MEM_NEW(pthread_mutex_t);
    l->posts = mem_alloc_zero(POSTS_MAX, sizeof(*l->posts));
    l->uploads = mem_alloc_zero(UPLOADS_MAX, sizeof(*l->uploads));
    for (size_t i = 0; i < ROOMS; i++)
        l->numbers[i] = mem_alloc_zero(NUMBERS_MAX, 1);
    if (l->lock == NULL || l->posts == NULL || l->uploads == NULL || l->numbers[0] == NULL ||
        l->numbers[1] == NULL) {
        ledger_free(l);
        return NULL;
    }
    (void)pthread_mutex_init(l->lock, NULL);
    return l;
}

void ledger_free(struct ledger *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < ROOMS; i++)
        mem_free(l->numbers[i]);
    mem_free(l->lock);
    mem_free(l->posts);
    mem_free(l->uploads);
    mem_free(l);
}

static void take(const struct ledger *l)
{
    (void)pthread_mutex_lock(l->lock);
}

static void give(const struct ledger *l)
{
    (void)pthread_mutex_unlock(l->lock);
}

/* ---- complaints ---- */

__attribute__((format(printf, 2, 0))) static void complain(struct ledger *l, const char *format,
                                                           va_list args)
{
    if (l->complaint_count < COMPLAINTS_KEPT)
        (void)vsnprintf(l->complaints[l->complaint_count], COMPLAINT_MAX, format, args);
    l->complaint_count++;
}

/* With the lock held. */
__attribute__((format(printf, 2, 3))) static void complain_locked(struct ledger *l,
                                                                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(l, format, args);
    va_end(args);
}

void ledger_complain(struct ledger *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    take(l);
    complain(l, format, args);
    give(l);
    va_end(args);
}

size_t ledger_complaints(const struct ledger *l)
{
    take(l);
    size_t count = l->complaint_count;
    give(l);
    return count;
}

const char *ledger_complaint(const struct ledger *l, size_t i)
{
    return i < l->complaint_count && i < COMPLAINTS_KEPT ? l->complaints[i] : NULL;
}

/* ---- posts ---- */

uint32_t ledger_post_new(struct ledger *l, uint8_t room)
{
    take(l);
    uint32_t n = l->post_count < POSTS_MAX ? (uint32_t)l->post_count++ : UINT32_MAX;
    if (n != UINT32_MAX)
        l->posts[n] = (struct post){.fate = FATE_OPEN, .room = room};
    give(l);
    return n;
}

/*
 * With the lock held: what is known of its place, from whoever says it first; everybody else has to
 * agree.
 */
static void note_place(struct ledger *l, uint32_t n, int64_t id)
{
    struct post *p = &l->posts[n];
    if (p->id == 0)
        p->id = id;
    else if (p->id != id)
        complain_locked(l, "post %u is known as message %lld and as %lld", (unsigned)n,
                        (long long)p->id, (long long)id);
}

void ledger_post_answered(struct ledger *l, uint32_t n, enum fate fate, int64_t id)
{
    take(l);
    l->posts[n].fate = (uint8_t)fate;
    if (fate == FATE_DONE)
        note_place(l, n, id);
    give(l);
}

struct post ledger_post(const struct ledger *l, uint32_t n)
{
    take(l);
    struct post p = l->posts[n];
    give(l);
    return p;
}

void ledger_number(struct ledger *l, uint8_t room, int64_t seqno)
{
    take(l);
    if (seqno <= 0 || seqno >= NUMBERS_MAX)
        complain_locked(l, "room %u gave the number %lld", (unsigned)room, (long long)seqno);
    else if (l->numbers[room][seqno]++ != 0)
        complain_locked(l, "room %u gave number %lld twice", (unsigned)room, (long long)seqno);
    give(l);
}

void ledger_changed(struct ledger *l, uint32_t n, enum change change, enum fate fate)
{
    bool sure = fate == FATE_DONE || fate == FATE_CLAIMED;
    if (!sure && fate != FATE_MAYBE)
        return;
    take(l);
    struct post *p = &l->posts[n];
    l->changes[change] += sure;
    l->maybe_changes[change] += !sure;
    if (change == CHANGE_DELETE) {
        p->deleted = sure;
        p->maybe_deleted = true;
    } else if (change == CHANGE_EDIT) {
        p->maybe_edits++;
        p->edits = sure ? p->maybe_edits : p->edits; /* the text says which edit it is */
    } else {
        p->maybe_reactions++;
        p->reactions = (uint8_t)(p->reactions + sure);
    }
    give(l);
}

/* With the lock held. */
static void compare(struct ledger *l, uint32_t n, const struct post *p, const struct found *found)
{
    if (p->deleted)
        complain_locked(l, "post %u was deleted and is there", (unsigned)n);
    if (found->edits < p->edits || found->edits > p->maybe_edits)
        complain_locked(l, "post %u shows edit %u of %u to %u", (unsigned)n, found->edits,
                        (unsigned)p->edits, (unsigned)p->maybe_edits);
    if (found->reactions < p->reactions || found->reactions > p->maybe_reactions)
        complain_locked(l, "post %u shows %u reactions of %u to %u", (unsigned)n, found->reactions,
                        (unsigned)p->reactions, (unsigned)p->maybe_reactions);
}

void ledger_post_seen(struct ledger *l, uint32_t n, const struct found *found, bool final)
{
    take(l);
    if (n >= l->post_count) {
        complain_locked(l, "message %lld is no post of ours", (long long)found->id);
        give(l);
        return;
    }
    struct post *p = &l->posts[n];
    note_place(l, n, found->id);
    if (p->room != found->room)
        complain_locked(l, "post %u is in the wrong room", (unsigned)n);
    if (p->fate == FATE_REFUSED)
        complain_locked(l, "post %u was refused and is there", (unsigned)n);
    if (final && p->counted)
        complain_locked(l, "post %u is there twice", (unsigned)n);
    if (final)
        compare(l, n, p, found);
    p->counted = p->counted || final;
    p->seen = true;
    give(l);
}

/* ---- uploads ---- */

uint32_t ledger_upload_new(struct ledger *l, uint32_t size, bool short_lived)
{
    take(l);
    uint32_t n = l->upload_count < UPLOADS_MAX ? (uint32_t)l->upload_count++ : UINT32_MAX;
    if (n != UINT32_MAX)
        l->uploads[n] =
            (struct upload){.size = size, .short_lived = short_lived, .post = UINT32_MAX};
    give(l);
    return n;
}

void ledger_attached(struct ledger *l, uint32_t n, uint32_t post, int64_t number)
{
    take(l);
    l->uploads[n].post = post;
    l->uploads[n].number = number;
    give(l);
}

void ledger_upload_answered(struct ledger *l, uint32_t n, enum fate fate, const char *id)
{
    take(l);
    l->uploads[n].fate = (uint8_t)fate;
    (void)snprintf(l->uploads[n].id, sizeof(l->uploads[n].id), "%s", id);
    give(l);
}

struct upload ledger_upload(const struct ledger *l, uint32_t n)
{
    take(l);
    struct upload u = l->uploads[n];
    give(l);
    return u;
}

size_t ledger_uploads(const struct ledger *l)
{
    take(l);
    size_t count = l->upload_count;
    give(l);
    return count;
}

void ledger_content(const struct ledger *l, uint32_t n, uint8_t *out, size_t size)
{
    struct dice d = {l->seed ^ (UINT64_C(0xF11E) << 40) ^ n};
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = dice_roll(&d);
        memcpy(out + i, &word, size - i < sizeof(word) ? size - i : sizeof(word));
    }
}

/* ---- the end ---- */

static void close_post(struct ledger *l, uint32_t n, struct sums *sums)
{
    const struct post *p = &l->posts[n];
    sums->posts[p->fate]++;
    sums->posts_there += p->counted;
    sums->posts_per_room[p->room] += p->counted;
    sums->deleted += p->deleted;
    if (p->counted || p->maybe_deleted)
        return;
    if (p->fate == FATE_DONE)
        complain_locked(l, "post %u (room %u, id %lld) was acknowledged and is lost", (unsigned)n,
                        (unsigned)p->room, (long long)p->id);
    else if (p->fate == FATE_CLAIMED)
        complain_locked(l, "post %u was called a replay and never happened", (unsigned)n);
    else if (p->seen)
        complain_locked(l, "post %u was shown to a reader and is lost", (unsigned)n);
}

struct sums ledger_close(struct ledger *l)
{
    struct sums sums = {.posts_there = 0};
    take(l);
    for (uint32_t n = 0; n < l->post_count; n++)
        close_post(l, n, &sums);
    for (size_t n = 0; n < l->upload_count; n++)
        sums.uploads[l->uploads[n].fate]++;
    memcpy(sums.changes, l->changes, sizeof(sums.changes));
    memcpy(sums.maybe_changes, l->maybe_changes, sizeof(sums.maybe_changes));
    give(l);
    return sums;
}
