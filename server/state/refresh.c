/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparing versions with the database and reading anew what differs (docs/design.md, D7). Versions
 * are read before the data they stand for, so data that is newer than its version is at worst read
 * twice, never missed.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "state/picture.h"
#include "store/numbers.h"
#include "store/pending.h"
#include "store/pins.h"
#include "store/retention.h"
#include "store/versions.h"

enum {
    REFRESH_ARENA_BYTES = 64 * 1024 * 1024,
    OVERRIDES_PAGE = 8192,
    OVERRIDES_ARENA_BYTES = 4 * 1024 * 1024,
    /*
     * Rooms that somebody read this lately are refilled here, so that their readers find them
     * ready.
     */
    IN_USE_MS = 60 * SECOND_MS,
};

/* One comparison under way. */
struct comparison {
    struct state *state;
    struct db *db;
    struct arena *mem;
    const struct version_row *versions;
    size_t version_count;
    int64_t dms_before; /* what was noted before the versions were read */
};

static int order_versions(const void *a, const void *b)
{
    const struct version_row *x = a;
    const struct version_row *y = b;
    if (x->scope != y->scope)
        return x->scope < y->scope ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Asked several times for every room, twice a second. */
static int64_t version_of(const struct comparison *c, enum version_scope scope, int64_t id)
{
    const struct version_row key = {.scope = scope, .id = id};
    const struct version_row *found =
        c->version_count == 0
            ? NULL
            : bsearch(&key, c->versions, c->version_count, sizeof(key), order_versions);
    return found == NULL ? 0 : found->value;
}

static enum err read_pending(struct comparison *c, struct pending_ids *ret_pending)
{
    struct session_id *ids = NULL;
    struct pending_ids pending = {0};
    enum err e = pending_list(c->db, c->mem, &ids, &pending.count);
    if (e != OK)
        return e;
    if (pending.count > 0) {
        pending.ids = mem_alloc_zero(pending.count, sizeof(*ids));
        if (pending.ids == NULL)
            return ERR_NO_MEMORY;
        memcpy(pending.ids, ids, pending.count * sizeof(*ids));
    }
    *ret_pending = pending;
    return OK;
}

/*
 * Global bans and roles, and for whom something waits. Every room shows the global moderators: when
 * they differ, a new generation begins, and each room is rendered anew until it shows that, also if
 * this refresh fails half-way.
 */
static enum err read_people(struct comparison *c)
{
    struct state *state = c->state;
    struct user_row *rows = NULL;
    size_t count = 0;
    struct rights_users users = {0};
    struct pending_ids pending = {0};
    enum err e = users_special(c->db, c->mem, &rows, &count);
    if (e == OK)
        e = rights_copy_users(rows, count, &users);
    if (e == OK)
        e = read_pending(c, &pending);
    if (e != OK) {
        mem_free(users.rows);
        return e;
    }
    (void)pthread_rwlock_wrlock(&state->table_lock);
    struct rights_users old = state->users;
    struct pending_ids old_pending = state->pending;
    state->users = users;
    state->pending = pending;
    (void)pthread_rwlock_unlock(&state->table_lock);
    if (!rights_same_moderators(&old, &users))
        state->moderators_generation++;
    mem_free(old.rows);
    mem_free(old_pending.ids);
    return OK;
}

/* The room object from its row, under the table's read lock because it names global moderators. */
static enum err render_info(struct comparison *c, struct room *room, const struct room_row *row,
                            const struct rights_overrides *overrides, struct info **ret_info)
{
    struct pin_row *pins = NULL;
    size_t pin_count = 0;
    enum err e = pins_list(c->db, c->mem, room->id, &pins, &pin_count);
    if (e != OK)
        return e;
    (void)pthread_rwlock_rdlock(&c->state->table_lock);
    e = info_new(row, pins, pin_count, overrides, &c->state->users, ret_info);
    (void)pthread_rwlock_unlock(&c->state->table_lock);
    return e;
}

static enum err read_filters(struct comparison *c, const struct room_row *room,
                             struct filters **ret_filters)
{
    struct filter_row *rows = NULL;
    struct filter_reply_row *replies = NULL;
    size_t count = 0, reply_count = 0;
    enum err e = filters_list(c->db, c->mem, room->id, &rows, &count);
    if (e == OK)
        e = filters_replies(c->db, c->mem, room->id, &replies, &reply_count);
    struct filters_source from = {room->token, room->name, rows, count, replies, reply_count};
    return e == OK ? filters_new(&from, ret_filters) : e;
}

/* In pages, since a room may have a hundred thousand. */
static enum err read_overrides(struct comparison *c, int64_t room,
                               struct rights_overrides *overrides)
{
    AUTO_ARENA struct arena *mem = arena_new(OVERRIDES_ARENA_BYTES);
    struct permission_page page = {.room = room, .limit = OVERRIDES_PAGE, .count = OVERRIDES_PAGE};
    enum err e = mem == NULL ? ERR_NO_MEMORY : OK;
    while (e == OK && page.count == OVERRIDES_PAGE) {
        arena_reset(mem);
        e = permissions_list(c->db, mem, &page);
        if (e == OK)
            e = rights_add_overrides(overrides, page.rows, page.count);
    }
    rights_sort_overrides(overrides);
    return e;
}

/* Replaces what a room shows, grants and filters. */
static enum err read_object(struct comparison *c, struct room *room, const struct room_row *row)
{
    struct rights_overrides overrides = {0};
    struct info *info = NULL;
    struct filters *filters = NULL;
    enum err e = read_overrides(c, room->id, &overrides);
    if (e == OK)
        e = read_filters(c, row, &filters);
    if (e == OK)
        e = render_info(c, room, row, &overrides, &info);
    if (e != OK) {
        filters_release(filters);
        mem_free(overrides.rows);
        return e;
    }
    (void)pthread_mutex_lock(&room->lock);
    struct info *old_info = room->info;
    struct rights_overrides old_overrides = room->overrides;
    struct filters *old_filters = room->filters;
    room->info = info;
    room->filters = filters;
    room->overrides = overrides;
    room_count_bytes(room);
    (void)pthread_mutex_unlock(&room->lock);
    filters_release(old_filters);
    info_free(old_info);
    mem_free(old_overrides.rows);
    return OK;
}

/* The counter that the database had when its row was read; before: ours when the reading began. */
static void take_counter(struct room *room, int64_t before, int64_t sequence)
{
    (void)pthread_mutex_lock(&room->lock);
    if (sequence < before)
        fill_drop(room, sequence);
    else
        fill_note_target(room, sequence);
    (void)pthread_mutex_unlock(&room->lock);
}

static bool is_current(struct room *room, const struct room_row *row)
{
    (void)pthread_mutex_lock(&room->lock);
    bool current = room->info && room->info->info_updates == row->info_updates &&
                   room->info->active_users == row->active_users;
    (void)pthread_mutex_unlock(&room->lock);
    return current;
}

static bool in_use(struct room *room)
{
    (void)pthread_mutex_lock(&room->lock);
    bool yes = room->used_mono_ms != 0 && clock_mono_ms() - room->used_mono_ms < IN_USE_MS &&
               room->target > room->sequence;
    (void)pthread_mutex_unlock(&room->lock);
    return yes;
}

/* Messages went without a trace: memory must not show them any longer. */
static enum err forget_purged(struct comparison *c, struct room *room)
{
    int64_t purged = version_of(c, VERSION_ROOM_PURGED, room->id), purged_to = 0;
    if (purged == room->purged_version)
        return OK;
    enum err e = retention_purged_to(c->db, room->id, &purged_to);
    if (e != OK)
        return e;
    (void)pthread_mutex_lock(&room->lock);
    fill_purged(room, purged_to);
    room_count_bytes(room);
    (void)pthread_mutex_unlock(&room->lock);
    room->purged_version = purged;
    return OK;
}

static enum err refresh_room(struct comparison *c, struct room *room)
{
    enum err purged = forget_purged(c, room);
    if (purged != OK)
        return purged;
    int64_t content = version_of(c, VERSION_ROOM_CONTENT, room->id);
    int64_t rights = version_of(c, VERSION_ROOM_RIGHTS, room->id);
    int64_t moderators = c->state->moderators_generation;
    bool rights_changed =
        moderators != room->moderators_generation || rights != room->rights_version;
    if (!rights_changed && content == room->content_version)
        return OK;
    (void)pthread_mutex_lock(&room->lock);
    int64_t before = room->sequence;
    (void)pthread_mutex_unlock(&room->lock);
    struct room_row row;
    enum err e = rooms_by_id(c->db, c->mem, room->id, &row);
    if (e == ERR_MISSING)
        return OK; /* removed meanwhile: the global version says so next time */
    if (e == OK && (rights_changed || !is_current(room, &row)))
        e = read_object(c, room, &row);
    /* What this process committed itself may be ahead of the versions that it has compared. */
    if (e == OK && row.message_sequence < before)
        e = numbers_catch_up_room(c->db, room->id, before);
    if (e != OK)
        return e;
    take_counter(room, before, row.message_sequence);
    room->content_version = content;
    room->rights_version = rights;
    room->moderators_generation = moderators;
    metrics_add(c->state->metrics, METRIC_REFRESHES, 1);
    return in_use(room) ? fill_room(room, c->db, false) : OK;
}

/* New rooms are completed before anybody can find them. */
static enum err read_rooms(struct comparison *c)
{
    struct room_row *rows = NULL;
    size_t count = 0;
    enum err e = rooms_list(c->db, c->mem, &rows, &count);
    struct room **rooms = e == OK ? ARENA_ARRAY(c->mem, count, struct room *) : NULL;
    if (e == OK && !rooms)
        e = ERR_NO_MEMORY;
    size_t held = 0;
    for (; e == OK && held < count; held++) {
        e = room_by_id(c->state, rows[held].id, &rooms[held]);
        if (e == ERR_MISSING) {
            e = room_new(c->state, &rows[held], &rooms[held]);
            if (e != OK)
                break;
            e = refresh_room(c, rooms[held]);
            if (e == OK && !rooms[held]->info)
                e = ERR_RETRY; /* removed while we read: the next comparison starts over */
        }
    }
    if (e == OK)
        e = room_table_replace(c->state, rooms, count);
    if (e != OK)
        while (held-- > 0)
            state_room_release(rooms[held]);
    return e;
}

/*
 * A row that stands below what memory has seen of it; false: there is none. Rows of deleted rooms
 * are gone.
 */
static bool is_below(const struct comparison *c, enum version_scope scope, int64_t id, int64_t seen,
                     struct version_row *ret_seen)
{
    int64_t now = version_of(c, scope, id);
    if (now == 0 || now >= seen)
        return false;
    *ret_seen = (struct version_row){.scope = scope, .id = id, .value = seen};
    return true;
}

/*
 * Versions only grow. When one did not, the database went back to an earlier state, and numbers are
 * raised: the next comparison shows them.
 */
static enum err check_history(struct comparison *c, struct room **rooms, size_t count)
{
    struct version_row seen;
    bool below = is_below(c, VERSION_GLOBAL, 0, c->state->global_version, &seen) ||
                 is_below(c, VERSION_USERS, 0, c->state->users_version, &seen) ||
                 is_below(c, VERSION_DMS, 0, c->dms_before, &seen);
    for (size_t i = 0; !below && i < count; i++)
        below = is_below(c, VERSION_ROOM_CONTENT, rooms[i]->id, rooms[i]->content_version, &seen) ||
                is_below(c, VERSION_ROOM_RIGHTS, rooms[i]->id, rooms[i]->rights_version, &seen);
    return below ? numbers_catch_up(c->db, &seen) : OK;
}

static enum err refresh_all(struct comparison *c)
{
    struct state *state = c->state;
    int64_t global = version_of(c, VERSION_GLOBAL, 0);
    int64_t users = version_of(c, VERSION_USERS, 0);
    enum err e = OK;
    if (users != state->users_version)
        e = read_people(c);
    if (e == OK && global != state->global_version)
        e = read_rooms(c);
    if (e == OK)
        e = dms_refresh(state, c->db, c->mem, c->dms_before, version_of(c, VERSION_DMS, 0));
    struct room **rooms = NULL;
    size_t count = 0;
    if (e == OK)
        e = room_table_hold(state, c->mem, &rooms, &count);
    if (e == OK)
        e = check_history(c, rooms, count);
    for (size_t i = 0; i < count; i++) {
        if (e == OK)
            e = refresh_room(c, rooms[i]);
        if (e == OK)
            e = claims_check(rooms[i], c->db);
        state_room_release(rooms[i]);
    }
    if (e != OK)
        return e;
    state->global_version = global;
    state->users_version = users;
    return OK;
}

enum err state_refresh(struct state *state, struct db *db)
{
    struct arena *mem AUTO_ARENA = arena_new(REFRESH_ARENA_BYTES);
    if (!mem)
        return ERR_NO_MEMORY;
    struct version_row *versions = NULL;
    struct comparison c = {.state = state, .db = db, .mem = mem};
    (void)pthread_mutex_lock(&state->refresh_lock);
    int64_t start_ms = clock_mono_ms();
    c.dms_before = mailboxes_complete_to(state->mailboxes);
    enum err e = versions_read(db, mem, &versions, &c.version_count);
    c.versions = versions;
    if (e == OK)
        e = refresh_all(&c);
    if (e == OK)
        atomic_store(&state->fresh_mono_ms, start_ms);
    (void)pthread_mutex_unlock(&state->refresh_lock);
    room_make_space(state);
    return e;
}

enum err state_load(struct state *state, struct db *db)
{
    struct clock_reading clock;
    enum err e = state_refresh(state, db);
    if (e == OK)
        e = clock_read(db, &clock);
    if (e != OK)
        return e;
    state_note_clock(state, &clock);
    return known_learn(state->known, db, clock.now_ms);
}
