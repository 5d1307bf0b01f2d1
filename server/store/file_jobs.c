/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of expiry, moving and dropping. Every step looks again, under the lock of the content, at
 * what it was told before: an upload of the same content, or a renewal, may have come in between.
 */
#include "store/file_jobs.h"

#include "store/files_internal.h"

enum { DAY_S = 86400, SLICE_MAX = 256, ORPHAN_BLOBS_MAX = 1000 };

/* ---- sweep ---- */

/* What rooms get back, added up over a slice: at most one entry for each file of it. */
struct refunds {
    int64_t rooms[SLICE_MAX], bytes[SLICE_MAX];
    size_t count;
    struct file_usage all;
};

static void refund(struct refunds *r, const struct blob_row *blob)
{
    r->all.bytes[files_payer(blob)] += file_charge(blob->size);
    if (blob->room == 0)
        return;
    size_t i = 0;
    while (i < r->count && r->rooms[i] != blob->room)
        i++;
    if (i == r->count) {
        r->rooms[i] = blob->room;
        r->bytes[i] = 0;
        r->count++;
    }
    r->bytes[i] += file_charge(blob->size);
}

static enum err pay(struct db *db, const struct refunds *r)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < r->count; i++)
        e = files_discharge_room(db, r->rooms[i], r->bytes[i]);
    return e == OK && files_total(&r->all) > 0 ? files_discharge(db, &r->all) : e;
}

/* One expired file, its content locked. Chunks of a partition that goes soon go with it. */
static enum err sweep_one(struct db *db, int64_t id, const struct blob_row *blob, double now,
                          int64_t today, struct refunds *refunds)
{
    int64_t by_person, gone;
    enum err e = STORE_ONE_I64(db, "file_jobs.delete", &by_person, PARAM_I64(id), PARAM_F64(now));
    if (e == OK)
        e = STORE_ONE_I64(db, "file_jobs.blob_delete", &gone, PARAM_I64(blob->id));
    if (e == ERR_MISSING)
        return OK; /* renewed meanwhile, or others refer to the content */
    if (e != OK)
        return e;
    refund(refunds, blob);
    if (by_person == 0 && blob->day <= today + 1)
        return OK;
    return DB_RUN(db, "files.chunks_delete", NULL, PARAM_I32(blob->day), PARAM_I64(blob->id));
}

enum err file_jobs_sweep(struct db *db, double now, int64_t today, int64_t limit,
                         int64_t *ret_removed)
{
    if (limit > SLICE_MAX)
        limit = SLICE_MAX;
    AUTO_ROWS struct rows rows = {0};
    struct refunds refunds = {.count = 0};
    enum err e = DB_RUN(db, "file_jobs.due", &rows, PARAM_F64(now), PARAM_I64(limit));
    struct row row;
    int64_t removed = 0;
    for (; e == OK && rows_next(&rows, &row); removed++) {
        struct blob_row blob;
        files_read_blob(&row, 1, &blob);
        e = sweep_one(db, row_i64(&row, 0), &blob, now, today, &refunds);
    }
    if (e == OK && !rows_ok(&rows))
        e = ERR_DEFECT;
    if (e == OK)
        e = pay(db, &refunds);
    if (e == OK)
        *ret_removed = removed;
    return e;
}

/* ---- days ---- */

enum err file_jobs_due_day(struct db *db, int64_t before, int64_t *ret_day)
{
    return STORE_ONE_I64(db, "file_jobs.due_day", ret_day, PARAM_I32(before));
}

static enum err move_one(struct db *db, int64_t blob, int64_t from, double expiry)
{
    int64_t to = FILES_DAY_PERMANENT;
    enum err e = OK;
    if (expiry < (double)FILES_DAY_PERMANENT * DAY_S) {
        to = (int64_t)(expiry / DAY_S);
        e = file_jobs_partitions(db, to, to);
    }
    if (e == OK && to != from)
        e = DB_RUN(db, "file_jobs.move", NULL, PARAM_I64(blob), PARAM_I32(from), PARAM_I32(to));
    return e;
}

enum err file_jobs_move(struct db *db, int64_t day, double now, int64_t limit, int64_t *ret_moved)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e =
        DB_RUN(db, "file_jobs.alive", &rows, PARAM_I32(day), PARAM_F64(now), PARAM_I64(limit));
    struct row row;
    int64_t moved = 0;
    for (; e == OK && rows_next(&rows, &row); moved++)
        e = move_one(db, row_i64(&row, 0), row_i64(&row, 1), row_f64(&row, 2));
    if (e == OK && !rows_ok(&rows))
        e = ERR_DEFECT;
    if (e == OK)
        *ret_moved = moved;
    return e;
}

enum err file_jobs_drop(struct db *db, int64_t day)
{
    int64_t dropped;
    enum err e = STORE_ONE_I64(db, "file_jobs.drop", &dropped, PARAM_I32(day));
    return e == OK && dropped == 0 ? ERR_CONFLICT : e;
}

/* ---- the rest ---- */

static enum err remove_orphans(struct db *db, void *arg)
{
    (void)arg;
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "file_jobs.orphan_blobs", &rows, PARAM_I64(ORPHAN_BLOBS_MAX));
    struct row row;
    while (e == OK && rows_next(&rows, &row)) {
        struct blob_row blob;
        files_read_blob(&row, 0, &blob);
        e = files_remove(db, &blob);
    }
    return e == OK && !rows_ok(&rows) ? ERR_DEFECT : e;
}

enum err file_jobs_orphans(struct db *db, int64_t today, int64_t *ret_chunks)
{
    enum err e = db_tx(db, remove_orphans, NULL);
    if (e == OK)
        e = STORE_ONE_I64(db, "file_jobs.orphan_chunks", ret_chunks, PARAM_I32(today + 1));
    return e;
}

enum err file_jobs_partitions(struct db *db, int64_t from, int64_t to)
{
    int64_t made;
    return STORE_ONE_I64(db, "file_jobs.add_days", &made, PARAM_I32(from), PARAM_I32(to));
}
