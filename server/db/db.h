/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One PostgreSQL connection: prepared statements, binary parameters and results, transactions.
 * libpq is called only in this room, which knows no table of ours.
 *
 * A connection belongs to one thread. Broken connections are reopened by the next db_ensure. Error
 * text of PostgreSQL is never logged (it may quote people's data): only the SQLSTATE.
 */
#ifndef CONCLAVE_DB_DB_H
#define CONCLAVE_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct metrics;
struct db;

/* Who asks: the label of conclave_sql_statements_total. */
enum db_origin { DB_REQUEST, DB_WRITER, DB_REFRESH, DB_JOB, DB_COMMAND, DB_PROBE };

struct statement {
    const char *name; /* "messages.since" */
    const char *sql;
};
/* One table per file of store/. */
struct statement_table {
    const struct statement *statements; /* the last one has no name */
};

struct db;
struct db_options {
    const char *url; /* libpq URI; several hosts allowed. Lives as long as the db */
    enum db_origin origin;
    struct metrics *metrics; /* may be NULL (commands) */
    const struct statement_table
        *tables; /* prepared on every connect: a schema mismatch stops the start */
    size_t table_count;
    int32_t statement_timeout_ms;
    int32_t lock_timeout_ms;
    /*
     * When it gets readable (base/stop.h), whatever is waited for is given up at once. 0: nobody
     * can ask.
     */
    int stop_fd;
    /*
     * Runs on every new connection before anybody uses it; an error closes it. NULL: nothing runs.
     */
    enum err (*opened)(struct db *db);
};

/* Allocates; connects on db_ensure. ERR_NO_MEMORY. */
MUST_USE enum err db_new(const struct db_options *options, struct db **ret_db);
void db_free(struct db *db);
/*
 * Connects and prepares if not connected. ERR_BUSY: cannot reach the database now (try later;
 * db_reason says why). ERR_MALFORMED: url is not one. ERR_DENIED: this database cannot be used, and
 * db_refusal says why; nothing was written. ERR_DEFECT: a statement does not fit the schema (named
 * in the log).
 */
MUST_USE enum err db_ensure(struct db *db);
/* From now on what is sent counts under this label. */
void db_count_as(struct db *db, enum db_origin origin);
/* False after a connection was lost; db_ensure reconnects. */
bool db_connected(const struct db *db);
/* The socket, for waiting (LISTEN); -1 when not connected. */
int db_socket(const struct db *db);

/*
 * Major version of the PostgreSQL behind an open connection, 15 for example; 0 when not connected.
 */
int db_server_major(const struct db *db);
/*
 * What a program of PostgreSQL's own needs in its environment to come to the same database, as
 * "NAME=value", each ended by a NUL. It may hold a password: for the environment of a child, never
 * for its arguments or a log. What libpq has no variable for (keepalives, sslpassword) is left out.
 * ERR_MALFORMED: url is not one.
 */
MUST_USE enum err db_environment(const char *url, struct buf *out);

/*
 * Why the database could not be reached or asked, as far as it can be told. For sentences and logs:
 * names nobody.
 */
enum db_reason {
    DB_WORKS = 0,
    DB_URL_BAD,
    DB_HOST_UNKNOWN, /* its name is not resolved */
    DB_UNREACHABLE,  /* no route to it */
    DB_REFUSED,      /* nothing listens there */
    DB_SOCKET_MISSING,
    DB_SOCKET_DENIED,
    DB_NO_ANSWER, /* in time */
    DB_ROLE_MISSING,
    DB_PASSWORD_WRONG,
    DB_NOT_ALLOWED, /* pg_hba.conf, or no right to connect */
    DB_DATABASE_MISSING,
    DB_CONNECTIONS_FULL,
    DB_STARTING, /* or shutting down */
    DB_READ_ONLY,
    DB_TLS,
    DB_DISK_FULL,
    DB_LOST, /* the connection broke */
    DB_OTHER,
};
/* Of the last failure with ERR_BUSY or ERR_MALFORMED; DB_WORKS after a connection was opened. */
enum db_reason db_reason(const struct db *db);
/* "refused", for logs and answers. */
const char *db_reason_name(enum db_reason reason);

/*
 * A sentence for the operator after ERR_DENIED of db_ensure: version, encoding, or a pooler in
 * between.
 */
const char *db_refusal(const struct db *db);
/*
 * The folder of the unix socket that the connection goes through; NULL: over the network, or not
 * connected.
 */
const char *db_socket_folder(const struct db *db);
/*
 * Was the last failure a disk of the database that is full (53100)? Told apart from ERR_BUSY only
 * here.
 */
bool db_disk_full(const struct db *db);

/* Parameters, by value; spans and arrays are borrowed for the call. */
enum param_kind {
    P_NULL,
    P_I16,
    P_I32,
    P_I64,
    P_F64,
    P_BOOL,
    P_BYTES,
    P_TEXT,
    P_I64_ARRAY,
    P_F64_ARRAY,
    P_I16_ARRAY,
    P_BOOL_ARRAY,
    P_BYTES_ARRAY
};
struct param {
    enum param_kind kind;
    union {
        int64_t i64;
        double f64;
        bool boolean;
        struct span span;
        struct {
            const void
                *items; /* int64_t, double, int16_t, bool or struct span (p == NULL: SQL NULL) */
            size_t count;
        } array;
    } v;
};
#define PARAM_NULL           ((struct param){.kind = P_NULL})
#define PARAM_I16(x)         ((struct param){.kind = P_I16, .v.i64 = (x)})
#define PARAM_I32(x)         ((struct param){.kind = P_I32, .v.i64 = (x)})
#define PARAM_I64(x)         ((struct param){.kind = P_I64, .v.i64 = (x)})
#define PARAM_F64(x)         ((struct param){.kind = P_F64, .v.f64 = (x)})
#define PARAM_BOOL(x)        ((struct param){.kind = P_BOOL, .v.boolean = (x)})
#define PARAM_BYTES(s)       ((struct param){.kind = P_BYTES, .v.span = (s)})
#define PARAM_TEXT(s)        ((struct param){.kind = P_TEXT, .v.span = (s)})
#define PARAM_ARRAY(k, p, n) ((struct param){.kind = (k), .v.array = {(p), (n)}})

/* Rows of one result. Zero-initialise; rows_done is harmless in any state. */
struct rows {
    void *result; /* libpq's, owned */
    int next;
    int count;
    bool failed; /* a column of another type or an unexpected NULL */
};
void rows_done(struct rows *rows);
#define AUTO_ROWS CLEANUP(rows_done)

/*
 * Runs one prepared statement. *ret_rows (may be NULL for none) is replaced. ERR_RETRY:
 * serialization failure, deadlock (40001, 40P01) or lock_timeout: the transaction must be rolled
 * back and may run again. ERR_CONFLICT: a unique or check constraint. ERR_BUSY: connection lost,
 * statement_timeout, or disk full (53xxx). ERR_DEFECT: anything else.
 */
MUST_USE enum err db_run(struct db *db, const char *statement, const struct param *params,
                         size_t param_count, struct rows *ret_rows);
#define DB_RUN(db, name, rows, ...)                                                                \
    db_run((db), (name), (const struct param[]){__VA_ARGS__},                                      \
           sizeof((const struct param[]){__VA_ARGS__}) / sizeof(struct param), (rows))
/*
 * The same for a statement that is not prepared (the tables of a new database do not exist yet).
 * sql is text of ours.
 */
MUST_USE enum err db_query(struct db *db, const char *sql, const struct param *params,
                           size_t param_count, struct rows *ret_rows);
#define DB_QUERY(db, sql, rows, ...)                                                               \
    db_query((db), (sql), (const struct param[]){__VA_ARGS__},                                     \
             sizeof((const struct param[]){__VA_ARGS__}) / sizeof(struct param), (rows))
/*
 * The same for statements whose rows nobody needs, without waiting for the answer of one before the
 * next is sent (libpq's pipeline): sealing and sending a chunk of a file overlap with storing the
 * one before. Parameters may be reused once db_send has returned. Nothing but db_send may run on
 * the connection until db_settle has waited for all answers; it says what the first one that failed
 * says, as db_run would, and those behind it have not run. ERR_BUSY: connection lost.
 */
MUST_USE enum err db_send(struct db *db, const char *statement, const struct param *params,
                          size_t param_count);
#define DB_SEND(db, name, ...)                                                                     \
    db_send((db), (name), (const struct param[]){__VA_ARGS__},                                     \
            sizeof((const struct param[]){__VA_ARGS__}) / sizeof(struct param))
MUST_USE enum err db_settle(struct db *db);
/* For text of ours without parameters: migrations, LISTEN, SET. Several statements are fine. */
MUST_USE enum err db_script(struct db *db, const char *sql);

/*
 * Reads a script as pg_restore writes it (statements, and COPY with its data) to its end, in the
 * caller's transaction. No line of it is run: each that is no data is given to the reader, without
 * its newline, which may run what it likes on the same connection. When it fills copy with a "COPY
 * ... FROM stdin", the lines of data that follow go there. The reader's errors end it. Else errors
 * as db_run; ERR_MALFORMED: the script ends within a table, or cannot be read.
 */
struct play_reader {
    enum err (*line)(void *arg, struct span line, struct buf *copy);
    void *arg;
};
MUST_USE enum err db_play(struct db *db, FILE *script, const struct play_reader *reader);

/*
 * Typed columns of the current row, by position from 0. After a failure they return zero; ask
 * rows_ok at the end.
 */
struct row {
    struct rows *rows;
    int index;
};
bool rows_next(struct rows *rows, struct row *ret_row);
MUST_USE bool rows_ok(const struct rows *rows);
bool row_is_null(const struct row *row, int column);
int64_t row_i64(const struct row *row, int column); /* int2, int4 or int8 */
double row_f64(const struct row *row, int column);
bool row_bool(const struct row *row, int column);
/* Borrowed from rows; empty for NULL (ask row_is_null). bytea and text. */
struct span row_bytes(const struct row *row, int column);
/* Exactly size bytes into out, else failure. */
void row_key(const struct row *row, int column, uint8_t *out, size_t size);

/*
 * Transactions. db_commit: ERR_BUSY means the connection was lost and the outcome is unknown.
 */
MUST_USE enum err db_begin(struct db *db);
MUST_USE enum err db_commit(struct db *db);
void db_rollback(struct db *db);
/* A transaction is open: at the end of a request that is a defect; the connection is dropped. */
bool db_in_transaction(const struct db *db);
/*
 * Begins, runs fn, commits; on ERR_RETRY rolls back and runs it again, at most 5 times, then
 * ERR_BUSY. fn may run twice: it has no effect outside the database. Other errors of fn roll back
 * and are returned.
 */
MUST_USE enum err db_tx(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg);

/*
 * LISTEN: waits up to timeout_ms for a notification. OK: at least one arrived (all are drained).
 * ERR_MISSING: none. ERR_BUSY: connection lost.
 */
MUST_USE enum err db_wait_notification(struct db *db, int timeout_ms);

#endif
