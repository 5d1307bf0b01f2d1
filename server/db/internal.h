/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of db/ share: the connection itself and the one place that judges PostgreSQL's
 * answers. Nobody outside this room includes it.
 */
#ifndef CONCLAVE_DB_INTERNAL_H
#define CONCLAVE_DB_INTERNAL_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "db/db.h"

/*
 * Parameters of one statement, encoded: a batch of posts is the largest, a chunk of a file the
 * usual one.
 */
enum { DB_SCRATCH_MAX_BYTES = 256 << 20, DB_SCRATCH_KEEP_BYTES = 1 << 20 };

struct db {
    struct db_options options;
    PGconn *conn;          /* NULL: not connected */
    struct buf scratch;    /* encoded parameters of the running statement */
    bool disk_full;        /* the last failure was 53100 */
    bool piped;            /* between the first db_send and db_settle */
    enum db_reason reason; /* of the last failure */
    const char *refusal;   /* why the last database that was reached cannot be used; NULL: it can */
};

/* Opens a connection within its time limit. NULL: *ret_reason says why. (connect.c) */
MUST_USE PGconn *db_open(const struct db *db, enum db_reason *ret_reason);
/*
 * Why, by what libpq says of a connection that did not open (verbose), or by the SQLSTATE of a
 * statement. (reason.c)
 */
enum db_reason db_reason_of_message(const char *message);
enum db_reason db_reason_of_state(const char *sqlstate);

/* Counts one statement sent (BEGIN and COMMIT too). */
void db_count(const struct db *db);
/*
 * Connections do not block (connection.c puts them into that state): what is sent stands in libpq's
 * buffer until it is flushed, and an answer is waited for. False: nothing happened within
 * statement_timeout and a margin, and the connection is closed. *ret_result NULL: there is no more.
 */
MUST_USE bool db_flush(struct db *db);
MUST_USE bool db_receive(struct db *db, PGresult **ret_result);
/*
 * The result of what was sent; sent is what PQsend... returned. NULL: nothing was sent, or the
 * answer did not come within statement_timeout and a margin, and the connection is closed. For
 * db_judge in any case.
 */
MUST_USE PGresult *db_await(struct db *db, int sent);
/*
 * Judges a result: OK, or the error of db_run's contract. what is the name of the statement, or
 * static text, for the log. A lost connection is closed here. Does not clear the result.
 */
MUST_USE enum err db_judge(struct db *db, const PGresult *result, const char *what);
/*
 * connection.c: connects, and nothing more. ERR_BUSY: cannot be reached. fitness.c: whether the
 * database that was reached can be used at all. ERR_DENIED: db->refusal says why not.
 */
MUST_USE enum err db_dial(struct db *db);
MUST_USE enum err db_check_fitness(struct db *db);
/* Closes the connection; whatever was open in it is gone. */
void db_drop(struct db *db);

#endif
