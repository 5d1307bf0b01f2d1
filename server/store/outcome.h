/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Did it commit? When a connection is lost exactly at COMMIT nobody told us; PostgreSQL knows by the transaction's id.
 * Better than looking for what the transaction wrote: it also tells "still under way" from "never happened".
 */
#ifndef CONCLAVE_STORE_OUTCOME_H
#define CONCLAVE_STORE_OUTCOME_H

#include "store/store.h"

/* The id of the transaction open on db (makes PostgreSQL assign one). */
MUST_USE enum err outcome_mark(struct db *db, int64_t *ret_transaction);
/* On another connection. ERR_RETRY: still under way, ask again. ERR_MISSING: too old to know. */
MUST_USE enum err outcome_find(struct db *db, int64_t transaction, bool *ret_committed);

#endif
