/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Since when accounts are known, for the table in memory (state/known.h). Apart from users.h:
 * nobody else asks this.
 */
#ifndef CONCLAVE_STORE_FIRST_SIGHTS_H
#define CONCLAVE_STORE_FIRST_SIGHTS_H

#include "crypto/keys.h"
#include "store/store.h"

struct first_sight {
    int64_t user;
    struct session_id session;
    int64_t hour, last_hour; /* of the first and the last sight, since 1970 */
};
/*
 * At most `limit` rows entered after that user, active at active_since_hour or later, in the order
 * they were entered.
 */
MUST_USE enum err first_sights_after(struct db *db, struct arena *mem, int64_t user,
                                     int64_t active_since_hour, int64_t limit,
                                     struct first_sight **ret_rows, size_t *ret_count);

#endif
