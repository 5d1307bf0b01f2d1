/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a database can be used at all, asked on every new connection before anything is written:
 * its version, its encoding, and whether a pooler stands in between that gives each transaction
 * another session.
 */
#include "db/internal.h"

#include <string.h>

enum { VERSION_MIN = 150000, POOLER_TIMEOUT_MS = 5000 };

/* The process that serves this session. */
static enum err ask_backend(struct db *db, int64_t *ret_pid)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = db_query(db, "SELECT pg_catalog.pg_backend_pid()", NULL, 0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    int64_t pid = row_i64(&row, 0);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_pid = pid;
    return OK;
}

/* A second session gets the process of the first one, which is still open: sessions are shared. */
static enum err is_shared(const struct db *db, int64_t first, bool *ret_shared)
{
    struct db second = {.options = {.url = db->options.url,
                                    .origin = db->options.origin,
                                    .metrics = db->options.metrics,
                                    .statement_timeout_ms = POOLER_TIMEOUT_MS},
                        .scratch = buf_make(DB_SCRATCH_KEEP_BYTES)};
    int64_t pid = 0;
    enum err e = db_dial(&second);
    if (e == OK)
        e = ask_backend(&second, &pid);
    if (e == OK)
        *ret_shared = pid == first;
    db_drop(&second);
    buf_done(&second.scratch);
    return e;
}

/*
 * A pooler makes up the process number that it tells at the start. In session mode it does no harm.
 */
static enum err check_pooler(struct db *db)
{
    int64_t pid = 0;
    bool shared = false;
    enum err e = ask_backend(db, &pid);
    if (e == OK && pid != PQbackendPID(db->conn))
        e = is_shared(db, pid, &shared);
    if (e == OK && shared)
        db->refusal = "[database] url leads to a pooler in transaction mode (such as PgBouncer), "
                      "which gives every transaction another session: name PostgreSQL itself, or "
                      "set pool_mode = session";
    return e;
}

enum err db_check_fitness(struct db *db)
{
    const char *encoding = PQparameterStatus(db->conn, "server_encoding");
    enum err e = OK;
    db->refusal = NULL;
    if (PQserverVersion(db->conn) < VERSION_MIN)
        db->refusal = "the database is older than PostgreSQL 15, the oldest that can be used";
    else if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
        db->refusal = "the database's encoding is not UTF8 (LATIN1 and SQL_ASCII cannot hold every "
                      "name): make it with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0";
    else
        e = check_pooler(db);
    if (e == OK && db->refusal != NULL)
        e = ERR_DENIED;
    return e;
}
