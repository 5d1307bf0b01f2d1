/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rooms that exist: finding them, their lifetime, their objects, and the ceiling over the
 * memory of all of them. The table is replaced as a whole when a room comes or goes, so that
 * looking up is two binary searches under a read lock; whoever holds a reference may go on using a
 * room that is gone from the table.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "state/picture.h"

enum { SPACE_ARENA_BYTES = 16 * 1024 * 1024 };

enum err room_new(struct state *state, const struct room_row *row, struct room **ret_room)
{
    if (row->token.len > ROOM_TOKEN_MAX)
        return ERR_DEFECT;
    struct room *room = MEM_NEW(struct room);
    if (room == NULL)
        return ERR_NO_MEMORY;
    atomic_init(&room->references, 1);
    room->state = state;
    room->id = row->id;
    room->token_len = row->token.len;
    for (size_t i = 0; i < row->token.len; i++)
        room->token[i] = (char)tolower(row->token.p[i]);
    (void)pthread_mutex_init(&room->lock, NULL);
    (void)pthread_cond_init(&room->filled, NULL);
    room->sequence = room->target = row->message_sequence;
    window_init(&room->window, row->message_sequence);
    room->content_version = room->rights_version = -1;
    *ret_room = room;
    return OK;
}

static void add_bytes(struct state *state, int64_t delta)
{
    if (delta == 0)
        return;
    (void)atomic_fetch_add_explicit(&state->bytes, delta, memory_order_relaxed);
    metrics_add(state->metrics, METRIC_STATE_BYTES, delta);
}

static void hold(struct room *room)
{
    (void)atomic_fetch_add_explicit(&room->references, 1, memory_order_relaxed);
}

void state_room_release(struct room *room)
{
    if (room == NULL)
        return;
    if (atomic_fetch_sub_explicit(&room->references, 1, memory_order_acq_rel) > 1)
        return;
    add_bytes(room->state, -(int64_t)room->counted_bytes);
    window_done(&room->window);
    info_free(room->info);
    mem_free(room->overrides.rows);
    filters_release(room->filters);
    (void)pthread_cond_destroy(&room->filled);
    (void)pthread_mutex_destroy(&room->lock);
    mem_free(room);
}

int64_t state_room_id(const struct room *room)
{
    return room->id;
}

/* ---- the table ---- */

