/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content at rest behind four operations (docs/design.md, D6), so that another store could take its
 * place: put, get (blob_open), stat, delete. Sealed chunks of 256 KB in PostgreSQL; SQL is
 * store/files.h and store/room_files.h.
 */
#ifndef CONCLAVE_FILES_BLOB_H
#define CONCLAVE_FILES_BLOB_H

#include "router/call.h"
#include "store/files.h"
#include "store/room_files.h"

/* ---- put: one transaction, after which the id answers either 404 or the full bytes ---- */

struct blob_put {
    struct span body;
    double now;              /* seconds */
    double expiry;           /* seconds */
    int64_t day;             /* partition: days since 1970 */
    struct file_quota quota; /* of the server, and of whose share it is in */
    bool by_stranger;        /* of a room: it is in the share of strangers */
};

/* Why a put was refused (ERR_DENIED), and what is stored on the whole when it was not. */
enum blob_refusal {
    BLOB_ACCEPTED = 0,
    BLOB_BLOCKED,    /* by an operator */
    BLOB_QUOTA,      /* of the server */
    BLOB_ROOM_QUOTA, /* of the room */
    BLOB_NO_RIGHT,   /* the caller may not upload (any more) */
    BLOB_NO_ROOM,    /* deleted meanwhile */
};
struct blob_result {
    enum blob_refusal refusal;
    double expiry;        /* the effective one */
    int64_t id;           /* of a room file */
    int64_t stored_bytes; /* all files together; 0: not asked, because nothing was added */
};

/*
 * For the file-server half: stores body under its content hash. Content that is there already is
 * neither stored nor charged again; its expiry becomes the later of both. ERR_DENIED: see
 * result->refusal. ERR_BUSY: database away, or full (db_disk_full). ERR_CONFLICT: no partition.
 */
MUST_USE enum err blob_put_shared(struct db *db, struct ring *ring, const struct file_hash *hash,
                                  const struct blob_put *put, struct blob_result *ret_result);

/*
 * For rooms: always content of its own. The right and the rules are asked in the same transaction:
 * the caller's if one is open.
 */
struct blob_owner {
    int64_t room;
    int64_t user;     /* 0: the operator, who needs no right */
    struct span name; /* in clear; len 0: none; at most BLOB_NAME_MAX bytes */
};
enum { BLOB_NAME_MAX = FILE_NAME_SEALED_MAX - 40 };
MUST_USE enum err blob_put_room(struct db *db, struct ring *ring, const struct blob_owner *owner,
                                const struct blob_put *put, struct arena *mem,
                                struct blob_result *ret_result);

/*
 * For what another server kept: content of a room, with no right, rule or quota asked, in the
 * caller's transaction, which also makes the row of files and the sums. The partition of the day
 * must be there. *ret_blob is its blob; the name, sealed, is appended to sealed_name. ERR_MISSING:
 * fd cannot be read to its size.
 */
struct blob_take {
    int fd; /* -1: the content is not copied (a trial) */
    int64_t size;
    int64_t room;
    int64_t day; /* as blob_put, or FILES_DAY_PERMANENT */
    double now;
    struct span name; /* in clear, at most BLOB_NAME_MAX bytes; len 0: none */
};
MUST_USE enum err blob_take(struct db *db, struct ring *ring, const struct blob_take *take,
                            int64_t *ret_blob, struct buf *sealed_name);

/* ---- stat and get ---- */

/* Which file is meant: by its hash (room 0), or by its number in a room. */
struct blob_ref {
    struct file_hash hash;
    int64_t room, file;
};

/*
 * Metadata of live content. The name of a room file is opened into mem (NULL: not wanted).
 * ERR_MISSING: unknown, expired, blocked, or of another room.
 */
MUST_USE enum err blob_stat(struct db *db, struct ring *ring, const struct blob_ref *ref,
                            struct arena *mem, double now, struct file_row *ret_file);

/*
 * The bytes of a stat'ed file as a body source: one chunk in memory at a time, no cursor and no
 * transaction held while a client reads. When the chunks were moved to another day meanwhile, it
 * finds them there.
 */
MUST_USE enum err blob_open(struct ring *ring, const struct blob_ref *ref,
                            const struct file_row *file, struct body_source **ret_source);

/*
 * Appends the first bytes of a stat'ed file, as many as out may hold, at most one chunk: for
 * looking at its type.
 */
MUST_USE enum err blob_beginning(struct db *db, struct ring *ring, const struct blob_ref *ref,
                                 const struct file_row *file, struct buf *out);
/*
 * Appends all of it. For commands and tests: it is not looked for again when it is moved meanwhile.
 */
MUST_USE enum err blob_read_all(struct db *db, struct ring *ring, const struct file_row *file,
                                struct buf *out);

/*
 * Reads all of a listed file (store/check_rows.h), name too, and keeps nothing. ERR_SEALED or
 * ERR_MISSING: something of it is damaged or gone.
 */
MUST_USE enum err blob_verify(struct db *db, struct ring *ring, struct arena *mem,
                              const struct file_row *file);

/* ---- delete: for operators, at once, in a transaction of its own ---- */

/* Of a room file only the number counts here. ERR_MISSING: no such file. */
MUST_USE enum err blob_delete(struct db *db, const struct blob_ref *ref);
/*
 * Removes the content of the file-server half, if it is there, and refuses it from now on, in rooms
 * too. ERR_CONFLICT: that is so already.
 */
MUST_USE enum err blob_block(struct db *db, const struct file_hash *hash);
/* The same content may come again. ERR_MISSING: it is not blocked. */
MUST_USE enum err blob_unblock(struct db *db, const struct file_hash *hash);

#endif
