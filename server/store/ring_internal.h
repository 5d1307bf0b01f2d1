/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What ring.c and ring_rotate.c share: wrapping and opening row keys. Nobody else includes it.
 */
#ifndef CONCLAVE_STORE_RING_INTERNAL_H
#define CONCLAVE_STORE_RING_INTERNAL_H

#include "store/ring.h"

/* Where a key belongs, as numbers that its wrapping also covers. */
struct ring_place {
    int64_t kind, room, month;
};

/*
 * Opens a row's wrapped key. by: the storage key's name; empty: any that we know. ERR_SEALED: it
 * does not open.
 */
MUST_USE enum err ring_unwrap(struct ring *ring, const struct ring_place *p, struct span wrapped,
                              struct span by, struct aead_key *ret_key);
/* Appends a row key, wrapped. */
MUST_USE enum err ring_wrap(const struct aead_key *storage, const struct ring_place *p,
                            const struct aead_key *key, struct buf *out);
/* A column that names a storage key; empty for NULL. */
struct span ring_row_name(const struct row *row, int column);
/* The value of server.storage_check under that key; marked: its nonce is the mark. */
MUST_USE enum err ring_seal_check(const struct aead_key *storage, bool marked, struct buf *out);
/* The storage key of that name. ERR_SEALED: we do not have it. Wipe it. */
MUST_USE enum err ring_find_storage(struct ring *ring, const struct key_name *name,
                                    struct aead_key *ret_key);
/* New row keys are wrapped with that one from now on. */
void ring_use(struct ring *ring, const struct key_name *name);

#endif
