/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See store/retention.h for what goes and what stays.
 */
#include "jobs/retention.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/retention.h"

enum {
    SLICE = 500,
    SLICES_MAX = 20,          /* per room and turn: others wait for the jobs too */
    BYTES_PERIOD_S = 10 * 60, /* adding up a room reads all of it */
    ARENA_BYTES = 4 * 1024 * 1024,
};

/* ERR_RETRY and ERR_BUSY: somebody holds the room; next time. */
static enum err purge_room(struct db *db, struct arena *mem, struct retention_purge *purge,
                           int64_t *total)
{
    int64_t gone = 1;
    enum err e = OK;
    for (int i = 0; i < SLICES_MAX && e == OK && gone > 0; i++) {
        arena_reset(mem);
        e = retention_purge(db, mem, purge, &gone);
        *total += e == OK ? gone : 0;
    }
    return e == ERR_RETRY || (e == ERR_BUSY && db_connected(db)) ? OK : e;
}

static enum err keep_room(struct db *db, struct arena *mem, const struct retention *r,
                          bool count_bytes, int64_t now_ms, int64_t *total)
{
    struct retention_purge purge = {.room = r->room, .limit = SLICE};
    enum err e = OK;
    if (r->keep_s > 0)
        purge.before = (double)now_ms / SECOND_MS - (double)r->keep_s;
    if (r->keep_bytes > 0 && count_bytes)
        e = retention_find_cut(db, r->room, r->keep_bytes, &purge.cut);
    return e == OK ? purge_room(db, mem, &purge, total) : e;
}

/* Changes when somebody sets another bound, which should then not have to wait. */
static uint64_t settings_of(const struct retention *rooms, size_t count)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a over words; nobody makes these collide */
    for (size_t i = 0; i < count; i++) {
        h = (h ^ (uint64_t)rooms[i].room) * UINT64_C(1099511628211);
        h = (h ^ (uint64_t)rooms[i].keep_bytes) * UINT64_C(1099511628211);
    }
    return h;
}

enum err jobs_purge(struct jobs_retention *state, struct db *db, int64_t now_ms)
{
    AUTO_ARENA struct arena *mem = arena_new(ARENA_BYTES);
    AUTO_ARENA struct arena *slice = arena_new(ARENA_BYTES);
    if (mem == NULL || slice == NULL)
        return ERR_NO_MEMORY;
    struct retention *rooms = NULL;
    size_t count = 0;
    int64_t total = 0, mono = clock_mono_ms();
    enum err e = retention_list(db, mem, &rooms, &count);
    uint64_t settings = settings_of(rooms, count);
    bool count_bytes = state->bytes_checked_mono_ms == 0 || settings != state->bytes_settings ||
                       mono - state->bytes_checked_mono_ms >= (int64_t)BYTES_PERIOD_S * SECOND_MS;
    for (size_t i = 0; e == OK && i < count; i++)
        e = keep_room(db, slice, &rooms[i], count_bytes, now_ms, &total);
    if (e == OK && count_bytes) {
        state->bytes_checked_mono_ms = mono;
        state->bytes_settings = settings;
    }
    if (total > 0)
        log_event(LOG_INFO, "jobs.messages_purged", LOG_U64("count", total));
    return e;
}
