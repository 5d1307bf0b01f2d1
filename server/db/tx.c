/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions, and the one loop that runs them again after a serialization failure or a deadlock.
 */
#include "db/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum { TX_ATTEMPTS = 5, TX_PAUSE_MS = 3 };

static enum err command(struct db *db, const char *sql, const char *tag)
{
    if (db->conn == NULL)
        return ERR_BUSY;
    db_count(db);
    PGresult *result = db_await(db, PQsendQuery(db->conn, sql));
    enum err e = db_judge(db, result, sql);
    /* COMMIT of a transaction that failed before is answered "ROLLBACK", as a success. */
    if (e == OK && strcmp(PQcmdStatus(result), tag) != 0)
        e = ERR_DEFECT;
    PQclear(result);
    return e;
}

enum err db_begin(struct db *db)
{
    return command(db, "BEGIN", "BEGIN");
}

enum err db_commit(struct db *db)
{
    return command(db, "COMMIT", "COMMIT");
}

void db_rollback(struct db *db)
{
    if (!db_in_transaction(db))
        return;
    if (command(db, "ROLLBACK", "ROLLBACK") != OK)
        db_drop(db); /* whatever state it is in, the next user shall not find it */
}

/* The other side of a deadlock needs a moment to be gone; each attempt waits longer. */
static void pause_before(int attempt)
{
    clock_sleep_ms((int64_t)attempt * attempt * TX_PAUSE_MS);
}

static enum err run_once(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg)
{
    enum err e = db_begin(db);
    if (e == OK)
        e = fn(db, arg);
    if (e == OK)
        return db_commit(db);
    db_rollback(db);
    return e;
}

enum err db_tx(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg)
{
    for (int attempt = 0; attempt < TX_ATTEMPTS; attempt++) {
        pause_before(attempt);
        enum err e = run_once(db, fn, arg);
        if (e != ERR_RETRY)
            return e;
        db_rollback(db); /* a COMMIT that failed has ended it already; then this does nothing */
    }
    log_event(LOG_WARN, "db.gave_up", LOG_I64("attempts", TX_ATTEMPTS));
    return ERR_BUSY;
}
