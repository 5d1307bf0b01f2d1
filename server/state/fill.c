/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filling a room's windows: from commits of this process (state_apply) and from the database, one
 * thread per room at a time. The counter rule of docs/design.md, D3 lives here:
 *
 * window:   (window.changes_low .. sequence]      complete target > sequence
 * stale: nothing newer is shown before a refill
 *
 * Commits become visible in the order of their numbers, so a statement that sees number n sees
 * everything below n.
 */
#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "state/picture.h"
#include "state/render.h"

enum {
    FILL_CHUNK = 64, /* messages per statement: 64 of the largest are 4 MB */
    FILL_ARENA_BYTES = 64 * 1024 * 1024,
    FILL_ATTEMPTS = 5,
};

/* What one reading of the database brought: windows of its own, merged under the room's lock. */
struct harvest {
    struct window window;
    int64_t start;    /* the room's counter before the reading */
    int64_t sequence; /* everything up to here was seen */
    bool deep;        /* the recent window was read too */
    int64_t purges;   /* the room's before the reading */
};

void fill_note_target(struct room *room, int64_t sequence)
{
    if (sequence > room->target)
        room->target = sequence;
}

void fill_drop(struct room *room, int64_t sequence)
{
    window_reset(&room->window, sequence);
    room->sequence = sequence;
    room->target = sequence;
    room->deep = false;
}

void fill_purged(struct room *room, int64_t purged_to)
{
    room->purges++;
    if (room->window.count == 0 || room->window.by_id[0]->row.id > purged_to)
        return;
    /*
     * Which of them went is not known here: pinned ones stay. All are read again when somebody
     * asks.
     */
    window_reset(&room->window, room->sequence);
    room->deep = false;
}

static enum err take_row(struct harvest *h, const struct message_row *row)
{
    struct window_message *m = NULL;
    enum err e = window_message_new(row, &m);
    if (e == OK)
        e = window_take(&h->window, m);
    if (e == OK && render_seqno(row) > h->sequence)
        h->sequence = render_seqno(row);
    return e;
}

static enum err take_rows(struct harvest *h, const struct message_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum err e = take_row(h, &rows[i]);
        if (e != OK)
            return e;
    }
    window_trim(&h->window, ROOM_WINDOW_MESSAGES, ROOM_WINDOW_BYTES);
    return OK;
}

/*
 * The newest live messages, from the newest down, until there are enough or a quarter of the bytes
 * is used.
 */
static enum err read_recent(struct room *room, struct db *db, struct arena *mem, struct harvest *h)
{
    struct message_range range = {.room = room->id, .before = INT64_MAX, .limit = FILL_CHUNK};
    for (size_t have = 0; have < ROOM_RECENT_MESSAGES;) {
        struct message_row *rows = NULL;
        size_t count = 0;
        arena_reset(mem);
        enum err e = messages_before(db, room->state->ring, mem, &range, &rows, &count);
        if (e != OK)
            return e;
        range.before = count < FILL_CHUNK ? 1 : rows[count - 1].id;
        window_lower(&h->window, INT64_MAX, range.before - 1);
        e = take_rows(h, rows, count);
        if (e != OK)
            return e;
        have += count;
        if (count < FILL_CHUNK || h->window.bytes > ROOM_WINDOW_BYTES / 4)
            return OK;
    }
    return OK;
}

/* Every event above the harvest's low mark. */
static enum err read_changes(struct room *room, struct db *db, struct arena *mem, struct harvest *h)
{
    for (int64_t since = h->window.changes_low; since < INT64_MAX;) {
        struct message_query q = {
            .room = room->id,
            .since = since,
            .up_to = INT64_MAX,
            .limit = FILL_CHUNK,
            .reactions = true,
            .known_to = INT64_MAX,
        };
        struct message_row *rows = NULL;
        size_t count = 0;
        arena_reset(mem);
        enum err e = messages_events(db, room->state->ring, mem, &q, &rows, &count, &since);
        if (e == OK)
            e = take_rows(h, rows, count);
        if (e != OK)
            return e;
    }
    return OK;
}

/*
 * The counter is read first: all that it counts is visible to the statements after it. A message
 * that changes between two of them appears again, later in the order of events, and the later state
 * wins.
 */
static enum err read_room(struct room *room, struct db *db, struct harvest *h)
{
    AUTO_ARENA struct arena *mem = arena_new(FILL_ARENA_BYTES);
    struct room_row row;
    if (mem == NULL)
        return ERR_NO_MEMORY;
    enum err e = rooms_by_id(db, mem, room->id, &row);
    if (e != OK)
        return e;
    h->sequence = row.message_sequence;
    if (h->sequence < h->start)
        return OK;
    int64_t low = h->sequence - ROOM_WINDOW_MESSAGES;
    low = low < 0 ? 0 : low;
    if (!h->deep && h->start > low)
        low = h->start; /* catching up */
    window_init(&h->window, low);
    if (h->deep)
        e = read_recent(room, db, mem, h);
    if (e == OK)
        e = read_changes(room, db, mem, h);
    return e;
}

