/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of store/ about attachments share: columns and how they are read, and giving bytes
 * back.
 */
#ifndef CONCLAVE_STORE_FILES_INTERNAL_H
#define CONCLAVE_STORE_FILES_INTERNAL_H

#include "store/files.h"
#include "store/internal.h"

#define BLOB_COLUMNS "b.id, b.size, b.key_id, b.chunk_day, b.room, b.blocked, b.by_stranger"
#define FILE_COLUMNS "f.id, f.uploaded, f.expiry, " BLOB_COLUMNS ", f.room"
enum { FILE_COLUMN_COUNT = 11 };

void files_read_blob(const struct row *row, int first, struct blob_row *ret_blob);
/* FILE_COLUMNS from the first column on. */
void files_read_file(const struct row *row, struct file_row *ret_file);

/* Content went: its bytes are free again. Rooms first, the server last (the order of locks). */
MUST_USE enum err files_discharge_room(struct db *db, int64_t room, int64_t bytes);
MUST_USE enum err files_discharge(struct db *db, const struct file_usage *gone);

#endif
