/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Setting up a connection (connect.c opens it) so that it behaves the same wherever it leads: its
 * own search_path, time-outs and isolation, every statement prepared; noticing when it is lost; and
 * translating PostgreSQL's error codes into ours. Does not run statements (statement.c) nor know
 * when to retry (tx.c).
 */
#include "db/internal.h"

#include <poll.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"

enum { LAST_WORDS_MAX = 8 };

/* PostgreSQL's notices may quote people's data; we have no use for them. */
static void swallow_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

enum err db_new(const struct db_options *options, struct db **ret_db)
{
    struct db *db = MEM_NEW(struct db);
    if (db == NULL)
        return ERR_NO_MEMORY;
    db->options = *options;
    db->scratch = buf_make(DB_SCRATCH_MAX_BYTES);
    *ret_db = db;
    return OK;
}

void db_free(struct db *db)
{
    if (db == NULL)
        return;
    db_drop(db);
    buf_done(&db->scratch);
    mem_free(db);
}

void db_drop(struct db *db)
{
    PQfinish(db->conn); /* NULL is harmless */
    db->conn = NULL;
    db->piped = false;
    db->disk_full = false; /* what follows are failures to connect */
}

void db_count(const struct db *db)
{
    static const enum metric of_origin[] = {
        [DB_REQUEST] = METRIC_SQL_REQUEST, [DB_WRITER] = METRIC_SQL_WRITER,
        [DB_REFRESH] = METRIC_SQL_REFRESH, [DB_JOB] = METRIC_SQL_JOB,
        [DB_COMMAND] = METRIC_SQL_COMMAND, [DB_PROBE] = METRIC_SQL_PROBE,
    };
    if (db->options.metrics != NULL)
        metrics_add(db->options.metrics, of_origin[db->options.origin], 1);
}

void db_count_as(struct db *db, enum db_origin origin)
{
    db->options.origin = origin;
}

bool db_connected(const struct db *db)
{
    return db->conn != NULL;
}

int db_socket(const struct db *db)
{
    return db->conn == NULL ? -1 : PQsocket(db->conn);
}

int db_server_major(const struct db *db)
{
    return db->conn == NULL ? 0 : PQserverVersion(db->conn) / 10000;
}

enum err db_environment(const char *url, struct buf *out)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (options == NULL)
        return ERR_MALFORMED;
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        if (o->val == NULL || o->envvar == NULL)
            continue;
        buf_put_text(out, o->envvar);
        buf_put_byte(out, '=');
        buf_put_text(out, o->val);
        buf_put_byte(out, '\0');
    }
    PQconninfoFree(options);
    return buf_verdict(out);
}

bool db_in_transaction(const struct db *db)
{
    return db->conn != NULL && PQtransactionStatus(db->conn) != PQTRANS_IDLE;
}

/* The class of a SQLSTATE, its first two characters. */
static bool in_class(const char *state, const char *class)
{
    return strncmp(state, class, 2) == 0;
}

static enum err err_of_state(const char *state)
{
    /* serialization_failure, deadlock_detected, lock_not_available */
    if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0 || strcmp(state, "55P03") == 0)
        return ERR_RETRY;
    /* foreign_key, unique, check and exclusion violation; not_null is our bug */
    if (in_class(state, "23") && strcmp(state, "23502") != 0)
        return ERR_CONFLICT;
    /*
     * query_canceled (time-out); resources; operator intervention; connection; read-only (a demoted
     * primary)
     */
    if (in_class(state, "57") || in_class(state, "53") || in_class(state, "08") ||
        strcmp(state, "25006") == 0)
        return ERR_BUSY;
    return ERR_DEFECT;
}

/*
 * After these the connection is of no use: it was ended, or it leads to a server that does not
 * write.
 */
static bool ends_connection(const char *state)
{
    return in_class(state, "08") || strncmp(state, "57P", 3) == 0 || strcmp(state, "25006") == 0;
}

static void log_state(enum log_level level, const char *event, const char *what, const char *state)
{
    const struct log_field fields[] = {{"statement", what, 0}, {"sqlstate", state, 0}};
    log_write(level, event, fields, COUNT_OF(fields));
}

enum err db_judge(struct db *db, const PGresult *result, const char *what)
{
    ExecStatusType status = PQresultStatus(result); /* NULL counts as a fatal error */
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return OK;
    const char *found = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    /* libpq's own errors (the connection broke) carry no code. */
    const char *state = found != NULL ? found : "08006";
    enum err e = err_of_state(state);
    db->disk_full = strcmp(state, "53100") == 0;
    if (e == ERR_BUSY && db->conn != NULL) /* NULL: given up, and why is known */
        db->reason = db_reason_of_state(state);
    if (e == ERR_DEFECT)
        log_state(LOG_ERROR, "db.defect", what, state);
    else if (e == ERR_BUSY)
        log_state(LOG_WARN, "db.refused", what, state);
    if (PQstatus(db->conn) != CONNECTION_OK || ends_connection(state)) /* NULL counts as lost */
        db_drop(db);
    return e;
}

