/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Did it commit? When a connection is lost exactly at COMMIT nobody told us; a mark that the
 * transaction itself wrote can (docs/decisions/0002-commit-outcome.md).
 */
#ifndef CONCLAVE_STORE_OUTCOME_H
#define CONCLAVE_STORE_OUTCOME_H

#include "store/store.h"

struct outcome_mark {
    int64_t day; /* days since 1970, by the database's clock */
    uint8_t b[16];
};

/* Writes a mark of random bytes in the transaction open on db. */
MUST_USE enum err outcome_mark(struct db *db, struct outcome_mark *ret_mark);
/*
 * On another connection, outside any transaction: waits for the transaction of the mark to end, if
 * it is still under way. When the answer is "not committed", it never will be. ERR_RETRY: still
 * under way, ask again.
 */
MUST_USE enum err outcome_find(struct db *db, const struct outcome_mark *mark, bool *ret_committed);

/*
 * Would a transaction that writes be taken? Touches no row and needs no disk: refused by a database
 * that is in recovery or set to read only (ERR_BUSY, db_reason DB_READ_ONLY). with_row: writes a
 * mark, and commits it.
 */
MUST_USE enum err outcome_probe(struct db *db, bool with_row);

#endif
