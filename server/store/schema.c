/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bringing a database to the schema that this binary was built for. Each migration is one
 * transaction that registers itself with number, name and hash, so that an interrupted run
 * continues where it stopped and a changed file is noticed. Never goes backwards.
 */
#include "store/server.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/sign.h"
#include "store/internal.h"
#include "store/migrations.h"

enum {
    HASH_BYTES = 32,
    SQL_MAX_BYTES = 1 << 20,
    LAST_WITHOUT_OLDEST_PROGRAM = 7, /* the next one makes the column */
    LOCK_PAUSE_S = 2,
    LOCK_TRIES = 600, /* about half an hour: longer than a backup takes */
};

static struct span sql_of(const struct embedded_migration *m)
{
    return span_of(m->sql, m->len);
}

/* Is this registered migration the one we have? */
static bool is_ours(const struct row *row)
{
    int64_t number = row_i64(row, 0);
    if (number < 1 || (size_t)number > embedded_migrations_count)
        return false;
    const struct embedded_migration *m = &embedded_migrations[number - 1];
    uint8_t hash[HASH_BYTES], found[HASH_BYTES];
    hash_blake2b(hash, sizeof hash, sql_of(m));
    row_key(row, 2, found, sizeof found);
    return span_eq_text(row_bytes(row, 1), m->name) &&
           span_eq(span_of(hash, sizeof hash), span_of(found, sizeof found));
}

/*
 * May this program serve a schema with that migration, which it does not know? The migration says
 * so (row column 3).
 */
static bool admits_us(const struct row *row)
{
    return !row_is_null(row, 3) && row_i64(row, 3) <= (int64_t)embedded_migrations_count;
}

/* rows: number, name, hash, oldest program; ascending. */
static enum schema_state judge(struct rows *rows, int *ret_number)
{
    int64_t last = 0;
    bool foreign = false, admitted = true;
    struct row row;
    while (rows_next(rows, &row)) {
        int64_t number = row_i64(&row, 0);
        bool known = (size_t)number <= embedded_migrations_count;
        foreign = foreign || number != last + 1 || (known && !is_ours(&row));
        admitted = admitted && (known || admits_us(&row));
        last = number;
    }
    *ret_number = (int)last;
    if (foreign)
        return SCHEMA_FOREIGN;
    if (last == 0)
        return SCHEMA_EMPTY;
    if ((size_t)last == embedded_migrations_count)
        return SCHEMA_CURRENT;
    if ((size_t)last < embedded_migrations_count)
        return SCHEMA_OLDER;
    return admitted ? SCHEMA_AHEAD : SCHEMA_NEWER;
}

enum err schema_state(struct db *db, enum schema_state *ret_state, int *ret_number)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = db_query(db, "SELECT to_regclass('conclave.schema_migrations') IS NOT NULL", NULL,
                          0, &rows);
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row) || !row_bool(&row, 0)) {
        *ret_state = SCHEMA_EMPTY;
        *ret_number = 0;
        return OK;
    }
    /* Through JSON, since databases up to migration 0007 have no such column. */
    e = db_query(db,
                 "SELECT number, name, hash, (to_jsonb(m) ->> 'oldest_program')::integer"
                 "  FROM conclave.schema_migrations m"
                 " ORDER BY number",
                 NULL, 0, &rows);
    if (e != OK)
        return e;
    int number;
    enum schema_state state = judge(&rows, &number);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_state = state;
    *ret_number = number;
    return OK;
}

static enum err run_sql(struct db *db, const struct embedded_migration *m)
{
    struct buf sql = buf_make(SQL_MAX_BYTES);
    /*
     * A migration takes as long as it takes. But while it waits for a lock, servers wait behind it:
     * so not for long.
     */
    buf_put_text(&sql, "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '250ms';");
    buf_put(&sql, sql_of(m));
    buf_put_byte(&sql, '\0');
    enum err e = buf_verdict(&sql);
    if (e == OK)
        e = db_script(db, (const char *)sql.p);
    buf_done(&sql);
    return e;
}

struct step {
    const struct embedded_migration *migration;
    int64_t now_ms;
};

static enum err apply_one(struct db *db, void *arg)
{
    const struct step *step = arg;
    const struct embedded_migration *m = step->migration;
    uint8_t hash[HASH_BYTES];
    hash_blake2b(hash, sizeof hash, sql_of(m));
    enum err e = run_sql(db, m);
    if (e != OK)
        return e;
    e = DB_QUERY(db,
                 "INSERT INTO conclave.schema_migrations (number, name, hash, applied_at)"
                 "VALUES ($1, $2, $3, $4)",
                 NULL, PARAM_I32(m->number), PARAM_TEXT(span_of_text(m->name)),
                 PARAM_BYTES(span_of(hash, sizeof hash)), PARAM_F64((double)step->now_ms / 1000.0));
    if (e != OK || m->number <= LAST_WITHOUT_OLDEST_PROGRAM)
        return e;
    return DB_QUERY(db,
                    "UPDATE conclave.schema_migrations"
                    "   SET oldest_program = $2"
                    " WHERE number = $1",
                    NULL, PARAM_I32(m->number), PARAM_I32(m->oldest_program));
}

/* Not a lost connection, nor a full disk. */
static bool lock_taken(const struct db *db)
{
    return db_connected(db) && !db_disk_full(db);
}

/*
 * A lock that is not free, usually because a backup is being made, is asked for again after a pause
 * in which servers work. In a transaction of the caller's the first answer counts.
 */
static enum err apply_patiently(struct db *db, struct step *step)
{
    bool alone = !db_in_transaction(db);
    enum err e = store_tx(db, apply_one, step);
    for (int i = 0; alone && e == ERR_BUSY && lock_taken(db) && i < LOCK_TRIES; i++) {
        if (i == 0)
            log_event(LOG_WARN, "schema.waiting", LOG_I64("number", step->migration->number));
        clock_sleep_ms(LOCK_PAUSE_S * SECOND_MS);
        e = store_tx(db, apply_one, step);
    }
    return e;
}

static enum err apply_missing(struct db *db, int64_t now_ms, struct buf *progress)
{
    enum schema_state state;
    int number;
    enum err e = schema_state(db, &state, &number);
    if (e != OK)
        return e;
    if (state == SCHEMA_NEWER || state == SCHEMA_FOREIGN)
        return ERR_CONFLICT;
    for (size_t i = (size_t)number; i < embedded_migrations_count; i++) {
        struct step step = {&embedded_migrations[i], now_ms};
        e = apply_patiently(db, &step);
        if (e != OK) {
            log_event(LOG_ERROR, "schema.failed", LOG_I64("number", step.migration->number));
            return e;
        }
        buf_put_text(progress, "applied ");
        buf_put_text(progress, step.migration->name);
        buf_put_byte(progress, '\n');
    }
    return OK;
}

int schema_newest(void)
{
    return (int)embedded_migrations_count;
}

enum err schema_make(struct db *db, int number, int64_t now_ms)
{
    if (number < 1 || (size_t)number > embedded_migrations_count)
        return ERR_MISSING;
    enum err e = OK;
    for (int i = 0; e == OK && i < number; i++)
        e = apply_one(db, &(struct step){&embedded_migrations[i], now_ms});
    return e;
}

enum err schema_migrate(struct db *db, int64_t now_ms, struct buf *progress)
{
    enum err e = advisory_wait(db, ADVISORY_MIGRATE);
    if (e != OK)
        return e;
    e = apply_missing(db, now_ms, progress);
    if (db_connected(db) && advisory_release(db, ADVISORY_MIGRATE) != OK && e == OK)
        e = ERR_BUSY;
    return e;
}
