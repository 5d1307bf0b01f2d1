/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of what is scheduled. Applying it is in futures_due.c.
 */
#include "store/futures.h"

#include "store/internal.h"

const struct statement futures_statements[] = {
    {"futures.list", "SELECT u.session_id, f.at, f.read, f.write, f.upload, f.banned"
                     "  FROM (SELECT user_id, at, id, read, write, upload, NULL::boolean AS banned"
                     "          FROM permission_futures"
                     "         WHERE room = $1 AND ($2::bigint = 0 OR user_id = $2)"
                     "         UNION ALL"
                     "        SELECT user_id, at, id, NULL, NULL, NULL, banned"
                     "          FROM ban_futures"
                     "         WHERE room = $1 AND ($2 = 0 OR user_id = $2)"
                     "         UNION ALL"
                     "        SELECT user_id, at, id, NULL, NULL, NULL, banned"
                     "          FROM ban_futures"
                     "         WHERE room IS NULL AND $1 = 0 AND ($2 = 0 OR user_id = $2)) f"
                     "  JOIN users u ON u.id = f.user_id"
                     " ORDER BY f.at, f.banned NULLS FIRST, f.id"},
    {"futures.add", "INSERT INTO permission_futures (room, user_id, at, read, write, upload)"
                    "VALUES ($1, $2, $3, $4, $5, $6)"},
    /* Two statements: a row may not say nothing even for a moment. */
    {"futures.forget", "DELETE FROM permission_futures"
                       " WHERE room = $1 AND user_id = $2"
                       "   AND ($3 OR read IS NULL) AND ($4 OR write IS NULL)"
                       "   AND ($5 OR upload IS NULL)"},
    {"futures.clear", "UPDATE permission_futures"
                      "   SET read = CASE WHEN $3 THEN NULL ELSE read END,"
                      "       write = CASE WHEN $4 THEN NULL ELSE write END,"
                      "       upload = CASE WHEN $5 THEN NULL ELSE upload END"
                      " WHERE room = $1 AND user_id = $2"},
    {"futures.add_ban", "INSERT INTO ban_futures (room, user_id, at, banned)"
                        "SELECT nullif(room, 0), $1::bigint, $3::float8, $4::boolean"
                        "  FROM unnest($2::bigint[]) AS t (room)"},
    {"futures.forget_bans", "DELETE FROM ban_futures"
                            " WHERE user_id = $1 AND coalesce(room, 0) = ANY($2::bigint[])"},
    STATEMENTS_END,
};

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
