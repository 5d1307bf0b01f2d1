/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handlers of both halves' files, for the route table (server/routes.c), and what community/
 * asks about a file. All need a worker. Contract: docs/protocol/files.md, 1;
 * docs/protocol/community.md, 2.11.
 */
#ifndef CONCLAVE_FILES_FILES_H
#define CONCLAVE_FILES_FILES_H

#include "router/call.h"

/* POST /file: stores the body under its content hash; 200 {"id","expires",...}. */
MUST_USE enum err file_upload(struct call *call);
/* GET /file/ID: the bytes, streamed; 404 when unknown or expired. */
MUST_USE enum err file_download(struct call *call);
/* GET /file/ID/info. */
MUST_USE enum err file_info(struct call *call);
/* POST /file/ID/extend: the later of both expiries; never shortens, never revives. */
MUST_USE enum err file_extend(struct call *call);
/* GET /session_version: what the operator set, else 502. */
MUST_USE enum err session_version(struct call *call);

/* POST /room/R/file: 201 {"id":N}; goes after an hour unless a post adopts it. */
MUST_USE enum err room_file_upload(struct call *call);
/* GET /room/R/file/N and /room/R/file/N/<anything>. */
MUST_USE enum err room_file_download(struct call *call);

/*
 * May this file become the picture of call->room? Needs call->db (else ERR_RETRY). ERR_MISSING:
 * unknown, expired, or of another room. ERR_DENIED: not a PNG, JPEG, GIF or WebP image. Both are
 * answered 406.
 */
MUST_USE enum err files_check_room_image(struct call *call, int64_t file_id);

#endif
