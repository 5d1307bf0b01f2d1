/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of attachments: content, its chunks, and what people know of it.
 */
#include "store/files.h"

#include "store/internal.h"

#define BLOB_COLUMNS "b.id, b.size, b.key_id, b.chunk_day, b.blocked"

const struct statement files_statements[] = {
    /* A second upload of the same content waits here for the first one's end, and then finds its row. */
    {"files.blob_add", "INSERT INTO blobs AS b (hash, size, key_id, chunk_day)"
                       "VALUES ($1, $2, $3, $4)"
                       "    ON CONFLICT (hash) DO NOTHING"
                       " RETURNING " BLOB_COLUMNS},
    {"files.blob_lock", "SELECT " BLOB_COLUMNS "  FROM blobs b"
                        " WHERE b.hash = $1"
                        "   FOR UPDATE"},
    {"files.chunk_insert", "INSERT INTO chunks (day, blob, n, data)"
                           "VALUES ($1, $2, $3, $4)"},
    {"files.renew", "UPDATE files"
                    "   SET uploaded = $2, expiry = greatest(expiry, $3)"
                    " WHERE blob = $1 AND room IS NULL"
                    " RETURNING expiry"},
    {"files.publish", "INSERT INTO files (blob, uploaded, expiry)"
                      "VALUES ($1, $2, $3)"},
    {"files.chunk_read", "SELECT data"
                         "  FROM chunks"
                         " WHERE day = $1 AND blob = $2 AND n = $3"},
    {"files.by_hash",
     "SELECT f.id, f.uploaded, f.expiry, " BLOB_COLUMNS "  FROM blobs b"
     "  JOIN files f ON f.blob = b.id AND f.room IS NULL"
     " WHERE b.hash = $1 AND NOT b.blocked AND (f.expiry IS NULL OR f.expiry > $2)"},
    /* Locks the content first, as an upload of the same content does; the expiry is looked at again under the lock. */
    {"files.due", "SELECT f.id, " BLOB_COLUMNS "  FROM files f"
                  "  JOIN blobs b ON b.id = f.blob"
                  " WHERE f.expiry <= $1"
                  " ORDER BY b.id"
                  " LIMIT $2"
                  "   FOR UPDATE OF b SKIP LOCKED"},
    {"files.delete", "DELETE FROM files"
                     " WHERE id = $1 AND expiry <= $2"
                     " RETURNING id"},
    {"files.blob_delete", "DELETE FROM blobs b"
                          " WHERE b.id = $1 AND NOT b.blocked"
                          "   AND NOT EXISTS (SELECT 1 FROM files f WHERE f.blob = b.id)"
                          " RETURNING b.id"},
    {"files.chunks_delete", "DELETE FROM chunks"
                            " WHERE day = $1 AND blob = $2"},
    {"files.add_days", "SELECT partitions_add('chunks', $1, $2)::bigint"},
    STATEMENTS_END,
};

static void read_blob(const struct row *row, int first, struct blob_row *ret_blob)
{
    *ret_blob = (struct blob_row){.id = row_i64(row, first),
                                  .size = row_i64(row, first + 1),
                                  .key_id = row_i64(row, first + 2),
                                  .day = row_i64(row, first + 3),
                                  .blocked = row_bool(row, first + 4)};
}

/* One blob row, if there is one. */
static enum err one_blob(struct rows *rows, struct blob_row *ret_blob)
{
    struct row row;
    struct blob_row blob;
    if (!rows_next(rows, &row))
        return ERR_MISSING;
    read_blob(&row, 0, &blob);
    if (!rows_ok(rows))
        return ERR_DEFECT;
    *ret_blob = blob;
    return OK;
}

