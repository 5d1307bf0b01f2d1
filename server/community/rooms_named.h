/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part that ban, unban and moderator have in common (docs/protocol/community.md, 2.13): `rooms`
 * or `global`, and whether the caller has the needed role there.
 */
#ifndef CONCLAVE_COMMUNITY_ROOMS_NAMED_H
#define CONCLAVE_COMMUNITY_ROOMS_NAMED_H

#include "community/authority.h"
#include "router/json_in.h"

struct rooms_named {
    bool global;
    const json_t *tokens; /* of texts, at least one; ["*"]: wherever the caller has the role */
};

/* Exactly one of a list `rooms` and a true `global`. Failure is the document's (json_ok). */
struct rooms_named rooms_named_read(struct json_in *in);
/*
 * From memory: the rooms by number, in call->mem. ERR_DENIED: an unknown room, one named twice, the
 * caller lacks the role in one of them, or in all; which of these it was is not told.
 */
MUST_USE enum err rooms_named_find(struct call *call, const struct rooms_named *named,
                                   enum authority needed, struct reach *ret_reach);

#endif
