/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rates of very many, in a table of fixed size: each key may do `count` things at once and then
 * count per time. Keys are kept as fingerprints. When a set is full, whoever is nearest to having
 * his whole rate again is forgotten: a flood of keys can give others more than is theirs, never
 * less.
 */
#ifndef CONCLAVE_WORK_BUCKETS_H
#define CONCLAVE_WORK_BUCKETS_H

#include <stdbool.h>

#include "base/span.h"

struct buckets;

struct bucket_rate {
    int64_t count; /* 0: no limit */
    int64_t per_ms;
};

/*
 * Room for about 2^entries_log2 keys (16 bytes each; pages are touched as they fill).
 * ERR_NO_MEMORY.
 */
MUST_USE enum err buckets_new(unsigned entries_log2, struct buckets **ret_buckets);
void buckets_free(struct buckets *b);
/*
 * Takes amount of the key's rate; false: it is used up, nothing was taken. now_ms: monotonic. Any
 * thread.
 */
MUST_USE bool buckets_take(struct buckets *b, struct span key, struct bucket_rate rate,
                           int64_t amount, int64_t now_ms);
/*
 * Counts what cannot be refused any more, also beyond the rate: nothing is left to take then until
 * it has come back, after ten times the time of the rate at most.
 */
void buckets_charge(struct buckets *b, struct span key, struct bucket_rate rate, int64_t amount,
                    int64_t now_ms);
/* Gives back what was taken a moment ago. */
void buckets_give(struct buckets *b, struct span key, struct bucket_rate rate, int64_t amount);

#endif
