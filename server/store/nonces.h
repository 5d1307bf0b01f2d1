/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The claim that makes a signed request run once (docs/design.md, D5): table nonces(day, nonce),
 * partitioned by the day of the signed timestamp, unique, without any user column.
 */
#ifndef CONCLAVE_STORE_NONCES_H
#define CONCLAVE_STORE_NONCES_H

#include "store/store.h"

struct nonce_key {
    int64_t signed_s; /* the signed timestamp, seconds since 1970 */
    uint8_t b[16];
};

/*
 * In a transaction of its own with synchronous_commit=off. ERR_TOO_EARLY: claimed before, or so old
 * that the claim may have been dropped.
 */
MUST_USE enum err nonces_claim(struct db *db, const struct nonce_key *nonce);
/* Was it claimed, or may it have been? Writes nothing. */
MUST_USE enum err nonces_is_claimed(struct db *db, const struct nonce_key *nonce,
                                    bool *ret_claimed);
/*
 * Inside the batch writer's transaction: ret_won[i] tells whether this transaction claimed
 * nonces[i]. Two equal ones in the same call: only the first wins.
 */
MUST_USE enum err nonces_claim_many(struct db *db, struct arena *mem,
                                    const struct nonce_key *nonces, size_t count, bool *ret_won);

/*
 * Makes the partitions of days [from, to] that do not exist, but none of days that were dropped
 * before.
 */
MUST_USE enum err nonces_make_days(struct db *db, int64_t from, int64_t to);
/*
 * Drops the days before keep_from. From then on requests signed before that day are refused,
 * whatever the clocks say.
 */
MUST_USE enum err nonces_drop_days(struct db *db, int64_t keep_from);

#endif
