/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much one identity may do, and how much all new ones together (design D14). Identities are free, so a limit on each
 * stops nobody who makes many: strangers also share one budget per room, and ten times that on the whole server. By
 * identity and room only, never by network address. In memory, of fixed size.
 */
#ifndef CONCLAVE_WORK_LIMITS_H
#define CONCLAVE_WORK_LIMITS_H

#include <stdbool.h>

#include "crypto/keys.h"

struct conf;
struct limits;

enum limit_action {
    LIMIT_POSTS, /* of one identity: counted by the batch writer ([rooms] post_limit) */
    LIMIT_UPLOADS,
    LIMIT_DMS,
    LIMIT_REACTIONS,
    LIMIT_EDITS,
    LIMIT_ACTIONS
};

MUST_USE enum err limits_new(const struct conf *conf, struct limits **ret_limits);
void limits_free(struct limits *l);

/* Who wants to do one of these. */
struct limit_claim {
    enum limit_action action;
    struct session_id who;
    bool stranger;
    int64_t room;  /* 0: no room */
    int64_t bytes; /* of an upload */
};
/* Counts it; false: too much, and nothing was counted. now_ms: monotonic. Any thread. */
MUST_USE bool limits_take(struct limits *l, const struct limit_claim *claim, int64_t now_ms);

#endif
