/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the batch writer asks about rooms and people, and the posts it inserts (docs/design.md, D4):
 * one statement per step, however many ops a batch has. All of it inside the writer's transaction;
 * the order is lock, facts, insert, advance.
 */
#ifndef CONCLAVE_STORE_POSTING_H
#define CONCLAVE_STORE_POSTING_H

#include "store/message_mac.h"
#include "store/messages.h"

struct room_lock {
    int64_t room;
    int64_t message_sequence; /* before this batch */
    int64_t posted_ms;        /* of its newest message, before this batch; 0: none */
    bool read, accessible, write, upload;
};
/*
 * Locks in the order of the id (docs/decisions/0013-lock-of-rooms.md); rooms that are gone are
 * missing from the result. rooms[] is sorted and unique.
 */
MUST_USE enum err posting_lock_rooms(struct db *db, struct arena *mem, const int64_t *rooms,
                                     size_t count, struct room_lock **ret_locks, size_t *ret_count);

/*
 * For each (room, author): the facts on which a post is decided. One statement for the whole batch.
 */
struct author_facts {
    int64_t user;          /* 0: nobody we know, and not to be made */
    bool banned;           /* globally or in the room */
    bool moderator, admin; /* effective in the room: global or room role */
    bool global_admin;
    enum tristate read, accessible, write, upload; /* overrides */
    int64_t recent_posts; /* posts in the rate window, deleted and filtered too */
};
struct author_key {
    int64_t room;
    struct session_id session;
    bool
        make; /* a user row when there is none: only for what is counted by limits (docs/design.md, D14) */
};
MUST_USE enum err posting_facts(struct db *db, struct arena *mem, const struct author_key *keys,
                                size_t count, double window_start, int64_t now_ms,
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
    struct message_mac mac;
};
/*
 * All rows by one INSERT ... SELECT unnest; ids come back in order of the input, growing per room.
 */
MUST_USE enum err posting_insert(struct db *db, struct arena *mem,
                                 const struct message_insert *rows, size_t count,
                                 int64_t **ret_ids);
/* What becomes of rooms; one array per column. */
struct room_advance {
    const int64_t *rooms;
    const int64_t *sequences; /* message_sequence */
    const int64_t *posted_ms; /* 0: as it was */
    const int64_t *unpinned;  /* added to info_updates */
};
/* Writes that, and versions of the rooms' content +1, in one statement. */
MUST_USE enum err posting_advance(struct db *db, const struct room_advance *columns, size_t count);

#endif
