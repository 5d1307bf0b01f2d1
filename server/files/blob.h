/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content at rest behind four operations (design D6), so that another store could take its place: put, get, stat, delete.
 * Sealed chunks of 256 KB in PostgreSQL; SQL is store/files.h.
 */
#ifndef CONCLAVE_FILES_BLOB_H
#define CONCLAVE_FILES_BLOB_H

#include "router/call.h"
#include "store/files.h"

/* What a put needs to know beside the bytes. */
struct blob_put {
    struct file_hash hash; /* of the content */
    struct span body;
    double now, expiry; /* seconds */
    int64_t day;        /* partition: days since 1970 */
};

/*
 * Stores body under its content hash in one transaction: afterwards the id answers either 404 or the full bytes. Content
 * that is there already is not stored again; its expiry becomes the later of both (*ret_expiry).
 * ERR_DENIED: blocked by an operator. ERR_BUSY: database away or full.
 */
MUST_USE enum err blob_put(struct db *db, struct ring *ring, const struct blob_put *put,
                           double *ret_expiry);

/* Metadata of live content. ERR_MISSING: unknown, expired or blocked. */
MUST_USE enum err blob_stat(struct db *db, const struct file_hash *hash, double now,
                            struct file_row *ret_file);

/*
 * The bytes of a stat'ed file as a body source: one chunk in memory at a time, no cursor and no transaction held while a
 * client reads. When the chunks were moved to another day meanwhile, it finds them there.
 */
MUST_USE enum err blob_open(struct ring *ring, const struct file_hash *hash,
                            const struct file_row *file, struct body_source **ret_source);

#endif
