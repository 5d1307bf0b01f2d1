/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What PostgreSQL makes of the server's own prepared statements. The connection has them under
 * their own names (database_connect) and plans each once, without looking at its parameters, as the
 * server's connections do. Whatever fails here fails the test.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_PLAN_H
#define CONCLAVE_TESTS_INTEGRATION_PLAN_H

#include "db/db.h"

/*
 * Runs a statement, as in `"messages.before"(1, 2, 3)`, and returns how many pages of 8 KB it
 * touched. ret_ms may be NULL. A plan that touched more than at_most is printed.
 */
int64_t plan_pages(struct db *db, const char *execute, int64_t at_most, double *ret_ms);

/* Appends the plan of a statement to out, a line a node or condition. It is not run. */
void plan_text(struct db *db, const char *name, struct buf *out);

/* A table, or an index of one, is read from its beginning to its end. */
bool plan_reads_everything(struct span plan);
/*
 * Rows of one room or person are looked for along an index in which those of others stand between
 * them.
 */
bool plan_walks_past_others(struct span plan);

#endif
