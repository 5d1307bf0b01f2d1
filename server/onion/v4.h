/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The current payload form (docs/protocol/identity.md, 4.3): bencoded metadata and body. Internal
 * to onion/.
 */
#ifndef CONCLAVE_ONION_V4_H
#define CONCLAVE_ONION_V4_H

#include "router/reply.h"
#include "router/request.h"

struct arena;

enum {
    /*
     * Method, endpoint (4 KB at most) and headers. Clients send well below 1 KB; the longest useful
     * header value has 128 characters (docs/protocol/identity.md, 7).
     */
    V4_META_MAX_BYTES = 16 * 1024,
};

/* The request points into plain and mem. ERR_MALFORMED, ERR_NO_MEMORY. */
MUST_USE enum err v4_parse(struct arena *mem, struct span plain, struct request *req);

/*
 * Appends what stands before a body of body_len bytes; BENCODE_END follows the body. The ceiling of
 * out must leave room for V4_HEAD_MAX_BYTES, else its failure says so.
 */
enum { V4_HEAD_MAX_BYTES = 8 * 1024 };
void v4_write_head(const struct reply *reply, uint64_t body_len, struct buf *out);

#endif
