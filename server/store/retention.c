/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of retention. What is oldest is found from the low end of an index, for each kind of rows
 * from its own; ids, times and numbers of deletion all grow together, so looking at the first few
 * tells whether there is anything to do.
 */
#include "store/retention.h"

#include "store/attachments.h"
#include "store/internal.h"
#include "store/posting.h"

static bool read_retention(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(struct retention *)element =
        (struct retention){row_i64(row, 0), row_i64(row, 1), row_i64(row, 2)};
    return true;
}

enum err retention_list(struct db *db, struct arena *mem, struct retention **ret_rows,
                        size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *all = NULL;
    enum err e = db_run(db, "retention.list", NULL, 0, &rows);
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct retention), read_retention, &all, ret_count);
    if (e == OK)
        *ret_rows = all;
    return e;
}

enum err retention_get(struct db *db, int64_t room, struct retention *ret_retention)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    struct retention found = {.room = room};
    enum err e = DB_RUN(db, "retention.get", &rows, PARAM_I64(room));
    if (e != OK)
        return e;
    if (rows_next(&rows, &row) && read_retention(&row, NULL, &found) && !rows_ok(&rows))
        return ERR_DEFECT;
    *ret_retention = found;
    return OK;
}

enum err retention_set(struct db *db, const struct retention *r)
{
    return DB_RUN(db, "retention.set", NULL, PARAM_I64(r->room), param_i64_or_null(r->keep_s),
                  param_i64_or_null(r->keep_bytes));
}

enum err retention_find_cut(struct db *db, int64_t room, int64_t keep_bytes, int64_t *ret_id)
{
    return STORE_ONE_I64(db, "retention.cut", ret_id, PARAM_I64(room), PARAM_I64(keep_bytes));
}

enum err retention_preview(struct db *db, const struct retention *r, double now,
                           struct retention_sum *ret_sum)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    int64_t cut = 0;
    enum err e = OK;
    if (r->keep_bytes > 0)
        e = retention_find_cut(db, r->room, r->keep_bytes, &cut);
    if (e == OK)
        e = DB_RUN(db, "retention.preview", &rows, PARAM_I64(r->room),
                   PARAM_F64(r->keep_s > 0 ? now - (double)r->keep_s : 0), PARAM_I64(cut));
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    struct retention_sum sum = {row_i64(&row, 0), row_i64(&row, 1), row_i64(&row, 2),
                                row_i64(&row, 3)};
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_sum = sum;
    return OK;
}

/* ---- purging ---- */

struct purging {
    const struct retention_purge *purge;
    struct arena *mem;
    int64_t gone;
};

static enum err find_victims(struct db *db, const struct purging *p, int64_t **ret_ids,
                             size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    const struct retention_purge *purge = p->purge;
    enum err e = DB_RUN(db, "retention.victims", &rows, PARAM_I64(purge->room),
                        PARAM_F64(purge->before), PARAM_I64(purge->cut), PARAM_I64(purge->limit));
    if (e != OK)
        return e;
    struct row row;
    size_t count = 0;
    int64_t *ids = ARENA_ARRAY(p->mem, (size_t)rows.count, int64_t);
    if (ids == NULL)
        return ERR_NO_MEMORY;
    while (rows_next(&rows, &row))
        ids[count++] = row_i64(&row, 0);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_ids = ids;
    *ret_count = count;
    return OK;
}

static enum err remove_all(struct db *db, const struct purging *p, const int64_t *ids, size_t count)
{
    int64_t highest = 0;
    for (size_t i = 0; i < count; i++)
        highest = ids[i] > highest ? ids[i] : highest;
    enum err e = attachments_expire_messages(db, ids, count);
    if (e == OK)
        e = DB_RUN(db, "retention.remove", NULL, PARAM_ARRAY(P_I64_ARRAY, ids, count));
    if (e == OK)
        e = DB_RUN(db, "retention.mark", NULL, PARAM_I64(p->purge->room), PARAM_I64(highest));
    return e == OK ? DB_RUN(db, "retention.tell", NULL, PARAM_I64(p->purge->room)) : e;
}

/* Under the room's lock nobody pins, edits or reacts to what is chosen. */
static enum err purge_slice(struct db *db, void *arg)
{
    struct purging *p = arg;
    struct room_lock *locks = NULL;
    int64_t *ids = NULL;
    size_t locked = 0, count = 0;
    p->gone = 0;
    enum err e = posting_lock_rooms(db, p->mem, &p->purge->room, 1, &locks, &locked);
    if (e != OK || locked == 0)
        return e;
    e = find_victims(db, p, &ids, &count);
    if (e == OK && count > 0)
        e = remove_all(db, p, ids, count);
    if (e == OK)
        p->gone = (int64_t)count;
    return e;
}

enum err retention_purge(struct db *db, struct arena *mem, const struct retention_purge *purge,
                         int64_t *ret_gone)
{
    struct purging p = {purge, mem, 0};
    int64_t *ids = NULL;
    size_t count = 0;
    /* Mostly there is nothing: then nobody is locked. */
    enum err e = find_victims(db, &p, &ids, &count);
    if (e == OK && count > 0)
        e = store_tx(db, purge_slice, &p);
    if (e == OK)
        *ret_gone = p.gone;
    return e;
}

enum err retention_purged_to(struct db *db, int64_t room, int64_t *ret_id)
{
    enum err e = STORE_ONE_I64(db, "retention.purged_to", ret_id, PARAM_I64(room));
    if (e == ERR_MISSING)
        *ret_id = 0;
    return e == ERR_MISSING ? OK : e;
}
