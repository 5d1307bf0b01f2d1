/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of a batch share: write_batch.c (the frame), write_batch_posts.c,
 * write_batch_retries.c (posts that were done before), write_batch_targets.c (the messages that ops
 * name), write_batch_changes.c (edits and deletions), write_batch_reactions.c and
 * write_batch_difference.c. For these files only.
 *
 * Each part has three moments: it learns before anything is decided, it decides one op after the
 * other (numbers are drawn then, so the order of ops is the order of numbers), and it writes the
 * sum of what was decided. Between the last two the truth about a message is what stands here, not
 * what the database says.
 */
#ifndef CONCLAVE_WRITER_PARTS_H
#define CONCLAVE_WRITER_PARTS_H

#include "store/changing.h"
#include "store/posting.h"
#include "store/reactions.h"
#include "store/retries.h"
#include "writer/batch.h"

/* One reaction of a message while the batch decides. */
struct write_batch_reaction {
    struct write_batch_reaction *next; /* in the order of first use */
    int64_t id;                        /* 0: new */
    struct span text;
    int64_t users;
    bool users_changed;
    struct write_batch_use *uses; /* of the people in this batch only */
};

/* Whether a person in this batch has a reaction. */
struct write_batch_use {
    struct write_batch_use *next;
    int64_t user;
    bool held_before; /* it stands in the database */
    bool held;
    bool taken_back; /* what stands in the database is not true any more */
    int64_t seqno;   /* of what is held now and does not stand there */
};

/* A message that ops name. */
struct write_batch_target {
    struct message_target before; /* as the database had it; deleted, seqno_*: as decided so far */
    bool data_changed, reactions_changed;
    bool deleted_here;
    int64_t total; /* user reactions */
    /* WRITE_REACT and its kind: all reactions, and whether the former ones go as a whole. */
    struct write_batch_reaction *reactions;
    bool cleared;
    /* Edited: the body as it is now, and in clear. */
    int64_t key_id;
    struct span sealed;
    struct message_mac mac;
    struct span data; /* p == NULL: not opened yet */
};

/* What is known about one op. */
struct write_batch_plan {
    struct room_lock *room;            /* NULL: gone */
    struct author_facts *facts;        /* of who asks; shared by ops of the same person and room */
    struct author_facts *other;        /* of the reader of a whisper, or of whose messages go */
    struct write_batch_target *target; /* NULL: no such message in this room */
    bool replayed;
    const struct retry_found
        *found;                   /* what a post like this one became before this batch, or NULL */
    const struct write_op *first; /* the post of this batch that this one repeats, or NULL */
};

struct write_batch {
    struct write_op **ops;
    size_t count;
    struct arena *mem;
    struct ring *ring;
    const struct conf *conf;
    struct timestamps *timestamps;
    int64_t now_ms;
    struct write_batch_plan *plans;

    struct room_lock *rooms; /* sorted by id */
    size_t room_count;
    int64_t *sequences; /* per room: after this batch */
    int64_t *posted_ms; /* per room: of its newest message */
    int64_t *unpinned;  /* per room: pins removed */

    struct write_batch_target *targets; /* sorted by id */
    size_t target_count;
    struct message_insert *inserts;
    size_t insert_count;
    int64_t *removed_reactions; /* of whole reactions: ids */
    size_t removed_count;

    struct message_row *changed; /* visible messages as they are now, for memory */
    size_t changed_count;
};

static inline double write_batch_now(const struct write_batch *b)
{
    return (double)b->now_ms / 1000;
}
/* The next number of a room. */
int64_t write_batch_draw(struct write_batch *b, const struct room_lock *room);
/*
 * WRITE_DONE when who asks may do this (docs/protocol/community.md, 3.8); moderators may, banned
 * ones may not.
 */
enum write_batch_right {
    WRITE_BATCH_READS,
    WRITE_BATCH_WRITES,
    WRITE_BATCH_IS_THERE,
    WRITE_BATCH_MODERATES
};
enum write_result write_batch_may(const struct write_batch_plan *plan,
                                  enum write_batch_right right);
/*
 * Seals a body with the room's key of this month, into mem, and makes the MAC of facts, whose
 * `sealed` is set here.
 */
struct write_batch_sealed {
    int64_t key_id;
    struct span body;
    struct message_mac mac;
};
MUST_USE enum err write_batch_seal(struct write_batch *b, struct db *db, const struct post_in *post,
                                   struct message_facts *facts,
                                   struct write_batch_sealed *ret_sealed);

/* write_batch_retries.c */
MUST_USE enum err write_batch_retries_learn(struct write_batch *b, struct db *db);
/*
 * True: op was done before, or is done by another op of this batch; it is answered with what that
 * one became.
 */
bool write_batch_repeats(struct write_batch *b, struct write_batch_plan *plan, struct write_op *op);
MUST_USE enum err write_batch_retries_write(struct write_batch *b, struct db *db);

/* A message that this batch adds. */
static inline bool write_batch_adds(const struct write_op *op)
{
    return op->kind == WRITE_POST && op->result == WRITE_DONE && !op->repeats;
}

/* write_batch_posts.c */
MUST_USE enum err write_batch_post_decide(struct write_batch *b, struct db *db,
                                          struct write_batch_plan *plan, struct write_op *op);
MUST_USE enum err write_batch_posts_write(struct write_batch *b, struct db *db);
/* Adopts the files of posts and edits, when all messages have their ids. */
MUST_USE enum err write_batch_files_write(struct write_batch *b, struct db *db);

/* write_batch_targets.c */
MUST_USE enum err write_batch_targets_learn(struct write_batch *b, struct db *db);
/* Reads changed messages again for memory, when all is written. */
MUST_USE enum err write_batch_targets_read_back(struct write_batch *b, struct db *db);

/* write_batch_changes.c */
MUST_USE enum err write_batch_edit_decide(struct write_batch *b, struct db *db,
                                          struct write_batch_plan *plan, struct write_op *op);
void write_batch_delete_decide(struct write_batch *b, struct write_batch_plan *plan,
                               struct write_op *op);
void write_batch_delete_all_decide(struct write_batch *b, struct write_batch_plan *plan,
                                   struct write_op *op);
MUST_USE enum err write_batch_changes_write(struct write_batch *b, struct db *db);

/* write_batch_reactions.c */
MUST_USE enum err write_batch_reactions_learn(struct write_batch *b, struct db *db);
MUST_USE enum err write_batch_react_decide(struct write_batch *b, struct write_batch_plan *plan,
                                           struct write_op *op);
/* Forgets all reactions of a message that goes; how many there were. */
int64_t write_batch_reactions_drop(struct write_batch_target *target);
/* write_batch_difference.c */
MUST_USE enum err write_batch_reactions_write(struct write_batch *b, struct db *db);

static inline bool write_batch_is_reaction(enum write_kind kind)
{
    return kind == WRITE_REACT || kind == WRITE_UNREACT || kind == WRITE_CLEAR_REACTIONS;
}

#endif
