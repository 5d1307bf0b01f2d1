/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ids of the file-server half: the hash of the content as 44 characters (docs/protocol/files.md,
 * 1.2), and the object that tells of one file. Any thread.
 */
#ifndef CONCLAVE_FILES_ID_H
#define CONCLAVE_FILES_ID_H

#include "router/reply.h"
#include "store/files.h"

enum { FILE_ID_CHARS = 44 };

/* False: not 44 characters of the url-safe alphabet; such an id names nothing. */
MUST_USE bool file_id_read(struct span text, struct file_hash *ret_hash);
void file_id_write(const struct file_hash *hash, char out[static FILE_ID_CHARS]);

/* 200 {"id"?, "size", "uploaded", "expires"}; hash NULL: without the id. */
MUST_USE enum err file_id_write_info(struct reply *reply, const struct file_hash *hash,
                                     int64_t size, double uploaded, double expiry);

#endif
