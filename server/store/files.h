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
MUST_USE enum err files_blob_claim(struct db *db, const struct file_hash *hash, const struct blob_row *wanted,
                                   struct blob_row *ret_blob, bool *ret_created);
/* put, step 2, for n = 0, 1, …; day as in the blob row. ERR_CONFLICT: no partition for that day. */
MUST_USE enum err files_chunk_insert(struct db *db, int64_t day, int64_t blob, int64_t n, struct span sealed);
/* put, step 3 for a room file. uploader 0: none. expiry FILE_NEVER: none. */
struct file_insert {
    int64_t room, uploader, blob;
    double uploaded, expiry;
    struct span name; /* sealed; p == NULL: none */
};
MUST_USE enum err files_insert(struct db *db, const struct file_insert *file, int64_t *ret_id);
/* put, step 3 for the file-server half: makes the row or renews it: uploaded = now, the later of both expiries. */
MUST_USE enum err files_publish(struct db *db, int64_t blob, double now, double expiry, double *ret_expiry);

/* get: appends sealed chunk n to out. ERR_MISSING: gone, or moved to another day meanwhile: stat again to know. */
MUST_USE enum err files_chunk_read(struct db *db, int64_t day, int64_t blob, int64_t n, struct buf *out);

/* stat. ERR_MISSING: unknown, expired at `now`, of another room, or blocked. The name is in mem. */
MUST_USE enum err files_by_id(struct db *db, struct arena *mem, int64_t room, int64_t id, double now,
                              struct file_row *ret_file);
MUST_USE enum err files_by_hash(struct db *db, const struct file_hash *hash, double now, struct file_row *ret_file);

/* The later of both expiries; touches only the metadata row. One statement. ERR_MISSING as files_by_hash. */
MUST_USE enum err files_extend(struct db *db, const struct file_hash *hash, double now, double expiry,
                               double *ret_expiry);

/*
 * A post or edit adopts its files (protocol 02, 3.6): of those listed, the ones of this room and uploader, without a
 * message yet, uploaded after `uploaded_after`, with an expiry. All others are ignored silently. Arrays of equal length;
 * runs in the batch writer's transaction.
 */
struct file_adoption {
    int64_t file, room, user, message;
};
MUST_USE enum err files_adopt(struct db *db, struct arena *mem, const struct file_adoption *adoptions, size_t count,
                              double uploaded_after, double expiry);
/* All files of these messages: their expiry becomes this one (deletion: 0; pin: FILE_NEVER). */
MUST_USE enum err files_expire_messages(struct db *db, const int64_t *messages, size_t count, double expiry);
/* A pinned message lost its pin: uploaded + lifetime_s again. */
MUST_USE enum err files_unpin_message(struct db *db, int64_t message, double lifetime_s);
/* One file of a room: its expiry becomes this one (room image set: FILE_NEVER; replaced: 0). ERR_MISSING. */
MUST_USE enum err files_set_expiry(struct db *db, int64_t room, int64_t id, double expiry);

/*
 * delete by a person or an operator: row, blob and chunks at once. The hash form with block = true keeps the blob row,
 * so that the same content is refused when it comes again (also content never seen before).
 */
MUST_USE enum err files_remove(struct db *db, int64_t room, int64_t id);
MUST_USE enum err files_remove_hash(struct db *db, const struct file_hash *hash, bool block);

/* Bytes in clear of all content that is there, for the quota. One index-only pass: cache it. */
MUST_USE enum err files_used_bytes(struct db *db, int64_t *ret_bytes);

/*
 * For jobs. Sweeping removes at most `limit` files whose expiry is over at `now`, and their blobs when nothing else
 * refers to them. Chunks go by row only when their partition will stay for more than a day (today: days since 1970);
 * otherwise they go with it. *ret_removed < limit: nothing is left.
 */
MUST_USE enum err files_sweep(struct db *db, double now, int64_t today, int64_t limit, int64_t *ret_removed);

/* Makes the chunk partitions of days [from, to] that do not exist (CREATE, then ATTACH). A transaction of its own. */
MUST_USE enum err files_partitions(struct db *db, int64_t from, int64_t to);
/* Days of chunk partitions before `before`, ascending. */
MUST_USE enum err files_partitions_due(struct db *db, struct arena *mem, int64_t before, int64_t **ret_days,
                                       size_t *ret_count);
/* Content of that partition that is still alive at `now`, with the latest expiry of its files; at most limit. */
struct blob_alive {
    struct blob_row blob;
    double expiry; /* FILE_NEVER: move it to the permanent partition */
};
MUST_USE enum err files_partition_alive(struct db *db, struct arena *mem, int64_t day, double now, int64_t limit,
                                        struct blob_alive **ret_blobs, size_t *ret_count);
/* Copies the chunks to another partition and points the blob at them; the old rows go with their partition. */
MUST_USE enum err files_blob_move(struct db *db, int64_t blob, int64_t from_day, int64_t to_day);
/*
 * Drops the partition, and the rows of expired files that still point at it. ERR_RETRY: readers hold it (or a backup
 * runs), try later; waits at most 500 ms. ERR_CONFLICT: content is still alive in it. A transaction of its own.
 */
MUST_USE enum err files_partition_drop(struct db *db, int64_t day, double now);

#endif