static int order_tokens(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int by_token(const void *a, const void *b)
{
    const struct room *x = *(struct room *const *)a;
    const struct room *y = *(struct room *const *)b;
    return order_tokens(x->token, x->token_len, y->token, y->token_len);
}

static int by_id(const void *a, const void *b)
{
    const struct room *x = *(struct room *const *)a;
    const struct room *y = *(struct room *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static void table_release(struct room_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        state_room_release(table->by_id[i]);
    mem_free(table->by_id);
    mem_free(table->by_token);
    *table = (struct room_table){0};
}

enum err room_table_replace(struct state *state, struct room **rooms, size_t count)
{
    struct room_table table = {.count = count};
    if (count > 0) {
        table.by_token = mem_alloc_zero(count, sizeof(struct room *));
        table.by_id = mem_alloc_zero(count, sizeof(struct room *));
        if (table.by_token == NULL || table.by_id == NULL) {
            mem_free(table.by_token);
            mem_free(table.by_id);
            return ERR_NO_MEMORY;
        }
        memcpy(table.by_token, rooms, count * sizeof(struct room *));
        memcpy(table.by_id, rooms, count * sizeof(struct room *));
        qsort(table.by_token, count, sizeof(struct room *), by_token);
        qsort(table.by_id, count, sizeof(struct room *), by_id);
    }
    (void)pthread_rwlock_wrlock(&state->table_lock);
    struct room_table old = state->rooms;
    state->rooms = table;
    (void)pthread_rwlock_unlock(&state->table_lock);
    metrics_set(state->metrics, METRIC_STATE_ROOMS, (int64_t)count);
    table_release(&old);
    return OK;
}

enum err state_room_by_token(struct state *state, struct span token, struct room **ret_room)
{
    struct room key = {.token_len = token.len};
    struct room *wanted = &key;
    struct room **found = NULL;
    if (token.len == 0 || token.len > ROOM_TOKEN_MAX)
        return ERR_MISSING;
    for (size_t i = 0; i < token.len; i++)
        key.token[i] = (char)tolower(token.p[i]);
    (void)pthread_rwlock_rdlock(&state->table_lock);
    if (state->rooms.count > 0)
        found = bsearch(&wanted, state->rooms.by_token, state->rooms.count, sizeof(struct room *),
                        by_token);
    struct room *room = found != NULL ? *found : NULL;
    if (room != NULL)
        hold(room);
    (void)pthread_rwlock_unlock(&state->table_lock);
    if (room == NULL)
        return ERR_MISSING;
    *ret_room = room;
    return OK;
}

enum err room_by_id(struct state *state, int64_t id, struct room **ret_room)
{
    struct room key = {.id = id};
    struct room *wanted = &key;
    struct room **found = NULL;
    (void)pthread_rwlock_rdlock(&state->table_lock);
    if (state->rooms.count > 0)
        found =
            bsearch(&wanted, state->rooms.by_id, state->rooms.count, sizeof(struct room *), by_id);
    struct room *room = found != NULL ? *found : NULL;
    if (room != NULL)
        hold(room);
    (void)pthread_rwlock_unlock(&state->table_lock);
    if (room == NULL)
        return ERR_MISSING;
    *ret_room = room;
    return OK;
}

static enum err hold_all(struct state *state, struct arena *mem, bool sorted_by_token,
                         struct room ***ret_rooms, size_t *ret_count)
{
    (void)pthread_rwlock_rdlock(&state->table_lock);
    size_t count = state->rooms.count;
    struct room *const *all = sorted_by_token ? state->rooms.by_token : state->rooms.by_id;
    struct room **rooms = ARENA_ARRAY(mem, count, struct room *);
    for (size_t i = 0; rooms != NULL && i < count; i++) {
        rooms[i] = all[i];
        hold(rooms[i]);
    }
    (void)pthread_rwlock_unlock(&state->table_lock);
    if (rooms == NULL)
        return ERR_NO_MEMORY;
    *ret_rooms = rooms;
    *ret_count = count;
    return OK;
}

enum err state_rooms(struct state *state, struct arena *mem, struct room ***ret_rooms,
                     size_t *ret_count)
{
    return hold_all(state, mem, true, ret_rooms, ret_count);
}

enum err room_table_hold(struct state *state, struct arena *mem, struct room ***ret_rooms,
                         size_t *ret_count)
{
    return hold_all(state, mem, false, ret_rooms, ret_count);
}

/* ---- what a room says of itself ---- */

void state_write_token(struct room *room, struct buf *out)
{
    (void)pthread_mutex_lock(&room->lock);
    info_write_token(room->info, out);
    (void)pthread_mutex_unlock(&room->lock);
}

enum err state_write_room(struct state *state UNUSED, struct room *room,
                          const struct rights *rights, struct buf *out)
{
    (void)pthread_mutex_lock(&room->lock);
    info_write_room(room->info, room->target, rights, out);
    (void)pthread_mutex_unlock(&room->lock);
    return buf_verdict(out);
}

enum err state_write_poll_info(struct state *state UNUSED, struct room *room,
                               const struct rights *rights, int64_t counter, struct buf *out)
{
    (void)pthread_mutex_lock(&room->lock);
    info_write_poll(room->info, room->target, counter, rights, out);
    (void)pthread_mutex_unlock(&room->lock);
    return buf_verdict(out);
}

/* ---- the ceiling ---- */

void room_count_bytes(struct room *room)
{
    size_t now = room->window.bytes + (room->info != NULL ? info_bytes(room->info) : 0) +
                 room->overrides.count * sizeof(*room->overrides.rows) +
                 (room->filters != NULL ? room->filters->bytes : 0);
    add_bytes(room->state, (int64_t)now - (int64_t)room->counted_bytes);
    room->counted_bytes = now;
}

struct candidate {
    struct room *room;
    int64_t used_mono_ms;
};

static int by_last_use(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    return (x->used_mono_ms > y->used_mono_ms) - (x->used_mono_ms < y->used_mono_ms);
}

static void shrink(struct room *room, int64_t excess)
{
    (void)pthread_mutex_lock(&room->lock);
    struct window *w = &room->window;
    window_trim(w, SIZE_MAX, (size_t)excess < w->bytes ? w->bytes - (size_t)excess : 0);
    if (w->count == 0) {
        int64_t target = room->target; /* what is known to be committed stays known */
        fill_drop(room, room->sequence);
        fill_note_target(room, target);
    }
    room_count_bytes(room);
    (void)pthread_mutex_unlock(&room->lock);
}

static void make_space(struct state *state, struct arena *mem)
{
    /* A little below the ceiling, or every message would come here. */
    int64_t goal = (int64_t)(state->max_bytes - state->max_bytes / 8);
    struct room **rooms = NULL;
    size_t count = 0;
    if (room_table_hold(state, mem, &rooms, &count) != OK)
        return;
    struct candidate *order = ARENA_ARRAY(mem, count, struct candidate);
    for (size_t i = 0; order != NULL && i < count; i++) {
        (void)pthread_mutex_lock(&rooms[i]->lock);
        order[i] = (struct candidate){rooms[i], rooms[i]->used_mono_ms};
        (void)pthread_mutex_unlock(&rooms[i]->lock);
    }
    if (order != NULL)
        qsort(order, count, sizeof(*order), by_last_use);
    for (size_t i = 0; order != NULL && i < count; i++) {
        int64_t excess = atomic_load_explicit(&state->bytes, memory_order_relaxed) - goal;
        if (excess > 0)
            shrink(order[i].room, excess);
    }
    for (size_t i = 0; i < count; i++)
        state_room_release(rooms[i]);
}

void room_make_space(struct state *state)
{
    if (atomic_load_explicit(&state->bytes, memory_order_relaxed) <= (int64_t)state->max_bytes)
        return;
    if (pthread_mutex_trylock(&state->trim_lock) != 0)
        return;
    AUTO_ARENA struct arena *mem = arena_new(SPACE_ARENA_BYTES);
    if (mem != NULL)
        make_space(state, mem);
    (void)pthread_mutex_unlock(&state->trim_lock);
}
