/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sealed store (docs/design.md, D13): row keys live in the database (table ring_keys), each
 * wrapped by the storage key that is outside of it. One key per room and month for messages, one
 * per month for files of each kind and for direct messages. Unwrapped keys are cached in locked
 * memory. Any thread (own lock); the db given must be the caller's.
 */
#ifndef CONCLAVE_STORE_RING_H
#define CONCLAVE_STORE_RING_H

#include "base/buf.h"
#include "crypto/keys.h"
#include "db/db.h"
#include "store/damage.h"
#include "store/storage_keys.h"

struct ring;

/* storage_key: 32 bytes, copied into locked memory. */
MUST_USE enum err ring_new(const uint8_t storage_key[static 32], struct ring **ret_ring);
/*
 * Where another storage key is looked for when a row names one (store/storage_keys.h).
 * ERR_TOO_LARGE: no such path.
 */
MUST_USE enum err ring_watch(struct ring *ring, const char *storage_key_path);
void ring_free(struct ring *ring);
/* What did not open under its keys (store/damage.h). */
struct damage *ring_damage(struct ring *ring);

enum ring_kind { RING_MESSAGES = 1, RING_FILES = 2, RING_DMS = 3 };

/*
 * The key to seal with now: for messages of a room (room > 0), for files (room 0: the file-server
 * half) or direct messages (room 0). Made and inserted when it does not exist (idempotent between
 * processes). Touches SQL only the first time in a month; then from memory. db may be NULL: memory
 * only, ERR_RETRY when it would need SQL.
 */
MUST_USE enum err ring_key_current(struct ring *ring, struct db *db, enum ring_kind kind,
                                   int64_t room, int64_t now_ms, int64_t *ret_key_id,
                                   struct aead_key *ret_key);
/*
 * The key of a sealed row. ERR_MISSING: there is none (deleted with its room). ERR_SEALED: it is
 * damaged, or not wrapped by our storage key.
 */
MUST_USE enum err ring_key_by_id(struct ring *ring, struct db *db, int64_t key_id,
                                 struct aead_key *ret_key);
/*
 * The same for what must lie in that place: a key's wrapping covers its kind and room, so a row
 * that was moved in the database names a key of another place. ERR_SEALED then, too.
 */
MUST_USE enum err ring_key_for(struct ring *ring, struct db *db, enum ring_kind kind, int64_t room,
                               int64_t key_id, struct aead_key *ret_key);
/*
 * Proves that a storage key fits this database (a check value sealed in table server); writes it
 * when new.
 */
MUST_USE enum err ring_check(struct ring *ring, struct db *db);
/*
 * Only proves, and notices the mark of ring_require_macs. ERR_MISSING: the database has no check
 * value yet.
 */
MUST_USE enum err ring_verify(struct ring *ring, struct db *db);
/*
 * Whether a message without a MAC is a damaged row. Never false again in a process that has seen
 * the mark, whatever becomes of it in the database.
 */
bool ring_macs_required(struct ring *ring);
/*
 * From now on it is: the check value gets a nonce that only the storage key can make, and programs
 * that write no MACs do not start any more. A database is born so.
 */
MUST_USE enum err ring_require_macs(struct ring *ring, struct db *db);
/*
 * The storage key of that name, or the one in use after ring_verify (NULL). Wipe it. ERR_SEALED: we
 * do not have it.
 */
MUST_USE enum err ring_storage_key(struct ring *ring, const struct key_name *name,
                                   uint8_t out[static 32]);

/*
 * Wraps all row keys with another storage key, which the database then belongs to: in one
 * transaction, after ring_verify. Servers go on meanwhile; one that makes a new row key waits for
 * the end. ret_kept: row keys that do not open, and stay as they are.
 */
MUST_USE enum err ring_rotate(struct ring *ring, struct db *db, const struct key_name *next,
                              int64_t *ret_wrapped, int64_t *ret_kept);
/* How many row keys the storage key of that name wraps, and how many there are. */
MUST_USE enum err ring_count(struct db *db, const struct key_name *name, int64_t *ret_under,
                             int64_t *ret_all);

/*
 * For the job: removes keys of direct messages, of past months, with which nothing is sealed any
 * more.
 */
MUST_USE enum err ring_forget_dms(struct db *db, int64_t now_ms);

#endif
