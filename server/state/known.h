/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Since when each identity is known : members are those seen first [limits] known_after ago or
 * earlier, all others are strangers. Fingerprints, never the ids; room for a fixed number. When it
 * is full, strangers are forgotten first, the newest of them, then those members who were not seen
 * for the longest.
 */
#ifndef CONCLAVE_STATE_KNOWN_H
#define CONCLAVE_STATE_KNOWN_H

#include <stdbool.h>

#include "crypto/keys.h"
#include "db/db.h"

struct known;

/* Room for about 2^entries_log2 identities. ERR_NO_MEMORY. */
MUST_USE enum err known_new(unsigned entries_log2, int64_t known_after_ms,
                            struct known **ret_known);
void known_free(struct known *k);

/* Seen at that time (wall clock); of several times the first counts. Any thread; one short lock. */
void known_add(struct known *k, const struct session_id *id, int64_t seen_ms);
/* Any thread. */
bool known_is_member(struct known *k, const struct session_id *id, int64_t now_ms);
/*
 * Reads who was entered into the database since the last call (all who were active lately, at the
 * first): so a restart makes nobody a stranger, and what one process has seen the others learn. Not
 * for two threads at once.
 */
MUST_USE enum err known_learn(struct known *k, struct db *db, int64_t now_ms);

#endif
