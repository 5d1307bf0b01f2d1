/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A private PostgreSQL cluster for tests of db/ and store/, without any server on it. Runs from the
 * root of the tree; whatever fails here fails the test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_DATABASE_H
#define CONCLAVE_TESTS_INTEGRATION_DATABASE_H

#include "db/db.h"

struct database {
    char folder[64];
    char url[160]; /* of its database "conclave" */
};

/* Starts it, without fsync. It is also stopped and removed when this process ends. */
void database_start(struct database *d);
void database_stop(struct database *d);
/* Drops everything of ours and makes the schema anew. */
void database_renew(const struct database *d);

/* A connection with all of store's statements, or without any. */
struct db *database_connect(const struct database *d);
struct db *database_connect_bare(const struct database *d);
/* Runs text of ours. */
void database_run(struct db *db, const char *sql);
/* One number that a query of ours answers. */
int64_t database_number(struct db *db, const char *sql);

#endif
