/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database of a PySOGS, to read from: an SQLite file or a PostgreSQL, as they were at one
 * moment. The same SQL goes to both, so it keeps to what both understand: CAST instead of ::,
 * booleans cast to INTEGER, and "user" in quotes.
 *
 * One question at a time; rows come one by one, however many there are. One thread.
 */
#ifndef CONCLAVE_PYSOGS_SOURCE_H
#define CONCLAVE_PYSOGS_SOURCE_H

#include <stdbool.h>

#include "base/buf.h"

struct source;

/*
 * where: a postgresql:// URL, with or without SQLAlchemy's +driver; else the path of an SQLite
 * file, as it is or as sqlite:///PATH. Writes nothing there. On failure *ret_why is a sentence for
 * people, static. ERR_DENIED; ERR_NO_MEMORY.
 */
MUST_USE enum err source_open(const char *where, struct source **ret_source, const char **ret_why);
void source_close(struct source *s);
/* The path of the file that where means; NULL: it is no file. */
const char *source_path(const char *where);

/*
 * Begins to read; what was being read before is given up. ERR_DEFECT: it does not take the
 * question; ERR_BUSY.
 */
MUST_USE enum err source_ask(struct source *s, const char *sql);
/* The next row. ERR_MISSING: there is none. ERR_DEFECT, ERR_BUSY: it cannot be read further. */
MUST_USE enum err source_next(struct source *s);

/*
 * Columns of the row, from 0; NULL reads as 0 or {NULL, 0}. Spans live until the next call of
 * source_next.
 */
int64_t source_i64(struct source *s, int column);
double source_f64(struct source *s, int column);        /* a time, in seconds */
struct span source_bytes(struct source *s, int column); /* bytes or text */
/*
 * False: a column of this or an earlier row was of another type, or a time that is none (NaN,
 * infinite, absurd).
 */
bool source_ok(const struct source *s);

/* The first column of the first row, which is a number. ERR_MISSING. */
MUST_USE enum err source_number(struct source *s, const char *sql, int64_t *ret_number);
MUST_USE enum err source_has(struct source *s, const char *table, const char *column,
                             bool *ret_has);
/* The highest id that rows of a table ever had, as far as is known; 0: none. */
MUST_USE enum err source_last_id(struct source *s, const char *table, int64_t *ret_id);

/*
 * A number that is another one when anything has been written to what an import reads.
 * source_again: reads from now on what is there now. ERR_CONFLICT of it: somebody is writing just
 * then, or waits for us to go away.
 */
MUST_USE enum err source_state(struct source *s, int64_t *ret_state);
MUST_USE enum err source_again(struct source *s);

/* ---- behind it: sqlite.c and postgres.c ---- */

struct source_kind {
    enum err (*open)(const char *where, void **ret_handle, const char **ret_why);
    void (*close)(void *handle);
    enum err (*ask)(void *handle, const char *sql);
    enum err (*next)(void *handle);
    int64_t (*i64)(void *handle, int column);
    double (*f64)(void *handle, int column);
    struct span (*bytes)(void *handle, int column);
    bool (*ok)(const void *handle);
    enum err (*again)(void *handle);
    const char *state_sql;
    const char *has_sql[3];  /* around the table and the column */
    const char *last_sql[3]; /* the table stands between each two */
};
extern const struct source_kind source_sqlite, source_postgres;

#endif
