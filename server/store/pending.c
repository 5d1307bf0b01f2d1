/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of the move from an 05 id to the blinded one. Locks in the order of everybody: rooms, the
 * record, the person.
 */
#include "store/pending.h"

#include "store/internal.h"
#include "store/standing.h"

struct record {
    const struct session_id *blinded_abs;
    int64_t user;
};

static enum err record(struct db *db, void *arg)
{
    const struct record *r = arg;
    enum err e = DB_RUN(db, "pending.record", NULL, PARAM_BYTES(SPAN_OF_KEY(r->blinded_abs)),
                        PARAM_I64(r->user));
    return e == OK ? versions_bump(db, VERSION_USERS, 0) : e;
}

enum err pending_record(struct db *db, const struct session_id *blinded_abs, int64_t user)
{
    struct record r = {blinded_abs, user};
    return store_tx(db, record, &r);
}

static bool read_id(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct session_id *id = element;
    row_key(row, 0, id->b, sizeof(id->b));
    return true;
}

enum err pending_list(struct db *db, struct arena *mem, struct session_id **ret_ids,
                      size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *ids = NULL;
    enum err e = db_run(db, "pending.list", NULL, 0, &rows);
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct session_id), read_id, &ids, ret_count);
    if (e == OK)
        *ret_ids = ids;
    return e;
}

struct move {
    const struct session_id *blinded_abs, *arrived;
};

static enum err move_global(struct db *db, int64_t from, int64_t to)
{
    int64_t moderates = 0;
    enum err e =
        STORE_ONE_I64(db, "pending.move_global", &moderates, PARAM_I64(from), PARAM_I64(to));
    if (e != OK)
        return e == ERR_MISSING ? OK : e; /* nothing global waits */
    e = DB_RUN(db, "pending.clear_global", NULL, PARAM_I64(from));
    return e == OK && moderates != 0 ? roles_info_all(db) : e;
}

static enum err move_rows(struct db *db, int64_t from, int64_t to)
{
    const struct param both[] = {PARAM_I64(from), PARAM_I64(to)};
    enum err e = move_global(db, from, to);
    if (e == OK)
        e = db_run(db, "pending.move_permissions", both, COUNT_OF(both), NULL);
    if (e == OK)
        e = DB_RUN(db, "pending.clear_permissions", NULL, PARAM_I64(from));
    if (e == OK)
        e = db_run(db, "pending.move_permission_futures", both, COUNT_OF(both), NULL);
    if (e == OK)
        e = db_run(db, "pending.move_ban_futures", both, COUNT_OF(both), NULL);
    return e == OK ? versions_bump(db, VERSION_USERS, 0) : e;
}

static enum err move(struct db *db, void *arg)
{
    const struct move *m = arg;
    int64_t from = 0, to = 0;
    enum err e = DB_RUN(db, "pending.lock_rooms", NULL, PARAM_BYTES(SPAN_OF_KEY(m->blinded_abs)));
    if (e == OK)
        e = STORE_ONE_I64(db, "pending.take", &from, PARAM_BYTES(SPAN_OF_KEY(m->blinded_abs)));
    if (e != OK)
        return e == ERR_MISSING ? OK : e; /* another process was first */
    e = DB_RUN(db, "pending.arrive", NULL, PARAM_BYTES(SPAN_OF_KEY(m->arrived)), PARAM_I64(from));
    if (e == OK)
        e = STORE_ONE_I64(db, "pending.arrived", &to, PARAM_BYTES(SPAN_OF_KEY(m->arrived)));
    return e == OK ? move_rows(db, from, to) : e;
}

enum err pending_move(struct db *db, const struct session_id *blinded_abs,
                      const struct session_id *arrived)
{
    struct move m = {blinded_abs, arrived};
    return store_tx(db, move, &m);
}

static bool read_unrecorded(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct pending_user *u = element;
    u->user = row_i64(row, 0);
    row_key(row, 1, u->session.b, sizeof(u->session.b));
    return true;
}

enum err pending_unrecorded(struct db *db, struct arena *mem, int64_t after, int64_t limit,
                            struct pending_user **ret_users, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *users = NULL;
    enum err e = DB_RUN(db, "pending.unrecorded", &rows, PARAM_I64(after), PARAM_I64(limit));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct pending_user), read_unrecorded, &users,
                           ret_count);
    if (e == OK)
        *ret_users = users;
    return e;
}
