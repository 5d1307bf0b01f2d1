/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The X-FS-* headers, with which a client may sign a request to the file server
 * (docs/protocol/identity.md, 3.2). Only GET /session_version looks at them, and nothing is stored:
 * whoever signs rightly is answered like one who does not sign.
 */
#ifndef CONCLAVE_AUTH_FS_HEADERS_H
#define CONCLAVE_AUTH_FS_HEADERS_H

#include "router/reply.h"
#include "router/request.h"

/*
 * True: signed rightly, or not signed at all when that is not required. False: the refusal is
 * written. now_s: wall clock. Any thread; no state, so the same request may come again.
 */
bool fs_headers_check(const struct request *req, bool required, int64_t now_s, struct reply *reply);

#endif
