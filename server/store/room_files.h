/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of rooms: who may upload, under which rules of the room's operator, and the rows by which
 * they are known. What messages and pins do to them is attachments.h.
 */
#ifndef CONCLAVE_STORE_ROOM_FILES_H
#define CONCLAVE_STORE_ROOM_FILES_H

#include "store/files.h"

/* What an upload meets; asked again in the transaction that writes (docs/design.md, D7). */
struct room_files_rules {
    bool may_upload;   /* write and upload, and not banned (docs/protocol/community.md, 3.8) */
    int64_t quota;     /* FILE_UNLIMITED */
    struct span types; /* of room_storage; in mem; p == NULL: any */
    int64_t bytes;     /* stored in the room */
};
/* ERR_MISSING: no such room, or no such user. */
MUST_USE enum err room_files_rules(struct db *db, struct arena *mem, int64_t room, int64_t user,
                                   struct room_files_rules *ret_rules);

/* The same without anybody's right: for operators. */
MUST_USE enum err room_files_storage(struct db *db, struct arena *mem, int64_t room,
                                     struct room_files_rules *ret_rules);

/* The row of a new file; *ret_id is what clients know it by. ERR_CONFLICT: the room was deleted. */
struct room_files_new {
    int64_t room, user, blob; /* user 0: nobody's */
    struct span name;         /* sealed; p == NULL: none */
    double uploaded, expiry;
};
MUST_USE enum err room_files_add(struct db *db, const struct room_files_new *file, int64_t *ret_id);
/* Charges bytes to the room. ERR_TOO_LARGE: beyond quota. */
MUST_USE enum err room_files_charge(struct db *db, int64_t room, int64_t bytes, int64_t quota);

/*
 * stat, with the name in mem (which may be NULL: no name). ERR_MISSING: unknown, of another room,
 * or expired at `now`.
 */
MUST_USE enum err room_files_find(struct db *db, struct arena *mem, int64_t room, int64_t file,
                                  double now, struct file_row *ret_file);
/* For operators: a file by its number alone, expired or not. ERR_MISSING. */
MUST_USE enum err room_files_by_number(struct db *db, int64_t file, struct file_row *ret_file);
/* The same, with its content locked. */
MUST_USE enum err room_files_lock(struct db *db, int64_t file, struct file_row *ret_file);

/* `room set`: unset members stay. */
struct room_files_change {
    bool set_quota, set_types;
    int64_t quota;     /* FILE_UNLIMITED: none of its own */
    struct span types; /* len 0: any */
};
MUST_USE enum err room_files_change(struct db *db, int64_t room,
                                    const struct room_files_change *change);

#endif
