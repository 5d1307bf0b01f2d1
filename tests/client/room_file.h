/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of rooms as clients use them (docs/protocol/community.md, 2.11): in clear inside the onion,
 * with the name in a header.
 */
#ifndef CONCLAVE_TESTS_CLIENT_ROOM_FILE_H
#define CONCLAVE_TESTS_CLIENT_ROOM_FILE_H

#include "client/community_client.h"

enum { ROOM_FILE_HEADER_MAX = 4096 };

/* What a download tells beside the bytes; empty when the header was not there. */
struct room_file_info {
    char disposition[ROOM_FILE_HEADER_MAX];
    char date[ROOM_FILE_HEADER_MAX];
    char expires[ROOM_FILE_HEADER_MAX];
};

/*
 * POST /room/R/file. disposition: the header, or NULL. ERR_DENIED: c->refusal says what the server
 * answered. ERR_MALFORMED: not 201 with an integer id, as desktop wants it.
 */
MUST_USE enum err room_file_put(struct community *c, const char *room, struct span file,
                                const char *disposition, int64_t *ret_id);
/* The same inside a batch of one, as base64: how phones send it. */
MUST_USE enum err room_file_put_in_batch(struct community *c, const char *room, struct span file,
                                         const char *disposition, int64_t *ret_id);
/*
 * GET /room/R/file/N, unsigned as phones do for public rooms when signing is UNSIGNED. Appends;
 * info may be NULL.
 */
MUST_USE enum err room_file_get(struct community *c, const char *room, int64_t id,
                                enum signing signing, struct buf *out,
                                struct room_file_info *ret_info);
/* Content-Disposition of a name: `attachment; filename*=UTF-8''<escaped>`. ERR_TOO_LARGE. */
MUST_USE enum err room_file_disposition(const char *name, char out[static ROOM_FILE_HEADER_MAX]);

#endif
