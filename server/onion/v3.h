/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The old payload form (docs/protocol/identity.md, 4.4), kept as an envelope only: one JSON object
 * in, a bare body out. Internal to onion/.
 */
#ifndef CONCLAVE_ONION_V3_H
#define CONCLAVE_ONION_V3_H

#include "router/reply.h"
#include "router/request.h"

struct arena;

/* Everything points into mem. ERR_MALFORMED, ERR_NO_MEMORY. */
MUST_USE enum err v3_parse(struct arena *mem, struct span plain, struct request *req);

/* Appends the plaintext of the answer: the body of a 2xx, else {"status_code":N}. */
void v3_write(const struct reply *reply, struct buf *out);

#endif