enum err files_blob_claim(struct db *db, const struct file_hash *hash,
                          const struct blob_row *wanted, struct blob_row *ret_blob,
                          bool *ret_created)
{
    AUTO_ROWS struct rows rows = {0};
    struct param hash_param = hash ? PARAM_BYTES(SPAN_OF_KEY(hash)) : PARAM_NULL;
    enum err e = DB_RUN(db, "files.blob_add", &rows, hash_param, PARAM_I64(wanted->size),
                        PARAM_I64(wanted->key_id), PARAM_I32(wanted->day));
    if (e == OK)
        e = one_blob(&rows, ret_blob);
    bool created = e == OK;
    if (e == ERR_MISSING) {
        e = DB_RUN(db, "files.blob_lock", &rows, hash_param);
        if (e == OK)
            e = one_blob(&rows, ret_blob);
        if (e == ERR_MISSING)
            e = ERR_RETRY; /* swept between the two statements */
    }
    if (e == OK)
        *ret_created = created;
    return e;
}

enum err files_chunk_insert(struct db *db, int64_t day, int64_t blob, int64_t n, struct span sealed)
{
    return DB_RUN(db, "files.chunk_insert", NULL, PARAM_I32(day), PARAM_I64(blob), PARAM_I32(n),
                  PARAM_BYTES(sealed));
}

enum err files_publish(struct db *db, int64_t blob, double now, double expiry, double *ret_expiry)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e =
        DB_RUN(db, "files.renew", &rows, PARAM_I64(blob), PARAM_F64(now), PARAM_F64(expiry));
    if (e != OK)
        return e;
    struct row row;
    if (rows_next(&rows, &row)) {
        double effective = row_f64_or(&row, 0, FILE_NEVER);
        if (!rows_ok(&rows))
            return ERR_DEFECT;
        *ret_expiry = effective;
        return OK;
    }
    e = DB_RUN(db, "files.publish", NULL, PARAM_I64(blob), PARAM_F64(now), PARAM_F64(expiry));
    if (e == OK)
        *ret_expiry = expiry;
    return e;
}

enum err files_chunk_read(struct db *db, int64_t day, int64_t blob, int64_t n, struct buf *out)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e =
        DB_RUN(db, "files.chunk_read", &rows, PARAM_I32(day), PARAM_I64(blob), PARAM_I32(n));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    buf_put(out, row_bytes(&row, 0));
    return rows_ok(&rows) ? buf_verdict(out) : ERR_DEFECT;
}

enum err files_by_hash(struct db *db, const struct file_hash *hash, double now,
                       struct file_row *ret_file)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "files.by_hash", &rows, PARAM_BYTES(SPAN_OF_KEY(hash)), PARAM_F64(now));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    struct file_row file = {.id = row_i64(&row, 0),
                            .uploaded = row_f64(&row, 1),
                            .expiry = row_f64_or(&row, 2, FILE_NEVER)};
    read_blob(&row, 3, &file.blob);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_file = file;
    return OK;
}

/* One expired file, its content locked. Chunks of a partition that goes soon go with it. */
static enum err sweep_one(struct db *db, int64_t id, const struct blob_row *blob, double now,
                          int64_t today)
{
    int64_t gone;
    enum err e = STORE_ONE_I64(db, "files.delete", &gone, PARAM_I64(id), PARAM_F64(now));
    if (e == OK)
        e = STORE_ONE_I64(db, "files.blob_delete", &gone, PARAM_I64(blob->id));
    if (e == ERR_MISSING)
        return OK; /* renewed meanwhile, or others refer to the content */
    if (e == OK && blob->day > today + 1)
        e = DB_RUN(db, "files.chunks_delete", NULL, PARAM_I32(blob->day), PARAM_I64(blob->id));
    return e;
}

enum err files_sweep(struct db *db, double now, int64_t today, int64_t limit, int64_t *ret_removed)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "files.due", &rows, PARAM_F64(now), PARAM_I64(limit));
    struct row row;
    int64_t removed = 0;
    for (; e == OK && rows_next(&rows, &row); removed++) {
        struct blob_row blob;
        read_blob(&row, 1, &blob);
        e = sweep_one(db, row_i64(&row, 0), &blob, now, today);
    }
    if (e == OK && !rows_ok(&rows))
        e = ERR_DEFECT;
    if (e == OK)
        *ret_removed = removed;
    return e;
}

enum err files_partitions(struct db *db, int64_t from, int64_t to)
{
    int64_t made;
    return STORE_ONE_I64(db, "files.add_days", &made, PARAM_I32(from), PARAM_I32(to));
}
