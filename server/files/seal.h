/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealing at rest (docs/design.md, D13): chunks and names of content. The place of a piece
 * (content, number) is bound into its seal, so rows cannot be exchanged in the database unnoticed.
 * Inside files/ only; any thread.
 */
#ifndef CONCLAVE_FILES_SEAL_H
#define CONCLAVE_FILES_SEAL_H

#include "base/buf.h"
#include "crypto/keys.h"

/* The number of the piece that is the name. */
enum { SEAL_NAME = -1 };

/* Appends. */
MUST_USE enum err seal_piece(const struct aead_key *key, int64_t blob, int64_t n, struct span plain,
                             struct buf *out);
/* Opens in place; *ret_plain points into sealed. ERR_SEALED: not this piece, or damaged. */
MUST_USE enum err seal_open(const struct aead_key *key, int64_t blob, int64_t n,
                            struct bytes sealed, struct bytes *ret_plain);

#endif
