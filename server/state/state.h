/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The in-memory picture: what an idle poll needs (docs/design.md, D3). Rooms, rights, known users,
 * and per room two windows of messages. Filled and corrected from store/, never the truth itself:
 * everything durable is in PostgreSQL.
 *
 * Every function is safe on any thread unless it says otherwise. Functions that take a `db` use SQL
 * only when memory cannot answer; with db == NULL they return ERR_RETRY instead ("run again on a
 * worker").
 */
#ifndef CONCLAVE_STATE_STATE_H
#define CONCLAVE_STATE_STATE_H

#include "base/buf.h"
#include "crypto/keys.h"
#include "db/db.h"
#include "store/dms.h"
#include "store/messages.h"
#include "store/trusted_time.h"

struct conf;
struct metrics;
struct ring;
struct state;
struct room; /* one room's memory; reference counted */
struct filters;
struct identity;
struct rights;

/*
 * A message list in a reply stops before it grows past this: below REPLY_MAX_BYTES with room for
 * its envelope.
 */
enum { STATE_LIST_MAX_BYTES = 9 * 1024 * 1024 };

struct state_options {
    const struct conf *conf; /* [memory] state, the database's url */
    struct metrics *metrics;
    struct ring *ring;
    int stop_fd; /* base/stop.h: the listener thread waits no longer then */
};
MUST_USE enum err state_new(const struct state_options *options, struct state **ret_state);
void state_free(struct state *state);
/*
 * First filling: rooms, roles, overrides, known users' flags; no messages (they come when first
 * asked for).
 */
MUST_USE enum err state_load(struct state *state, struct db *db);
/*
 * Compares the table of versions and refreshes what differs. Called every 500 ms and after a
 * notification by the listener thread (state/listen.c), and by tests.
 */
MUST_USE enum err state_refresh(struct state *state, struct db *db);
/*
 * The listener thread with its own connection: LISTEN, compare, refresh, flush sightings;
 * reconnects for ever.
 */
MUST_USE enum err state_start(struct state *state);
void state_stop(struct state *state);
/*
 * False when the last successful comparison is older than 60 s (docs/design.md, D7): memory must
 * not answer any more.
 */
bool state_is_fresh(const struct state *state, int64_t mono_ms);
/*
 * What this process's clock and the database's showed at most two seconds ago (while the database
 * answers).
 */
struct clock_reading state_clock(const struct state *state);

/* ---- who ---- */

/* Globally banned. */
bool state_is_banned(struct state *state, const struct session_id *id);
/* Is a global moderator, or admin. */
bool state_may_globally(struct state *state, const struct session_id *id, bool as_admin);
/* Something waits for the first contact of this 15 id, in either sign (store/pending.h). */
bool state_is_pending(struct state *state, const struct session_id *id);
/*
 * A verified request of this user was seen: gathered, flushed by the hour; never touches SQL here.
 */
void state_seen(struct state *state, const struct session_id *id, bool stranger, int64_t now_ms);
/*
 * False: a stranger, seen for the first time less than [limits] known_after ago, or never
 * (docs/design.md, D14).
 */
bool state_is_member(struct state *state, const struct session_id *id, int64_t now_ms);
/* Such a request was seen lately, so that the user's row exists or is about to be written. */
bool state_was_seen(struct state *state, const struct session_id *id);
/* The same as state_seen with activity in a room (pollInfo and the four message reads). */
void state_active(struct state *state, struct room *room, const struct session_id *id,
                  bool stranger, int64_t now_ms);

/* ---- rooms ---- */

/* Case-insensitive. A reference to release with state_room_release. ERR_MISSING. */
MUST_USE enum err state_room_by_token(struct state *state, struct span token,
                                      struct room **ret_room);
void state_room_release(struct room *room);
/* All rooms, ordered by lower(token): references in an array from mem. */
MUST_USE enum err state_rooms(struct state *state, struct arena *mem, struct room ***ret_rooms,
                              size_t *ret_count);
int64_t state_room_id(const struct room *room);
/* Resolution of docs/protocol/community.md, 3.8, for a caller (anonymous too). */
void state_rights(struct state *state, struct room *room, const struct identity *who,
                  struct rights *ret_rights);

/*
 * What is filtered out of its posts; a reference to release with filters_release, or NULL: nothing.
 * Never touches SQL.
 */
struct filters *state_filters(struct room *room);

/* The room's token as a JSON text, in the spelling that is stored. */
void state_write_token(struct room *room, struct buf *out);
/*
 * The room object of docs/protocol/community.md, 2.2 for a caller with these rights (pre-rendered
 * per role class).
 */
MUST_USE enum err state_write_room(struct state *state, struct room *room,
                                   const struct rights *rights, struct buf *out);
/*
 * The pollInfo object, with `details` iff counter differs from info_updates
 * (docs/protocol/community.md, 2.2).
 */
MUST_USE enum err state_write_poll_info(struct state *state, struct room *room,
                                        const struct rights *rights, int64_t counter,
                                        struct buf *out);

/* ---- messages ---- */

/* What the caller may see of whispers, and how rows are written. */
struct reader_view {
    const struct identity *who;
    bool moderator;
    int64_t limit;    /* 1..256 */
    int64_t reactors; /* 0..20 */
};
/*
 * Each appends a JSON array to out. From the windows when they suffice, else by SQL (single-flight
 * per room when it also fills a window). A list stops early, after at least one row, rather than
 * pass STATE_LIST_MAX_BYTES. since: pages of docs/design.md, D17. t_r: the flag t=r.
 */
MUST_USE enum err state_write_since(struct state *state, struct db *db, struct room *room,
                                    const struct reader_view *view, int64_t since, bool t_r,
                                    struct buf *out);
MUST_USE enum err state_write_recent(struct state *state, struct db *db, struct room *room,
                                     const struct reader_view *view, struct buf *out);
MUST_USE enum err state_write_before(struct state *state, struct db *db, struct room *room,
                                     const struct reader_view *view, int64_t before,
                                     struct buf *out);
/* One message object. ERR_MISSING: unknown, deleted, or not visible to the reader. */
MUST_USE enum err state_write_one(struct state *state, struct db *db, struct room *room,
                                  const struct reader_view *view, int64_t id, struct buf *out);
/*
 * A message object as POST answers it (docs/protocol/community.md, 2.5): data and signature echoed,
 * reactions {}, no `edited`.
 */
MUST_USE enum err state_write_posted(const struct message_row *row, bool filtered, struct buf *out);

/* ---- direct messages ---- */

/*
 * True only when it is sure that the box holds nothing above since: the answer to an idle poll.
 * Never touches SQL.
 */
bool state_dms_nothing_after(struct state *state, const struct session_id *id, enum dm_box box,
                             int64_t since);
/* Learns what the next idle polls of this user need. */
MUST_USE enum err state_dms_learn(struct state *state, struct db *db, const struct session_id *id);
/* This process has stored a message. */
void state_dms_sent(struct state *state, int64_t dm, const struct session_id *sender,
                    const struct session_id *recipient);

/* ---- commits ---- */

/*
 * A commit of this process in one room moved its counter from old_sequence to new_sequence and
 * changed these messages. Applied only if memory stands at old_sequence; otherwise the room is
 * marked for a single-flight refill before anything newer is shown (docs/design.md, D3). rows: what
 * is visible of the new and changed messages, each once, as it is now, with its reactions read for
 * memory (store/messages.h). They are copied. Never blocks on SQL.
 */
void state_apply(struct state *state, int64_t room, int64_t old_sequence, int64_t new_sequence,
                 const struct message_row *rows, size_t count);

#endif
