/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What messages and pins do to the files of their room (docs/protocol/community.md, 3.6): only
 * `expiry` and `message` of the rows in `files` change here; content is removed by the job
 * (store/files.h), at its next turn when expiry is 0.
 *
 * All of it inside the caller's transaction, under the lock of the room's row.
 */
#ifndef CONCLAVE_STORE_ATTACHMENTS_H
#define CONCLAVE_STORE_ATTACHMENTS_H

#include "store/store.h"

/*
 * A file that is neither adopted within this time nor the picture of its room goes
 * (docs/protocol/community.md, 3.6).
 */
enum { ATTACHMENT_UNADOPTED_S = 3600 };

/* One entry of `files` in a post or an edit. */
struct attachment {
    int64_t room;
    int64_t message;
    int64_t user; /* who posts: only the uploader may attach */
    int64_t file;
};
/*
 * Adopts those that are files of that room and uploader, without a message, uploaded within the
 * last hour, not expired and not without end; the others are passed over silently. expiry: seconds,
 * FILE_NEVER for none (store/files.h); those of a pinned message have none either.
 */
MUST_USE enum err attachments_adopt(struct db *db, struct arena *mem,
                                    const struct attachment *items, size_t count, double now,
                                    double expiry);
/*
 * The files of deleted messages become inaccessible at once, except one that is the picture of its
 * room.
 */
MUST_USE enum err attachments_expire_messages(struct db *db, const int64_t *messages, size_t count);
/* The same for everything that one user uploaded to a room. */
MUST_USE enum err attachments_expire_uploader(struct db *db, int64_t room, int64_t user);
/* The files of pinned messages have no end; unpinned: uploaded + lifetime_s (0: still none). */
MUST_USE enum err attachments_pin(struct db *db, const int64_t *messages, size_t count);
MUST_USE enum err attachments_unpin(struct db *db, const int64_t *messages, size_t count,
                                    double lifetime_s);

#endif
