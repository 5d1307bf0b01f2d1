/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Running statements: parameters become PostgreSQL's binary form (big-endian, arrays by hand),
 * results stay binary and are read by row.c. Encodes into one buffer per connection, so that a
 * batch costs no allocation.
 */
#include "db/internal.h"

#include <string.h>

#include "base/log.h"

/* Object ids of the types that arrays may have: fixed in PostgreSQL's catalogue for ever. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_FLOAT8 = 701 };
enum { PARAMS_MAX = 24 };

static void put_u16(struct buf *b, uint16_t v)
{
    buf_put(b, span_of((const uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2));
}

static void put_u32(struct buf *b, uint32_t v)
{
    put_u16(b, (uint16_t)(v >> 16));
    put_u16(b, (uint16_t)v);
}

static void put_u64(struct buf *b, uint64_t v)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(v >> (56 - 8 * i));
    buf_put(b, span_of(bytes, sizeof bytes));
}

static void put_f64(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_u64(b, bits);
}

/* Length and value of one array element. */
static void put_element(struct buf *b, enum param_kind kind, const void *items, size_t i)
{
    if (kind == P_I64_ARRAY) {
        put_u32(b, 8);
        put_u64(b, (uint64_t)((const int64_t *)items)[i]);
    } else if (kind == P_F64_ARRAY) {
        put_u32(b, 8);
        put_f64(b, ((const double *)items)[i]);
    } else if (kind == P_I16_ARRAY) {
        put_u32(b, 2);
        put_u16(b, (uint16_t)((const int16_t *)items)[i]);
    } else if (kind == P_BOOL_ARRAY) {
        put_u32(b, 1);
        buf_put_byte(b, ((const bool *)items)[i] ? 1 : 0);
    } else {
        struct span s = ((const struct span *)items)[i];
        put_u32(b, s.p == NULL ? UINT32_MAX : (uint32_t)s.len); /* -1: NULL */
        if (s.p != NULL)
            buf_put(b, s);
    }
}

static uint32_t element_oid(enum param_kind kind)
{
    if (kind == P_I64_ARRAY)
        return OID_INT8;
    if (kind == P_F64_ARRAY)
        return OID_FLOAT8;
    if (kind == P_I16_ARRAY)
        return OID_INT2;
    return kind == P_BOOL_ARRAY ? OID_BOOL : OID_BYTEA;
}

static bool any_null(const struct param *p)
{
    const struct span *spans = p->v.array.items;
    for (size_t i = 0; p->kind == P_BYTES_ARRAY && i < p->v.array.count; i++)
        if (spans[i].p == NULL)
            return true;
    return false;
}

static void put_array(struct buf *b, const struct param *p)
{
    const size_t count = p->v.array.count;
    put_u32(b, count == 0 ? 0 : 1); /* dimensions; an empty array has none */
    put_u32(b, any_null(p) ? 1 : 0);
    put_u32(b, element_oid(p->kind));
    if (count == 0)
        return;
    put_u32(b, (uint32_t)count);
    put_u32(b, 1); /* the first index */
    for (size_t i = 0; i < count; i++)
        put_element(b, p->kind, p->v.array.items, i);
}

static void put_param(struct buf *b, const struct param *p)
{
    switch (p->kind) {
    case P_NULL:
    case P_BYTES: /* borrowed, not copied */
    case P_TEXT:
        return;
    case P_I16:
        put_u16(b, (uint16_t)p->v.i64);
        return;
    case P_I32:
        put_u32(b, (uint32_t)p->v.i64);
        return;
    case P_I64:
        put_u64(b, (uint64_t)p->v.i64);
        return;
    case P_F64:
        put_f64(b, p->v.f64);
        return;
    case P_BOOL:
        buf_put_byte(b, p->v.boolean ? 1 : 0);
        return;
    case P_I64_ARRAY:
    case P_F64_ARRAY:
    case P_I16_ARRAY:
    case P_BOOL_ARRAY:
    case P_BYTES_ARRAY:
        put_array(b, p);
        return;
    }
}

/* What libpq takes: parallel arrays. */
struct encoded {
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    int formats[PARAMS_MAX];
};

static bool is_borrowed(const struct param *p)
{
    return p->kind == P_BYTES || p->kind == P_TEXT;
}

