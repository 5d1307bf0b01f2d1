/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A database as one that was upgraded to MACs of messages and is not through with them: messages
 * without a MAC are served. Whatever fails here fails the test.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_UNMARKED_H
#define CONCLAVE_TESTS_INTEGRATION_UNMARKED_H

#include "db/db.h"
#include "integration/world.h"

/*
 * Takes the mark from the check value, as only who has the storage key can, and restarts all servers.
 */
void unmark(struct world *w, struct db *db);

#endif
