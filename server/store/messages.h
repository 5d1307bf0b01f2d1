/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages at rest. Bodies are sealed (store/ring.h); rows that come out of here are open, in the caller's arena.
 * Reading follows design D3 (indexes that never walk tombstones) and D17 (a message has up to two events).
 */
#ifndef CONCLAVE_STORE_MESSAGES_H
#define CONCLAVE_STORE_MESSAGES_H

#include "crypto/keys.h"
#include "store/ring.h"
#include "store/store.h"

enum message_state { MESSAGE_VISIBLE = 0, MESSAGE_FILTERED = 1, MESSAGE_HELD = 2 };
enum { MESSAGE_SIGNATURE_BYTES = 64 };

struct message_row {
    int64_t id;
    struct session_id author;
    double posted; /* seconds, whole milliseconds */
    double edited; /* 0: never */
    int64_t seqno_creation;
    int64_t seqno_data;
    int64_t seqno_reactions; /* 0: none ever */
    bool deleted;            /* tombstone: data and signature are empty */
    bool whisper, whisper_mods, has_whisper_to;
    struct session_id whisper_to;
    struct span data;      /* as sent, padding included */
    struct span signature; /* 64 bytes */
};

/*
 * Rows that are relevant to memory windows and to `since`: visible or tombstone, never filtered or held.
 *
 * messages_events: messages with an event (seqno_data, or seqno_reactions when larger) in (since, up_to], in order of
 * their first such event, at most limit messages. Tombstones only with seqno_creation <= since when known_only, else all
 * (memory wants all). ret_more: limit cut the list.
 */
struct message_query {
    int64_t room;
    int64_t since, up_to;
    int64_t limit;
    bool reactions;  /* count seqno_reactions as an event (t=r) */
    bool known_only; /* tombstones rule of protocol 02, 3.3 (2) */
};
MUST_USE enum err messages_events(struct db *db, struct ring *ring, struct arena *mem,
                                  const struct message_query *q, struct message_row **ret_rows,
                                  size_t *ret_count, bool *ret_more);
/* Live messages with id < before (INT64_MAX: newest), descending id. */
MUST_USE enum err messages_before(struct db *db, struct ring *ring, struct arena *mem, int64_t room,
                                  int64_t before, int64_t limit, struct message_row **ret_rows,
                                  size_t *ret_count);
/* One live message of the room. ERR_MISSING. */
MUST_USE enum err messages_one(struct db *db, struct ring *ring, struct arena *mem, int64_t room,
                               int64_t id, struct message_row *ret_row);

/*
 * What the batch writer does, inside its transaction (design D4), in this order: lock, facts, insert, advance.
 */
struct room_lock {
    int64_t room;
    int64_t message_sequence; /* before this batch */
    bool read, accessible, write, upload;
};
/* Locks ORDER BY id FOR UPDATE; rooms that are gone are missing from the result. rooms[] is sorted and unique. */
MUST_USE enum err messages_lock_rooms(struct db *db, struct arena *mem, const int64_t *rooms,
                                      size_t count, struct room_lock **ret_locks,
                                      size_t *ret_count);

/* For each (room, author): the facts on which a post is decided. One statement for the whole batch. */
struct author_facts {
    int64_t user;          /* created when missing */
    bool banned;           /* globally or in the room */
    bool moderator, admin; /* effective in the room: global or room role */
    bool global_admin;
    enum tristate read, accessible, write, upload; /* overrides */
    int64_t recent_posts; /* posts in the rate window, deleted and filtered too */
    double last_posted;   /* newest posted of this author here; 0: none */
};
struct author_key {
    int64_t room;
    struct session_id session;
};
MUST_USE enum err messages_author_facts(struct db *db, struct arena *mem,
                                        const struct author_key *keys, size_t count,
                                        double window_start, int64_t now_ms,
                                        struct author_facts **ret_facts);

struct message_insert {
    int64_t room;
    int64_t user; /* author */
    int64_t seqno;
    double posted;
    enum message_state state;
    bool whisper_mods;
    int64_t whisper_to; /* user id, 0: none */
    int64_t key_id;
    struct span sealed; /* nonce || AEAD(signature || data) || tag */
};
/* All rows by one INSERT ... SELECT unnest; ids come back in order of the input, growing per room. */
MUST_USE enum err messages_insert(struct db *db, struct arena *mem,
                                  const struct message_insert *rows, size_t count,
                                  int64_t **ret_ids);
/* rooms.message_sequence = new value, and versions of the rooms' content +1, in one statement. */
MUST_USE enum err messages_advance(struct db *db, const int64_t *rooms, const int64_t *sequences,
                                   size_t count);

/*
 * Sealing of one message body; ad binds it to its place (room, seqno of creation).
 */
MUST_USE enum err message_seal(const struct aead_key *key, int64_t room, int64_t seqno_creation,
                               struct span signature, struct span data, struct buf *out);

#endif
