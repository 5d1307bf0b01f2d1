/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PySOGS in an SQLite file. SQLite is called only here. The file is somebody's and may be
 * damaged: it is opened for reading, looked through once before anything is believed, and read
 * within one transaction.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/terminal.h"
#include "pysogs/source.h"

enum {
    WRITER_WAIT_MS = 10000,
    /* Twice the largest value that is taken; what is larger is not even read into memory. */
    VALUE_MAX_BYTES = 32 * 1024 * 1024,
};

struct file {
    sqlite3 *db;
    sqlite3_stmt *asked; /* NULL: nothing */
    bool failed;         /* a column of another type */
};

static void close_file(void *handle)
{
    struct file *f = handle;
    if (f == NULL)
        return;
    (void)sqlite3_finalize(f->asked); /* both take NULL */
    (void)sqlite3_close(f->db);
    mem_free(f);
}

static const char *why_of(int code)
{
    switch (code) {
    case SQLITE_NOTADB:
        return "it is no SQLite database";
    case SQLITE_CORRUPT:
        return "it is damaged; the sqlite3 program's .recover may save what is readable";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "somebody is writing to it: stop PySOGS first";
    default:
        return "it cannot be read by this user; one that was written with a log (-wal or -journal) "
               "needs "
               "a folder that this user may write to: copy it there, with the files beside it";
    }
}

static enum err ask(void *handle, const char *sql)
{
    struct file *f = handle;
    (void)sqlite3_finalize(f->asked);
    f->asked = NULL;
    int code = sqlite3_prepare_v2(f->db, sql, -1, &f->asked, NULL);
    return code == SQLITE_OK ? OK : ERR_DEFECT;
}

static enum err next(void *handle)
{
    struct file *f = handle;
    int code = sqlite3_step(f->asked);
    if (code == SQLITE_ROW)
        return OK;
    return code == SQLITE_DONE ? ERR_MISSING : ERR_DEFECT;
}

static int64_t read_i64(void *handle, int column)
{
    struct file *f = handle;
    int type = sqlite3_column_type(f->asked, column);
    f->failed |= type != SQLITE_INTEGER && type != SQLITE_NULL;
    return sqlite3_column_int64(f->asked, column);
}

static double read_f64(void *handle, int column)
{
    struct file *f = handle;
    int type = sqlite3_column_type(f->asked, column);
    f->failed |= type != SQLITE_FLOAT && type != SQLITE_INTEGER && type != SQLITE_NULL;
    return sqlite3_column_double(f->asked, column);
}

static struct span read_bytes(void *handle, int column)
{
    struct file *f = handle;
    int type = sqlite3_column_type(f->asked, column);
    if (type == SQLITE_NULL)
        return (struct span){NULL, 0};
    f->failed |= type != SQLITE_BLOB && type != SQLITE_TEXT;
    /* Text comes as UTF-8 whatever it is stored in; NULL when empty. */
    const void *p = type == SQLITE_TEXT ? (const void *)sqlite3_column_text(f->asked, column)
                                        : sqlite3_column_blob(f->asked, column);
    size_t len = (size_t)sqlite3_column_bytes(f->asked, column);
    return p == NULL ? SPAN("") : span_of(p, len);
}

static bool is_ok(const void *handle)
{
    return !((const struct file *)handle)->failed;
}

/* Every page, so that a file cut short is not noticed only after an hour. */
static int look_through(struct file *f)
{
    if (ask(f, "PRAGMA quick_check(1)") != OK)
        return sqlite3_errcode(f->db);
    int code = sqlite3_step(f->asked);
    if (code != SQLITE_ROW)
        return code;
    struct span found = read_bytes(f, 0);
    if (span_eq_text(found, "ok"))
        return SQLITE_OK;
    (void)fputs("conclave: SQLite finds: ", stderr);
    terminal_put(stderr, found);
    (void)fputc('\n', stderr);
    return SQLITE_CORRUPT;
}

static int begin(struct file *f)
{
    int code = sqlite3_busy_timeout(f->db, WRITER_WAIT_MS);
    (void)sqlite3_limit(f->db, SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES);
    /* Whoever made the file may have put functions into its schema. */
    if (code == SQLITE_OK)
        code = sqlite3_exec(f->db, "PRAGMA trusted_schema = OFF; BEGIN", NULL, NULL, NULL);
    return code == SQLITE_OK ? look_through(f) : code;
}

/* Without a log nobody else can write while we read; who tries has announced it, and waits. */
static bool somebody_waits(struct file *f)
{
    sqlite3_file *file = NULL;
    int reserved = 0;
    return sqlite3_file_control(f->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
           file != NULL && file->pMethods != NULL &&
           file->pMethods->xCheckReservedLock(file, &reserved) == SQLITE_OK && reserved != 0;
}

static enum err again(void *handle)
{
    struct file *f = handle;
    (void)sqlite3_finalize(f->asked);
    f->asked = NULL;
    if (somebody_waits(f))
        return ERR_CONFLICT;
    int code =
        sqlite3_exec(f->db, "COMMIT; BEGIN; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : ERR_CONFLICT;
}

static enum err open_file(const char *where, void **ret_handle, const char **ret_why)
{
    struct stat info;
    if (stat(where, &info) != 0 || !S_ISREG(info.st_mode)) {
        *ret_why = "there is no such file, or this user may not reach it";
        return ERR_DENIED;
    }
    struct file *f = MEM_NEW(struct file);
    if (f == NULL)
        return ERR_NO_MEMORY;
    int code = sqlite3_open_v2(where, &f->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = begin(f);
    if (code == SQLITE_OK) {
        *ret_handle = f;
        return OK;
    }
    close_file(f);
    *ret_why = why_of(code & 0xff);
    return code == SQLITE_NOMEM ? ERR_NO_MEMORY : ERR_DENIED;
}

const struct source_kind source_sqlite = {
    .open = open_file,
    .close = close_file,
    .ask = ask,
    .next = next,
    .i64 = read_i64,
    .f64 = read_f64,
    .bytes = read_bytes,
    .ok = is_ok,
    .again = again,
    /* Other connections' commits; SQLite counts them for each of its own. */
    .state_sql = "PRAGMA data_version",
    .has_sql = {"SELECT count(*) FROM pragma_table_info('", "') WHERE name = '", "'"},
    /* A row's id is one more than the highest that is there. */
    .last_sql = {"SELECT coalesce(max(id), 0) FROM \"", "\" AS \"", "\""},
};
