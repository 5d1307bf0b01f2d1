/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All statements of store/, for whoever opens a connection, and what several nouns share.
 */
#ifndef CONCLAVE_STORE_STORE_H
#define CONCLAVE_STORE_STORE_H

#include "db/db.h"

/* Every table of statements of this room; pass to db_options. */
extern const struct statement_table store_statements[];
extern const size_t store_statement_count;

/* The channel of NOTIFY, which only accelerates (docs/design.md, D7). */
#define STORE_CHANNEL "conclave"
/* A nullable boolean of a permission override. */
/* One byte: rows of permissions are in memory by the million. */
enum __attribute__((packed)) tristate { TRI_NULL = -1, TRI_NO = 0, TRI_YES = 1 };

/* Runs fn in a transaction: the caller's if one is open, else one of its own (db_tx). */
MUST_USE enum err store_tx(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg);

#endif
