/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What commands and `serve` say when the database cannot be reached, and the one way of waiting for
 * it.
 */
#ifndef CONCLAVE_CLI_DATABASE_H
#define CONCLAVE_CLI_DATABASE_H

#include "db/db.h"

/* One sentence with its remedy. */
const char *database_sentence(enum db_reason reason);
/* That sentence on stderr; the exit code that goes with it (3: the URL is none, else 4). */
int database_unreachable(const struct db *db);
/*
 * For a server that starts before its database: tries until it is connected. Says why it waits, on
 * stderr and in the log (db.waiting), each time the reason changes. ERR_BUSY: it was asked to stop.
 * Other errors: those of db_ensure, with a sentence.
 */
MUST_USE enum err database_wait(struct db *db, int stop_fd);

#endif
