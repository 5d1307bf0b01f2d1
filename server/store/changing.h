/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages as the batch writer finds and changes them: edits and deletions. All of it inside the
 * writer's transaction and under the locks of the rooms (store/posting.h), one statement per step
 * however many messages.
 */
#ifndef CONCLAVE_STORE_CHANGING_H
#define CONCLAVE_STORE_CHANGING_H

#include "store/messages.h"

struct message_target {
    int64_t id;
    int64_t room;
    int64_t author; /* user id */
    double posted;
    int64_t seqno_creation, seqno_data, seqno_reactions;
    enum message_state state;
    bool deleted, whisper;
    int64_t key_id;
    struct bytes
        sealed; /* p == NULL: not asked for, or deleted; then the rest is not there either */
    double edited;
    bool has_whisper_to, whisper_mods;
    struct session_id whisper_to;
    struct span mac; /* p == NULL: none */
};

/* Everything of one author in one room that was posted at or after `posted` and is not deleted. */
struct author_posts {
    int64_t room;
    int64_t author;
    double posted;
};
/*
 * The messages named by ids (edited: of these the bodies too) and the oldest `limit` of each of
 * `authors`. Ascending by id, each once; those that do not exist are missing.
 */
struct targets_wanted {
    const int64_t *ids;
    size_t id_count;
    const int64_t *edited;
    size_t edited_count;
    const struct author_posts *authors;
    size_t author_count;
    int64_t limit;
};
MUST_USE enum err changing_targets(struct db *db, struct arena *mem,
                                   const struct targets_wanted *wanted,
                                   struct message_target **ret_targets, size_t *ret_count);

/* Is this a message of the room that is not deleted? Asked before anybody is asked to change it. */
MUST_USE enum err changing_is_there(struct db *db, int64_t room, int64_t message, bool *ret_there);
/* What one person has in a room that a deletion of everything would change. */
struct author_room {
    int64_t room;
    int64_t messages; /* not deleted; 0: uploads only */
};
/* room 0: all rooms. Ascending by room; rooms with nothing are missing. */
MUST_USE enum err changing_rooms_of(struct db *db, struct arena *mem, int64_t author, int64_t room,
                                    struct author_room **ret_rooms, size_t *ret_count);

/*
 * What becomes of a message's data: another body, or none. `edited` and seqno_data are set with it.
 */
struct message_change {
    int64_t id;
    double edited;
    int64_t seqno_data;
    int64_t key_id;
    struct span sealed; /* p == NULL: deleted */
    struct span mac;    /* p == NULL: deleted */
};
MUST_USE enum err changing_write(struct db *db, struct arena *mem,
                                 const struct message_change *changes, size_t count);
/* seqno_reactions of messages. */
MUST_USE enum err changing_reacted(struct db *db, const int64_t *ids, const int64_t *seqnos,
                                   size_t count);
/* Removes the pins of these messages: one entry of ret_rooms (in mem) for each pin removed. */
MUST_USE enum err changing_unpin(struct db *db, struct arena *mem, const int64_t *ids, size_t count,
                                 int64_t **ret_rooms, size_t *ret_count);

#endif
