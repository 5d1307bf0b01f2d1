/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading binary results column by column. A column of another type than asked for, or an
 * unexpected NULL, marks the whole result as failed; the reader asks once, at the end.
 */
#include "db/internal.h"

#include <string.h>

enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_FLOAT8 = 701,
};

void rows_done(struct rows *rows)
{
    PQclear(rows->result);
    *rows = (struct rows){0};
}

bool rows_next(struct rows *rows, struct row *ret_row)
{
    if (rows->next >= rows->count)
        return false;
    *ret_row = (struct row){rows, rows->next++};
    return true;
}

bool rows_ok(const struct rows *rows)
{
    return !rows->failed;
}

bool row_is_null(const struct row *row, int column)
{
    return PQgetisnull(row->rows->result, row->index, column) != 0;
}

/*
 * The value's bytes if it is a non-NULL value of one of these two types (equal when there is only
 * one).
 */
static struct span value_of(const struct row *row, int column, Oid type, Oid or_type)
{
    const PGresult *result = row->rows->result;
    Oid found = PQftype(result, column); /* InvalidOid when there is no such column */
    if (row->rows->failed || (found != type && found != or_type) ||
        PQfformat(result, column) != 1 || PQgetisnull(result, row->index, column)) {
        row->rows->failed = true;
        return (struct span){NULL, 0};
    }
    return span_of(PQgetvalue(result, row->index, column),
                   (size_t)PQgetlength(result, row->index, column));
}

static uint64_t big_endian(struct span s)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++)
        v = v << 8 | s.p[i];
    return v;
}

int64_t row_i64(const struct row *row, int column)
{
    Oid type = PQftype(row->rows->result, column);
    if (type == TYPE_INT2)
        return (int16_t)big_endian(value_of(row, column, TYPE_INT2, TYPE_INT2));
    if (type == TYPE_INT4)
        return (int32_t)big_endian(value_of(row, column, TYPE_INT4, TYPE_INT4));
    return (int64_t)big_endian(value_of(row, column, TYPE_INT8, TYPE_INT8));
}

double row_f64(const struct row *row, int column)
{
    uint64_t bits = big_endian(value_of(row, column, TYPE_FLOAT8, TYPE_FLOAT8));
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

bool row_bool(const struct row *row, int column)
{
    return big_endian(value_of(row, column, TYPE_BOOL, TYPE_BOOL)) != 0;
}

struct span row_bytes(const struct row *row, int column)
{
    if (row_is_null(row, column))
        return (struct span){NULL, 0};
    return value_of(row, column, TYPE_BYTEA, TYPE_TEXT);
}

void row_key(const struct row *row, int column, uint8_t *out, size_t size)
{
    struct span s = value_of(row, column, TYPE_BYTEA, TYPE_BYTEA);
    if (s.p != NULL && s.len == size) {
        memcpy(out, s.p, size);
        return;
    }
    row->rows->failed = true;
    memset(out, 0, size);
}
