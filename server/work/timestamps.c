/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process holds and has drawn, in memory. What it may draw it has reserved in the database
 * before, in steps, so that whoever takes its residues over after a crash knows where to go on.
 */
#include "work/timestamps.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/residues.h"

enum {
    STEP_MS = 100,           /* reserved at once beyond what is needed now */
    LOOK_MS = 2 * SECOND_MS, /* how soon the residues of a process that ended are taken */
    TAKE_ATTEMPTS_MAX = 4,
    EVERY_RESIDUE = (1 << RESIDUES) - 1,
};

struct timestamps {
    int64_t holder;
    pthread_mutex_t
        asking;        /* held while the database is asked; guards looked_ms; taken before lock */
    int64_t looked_ms; /* monotonic; 0: never */
    pthread_mutex_t lock; /* guards all that follows */
    uint32_t held;        /* bit r: residue r */
    int64_t last_ms;      /* the latest one drawn from held residues */
    int64_t reserved_ms;  /* what may be drawn */
    int64_t wanted_ms;    /* a draw needed more than was reserved */
    int64_t anew_ms;      /* the latest one for a room whose newest message lies too far ahead */
    int64_t steady_ms, steady_mono_ms; /* the wall clock, going on where that one is set back */
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

enum err timestamps_new(struct timestamps **ret_timestamps)
{
    struct timestamps *t = MEM_NEW(struct timestamps);
    if (t == NULL)
        return ERR_NO_MEMORY;
    t->holder = residues_holder();
    pthread_mutex_init(&t->asking, NULL);
    pthread_mutex_init(&t->lock, NULL);
    *ret_timestamps = t;
    return OK;
}

void timestamps_free(struct timestamps *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->asking);
    mem_free(t);
}

/*
 * With the lock held. The clock that bounds how far ahead times may be. When the wall clock was set
 * back, times go on behind the last one and must not be refused for it; they come slower than the
 * clock, which catches up. Set back by more than what is followed, it was wrong before: all begins
 * anew.
 */
static int64_t steady(struct timestamps *t, int64_t now_ms)
{
    int64_t mono_ms = clock_mono_ms();
    int64_t ms = t->steady_ms + (mono_ms - t->steady_mono_ms);
    if (ms < now_ms || t->last_ms <= now_ms)
        ms = now_ms;
    if (ms - now_ms > TIMESTAMPS_FOLLOWED_MS) {
        ms = now_ms;
        t->last_ms = 0;
        t->reserved_ms = 0;
        t->wanted_ms = 0;
    }
    t->steady_ms = ms;
    t->steady_mono_ms = mono_ms;
    return ms;
}

/* Our first millisecond from first_ms on; at most RESIDUES later. held is not 0. */
static int64_t next_held(uint32_t held, int64_t first_ms)
{
    while ((held >> (first_ms % RESIDUES) & 1) == 0)
        first_ms++;
    return first_ms;
}

enum err timestamps_draw(struct timestamps *t, int64_t after_ms, int64_t now_ms, int64_t *ret_ms)
{
    enum err e = OK;
    pthread_mutex_lock(&t->lock);
    int64_t clock_ms = steady(t, now_ms);
    /* A wrong clock brought the room there: its messages go on behind those drawn since. */
    bool anew = after_ms > clock_ms + TIMESTAMPS_FOLLOWED_MS;
    if (anew)
        after_ms = t->anew_ms > clock_ms + TIMESTAMPS_ROOM_AHEAD_MS ? 0 : t->anew_ms;
    int64_t first_ms = later(later(t->last_ms, after_ms) + 1, now_ms);
    int64_t ms = t->held == 0 ? INT64_MAX : next_held(t->held, first_ms);
    if (ms <= clock_ms + TIMESTAMPS_AHEAD_MS) {
        if (ms <= t->reserved_ms)
            t->last_ms = ms;
        else
            e = ERR_RETRY;
        t->wanted_ms = ms;
    } else {
        /* Enough for the whole server is not there: at least the room's are all different. */
        ms = later(after_ms + 1, now_ms);
        bool full = ms > clock_ms + TIMESTAMPS_ROOM_AHEAD_MS;
        if (full && after_ms <= clock_ms + TIMESTAMPS_ROOM_AHEAD_MS)
            e = ERR_TOO_EARLY; /* otherwise another clock brought it there */
    }
    if (e == OK && anew)
        t->anew_ms = ms;
    pthread_mutex_unlock(&t->lock);
    if (e == OK)
        *ret_ms = ms;
    return e;
}

