/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much one identity may do, how much all strangers together, and how much all callers of a kind
 * may upload. Identities are free, so a limit on each stops nobody who makes many: strangers also
 * share one budget per room, and ten times that on the whole server. By identity and room only,
 * never by network address. In memory, of fixed size.
 */
#ifndef CONCLAVE_WORK_LIMITS_H
#define CONCLAVE_WORK_LIMITS_H

#include <stdbool.h>

#include "base/caller_kind.h"
#include "crypto/keys.h"

struct conf;
struct limits;

enum limit_action {
    LIMIT_POSTS, /* of one identity: counted by the batch writer ([rooms] post_limit) */
    LIMIT_UPLOADS,
    LIMIT_EXTENSIONS, /* of files: bytes only */
    LIMIT_DMS,
    LIMIT_REACTIONS,
    LIMIT_EDITS,
    LIMIT_DELETIONS,
    LIMIT_MODERATION, /* what only moderators do; theirs of the others count with it */
    LIMIT_ACTIONS
};

MUST_USE enum err limits_new(const struct conf *conf, struct limits **ret_limits);
void limits_free(struct limits *l);

/* Who wants to do one of these. */
struct limit_claim {
    enum limit_action action;
    enum caller_kind kind;
    struct session_id who; /* unless anonymous */
    bool moderates;        /* the caller is a moderator here */
    int64_t room;          /* 0: no room */
    int64_t amount;        /* what it touches: messages, rooms */
    int64_t bytes;         /* of a file, or of what is written */
};
enum limit_verdict {
    LIMIT_FITS,
    LIMIT_OWN,    /* the caller has done enough for now, or all strangers have */
    LIMIT_OF_KIND /* callers of this kind have uploaded enough */
};
/* Counts it, or nothing if it does not fit. now_ms: monotonic. Any thread. */
MUST_USE enum limit_verdict limits_take(struct limits *l, const struct limit_claim *claim,
                                        int64_t now_ms);
/*
 * Counts what was done already and was more than could be known before: what is too much now has to
 * be waited for the next time.
 */
void limits_charge(struct limits *l, const struct limit_claim *claim, int64_t now_ms);

#endif
