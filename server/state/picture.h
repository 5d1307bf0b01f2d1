/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What state.h keeps opaque: the whole picture and one room of it. For the files of this folder
 * only.
 *
 * Locks, in the order in which they may be taken: state.refresh_lock, then state.table_lock, then
 * room.lock. None is held while SQL runs but refresh_lock, which exists for that.
 */
#ifndef CONCLAVE_STATE_PICTURE_H
#define CONCLAVE_STATE_PICTURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "state/filters.h"
#include "state/info.h"
#include "state/known.h"
#include "state/mailboxes.h"
#include "state/rights.h"
#include "state/sightings.h"
#include "state/state.h"
#include "state/window.h"
#include "store/store.h"
#include "store/trusted_time.h"

struct refresher;

enum {
    ROOM_WINDOW_MESSAGES = 1024,
    ROOM_WINDOW_BYTES = 2 * 1024 * 1024,
    CLAIMANTS = 2, /* one alone may be a broken or a hostile client */
    /* A reader of 256 finds them even when some are whispers to others. */
    ROOM_RECENT_MESSAGES = 320,
};

struct room {
    _Atomic int64_t references;
    struct state *state;
    int64_t id;
    char token[ROOM_TOKEN_MAX]; /* lower case, for lookups */
    size_t token_len;

    pthread_mutex_t lock;  /* guards what follows */
    pthread_cond_t filled; /* filling became false */
    struct info *info;
    struct rights_overrides overrides;
    struct filters *filters; /* a reference; NULL: nothing is filtered */
    int64_t
        sequence; /* C of docs/design.md, D3: everything up to here is in the windows, or below their marks */
    int64_t target; /* the highest number known to be committed; above sequence: stale */
    bool filling;   /* one thread is reading the database for this room */
    enum err fill;  /* how the last reading ended, for those who waited for it */
    bool deep;      /* the windows were filled downwards since they were last emptied */
    int64_t purges; /* times that messages went silently: a reading under way then is outdated */
    struct window window;
    size_t counted_bytes; /* our share in state.bytes */
    int64_t used_mono_ms; /* when somebody last read messages */
    struct { /* members who asked for what comes after a number that the room does not have */
        int64_t highest;
        struct session_id by[CLAIMANTS];
        size_t count;
    } claim;

    /* Guarded by state.refresh_lock: the versions that the picture shows; -1: none yet. */
    int64_t content_version, rights_version, purged_version;
    int64_t
        moderators_generation; /* which global moderators it shows: state.moderators_generation */
};

/* Absolute forms of ids for which something waits (store/pending.h), ascending. */
struct pending_ids {
    struct session_id *ids;
    size_t count;
};

/* All rooms: replaced as a whole, read-only in between. */
struct room_table {
    struct room **by_token; /* a reference each */
    struct room **by_id;
    size_t count;
};

struct state {
    struct metrics *metrics;
    struct ring *ring;
    const char *url;
    int stop_fd;
    size_t max_bytes;

    pthread_rwlock_t table_lock; /* guards rooms, users and pending */
    struct room_table rooms;
    struct rights_users users;
    struct pending_ids pending;

    pthread_mutex_t refresh_lock; /* one refresh at a time; guards the versions here and in rooms */
    int64_t global_version, users_version;
    int64_t moderators_generation; /* grows whenever the global moderators differ from before */

    pthread_mutex_t trim_lock; /* one thread makes room at a time; only ever tried */
    _Atomic int64_t bytes;     /* of all windows and room objects */
    _Atomic int64_t
        fresh_mono_ms; /* start of the last comparison that succeeded; INT64_MIN: never */
    struct {           /* the last reading of both clocks; its parts may be of two readings */
        _Atomic int doubt;
        _Atomic int64_t now_ms, ahead_ms, trusted_ms;
    } clock;

    struct sightings *sightings;
    struct known *known;
    struct mailboxes *mailboxes;
    struct refresher *refresher; /* NULL: not started */
};

/* ---- rooms.c ---- */

/* A room with one reference, nothing known beyond its row. */
MUST_USE enum err room_new(struct state *state, const struct room_row *row, struct room **ret_room);
/* ERR_MISSING. A reference. */
MUST_USE enum err room_by_id(struct state *state, int64_t id, struct room **ret_room);
/*
 * Sorts rooms (whose references it takes) into the table and releases the former ones.
 * ERR_NO_MEMORY: takes nothing.
 */
MUST_USE enum err room_table_replace(struct state *state, struct room **rooms, size_t count);
/* References to all rooms, by id, in mem. */
MUST_USE enum err room_table_hold(struct state *state, struct arena *mem, struct room ***ret_rooms,
                                  size_t *ret_count);
/* With the lock held, after any change: brings state.bytes up to date. */
void room_count_bytes(struct room *room);
/*
 * Without any lock: drops the oldest messages of the rooms unused for longest, until state.bytes is
 * below the ceiling.
 */
void room_make_space(struct state *state);

/* ---- fill.c ---- */

/*
 * Reads from the database until the room shows what was known to be committed at the call and, if
 * deep, its windows are filled downwards. One thread per room reads, others wait for it. Without
 * lock.
 */
MUST_USE enum err fill_room(struct room *room, struct db *db, bool deep);
/* With the lock held: the database says that the counter stands (at least) here. */
void fill_note_target(struct room *room, int64_t sequence);
/*
 * With the lock held: messages up to this id went without a trace. The counter stays where it is.
 */
void fill_purged(struct room *room, int64_t purged_to);
/* With the lock held: forgets all messages; the counter stands at sequence. */
void fill_drop(struct room *room, int64_t sequence);

/* ---- claims.c ---- */

/*
 * Without lock: this reader has seen the room's events up to `since`, which memory knows nothing
 * of.
 */
void claims_note(struct room *room, const struct identity *who, int64_t since);
/* Without lock, after the room was compared with the database. */
MUST_USE enum err claims_check(struct room *room, struct db *db);

/* ---- state.c ---- */

/* What both clocks showed a moment ago. */
void state_note_clock(struct state *state, const struct clock_reading *reading);

/* ---- dms.c ---- */

/*
 * Notes what was sent since. before: mailboxes_complete_to() as it was before the versions were
 * read; newest: their VERSION_DMS.
 */
MUST_USE enum err dms_refresh(struct state *state, struct db *db, struct arena *mem, int64_t before,
                              int64_t newest);

#endif
