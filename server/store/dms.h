/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages between members (docs/protocol/community.md, 2.12), sealed at rest with keys of
 * their own. Ids are drawn in the order in which they become visible, from the version VERSION_DMS,
 * which is therefore always the newest id.
 */
#ifndef CONCLAVE_STORE_DMS_H
#define CONCLAVE_STORE_DMS_H

#include "store/ring.h"
#include "store/store.h"

enum dm_box { DM_INBOX = 0, DM_OUTBOX = 1, DM_BOXES = 2 };

enum {
    /* Stored at the same time: far more than people write in 15 days, little enough for a disk. */
    DMS_PER_SENDER = 1000,
    DMS_PER_RECIPIENT = 4000,
    DMS_OF_STRANGERS = DMS_PER_RECIPIENT / 4, /* of them */
    /* One page, sealed; as base64 it stays far below what a reply may carry. */
    DMS_PAGE_BYTES = 4 * 1024 * 1024,
};

struct dm_row {
    int64_t id;
    double posted_at, expires_at;
    struct session_id sender, recipient;
    struct span message; /* as sent */
};

struct dm_query {
    enum dm_box box;
    struct session_id owner;
    int64_t since; /* ids above this one */
    int64_t limit; /* 1..256 */
    double now;    /* what has expired by then is not there */
};
/*
 * Oldest first, in mem. A page ends early, after at least one row, at DMS_PAGE_BYTES. Rows that do
 * not open are left out; when a page has no other, it is the next one.
 */
MUST_USE enum err dms_list(struct db *db, struct ring *ring, struct arena *mem,
                           const struct dm_query *q, struct dm_row **ret_rows, size_t *ret_count);
/* The newest id in each box of a user; 0: empty, or no such user. */
MUST_USE enum err dms_newest(struct db *db, const struct session_id *owner,
                             int64_t ret_ids[static DM_BOXES]);
/* Who wrote to whom above an id, by id; message is empty. For memory. */
MUST_USE enum err dms_after(struct db *db, struct arena *mem, int64_t after, int64_t limit,
                            struct dm_row **ret_rows, size_t *ret_count);

struct dm_people {
    int64_t sender, recipient; /* rows of users */
    bool by_stranger;          /* the sender is one */
};
/*
 * The recipient's row; made when missing only if proved (they have just signed a request, and their
 * row is still to be written). ERR_MISSING: nobody of that id was ever here, or they are banned.
 */
MUST_USE enum err dms_recipient(struct db *db, const struct session_id *id, bool proved,
                                int64_t now_ms, int64_t *ret_user);
/* The sender's row, made when missing. ERR_DENIED: banned. */
MUST_USE enum err dms_sender(struct db *db, const struct session_id *id, int64_t now_ms,
                             int64_t *ret_user);
/* A body sealed for its two people, with the key of now; appended to body. */
struct dm_sealed {
    struct dm_people people;
    int64_t key_id;
    struct buf body; /* the caller's */
};
MUST_USE enum err dms_seal(struct db *db, struct ring *ring, int64_t now_ms,
                           struct dm_sealed *sealed, struct span message);
/* Opens it in place; *ret_message points into body. ERR_SEALED, ERR_MISSING: damaged. */
MUST_USE enum err dms_open(struct db *db, struct ring *ring, struct dm_sealed *sealed,
                           struct span *ret_message);
/*
 * Seals message and stores it. Where the inbox is full, or the strangers' part of it for a
 * stranger, whoever sent most of what is there loses the oldest of his. ERR_CONFLICT: the sender
 * has as many as are kept.
 */
MUST_USE enum err dms_send(struct db *db, struct ring *ring, const struct dm_people *people,
                           struct span message, int64_t posted_ms, int64_t ttl_ms, int64_t *ret_id);
/* Everything that was sent to this user. */
MUST_USE enum err dms_clear_inbox(struct db *db, const struct session_id *owner,
                                  int64_t *ret_removed);
/* For the job: at most limit of those that have expired. */
MUST_USE enum err dms_expire(struct db *db, double now, int64_t limit, int64_t *ret_removed);

#endif