/*
 * Jobs and commands may read whole tables. What people ask for, and what memory is filled from,
 * walks an index in its order, also while PostgreSQL believes that the table is nearly empty.
 */
static bool walks_indexes(enum db_origin origin)
{
    return origin == DB_REQUEST || origin == DB_WRITER || origin == DB_REFRESH;
}

/* Statements of ours that every connection begins with. */
static enum err set_up_session(struct db *db)
{
    struct buf sql = buf_make(KIB(2));
    buf_put_text(&sql, "SET search_path = pg_catalog, conclave, pg_temp;"
                       "SET client_min_messages = error;"
                       "SET TimeZone = 'UTC';"
                       "SET default_transaction_isolation = 'read committed';"
                       "SET default_transaction_read_only = off;"
                       /*
         * Each statement is planned once: planning the larger ones anew costs more than running
         * them (docs/decisions/0001-indexes-of-events.md), and compiling them far more.
         */
                       "SET plan_cache_mode = force_generic_plan;"
                       "SET jit = off;");
    if (walks_indexes(db->options.origin))
        buf_put_text(&sql, "SET enable_seqscan = off; SET enable_bitmapscan = off;");
    buf_put_text(&sql, "SET statement_timeout = ");
    buf_put_i64(&sql, db->options.statement_timeout_ms);
    buf_put_text(&sql, ";SET lock_timeout = ");
    buf_put_i64(&sql, db->options.lock_timeout_ms);
    buf_put_byte(&sql, '\0');
    enum err e = buf_verdict(&sql);
    if (e == OK)
        e = db_script(db, (const char *)sql.p);
    buf_done(&sql);
    return e;
}

static enum err prepare_all(struct db *db)
{
    for (size_t t = 0; t < db->options.table_count; t++) {
        for (const struct statement *s = db->options.tables[t].statements; s->name != NULL; s++) {
            PGresult *result = db_await(db, PQsendPrepare(db->conn, s->name, s->sql, 0, NULL));
            enum err e = db_judge(db, result, s->name);
            PQclear(result);
            if (e != OK)
                return e;
        }
    }
    return OK;
}

enum err db_dial(struct db *db)
{
    enum db_reason reason = DB_WORKS;
    db->conn = db_open(db, &reason);
    db->reason = db->conn != NULL ? DB_WORKS : reason;
    if (db->conn == NULL)
        return reason == DB_URL_BAD ? ERR_MALFORMED : ERR_BUSY;
    (void)PQsetNoticeReceiver(db->conn, swallow_notice, NULL);
    (void)PQsetnonblocking(db->conn, 1); /* db_await waits */
    return OK;
}

static enum err connect_now(struct db *db)
{
    enum err e = db_dial(db);
    if (e == OK)
        e = db_check_fitness(db);
    if (e == OK)
        e = set_up_session(db);
    if (e == OK)
        e = prepare_all(db);
    if (e == OK && db->options.opened != NULL)
        e = db->options.opened(db);
    if (e != OK)
        db_drop(db);
    return e == ERR_RETRY ? ERR_BUSY : e;
}

/*
 * Whether an idle connection was closed behind our back (a restarted database): asked without a
 * round trip, so that the first statement after a restart does not fail.
 */
static bool closed_meanwhile(struct db *db)
{
    if (PQstatus(db->conn) != CONNECTION_OK)
        return true;
    struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN};
    /* More than once: the server's last words come before the end of the stream. */
    for (int i = 0; i < LAST_WORDS_MAX && poll(&p, 1, 0) > 0; i++)
        if (PQconsumeInput(db->conn) == 0 || PQstatus(db->conn) != CONNECTION_OK)
            return true;
    return false;
}

enum err db_ensure(struct db *db)
{
    if (db->conn != NULL && PQtransactionStatus(db->conn) == PQTRANS_IDLE && closed_meanwhile(db))
        db_drop(db);
    return db->conn != NULL ? OK : connect_now(db);
}

const char *db_refusal(const struct db *db)
{
    return db->refusal;
}

const char *db_socket_folder(const struct db *db)
{
    const char *host = db->conn == NULL ? NULL : PQhost(db->conn);
    return host != NULL && host[0] == '/' ? host : NULL;
}

bool db_disk_full(const struct db *db)
{
    return db->disk_full;
}

enum db_reason db_reason(const struct db *db)
{
    return db->reason;
}
