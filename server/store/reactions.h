/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reactions at rest (docs/protocol/community.md, 2.10 and 3.5). Their text is sealed and padded to
 * one size, so a copy of the database shows who reacted, but not with what; equal texts are found
 * by opening the few that a message has.
 */
#ifndef CONCLAVE_STORE_REACTIONS_H
#define CONCLAVE_STORE_REACTIONS_H

#include "store/messages.h"

enum {
    REACTION_MAX_CODE_POINTS = 12,
    REACTION_MAX_BYTES = 4 * REACTION_MAX_CODE_POINTS,
    REACTION_SEALED_BYTES = 24 + 1 + REACTION_MAX_BYTES + 16, /* nonce, length, padded text, tag */
    /*
     * Different ones on one message: no crowd of honest people reaches it, and rows of messages
     * stay below 0.5 MB.
     */
    REACTIONS_PER_MESSAGE_MAX = 256,
    /*
     * What one answer about reactors holds at most: 100,000 ids with their times fit into a reply.
     */
    REACTORS_LISTED_MAX = 100000,
};

struct reaction_sealed {
    uint8_t b[REACTION_SEALED_BYTES];
};
/* text: 1 to REACTION_MAX_BYTES bytes. */
MUST_USE enum err reaction_seal(const struct aead_key *key, int64_t room, int64_t message,
                                struct span text, struct reaction_sealed *ret_sealed);

/* Where a sealed text belongs, and its key. */
struct reaction_place {
    int64_t room, message, key_id;
};
/* Opens a text into mem. Errors of ring_key_by_id; ERR_SEALED: it belongs somewhere else. */
MUST_USE enum err reaction_open(struct ring *ring, struct db *db, struct arena *mem,
                                const struct reaction_place *place, struct span sealed,
                                struct span *ret_text);

/* Fills reactions of the messages given, each of which has its id and room. Any connection. */
MUST_USE enum err reactions_attach(struct db *db, struct ring *ring, struct arena *mem,
                                   const struct message_reader *reader,
                                   struct message_row *messages, size_t count);

struct reactor_row {
    struct session_id session;
    double at;
};
/*
 * Who has this reaction on a message, the earliest first, at most limit of them. ERR_MISSING: no
 * message of this room that can have reactions (unknown, deleted, filtered or a whisper).
 * ERR_TOO_LARGE: that would be more than `most`; none was read.
 */
struct reactors_query {
    int64_t room;
    int64_t message;
    struct span text;
    int64_t limit;
    int64_t most; /* rows that the caller has room for */
};
MUST_USE enum err reactions_reactors(struct db *db, struct ring *ring, struct arena *mem,
                                     const struct reactors_query *query,
                                     struct reactor_row **ret_rows, size_t *ret_count);

/*
 * For the batch writer, inside its transaction and under the locks of the rooms (store/posting.h).
 */
struct reaction_target {
    int64_t id;
    int64_t message;
    int64_t users;
    struct span text;
};
/*
 * All reactions of the messages given, by message, then in the order of first use. rooms[i]: the
 * room of messages[i].
 */
MUST_USE enum err reactions_targets(struct db *db, struct ring *ring, struct arena *mem,
                                    const int64_t *messages, const int64_t *rooms, size_t count,
                                    struct reaction_target **ret_targets, size_t *ret_count);
/* How many user reactions each of the messages has: ret_totals[i] for messages[i]. */
MUST_USE enum err reactions_totals(struct db *db, struct arena *mem, const int64_t *messages,
                                   size_t count, int64_t **ret_totals);
struct user_reaction {
    int64_t reaction;
    int64_t user;
    int64_t seqno;
    double at;
};
/* Which reactions users[i] has on messages[i]; only reaction and user are filled. */
MUST_USE enum err reactions_held(struct db *db, struct arena *mem, const int64_t *messages,
                                 const int64_t *users, size_t count,
                                 struct user_reaction **ret_held, size_t *ret_count);

/* Whole reactions go: those named, and all of the messages named. */
MUST_USE enum err reactions_remove(struct db *db, const int64_t *reactions, size_t reaction_count,
                                   const int64_t *messages, size_t message_count);
struct reaction_insert {
    int64_t message;
    int64_t key_id;
    int64_t users;
    struct reaction_sealed sealed;
};
/* Ids come back in order of the input, growing. */
MUST_USE enum err reactions_insert(struct db *db, struct arena *mem,
                                   const struct reaction_insert *rows, size_t count,
                                   int64_t **ret_ids);
MUST_USE enum err reactions_set_users(struct db *db, const int64_t *reactions, const int64_t *users,
                                      size_t count);
MUST_USE enum err reactions_take_back(struct db *db, struct arena *mem,
                                      const struct user_reaction *rows, size_t count);
MUST_USE enum err reactions_give(struct db *db, struct arena *mem, const struct user_reaction *rows,
                                 size_t count);

#endif
