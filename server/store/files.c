/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of content, its chunks, and the file-server half's names for it.
 */
#include "store/files.h"

#include "store/files_internal.h"

void files_read_blob(const struct row *row, int first, struct blob_row *ret_blob)
{
    *ret_blob = (struct blob_row){.id = row_i64(row, first),
                                  .size = row_i64(row, first + 1),
                                  .key_id = row_i64(row, first + 2),
                                  .day = row_i64(row, first + 3),
                                  .room = row_i64_or(row, first + 4, 0),
                                  .blocked = row_bool(row, first + 5),
                                  .by_stranger = row_bool(row, first + 6)};
}

void files_read_file(const struct row *row, struct file_row *ret_file)
{
    *ret_file = (struct file_row){.id = row_i64(row, 0),
                                  .uploaded = row_f64(row, 1),
                                  .expiry = row_f64_or(row, 2, FILE_NEVER),
                                  .room = row_i64_or(row, 10, 0)};
    files_read_blob(row, 3, &ret_file->blob);
}

/* One blob row, if there is one. */
static enum err one_blob(struct rows *rows, struct blob_row *ret_blob)
{
    struct row row;
    struct blob_row blob;
    if (!rows_next(rows, &row))
        return ERR_MISSING;
    files_read_blob(&row, 0, &blob);
    if (!rows_ok(rows))
        return ERR_DEFECT;
    *ret_blob = blob;
    return OK;
}

static enum err one_file(struct rows *rows, struct file_row *ret_file)
{
    struct row row;
    struct file_row file;
    if (!rows_next(rows, &row))
        return ERR_MISSING;
    files_read_file(&row, &file);
    if (!rows_ok(rows))
        return ERR_DEFECT;
    *ret_file = file;
    return OK;
}

static enum err lock_blob(struct db *db, const struct file_hash *hash, struct blob_row *ret_blob)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "files.blob_lock", &rows, PARAM_BYTES(SPAN_OF_KEY(hash)));
    return e == OK ? one_blob(&rows, ret_blob) : e;
}

enum err files_blob_claim(struct db *db, const struct file_hash *hash,
                          const struct blob_row *wanted, struct blob_row *ret_blob,
                          bool *ret_created)
{
    AUTO_ROWS struct rows rows = {0};
    struct param hash_param = hash ? PARAM_BYTES(SPAN_OF_KEY(hash)) : PARAM_NULL;
    enum err e = DB_RUN(db, "files.blob_add", &rows, hash_param, PARAM_I64(wanted->size),
                        PARAM_I64(wanted->key_id), PARAM_I32(wanted->day),
                        param_i64_or_null(wanted->room), PARAM_BOOL(wanted->by_stranger));
    if (e == OK)
        e = one_blob(&rows, ret_blob);
    bool created = e == OK;
    if (e == ERR_MISSING) {
        e = lock_blob(db, hash, ret_blob);
        if (e == ERR_MISSING)
            e = ERR_RETRY; /* swept between the two statements */
    }
    if (e == OK)
        *ret_created = created;
    return e;
}

enum err files_chunk_send(struct db *db, int64_t day, int64_t blob, int64_t n, struct span sealed)
{
    return DB_SEND(db, "files.chunk_insert", PARAM_I32(day), PARAM_I64(blob), PARAM_I32(n),
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

enum caller_kind files_payer(const struct blob_row *blob)
{
    if (blob->room == 0)
        return CALLER_ANONYMOUS;
    return blob->by_stranger ? CALLER_STRANGER : CALLER_MEMBER;
}

int64_t files_total(const struct file_usage *usage)
{
    int64_t sum = 0;
    for (size_t i = 0; i < CALLER_KINDS; i++)
        sum += usage->bytes[i];
    return sum;
}

/* What one content is charged with. */
static struct file_usage usage_of(const struct blob_row *blob)
{
    struct file_usage usage = {{0}};
    usage.bytes[files_payer(blob)] = file_charge(blob->size);
    return usage;
}

enum err files_charge(struct db *db, const struct blob_row *blob, const struct file_quota *quota,
                      int64_t *ret_bytes)
{
    const struct file_usage add = usage_of(blob);
    enum err e =
        STORE_ONE_I64(db, "files.charge", ret_bytes, PARAM_I64(add.bytes[CALLER_ANONYMOUS]),
                      PARAM_I64(add.bytes[CALLER_STRANGER]), PARAM_I64(add.bytes[CALLER_MEMBER]),
                      PARAM_I64(quota->total), PARAM_I64(quota->share));
    return e == ERR_MISSING ? ERR_TOO_LARGE : e;
}

enum err files_usage(struct db *db, struct file_usage *ret_usage)
{
    AUTO_ROWS struct rows rows = {0};
    struct file_usage usage = {{0}};
    struct row row;
    enum err e = db_run(db, "files.usage", NULL, 0, &rows);
    if (e != OK)
        return e;
    if (rows_next(&rows, &row))
        for (int i = 0; i < CALLER_KINDS; i++)
            usage.bytes[i] = row_i64(&row, i);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_usage = usage;
    return OK;
}

enum err files_recount(struct db *db)
{
    return db_run(db, "files.recount", NULL, 0, NULL);
}

enum err files_discharge(struct db *db, const struct file_usage *gone)
{
    return DB_RUN(db, "files.discharge", NULL, PARAM_I64(gone->bytes[CALLER_ANONYMOUS]),
                  PARAM_I64(gone->bytes[CALLER_STRANGER]), PARAM_I64(gone->bytes[CALLER_MEMBER]));
}

enum err files_discharge_room(struct db *db, int64_t room, int64_t bytes)
{
    if (room == 0 || bytes == 0)
        return OK;
    return DB_RUN(db, "files.discharge_room", NULL, PARAM_I64(room), PARAM_I64(bytes));
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
        return ERR_DEFECT;
    if (row_is_null(&row, 0))
        return ERR_MISSING;
    buf_put(out, row_bytes(&row, 0));
    return rows_ok(&rows) ? buf_verdict(out) : ERR_DEFECT;
}

enum err files_by_hash(struct db *db, const struct file_hash *hash, double now,
                       struct file_row *ret_file)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "files.by_hash", &rows, PARAM_BYTES(SPAN_OF_KEY(hash)), PARAM_F64(now));
    return e == OK ? one_file(&rows, ret_file) : e;
}