static enum err encode(struct db *db, const struct param *params, size_t count,
                       struct encoded *ret_encoded)
{
    size_t at[PARAMS_MAX + 1];
    struct buf *b = &db->scratch;
    buf_reset(b);
    if (count > PARAMS_MAX)
        return ERR_DEFECT;
    for (size_t i = 0; i < count; i++) {
        at[i] = b->len;
        put_param(b, &params[i]);
        if (is_borrowed(&params[i]) && params[i].v.span.len > INT32_MAX)
            return ERR_TOO_LARGE;
    }
    at[count] = b->len;
    if (b->failed)
        return buf_verdict(b);
    for (size_t i = 0; i < count; i++) {
        const struct param *p = &params[i];
        ret_encoded->formats[i] = 1;
        if (is_borrowed(p)) {
            /* An empty value has an address too: NULL would mean SQL NULL. */
            ret_encoded->values[i] = p->v.span.p == NULL ? "" : (const char *)p->v.span.p;
            ret_encoded->lengths[i] = (int)p->v.span.len;
        } else {
            ret_encoded->values[i] = p->kind == P_NULL ? NULL : (const char *)b->p + at[i];
            ret_encoded->lengths[i] = (int)(at[i + 1] - at[i]);
        }
    }
    return OK;
}

/* One huge batch must not hold its memory for ever. */
static void shrink(struct buf *b)
{
    if (b->cap > DB_SCRATCH_KEEP_BYTES)
        buf_done(b);
}

/* Takes the result over. */
static enum err hand_over(struct db *db, PGresult *result, const char *what, struct rows *ret_rows)
{
    shrink(&db->scratch);
    enum err e = db_judge(db, result, what);
    if (e != OK || ret_rows == NULL) {
        PQclear(result);
        return e;
    }
    rows_done(ret_rows);
    *ret_rows = (struct rows){.result = result, .count = PQntuples(result)};
    return OK;
}

/* What every statement begins with. */
static enum err begin(struct db *db, const struct param *params, size_t count,
                      struct encoded *ret_encoded)
{
    enum err e = db->conn == NULL ? ERR_BUSY : encode(db, params, count, ret_encoded);
    if (e == OK)
        db_count(db);
    return e;
}

enum err db_run(struct db *db, const char *statement, const struct param *params,
                size_t param_count, struct rows *ret_rows)
{
    struct encoded in;
    enum err e = begin(db, params, param_count, &in);
    if (e != OK)
        return e;
    int sent = PQsendQueryPrepared(db->conn, statement, (int)param_count, in.values, in.lengths,
                                   in.formats, 1);
    return hand_over(db, db_await(db, sent), statement, ret_rows);
}

enum err db_query(struct db *db, const char *sql, const struct param *params, size_t param_count,
                  struct rows *ret_rows)
{
    struct encoded in;
    enum err e = begin(db, params, param_count, &in);
    if (e != OK)
        return e;
    int sent = PQsendQueryParams(db->conn, sql, (int)param_count, NULL, in.values, in.lengths,
                                 in.formats, 1);
    return hand_over(db, db_await(db, sent), "query", ret_rows);
}

/* ---- without waiting ---- */

enum err db_send(struct db *db, const char *statement, const struct param *params,
                 size_t param_count)
{
    struct encoded in;
    enum err e = begin(db, params, param_count, &in);
    if (e != OK)
        return e;
    bool sent = (db->piped || PQenterPipelineMode(db->conn) == 1) &&
                PQsendQueryPrepared(db->conn, statement, (int)param_count, in.values, in.lengths,
                                    in.formats, 1) == 1;
    db->piped = true;
    shrink(&db->scratch);
    if (!sent)
        db_drop(db); /* half a statement may be on its way */
    return sent && db_flush(db) ? OK : ERR_BUSY;
}

/* Takes the next answer. False: there are no more, or no connection. */
static bool take_answer(struct db *db, enum err *e)
{
    PGresult *result = NULL;
    if (!db_receive(db, &result)) {
        *e = *e == OK ? ERR_BUSY : *e;
        return false;
    }
    ExecStatusType status = PQresultStatus(result);
    /* NULL stands between the answers of two statements. */
    if (result != NULL && status != PGRES_PIPELINE_SYNC && status != PGRES_PIPELINE_ABORTED) {
        enum err judged = db_judge(db, result, "pipeline");
        *e = *e == OK ? judged : *e;
    }
    PQclear(result);
    return status != PGRES_PIPELINE_SYNC && db->conn != NULL && PQstatus(db->conn) == CONNECTION_OK;
}

enum err db_settle(struct db *db)
{
    if (db->conn == NULL)
        return ERR_BUSY;
    if (!db->piped)
        return OK;
    enum err e = OK;
    if (PQpipelineSync(db->conn) == 1 && db_flush(db))
        while (take_answer(db, &e))
            ;
    db->piped = false;
    if (db->conn != NULL && PQexitPipelineMode(db->conn) == 1)
        return e;
    db_drop(db);
    return ERR_BUSY;
}

enum err db_script(struct db *db, const char *sql)
{
    if (db->conn == NULL)
        return ERR_BUSY;
    db_count(db);
    PGresult *result = db_await(db, PQsendQuery(db->conn, sql));
    enum err e = db_judge(db, result, "script");
    PQclear(result);
    return e;
}
