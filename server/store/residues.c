/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of the residues. The class of the advisory locks is one of its own, its number is the holder.
 */
#include "store/residues.h"

#include "crypto/keys.h"
#include "store/internal.h"

int64_t residues_holder(void)
{
    uint32_t random = 0;
    crypto_random(&random, sizeof(random));
    return (random >> 1) | 1; /* fits the second number of an advisory lock */
}

enum err residues_claim(struct db *db, int64_t holder, int64_t *ret_reserved_ms)
{
    int64_t alive = 0;
    enum err e = STORE_ONE_I64(db, "residues.live", &alive, PARAM_I64(holder));
    if (e == OK)
        e = STORE_ONE_I64(db, "residues.claim", ret_reserved_ms, PARAM_I64(holder),
                          PARAM_I64(RESIDUES));
    return e;
}

enum err residues_reserve(struct db *db, int64_t holder, int64_t until_ms, int64_t forget_ms,
                          uint32_t *ret_held)
{
    int64_t held = 0;
    enum err e = STORE_ONE_I64(db, "residues.reserve", &held, PARAM_I64(holder),
                               PARAM_I64(until_ms), PARAM_I64(forget_ms));
    if (e == OK)
        *ret_held = (uint32_t)held;
    return e;
}
