/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of what is scheduled. Applying it is in futures_due.c.
 */
#include "store/futures.h"

#include "store/internal.h"

static bool read_future(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct future_row *f = element;
    *f = (struct future_row){.at = row_f64(row, 1),
                             .read = row_tristate(row, 2),
                             .write = row_tristate(row, 3),
                             .upload = row_tristate(row, 4),
                             .banned = row_tristate(row, 5)};
    row_key(row, 0, f->session.b, sizeof(f->session.b));
    return true;
}

enum err futures_list(struct db *db, struct arena *mem, int64_t room, int64_t user,
                      struct future_row **ret_rows, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *futures = NULL;
    enum err e = DB_RUN(db, "futures.list", &rows, PARAM_I64(room), PARAM_I64(user));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct future_row), read_future, &futures, ret_count);
    if (e == OK)
        *ret_rows = futures;
    return e;
}

enum err futures_add(struct db *db, const struct permission_future *f)
{
    return DB_RUN(db, "futures.add", NULL, PARAM_I64(f->room), PARAM_I64(f->user), PARAM_F64(f->at),
                  param_tristate(f->read), param_tristate(f->write), param_tristate(f->upload));
}

enum err futures_unschedule(struct db *db, const struct unschedule *u)
{
    const struct param params[] = {PARAM_I64(u->room), PARAM_I64(u->user), PARAM_BOOL(u->read),
                                   PARAM_BOOL(u->write), PARAM_BOOL(u->upload)};
    enum err e = db_run(db, "futures.forget", params, COUNT_OF(params), NULL);
    return e == OK ? db_run(db, "futures.clear", params, COUNT_OF(params), NULL) : e;
}

/* The rooms of a reach, 0 for the whole server. */
static struct param rooms_of(const struct reach *reach)
{
    static const int64_t whole_server[] = {0};
    return reach->global ? PARAM_ARRAY(P_I64_ARRAY, whole_server, 1)
                         : PARAM_ARRAY(P_I64_ARRAY, reach->rooms, reach->count);
}

enum err futures_add_ban(struct db *db, int64_t user, const struct reach *reach, double at,
                         bool banned)
{
    return DB_RUN(db, "futures.add_ban", NULL, PARAM_I64(user), rooms_of(reach), PARAM_F64(at),
                  PARAM_BOOL(banned));
}

enum err futures_forget_bans(struct db *db, int64_t user, const struct reach *reach)
{
    return DB_RUN(db, "futures.forget_bans", NULL, PARAM_I64(user), rooms_of(reach));
}
