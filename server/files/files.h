/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handlers of the file half, for the route table (server/routes.c). Contract: protocol 03, sections 1.0 to 1.3.
 */
#ifndef CONCLAVE_FILES_FILES_H
#define CONCLAVE_FILES_FILES_H

#include "router/call.h"

/* POST /file: stores the body under its content hash; 200 {"id","expires",...}. Needs a worker. */
MUST_USE enum err file_upload(struct call *call);
/* GET /file/ID: the bytes, streamed; 404 when unknown or expired. Needs a worker. */
MUST_USE enum err file_download(struct call *call);

#endif
