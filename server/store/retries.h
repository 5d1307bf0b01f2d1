/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What posts became, for ten minutes: an app that got no answer posts the same bytes again. Asked
 * and written in the batch writer's transaction, under the lock of the post's room; a digest covers
 * the room, so equal posts of two processes wait for each other there.
 */
#ifndef CONCLAVE_STORE_RETRIES_H
#define CONCLAVE_STORE_RETRIES_H

#include "crypto/fingerprint.h"
#include "store/messages.h"

enum { RETRIES_KEPT_S = 10 * 60 };

/* A message that a post with the digest at that place became. */
struct retry_found {
    size_t place;
    int64_t id, seqno_creation;
    double posted;
    enum message_state state;
    bool whisper_mods, has_whisper_to;
    struct session_id whisper_to;
};
MUST_USE enum err retries_find(struct db *db, struct arena *mem, const struct fingerprint *digests,
                               size_t count, int64_t now_ms, struct retry_found **ret_found,
                               size_t *ret_count);
/* digests[i] became messages[i]; each digest once. */
MUST_USE enum err retries_keep(struct db *db, struct arena *mem, const struct fingerprint *digests,
                               const int64_t *messages, size_t count, int64_t now_ms);
/* For the job: forgets at most limit whose time is over. */
MUST_USE enum err retries_expire(struct db *db, int64_t now_ms, int64_t limit,
                                 int64_t *ret_removed);

#endif
