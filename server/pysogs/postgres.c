/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PySOGS in a PostgreSQL: one transaction that sees one moment and cannot write, and a cursor, so
 * that no result is in memory as a whole.
 */
#include "base/mem.h"
#include "db/db.h"
#include "pysogs/source.h"

enum { LOCK_TIMEOUT_MS = 10000, SQL_MAX_BYTES = 4096 };
/* At a time: any of them may be a message of ten megabytes. */
#define FETCH "FETCH 25 FROM asked"

/* A sum, since rows come in any order. */
#define ROWS_OF(table) "SELECT sum(hashtextextended(t::text, 0)) FROM " table " t"
#define AND_OF(table)  " UNION ALL " ROWS_OF(table)

struct connection {
    struct db *db;
    struct rows rows; /* the rows fetched last */
    struct row row;
    bool failed; /* a column of another type */
};

static void close_connection(void *handle)
{
    struct connection *c = handle;
    if (c == NULL)
        return;
    rows_done(&c->rows);
    db_free(c->db);
    mem_free(c);
}

static enum err begin(struct connection *c)
{
    enum err e = db_ensure(c->db);
    if (e != OK)
        return e;
    return db_script(
        c->db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
               "SET LOCAL search_path = pg_catalog, \"$user\", public, pg_temp;"
               "SET LOCAL idle_in_transaction_session_timeout = 0;"
               "DECLARE asked NO SCROLL CURSOR FOR SELECT 1"); /* so that there is one to close */
}

static enum err again(void *handle)
{
    struct connection *c = handle;
    rows_done(&c->rows);
    enum err e = db_script(c->db, "ROLLBACK");
    return e == OK ? begin(c) : e;
}

static enum err open_connection(const char *where, void **ret_handle, const char **ret_why)
{
    const struct db_options options = {
        .url = where, .origin = DB_COMMAND, .lock_timeout_ms = LOCK_TIMEOUT_MS};
    struct connection *c = MEM_NEW(struct connection);
    if (c == NULL || db_new(&options, &c->db) != OK) {
        mem_free(c);
        return ERR_NO_MEMORY;
    }
    if (begin(c) == OK) {
        *ret_handle = c;
        return OK;
    }
    close_connection(c);
    *ret_why = "it cannot be reached: try the same address with psql";
    return ERR_DENIED;
}

static enum err ask(void *handle, const char *sql)
{
    struct connection *c = handle;
    AUTO_BUF struct buf text = buf_make(SQL_MAX_BYTES);
    buf_put_text(&text, "CLOSE asked; DECLARE asked NO SCROLL CURSOR FOR ");
    buf_put_text(&text, sql);
    buf_put_byte(&text, '\0');
    rows_done(&c->rows);
    enum err e = buf_verdict(&text);
    return e == OK ? db_script(c->db, (const char *)text.p) : e;
}

static enum err next(void *handle)
{
    struct connection *c = handle;
    if (rows_next(&c->rows, &c->row))
        return OK;
    c->failed |= !rows_ok(&c->rows);
    enum err e = db_query(c->db, FETCH, NULL, 0, &c->rows);
    if (e != OK)
        return e == ERR_BUSY ? ERR_BUSY : ERR_DEFECT;
    return rows_next(&c->rows, &c->row) ? OK : ERR_MISSING;
}

static int64_t read_i64(void *handle, int column)
{
    const struct connection *c = handle;
    return row_is_null(&c->row, column) ? 0 : row_i64(&c->row, column);
}

static double read_f64(void *handle, int column)
{
    const struct connection *c = handle;
    return row_is_null(&c->row, column) ? 0 : row_f64(&c->row, column);
}

static struct span read_bytes(void *handle, int column)
{
    const struct connection *c = handle;
    return row_bytes(&c->row, column);
}

static bool is_ok(const void *handle)
{
    const struct connection *c = handle;
    return !c->failed && rows_ok(&c->rows);
}

/* Every row of every table that is read. */
static const char state_sql[] =
    "SELECT (mod(sum(hash), 4611686018427387904))::bigint"
    "  FROM (" ROWS_OF("rooms") AND_OF("users") AND_OF("messages") AND_OF("pinned_messages")
        AND_OF("reactions") AND_OF("user_reactions") AND_OF("files") AND_OF("room_users")
            AND_OF("inbox") AND_OF("user_permission_overrides") AND_OF("user_permission_futures")
                AND_OF("user_ban_futures") AND_OF("needs_blinding") ") AS t (hash)";

const struct source_kind source_postgres = {
    .open = open_connection,
    .close = close_connection,
    .ask = ask,
    .next = next,
    .i64 = read_i64,
    .f64 = read_f64,
    .bytes = read_bytes,
    .ok = is_ok,
    .again = again,
    .state_sql = state_sql,
    .has_sql = {"SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('",
                "') AND NOT attisdropped AND attname = '", "'"},
    /* What was deleted had its id too: clients remember the highest one that they have seen. */
    .last_sql = {"SELECT greatest((SELECT coalesce(max(id), 0) FROM \"",
                 "\"), coalesce(pg_sequence_last_value(pg_get_serial_sequence('", "', 'id')), 0))"},
};