enum err files_any_blocked(struct db *db, bool *ret_any)
{
    int64_t count;
    enum err e = store_one_i64(db, "files.any_blocked", NULL, 0, &count);
    if (e == OK)
        *ret_any = count > 0;
    return e;
}

enum err files_is_blocked(struct db *db, const struct file_hash *hash, bool *ret_blocked)
{
    int64_t count;
    enum err e = STORE_ONE_I64(db, "files.is_blocked", &count, PARAM_BYTES(SPAN_OF_KEY(hash)));
    if (e == OK)
        *ret_blocked = count > 0;
    return e;
}

enum err files_extend(struct db *db, const struct file_hash *hash, double now, double expiry,
                      struct file_row *ret_file)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "files.extend", &rows, PARAM_BYTES(SPAN_OF_KEY(hash)), PARAM_F64(now),
                        PARAM_F64(expiry));
    return e == OK ? one_file(&rows, ret_file) : e;
}

enum err files_lock(struct db *db, const struct file_hash *hash, struct blob_row *ret_blob)
{
    struct blob_row blob;
    enum err e = lock_blob(db, hash, &blob);
    if (e == OK && blob.blocked)
        return ERR_MISSING;
    if (e == OK)
        *ret_blob = blob;
    return e;
}

static enum err remove_content(struct db *db, const struct blob_row *blob)
{
    enum err e = DB_RUN(db, "files.drop_image", NULL, PARAM_I64(blob->id));
    if (e == OK)
        e = DB_RUN(db, "files.delete_all", NULL, PARAM_I64(blob->id));
    if (e == OK)
        e = DB_RUN(db, "files.chunks_delete", NULL, PARAM_I32(blob->day), PARAM_I64(blob->id));
    return e;
}

static enum err give_back(struct db *db, const struct blob_row *blob)
{
    const struct file_usage gone = usage_of(blob);
    enum err e = files_discharge_room(db, blob->room, file_charge(blob->size));
    return e == OK ? files_discharge(db, &gone) : e;
}

enum err files_remove(struct db *db, const struct blob_row *blob)
{
    enum err e = remove_content(db, blob);
    if (e == OK)
        e = DB_RUN(db, "files.blob_delete", NULL, PARAM_I64(blob->id));
    return e == OK ? give_back(db, blob) : e;
}

enum err files_block(struct db *db, const struct file_hash *hash)
{
    struct blob_row blob = {.id = 0};
    int64_t id;
    enum err e = lock_blob(db, hash, &blob);
    if (e == OK && blob.blocked)
        return ERR_CONFLICT;
    if (e == OK)
        e = remove_content(db, &blob);
    else if (e == ERR_MISSING)
        e = OK;
    if (e == OK)
        e = STORE_ONE_I64(db, "files.blob_block", &id, PARAM_BYTES(SPAN_OF_KEY(hash)));
    if (e == ERR_MISSING)
        return ERR_CONFLICT;
    return e == OK && blob.id != 0 ? give_back(db, &blob) : e;
}

enum err files_unblock(struct db *db, const struct file_hash *hash)
{
    int64_t id;
    return STORE_ONE_I64(db, "files.unblock", &id, PARAM_BYTES(SPAN_OF_KEY(hash)));
}