/* With the lock held. All of from's messages, under from's marks. */
static enum err merge(struct window *into, struct window *from)
{
    enum err e = OK;
    window_lower(into, from->changes_low, from->recent_low);
    for (size_t i = 0; i < from->count; i++) {
        if (e == OK)
            e = window_take(into, from->by_id[i]);
        else
            window_message_free(from->by_id[i]);
    }
    from->count = 0;
    from->event_count = 0;
    return e;
}

/* With the lock held. */
static enum err bring_in(struct room *room, struct harvest *h)
{
    if (h->sequence < h->start) { /* a database restored from a backup */
        fill_drop(room, h->sequence);
        return OK;
    }
    if (room->purges != h->purges) /* it may hold what went meanwhile */
        return OK;
    /*
     * Commits applied meanwhile may have pushed out what is newer than the harvest: then it is
     * outdated as a whole.
     */
    if (room->window.changes_low > h->sequence)
        return OK;
    if (h->window.changes_low >
        room->sequence) { /* a gap between the two: only the newer one counts */
        window_reset(&room->window, h->window.changes_low);
        room->deep = false;
    }
    enum err e = merge(&room->window, &h->window);
    if (e != OK) {
        fill_drop(room, room->sequence > h->sequence ? room->sequence : h->sequence);
        return e;
    }
    if (h->sequence > room->sequence)
        room->sequence = h->sequence;
    fill_note_target(room, room->sequence);
    room->deep = room->deep || h->deep;
    window_trim(&room->window, ROOM_WINDOW_MESSAGES, ROOM_WINDOW_BYTES);
    return OK;
}

/* With the lock held, which is released meanwhile. */
static enum err fill_once(struct room *room, struct db *db, bool deep)
{
    struct harvest h = {.start = room->sequence, .deep = deep, .purges = room->purges};
    room->filling = true;
    (void)pthread_mutex_unlock(&room->lock);
    metrics_add(room->state->metrics, METRIC_REFRESHES, 1);
    enum err e = read_room(room, db, &h);
    (void)pthread_mutex_lock(&room->lock);
    if (e == OK)
        e = bring_in(room, &h);
    room_count_bytes(room);
    room->filling = false;
    room->fill = e;
    (void)pthread_cond_broadcast(&room->filled);
    window_done(&h.window);
    return e;
}

enum err fill_room(struct room *room, struct db *db, bool deep)
{
    enum err e = OK;
    (void)pthread_mutex_lock(&room->lock);
    /*
     * What others commit meanwhile is for those who ask later: in a busy room nobody would ever
     * catch up with them.
     */
    const int64_t target = room->target;
    for (int attempt = 0; attempt < FILL_ATTEMPTS && e == OK; attempt++) {
        bool waited = room->filling;
        while (room->filling)
            (void)pthread_cond_wait(&room->filled, &room->lock);
        /*
         * Of a database that does not answer, one finds out for all: not each of them after the
         * other.
         */
        if (waited && room->fill == ERR_BUSY) {
            e = ERR_BUSY;
            break;
        }
        bool wants_deep = deep && !room->deep;
        if (target <= room->sequence && !wants_deep)
            break;
        e = fill_once(room, db, wants_deep);
    }
    if (e == OK && target > room->sequence)
        e = ERR_BUSY;
    (void)pthread_mutex_unlock(&room->lock);
    room_make_space(room->state);
    return e;
}

/* ---- commits of this process ---- */

/* Rendered before the room is locked. NULL: no memory. */
static struct window_message **render_all(const struct message_row *rows, size_t count)
{
    struct window_message **messages = mem_alloc_zero(count, sizeof(struct window_message *));
    for (size_t i = 0; messages != NULL && i < count; i++) {
        if (window_message_new(&rows[i], &messages[i]) == OK)
            continue;
        while (i > 0)
            window_message_free(messages[--i]);
        mem_free(messages);
        return NULL;
    }
    return messages;
}

/* With the lock held. Takes the messages. */
static void apply(struct room *room, int64_t new_sequence, struct window_message **messages,
                  size_t count)
{
    enum err e = OK;
    for (size_t i = 0; i < count; i++) {
        if (e == OK)
            e = window_take(&room->window, messages[i]);
        else
            window_message_free(messages[i]);
    }
    if (e != OK) {
        fill_drop(room, new_sequence);
        return;
    }
    room->sequence = new_sequence;
    window_trim(&room->window, ROOM_WINDOW_MESSAGES, ROOM_WINDOW_BYTES);
}

void state_apply(struct state *state, int64_t room_id, int64_t old_sequence, int64_t new_sequence,
                 const struct message_row *rows, size_t count)
{
    struct room *room = NULL;
    if (room_by_id(state, room_id, &room) != OK)
        return; /* not in memory yet: it will be read with its counter */
    struct window_message **messages = count > 0 ? render_all(rows, count) : NULL;
    bool rendered = count == 0 || messages != NULL;
    (void)pthread_mutex_lock(&room->lock);
    fill_note_target(room, new_sequence);
    if (rendered && room->sequence == old_sequence) {
        apply(room, new_sequence, messages, count);
        room_count_bytes(room);
        count = 0;
    }
    (void)pthread_mutex_unlock(&room->lock);
    for (size_t i = 0; messages != NULL && i < count; i++)
        window_message_free(messages[i]);
    mem_free(messages);
    room_make_space(state);
    state_room_release(room);
}
