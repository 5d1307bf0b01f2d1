/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The small helpers of internal.h.
 */
#include "store/internal.h"

enum err store_tx(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg)
{
    return db_in_transaction(db) ? fn(db, arg) : db_tx(db, fn, arg);
}

static enum err first_i64(struct rows *rows, int64_t *ret_value)
{
    struct row row;
    if (!rows_next(rows, &row))
        return ERR_MISSING;
    int64_t value = row_i64(&row, 0);
    if (!rows_ok(rows))
        return ERR_DEFECT;
    *ret_value = value;
    return OK;
}

enum err store_one_i64(struct db *db, const char *statement, const struct param *params,
                       size_t count, int64_t *ret_value)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = db_run(db, statement, params, count, &rows);
    return e == OK ? first_i64(&rows, ret_value) : e;
}

enum err store_query_i64(struct db *db, const char *sql, const struct param *params, size_t count,
                         int64_t *ret_value)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = db_query(db, sql, params, count, &rows);
    return e == OK ? first_i64(&rows, ret_value) : e;
}

enum err store_read_all(struct rows *rows, struct arena *mem, size_t element_size,
                        store_reader read, void **ret_elements, size_t *ret_count)
{
    const size_t count = (size_t)rows->count;
    uint8_t *elements = arena_alloc_array(mem, count, element_size);
    if (elements == NULL)
        return ERR_NO_MEMORY;
    struct row row;
    for (size_t i = 0; rows_next(rows, &row); i++)
        if (!read(&row, mem, elements + i * element_size))
            return ERR_NO_MEMORY;
    if (!rows_ok(rows))
        return ERR_DEFECT;
    *ret_elements = elements;
    *ret_count = count;
    return OK;
}

bool row_dup(const struct row *row, int column, struct arena *mem, struct span *ret_copy)
{
    struct span s = row_bytes(row, column);
    *ret_copy = s;
    if (s.len > 0)
        *ret_copy = arena_dup(mem, s);
    else if (s.p != NULL)
        ret_copy->p = (const uint8_t *)""; /* empty is not NULL, and must not point into the rows */
    return ret_copy->len == s.len;
}

struct param param_tristate(enum tristate t)
{
    return t == TRI_NULL ? PARAM_NULL : PARAM_BOOL(t == TRI_YES);
}

struct param param_bytes_or_null(struct span s)
{
    return s.p == NULL ? PARAM_NULL : PARAM_BYTES(s);
}

struct param param_i64_or_null(int64_t value)
{
    return value == 0 ? PARAM_NULL : PARAM_I64(value);
}

enum tristate row_tristate(const struct row *row, int column)
{
    if (row_is_null(row, column))
        return TRI_NULL;
    return row_bool(row, column) ? TRI_YES : TRI_NO;
}

int64_t row_i64_or(const struct row *row, int column, int64_t absent)
{
    return row_is_null(row, column) ? absent : row_i64(row, column);
}

double row_f64_or(const struct row *row, int column, double absent)
{
    return row_is_null(row, column) ? absent : row_f64(row, column);
}
