/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole picture: its beginning and end.
 */
#include "base/mem.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "state/listen.h"
#include "state/picture.h"

enum {
    SIGHTINGS_CAPACITY = 1 << 17,  /* known people and rooms of one hour */
    KNOWN_LOG2 = 22,               /* 32 MB once in use, for 2 million people and more */
    MAILBOXES_CAPACITY = 1 << 17,  /* 10 MB: the people who poll one process */
    FRESH_FOR_MS = 60 * SECOND_MS, /* docs/design.md, D7 */
};

enum err state_new(const struct state_options *options, struct state **ret_state)
{
    struct state *state = MEM_NEW(struct state);
    if (!state)
        return ERR_NO_MEMORY;
    state->metrics = options->metrics;
    state->ring = options->ring;
    state->url = options->conf->database.url;
    state->stop_fd = options->stop_fd;
    state->max_bytes = options->conf->memory.state_bytes;
    state->global_version = state->users_version = -1;
    atomic_init(&state->fresh_mono_ms, INT64_MIN);
    (void)pthread_rwlock_init(&state->table_lock, NULL);
    (void)pthread_mutex_init(&state->refresh_lock, NULL);
    (void)pthread_mutex_init(&state->trim_lock, NULL);
    enum err e = sightings_new(SIGHTINGS_CAPACITY, &state->sightings);
    if (e == OK)
        e = known_new(KNOWN_LOG2, options->conf->limits.known_after_ms, &state->known);
    if (e == OK)
        e = mailboxes_new(MAILBOXES_CAPACITY, &state->mailboxes);
    if (e != OK) {
        state_free(state);
        return e;
    }
    *ret_state = state;
    return OK;
}

void state_free(struct state *state)
{
    if (!state)
        return;
    state_stop(state);
    bool emptied = room_table_replace(state, NULL, 0) == OK; /* allocates nothing: cannot fail */
    (void)emptied;
    mem_free(state->users.rows);
    mem_free(state->pending.ids);
    sightings_free(state->sightings);
    known_free(state->known);
    mailboxes_free(state->mailboxes);
    (void)pthread_mutex_destroy(&state->trim_lock);
    (void)pthread_mutex_destroy(&state->refresh_lock);
    (void)pthread_rwlock_destroy(&state->table_lock);
    mem_free(state);
}

bool state_is_fresh(const struct state *state, int64_t mono_ms)
{
    int64_t at = atomic_load(&state->fresh_mono_ms);
    return at != INT64_MIN && mono_ms - at < FRESH_FOR_MS;
}

void state_note_clock(struct state *state, const struct clock_reading *reading)
{
    atomic_store(&state->clock.doubt, (int)reading->doubt);
    atomic_store(&state->clock.now_ms, reading->now_ms);
    atomic_store(&state->clock.ahead_ms, reading->ahead_ms);
    atomic_store(&state->clock.trusted_ms, reading->trusted_ms);
}

struct clock_reading state_clock(const struct state *state)
{
    return (struct clock_reading){.doubt = (enum clock_doubt)atomic_load(&state->clock.doubt),
                                  .now_ms = atomic_load(&state->clock.now_ms),
                                  .ahead_ms = atomic_load(&state->clock.ahead_ms),
                                  .trusted_ms = atomic_load(&state->clock.trusted_ms)};
}

enum err state_start(struct state *state)
{
    return refresher_start(state, &state->refresher);
}

void state_stop(struct state *state)
{
    refresher_stop(state->refresher);
    state->refresher = NULL;
}
