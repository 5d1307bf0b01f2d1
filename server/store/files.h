/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attachments at rest (design D6): content (`blobs` and their sealed `chunks`) apart from what people know of it
 * (`files`: id, room, message, expiry). This file is only the SQL; server/files/blob.c makes put, get, stat and delete
 * of it, seals, and knows limits and lifetimes.
 *
 * Unless a comment says otherwise, writing functions run inside the caller's transaction (db_tx), and reading ones do
 * not need any. Names and chunks come and go sealed.
 *
 * Two halves. Room files have a number (files.id) and a blob of their own, never shared. Files of the file-server half
 * are known by the hash of their content: one blob, one `files` row without room per content.
 */
#ifndef CONCLAVE_STORE_FILES_H
#define CONCLAVE_STORE_FILES_H

#include "base/buf.h"
#include "store/store.h"

enum { FILE_HASH_BYTES = 33, FILE_CHUNK_BYTES = 256 * 1024, FILE_NAME_SEALED_MAX = 1024 };
/* The partition of what has no end (icons, pinned attachments). Later than every day, so that nothing is ever due. */
enum { FILES_DAY_PERMANENT = INT32_MAX };
/* Expiry of what has none, so that comparisons need no special case; NULL in the database. */
#define FILE_NEVER ((double)INT64_MAX)

struct file_hash {
    uint8_t b[FILE_HASH_BYTES];
};

/* Content. day: the partition of its chunks, days since 1970 or FILES_DAY_PERMANENT. */
struct blob_row {
    int64_t id;
    int64_t size; /* bytes in clear */
    int64_t key_id;
    int64_t day;
    bool blocked; /* by an operator: chunks are gone, content is refused */
};

struct file_row {
    int64_t id;
    int64_t room;     /* 0: file-server half, or its room was deleted */
    int64_t message;  /* 0: not attached */
    int64_t uploader; /* user id, 0: not known */
    double uploaded;  /* seconds */
    double expiry;    /* seconds; FILE_NEVER */
    struct span name; /* sealed; p == NULL: none */
    struct blob_row blob;
};

/*
 * put, step 1. hash NULL: a room file, always a new blob. With a hash: the blob of that content, made when it does not
 * exist; the row is locked, so a second upload of the same content waits for the first one's end and then finds it.
 * *ret_created: the caller inserts the chunks now. Not created: ret_blob says what is there (size, key_id and day of the
 * first upload; blocked).
 */
MUST_USE enum err files_blob_claim(struct db *db, const struct file_hash *hash,
                                   const struct blob_row *wanted, struct blob_row *ret_blob,
                                   bool *ret_created);
/* put, step 2, for n = 0, 1, …; day as in the blob row. ERR_CONFLICT: no partition for that day. */
MUST_USE enum err files_chunk_insert(struct db *db, int64_t day, int64_t blob, int64_t n,
                                     struct span sealed);
/* put, step 3 for the file-server half: makes the row or renews it: uploaded = now, the later of both expiries. */
MUST_USE enum err files_publish(struct db *db, int64_t blob, double now, double expiry,
                                double *ret_expiry);

/* get: appends sealed chunk n to out. ERR_MISSING: gone, or moved to another day meanwhile: stat again to know. */
MUST_USE enum err files_chunk_read(struct db *db, int64_t day, int64_t blob, int64_t n,
                                   struct buf *out);

/* stat. ERR_MISSING: unknown, expired at `now`, or blocked. */
MUST_USE enum err files_by_hash(struct db *db, const struct file_hash *hash, double now,
                                struct file_row *ret_file);

/*
 * For jobs. Sweeping removes at most `limit` files whose expiry is over at `now`, and their blobs when nothing else
 * refers to them. Chunks go by row only when their partition will stay for more than a day (today: days since 1970);
 * otherwise they go with it. *ret_removed < limit: nothing is left.
 */
MUST_USE enum err files_sweep(struct db *db, double now, int64_t today, int64_t limit,
                              int64_t *ret_removed);

/* Makes the chunk partitions of days [from, to] that do not exist (CREATE, then ATTACH). A transaction of its own. */
MUST_USE enum err files_partitions(struct db *db, int64_t from, int64_t to);
#endif
