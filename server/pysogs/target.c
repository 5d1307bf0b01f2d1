/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing into an SQLite file that is another program's.
 */
#include "pysogs/target.h"

#include <sqlite3.h>

#include "base/mem.h"

enum { TRIGGERS_MAX_BYTES = 1 << 20, WAIT_MS = 5000 };

struct target {
    sqlite3 *db;
    sqlite3_stmt *insert; /* NULL: none */
    int column;
    bool failed;
    struct buf triggers; /* the statements that made them */
    /* Instead of a database. */
    struct digest *sum;
    struct digest_row row;
};

void target_close(struct target *t)
{
    if (t == NULL)
        return;
    (void)sqlite3_finalize(t->insert);
    (void)sqlite3_close(t->db); /* rolls back */
    buf_done(&t->triggers);
    mem_free(t);
}

static bool run(struct target *t, const char *sql)
{
    return sqlite3_exec(t->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* One row of sqlite_master: how a trigger was made, and its name. */
static int note_trigger(void *arg, int columns, char **values, char **names)
{
    (void)names;
    struct buf *out = arg;
    if (columns != 2 || values[0] == NULL || values[1] == NULL)
        return 1;
    for (int i = 0; i < columns; i++) {
        buf_put_text(&out[i], values[i]);
        buf_put_text(&out[i], ";\n");
    }
    return 0;
}

static bool take_triggers_away(struct target *t)
{
    struct buf texts[2] = {buf_make(TRIGGERS_MAX_BYTES), buf_make(TRIGGERS_MAX_BYTES)};
    bool ok = sqlite3_exec(t->db,
                           "SELECT sql, 'DROP TRIGGER \"' || replace(name, '\"', '\"\"') || '\"'"
                           "  FROM sqlite_master WHERE type = 'trigger'",
                           note_trigger, texts, NULL) == SQLITE_OK;
    buf_put_byte(&texts[0], '\0');
    buf_put_byte(&texts[1], '\0');
    ok = ok && buf_verdict(&texts[0]) == OK && buf_verdict(&texts[1]) == OK &&
         run(t, (const char *)texts[1].p);
    t->triggers = texts[0];
    buf_done(&texts[1]);
    return ok;
}

enum err target_open(const char *path, struct target **ret_target)
{
    struct target *t = MEM_NEW(struct target);
    if (t == NULL)
        return ERR_NO_MEMORY;
    bool ok = sqlite3_open_v2(path, &t->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
                  SQLITE_OK &&
              sqlite3_busy_timeout(t->db, WAIT_MS) == SQLITE_OK &&
              run(t, "PRAGMA foreign_keys = OFF; BEGIN EXCLUSIVE") && take_triggers_away(t);
    if (ok)
        *ret_target = t;
    else
        target_close(t);
    return ok ? OK : ERR_DENIED;
}

enum err target_open_sum(struct target **ret_target)
{
    struct target *t = MEM_NEW(struct target);
    if (t == NULL)
        return ERR_NO_MEMORY;
    *ret_target = t;
    return OK;
}

void target_sum(struct target *t, struct digest *digest)
{
    t->sum = digest;
}

enum err target_begin(struct target *t, const char *insert)
{
    if (t->db == NULL)
        return OK;
    (void)sqlite3_finalize(t->insert);
    t->insert = NULL;
    t->column = 0;
    return sqlite3_prepare_v2(t->db, insert, -1, &t->insert, NULL) == SQLITE_OK ? OK : ERR_DEFECT;
}

void target_i64(struct target *t, int64_t value)
{
    if (t->db == NULL) {
        digest_i64(&t->row, value);
        return;
    }
    t->failed |= sqlite3_bind_int64(t->insert, ++t->column, value) != SQLITE_OK;
}

void target_f64(struct target *t, double value)
{
    if (t->db == NULL) {
        digest_f64(&t->row, value);
        return;
    }
    t->failed |= sqlite3_bind_double(t->insert, ++t->column, value) != SQLITE_OK;
}

/* SQLITE_STATIC: borrowed until the row is written. An empty value is not NULL. */
void target_text(struct target *t, struct span value)
{
    if (t->db == NULL) {
        digest_bytes(&t->row, value);
        return;
    }
    t->failed |=
        sqlite3_bind_text64(t->insert, ++t->column, value.len > 0 ? (const char *)value.p : "",
                            value.len, SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK;
}

void target_bytes(struct target *t, struct span value)
{
    if (t->db == NULL) {
        digest_bytes(&t->row, value);
        return;
    }
    t->failed |=
        sqlite3_bind_blob64(t->insert, ++t->column, value.len > 0 ? value.p : (const void *)"",
                            value.len, SQLITE_STATIC) != SQLITE_OK;
}

void target_null(struct target *t)
{
    if (t->db == NULL) {
        digest_null(&t->row);
        return;
    }
    t->failed |= sqlite3_bind_null(t->insert, ++t->column) != SQLITE_OK;
}

void target_forget(struct target *t)
{
    t->column = 0;
    t->row.len = 0;
    if (t->db == NULL)
        return;
    (void)sqlite3_reset(t->insert); /* says again what the row said */
    (void)sqlite3_clear_bindings(t->insert);
}

enum err target_row(struct target *t)
{
    if (t->db == NULL) {
        uint8_t hash[DIGEST_BYTES];
        digest_row_end(&t->row, hash);
        digest_add(t->sum, hash);
        return OK;
    }
    t->failed |= sqlite3_step(t->insert) != SQLITE_DONE;
    target_forget(t);
    return t->failed ? ERR_DENIED : OK;
}

enum err target_commit(struct target *t)
{
    (void)sqlite3_finalize(t->insert);
    t->insert = NULL;
    bool ok = run(t, (const char *)t->triggers.p) && run(t, "COMMIT");
    return ok ? OK : ERR_DENIED;
}
