/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages at rest, for reading. Bodies and reactions are sealed (store/ring.h); rows that come out
 * of here are open, in the caller's arena. Reading follows docs/design.md, D3 (indexes that never
 * walk tombstones) and D17 (a message has up to two events). What the batch writer asks and writes
 * is in store/posting.h, store/changing.h and store/reactions.h.
 */
#ifndef CONCLAVE_STORE_MESSAGES_H
#define CONCLAVE_STORE_MESSAGES_H

#include "crypto/keys.h"
#include "store/ring.h"
#include "store/store.h"

enum message_state { MESSAGE_VISIBLE = 0, MESSAGE_FILTERED = 1, MESSAGE_HELD = 2 };
enum { MESSAGE_SIGNATURE_BYTES = 64 };

/* One reaction of a message, in the order of first use. */
struct reaction_row {
    struct span text;                  /* 1-12 code points */
    int64_t count;                     /* how many have it */
    const struct session_id *reactors; /* the earliest of them, by time */
    size_t kept;                       /* how many stand there; may be fewer than count */
    bool caller; /* the reader for whom it was read has it, among the kept ones or beyond them */
};

struct message_row {
    int64_t id;
    int64_t room;
    struct session_id author;
    double posted; /* seconds, whole milliseconds */
    double edited; /* 0: never */
    int64_t seqno_creation;
    int64_t seqno_data;
    int64_t seqno_reactions; /* 0: none ever */
    bool deleted;            /* tombstone: data and signature are empty */
    /* Its body does not open: nobody is shown anything of it, least of all a tombstone. */
    bool damaged;
    bool whisper, whisper_mods, has_whisper_to;
    struct session_id whisper_to;
    struct span data;      /* as sent, padding included */
    struct span signature; /* 64 bytes */
    const struct reaction_row *reactions;
    size_t reaction_count;
};

/*
 * For whom rows are read, which decides how many of those who reacted come along. NULL: for memory,
 * which keeps REACTORS_KEPT of a message, shared among its reactions, and no fewer than
 * REACTORS_SHOWN_MAX of each.
 */
struct message_reader {
    const struct session_id *caller; /* NULL: anonymous */
    int64_t reactors;                /* of each reaction, 0..REACTORS_SHOWN_MAX */
    /*
     * NULL: all. Rows that the reader does not see come without data: opening them would cost
     * memory for nothing.
     */
    bool (*sees)(const struct message_row *row, const void *arg);
    const void *sees_arg;
};
enum { REACTORS_SHOWN_MAX = 20, REACTORS_KEPT = 1024 };

/*
 * Rows that are relevant to memory windows and to `since`: visible or tombstone, never filtered or
 * held. Those that do not open stand among them, marked as damaged, so that reading goes on behind
 * them.
 *
 * messages_events: messages with an event (seqno_data, or seqno_reactions when larger) in (since,
 * up_to], in order of their first such event, at most limit messages. *ret_complete_to: they are
 * all that have one up to there; below up_to when limit cut the list, and then always above since.
 */
struct message_query {
    int64_t room;
    int64_t since, up_to;
    int64_t limit;
    bool reactions; /* count seqno_reactions as an event (t=r) */
    /*
     * Tombstones of messages created up to there (docs/protocol/community.md, 3.3 (2)): what the
     * reader knew when he asked, also when since has moved on from that. INT64_MAX, for memory:
     * all.
     */
    int64_t known_to;
    const struct message_reader *reader;
};
MUST_USE enum err messages_events(struct db *db, struct ring *ring, struct arena *mem,
                                  const struct message_query *q, struct message_row **ret_rows,
                                  size_t *ret_count, int64_t *ret_complete_to);
/* Live messages with id < before (INT64_MAX: newest), descending id, at most limit (1..256). */
struct message_range {
    int64_t room;
    int64_t before;
    int64_t limit;
    const struct message_reader *reader;
};
MUST_USE enum err messages_before(struct db *db, struct ring *ring, struct arena *mem,
                                  const struct message_range *range, struct message_row **ret_rows,
                                  size_t *ret_count);
/* One live message of the room. ERR_MISSING: none, or damaged. */
MUST_USE enum err messages_one(struct db *db, struct ring *ring, struct arena *mem, int64_t room,
                               int64_t id, const struct message_reader *reader,
                               struct message_row *ret_row);
/*
 * For memory, after a batch changed them: exactly these messages, tombstones too, in this order.
 */
MUST_USE enum err messages_by_ids(struct db *db, struct ring *ring, struct arena *mem,
                                  const int64_t *ids, size_t count, struct message_row **ret_rows);

/*
 * Sealing of one message body; ad binds it to its place (room, seqno of creation).
 */
MUST_USE enum err message_seal(const struct aead_key *key, int64_t room, int64_t seqno_creation,
                               struct span signature, struct span data, struct buf *out);
/* Opens one in place into signature and data. ERR_SEALED: not a body of this place, or damaged. */
MUST_USE enum err message_open(const struct aead_key *key, int64_t room, int64_t seqno_creation,
                               struct bytes sealed, struct span *ret_signature,
                               struct span *ret_data);

#endif
