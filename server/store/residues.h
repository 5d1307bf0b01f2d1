/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which process takes which milliseconds as times of messages (docs/decisions/0014-one-clock.md). A
 * residue is the remainder of a millisecond by RESIDUES. Two things are kept apart: an advisory
 * lock tells who is alive, and the row tells who holds a residue and up to where times may have
 * been drawn. The second is what keeps times unique: whoever lost a residue cannot reserve any
 * more, and whoever took it goes on behind what was reserved.
 *
 * Each call is a transaction of its own that does not wait for the disk: a message that carries a
 * reserved time is durable only after its reservation, because the log is written in order.
 */
#ifndef CONCLAVE_STORE_RESIDUES_H
#define CONCLAVE_STORE_RESIDUES_H

#include "store/store.h"

enum { RESIDUES = 16 };

/* A holder for residues_claim: a random number above zero. */
int64_t residues_holder(void);
/*
 * Tells others on this connection that the holder is alive, and takes the residues of holders that
 * are not, or of one that has more than its part, until this one has its part of them.
 * *ret_reserved_ms: the highest time that may have been drawn from what was taken; 0: nothing was.
 * ERR_RETRY: another process claims at this moment.
 */
MUST_USE enum err residues_claim(struct db *db, int64_t holder, int64_t *ret_reserved_ms);
/*
 * Times up to until_ms may be drawn from now on. *ret_held: bit r is set when residue r is the
 * holder's. What was reserved more than forget_ms later than that is the work of a wrong clock, and
 * is forgotten.
 */
MUST_USE enum err residues_reserve(struct db *db, int64_t holder, int64_t until_ms,
                                   int64_t forget_ms, uint32_t *ret_held);

#endif
