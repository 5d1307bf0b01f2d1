/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attachments at rest (docs/design.md, D6): content (`blobs` and their sealed `chunks`) apart from
 * what people know of it (`files`: id, room, message, expiry). This file is only the SQL of content
 * and of the file-server half; room files are room_files.h, what messages do to them attachments.h,
 * what jobs do file_jobs.h. server/files/blob.c makes put, get, stat and delete of it, seals, and
 * knows limits and lifetimes.
 *
 * Unless a comment says otherwise, writing functions run inside the caller's transaction (db_tx),
 * and reading ones do not need any. Names and chunks come and go sealed.
 *
 * Two halves. Room files have a number (files.id) and a blob of their own, never shared. Files of
 * the file-server half are known by the hash of their content: one blob, one `files` row without
 * room per content.
 *
 * Order of locks: the blob, then the row in files, then room_storage, then file_usage.
 */
#ifndef CONCLAVE_STORE_FILES_H
#define CONCLAVE_STORE_FILES_H

#include "base/buf.h"
#include "base/caller_kind.h"
#include "store/store.h"

enum { FILE_HASH_BYTES = 33, FILE_CHUNK_BYTES = 256 * 1024, FILE_NAME_SEALED_MAX = 1024 };
/*
 * The partition of what has no end (icons, pinned attachments). Later than every day, so that
 * nothing is ever due.
 */
enum { FILES_DAY_PERMANENT = INT32_MAX };
/* Expiry of what has none, so that comparisons need no special case; NULL in the database. */
#define FILE_NEVER ((double)INT64_MAX)
/* A quota of nobody. */
#define FILE_UNLIMITED INT64_MAX

/* What content of a size is charged with: it takes a disk block at least (file_charge in SQL). */
enum { FILE_BLOCK_BYTES = 8192 };
static inline int64_t file_charge(int64_t size)
{
    return size < FILE_BLOCK_BYTES ? FILE_BLOCK_BYTES : size;
}

struct file_hash {
    uint8_t b[FILE_HASH_BYTES];
};

/* Content. day: the partition of its chunks, days since 1970 or FILES_DAY_PERMANENT. */
struct blob_row {
    int64_t id;
    int64_t size; /* bytes in clear */
    int64_t key_id;
    int64_t day;
    int64_t room;     /* it is charged to; 0: none, so it is in the share of anonymous callers */
    bool blocked;     /* by an operator: chunks are gone, content is refused */
    bool by_stranger; /* of a room: it is in the share of strangers */
};
/* Whose share of the quota it is in. */
enum caller_kind files_payer(const struct blob_row *blob);

/* What is charged, by whose share it is in. */
struct file_usage {
    int64_t bytes[CALLER_KINDS];
};
int64_t files_total(const struct file_usage *usage);

/* How much may be charged: by all, and by those whose share it is. */
struct file_quota {
    int64_t total, share;
};

struct file_row {
    int64_t id;
    double uploaded;  /* seconds */
    double expiry;    /* seconds; FILE_NEVER */
    int64_t room;     /* whose readers may fetch it; 0: a file of the file-server half */
    struct span name; /* sealed; p == NULL: none, or not asked for */
    struct blob_row blob;
};

/*
 * put, step 1. hash NULL: a room file, always a new blob. With a hash: the blob of that content,
 * made when it does not exist; the row is locked, so a second upload of the same content waits for
 * the first one's end and then finds it. *ret_created: the caller inserts the chunks now. Not
 * created: ret_blob says what is there (size, key_id and day of the first upload; blocked).
 */
MUST_USE enum err files_blob_claim(struct db *db, const struct file_hash *hash,
                                   const struct blob_row *wanted, struct blob_row *ret_blob,
                                   bool *ret_created);
/*
 * put, step 2, for n = 0, 1, …; day as in the blob row. Not waited for: db_settle after the last
 * one says how they went. ERR_CONFLICT (there): no partition for that day.
 */
MUST_USE enum err files_chunk_send(struct db *db, int64_t day, int64_t blob, int64_t n,
                                   struct span sealed);
/*
 * put, step 3 for the file-server half: makes the row or renews it: uploaded = now, the later of
 * both expiries.
 */
MUST_USE enum err files_publish(struct db *db, int64_t blob, double now, double expiry,
                                double *ret_expiry);
/*
 * put, the last step, when content was added: charges it to the server. ERR_TOO_LARGE: beyond
 * quota, nothing changed. *ret_bytes: what is stored now, in all shares.
 */
MUST_USE enum err files_charge(struct db *db, const struct blob_row *blob,
                               const struct file_quota *quota, int64_t *ret_bytes);
/* The same sums, without waiting for anybody: refuses early what will not fit. */
MUST_USE enum err files_usage(struct db *db, struct file_usage *ret_usage);
/* Sets the sums to what there is: programs of before migration 0013 count otherwise. */
MUST_USE enum err files_recount(struct db *db);

/*
 * get: appends sealed chunk n to out. ERR_MISSING: gone, or moved to another day meanwhile: stat
 * again to know.
 */
MUST_USE enum err files_chunk_read(struct db *db, int64_t day, int64_t blob, int64_t n,
                                   struct buf *out);

/* stat. ERR_MISSING: unknown, expired at `now`, or blocked. */
MUST_USE enum err files_by_hash(struct db *db, const struct file_hash *hash, double now,
                                struct file_row *ret_file);
/* Is any content blocked? Spares hashing where nothing is. */
MUST_USE enum err files_any_blocked(struct db *db, bool *ret_any);
/* Content that an operator blocked? */
MUST_USE enum err files_is_blocked(struct db *db, const struct file_hash *hash, bool *ret_blocked);

/*
 * The later of its expiry and the one given, in a statement of its own; what has expired at `now`
 * stays so. ERR_MISSING: unknown, expired, or blocked.
 */
MUST_USE enum err files_extend(struct db *db, const struct file_hash *hash, double now,
                               double expiry, struct file_row *ret_file);

/* For operators: the content of a hash, expired or not, locked. ERR_MISSING: unknown or blocked. */
MUST_USE enum err files_lock(struct db *db, const struct file_hash *hash,
                             struct blob_row *ret_blob);
/*
 * delete. Removes what people know of the content, its chunks, its blob, and gives its bytes back;
 * at once, in the caller's transaction. A room whose picture it was has none then.
 */
MUST_USE enum err files_remove(struct db *db, const struct blob_row *blob);
/* The same, but remembers the hash as refused. ERR_CONFLICT: it is already. */
MUST_USE enum err files_block(struct db *db, const struct file_hash *hash);
/* The hash is welcome again. ERR_MISSING: it was not blocked. */
MUST_USE enum err files_unblock(struct db *db, const struct file_hash *hash);

#endif