/* ---- what the database knows of it ---- */

/* How far about count times reach, in milliseconds of ours. */
static int64_t needed(struct timestamps *t, int64_t now_ms, size_t count, int64_t *ret_reserved_ms)
{
    pthread_mutex_lock(&t->lock);
    int64_t clock_ms = steady(t, now_ms);
    int held = __builtin_popcount(t->held);
    int64_t apart_ms = held == 0 ? RESIDUES : (RESIDUES + held - 1) / held;
    int64_t from_ms = later(later(t->last_ms, t->wanted_ms), now_ms);
    int64_t until_ms = from_ms + (int64_t)(count + 1) * apart_ms;
    if (until_ms > clock_ms + TIMESTAMPS_AHEAD_MS)
        until_ms = clock_ms + TIMESTAMPS_AHEAD_MS;
    *ret_reserved_ms = t->reserved_ms;
    pthread_mutex_unlock(&t->lock);
    return until_ms;
}

/* Behind what others may have drawn from residues that are ours now. */
static void go_on_behind(struct timestamps *t, int64_t now_ms, int64_t reserved_ms)
{
    pthread_mutex_lock(&t->lock);
    int64_t clock_ms = steady(t, now_ms);
    if (reserved_ms <= clock_ms + TIMESTAMPS_FOLLOWED_MS)
        t->last_ms = later(t->last_ms, reserved_ms);
    if (t->last_ms > clock_ms + TIMESTAMPS_ROOM_AHEAD_MS) /* the clock was set back meanwhile */
        t->steady_ms = t->last_ms;
    pthread_mutex_unlock(&t->lock);
}

static enum err claim(struct timestamps *t, struct db *db, int64_t now_ms)
{
    int64_t reserved_ms = 0;
    enum err e = residues_claim(db, t->holder, &reserved_ms);
    if (e != OK)
        return e;
    t->looked_ms = clock_mono_ms();
    go_on_behind(t, now_ms, reserved_ms);
    return OK;
}

static enum err reserve(struct timestamps *t, struct db *db, int64_t until_ms)
{
    uint32_t held = 0;
    enum err e = residues_reserve(db, t->holder, until_ms, TIMESTAMPS_FOLLOWED_MS, &held);
    if (e != OK)
        return e;
    pthread_mutex_lock(&t->lock);
    t->held = held & EVERY_RESIDUE;
    t->reserved_ms = until_ms;
    pthread_mutex_unlock(&t->lock);
    if (held == 0)
        t->looked_ms = 0; /* they were taken while our connection was lost */
    return OK;
}

static enum err prepare(struct timestamps *t, struct db *db, int64_t now_ms, size_t count)
{
    enum err e = OK;
    bool looks = t->looked_ms == 0 || clock_mono_ms() - t->looked_ms >= LOOK_MS;
    if (looks)
        e = claim(t, db, now_ms);
    int64_t reserved_ms = 0;
    int64_t until_ms = needed(t, now_ms, count, &reserved_ms);
    if (e == OK && (looks || until_ms > reserved_ms))
        e = reserve(t, db, until_ms + STEP_MS);
    return e;
}

enum err timestamps_prepare(struct timestamps *t, struct db *db, int64_t now_ms, size_t count)
{
    pthread_mutex_lock(&t->asking);
    enum err e = prepare(t, db, now_ms, count);
    if (e == OK && t->looked_ms == 0)
        e = prepare(t, db, now_ms, count);
    pthread_mutex_unlock(&t->asking);
    return e;
}

enum err timestamps_take(struct timestamps *t, struct db *db, int64_t now_ms, int64_t *ret_ms)
{
    enum err e = ERR_RETRY;
    for (int i = 0; i < TAKE_ATTEMPTS_MAX && e == ERR_RETRY; i++) {
        e = timestamps_prepare(t, db, now_ms, 1);
        if (e == OK)
            e = timestamps_draw(t, 0, now_ms, ret_ms);
    }
    return e == ERR_RETRY ? ERR_BUSY : e;
}
