/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Applying what is due, row by row: one statement over all due rows would trip over two rows for
 * the same account, which is how PySOGS's job stops for ever (docs/protocol/community.md, 4.1).
 */
#include "store/bans.h"
#include "store/futures.h"
#include "store/internal.h"

struct due {
    struct arena *mem;
    bool is_ban;
    int64_t id, room, user;
    struct session_id session;
};

static enum err find_next(struct db *db, double now, struct due *due)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = DB_RUN(db, "futures.next", &rows, PARAM_F64(now));
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    due->is_ban = row_i64(&row, 0) != 0;
    due->id = row_i64(&row, 1);
    due->room = row_i64(&row, 2);
    due->user = row_i64(&row, 3);
    row_key(&row, 4, due->session.b, sizeof(due->session.b));
    return rows_ok(&rows) ? OK : ERR_DEFECT;
}

static enum err apply_permissions(struct db *db, const struct due *due)
{
    enum err e = DB_RUN(db, "futures.apply", NULL, PARAM_I64(due->id));
    if (e == OK)
        e = permissions_tidy(db, due->user, &due->room, 1);
    return e == OK ? versions_bump_rights(db, &due->room, 1) : e;
}

/*
 * Whoever got a role since then is not banned by what was decided before
 * (docs/protocol/community.md, 4.1).
 */
static enum err may_be_banned(struct db *db, const struct due *due, const struct reach *reach,
                              bool *ret_may)
{
    struct standing *s = NULL;
    enum err e = standing_read(db, due->mem, &due->session, reach, &s);
    if (e == OK)
        *ret_may = !s->global_moderator && !s->moderator;
    return e;
}

static enum err apply_ban(struct db *db, const struct due *due, const struct reach *reach)
{
    int64_t banned = 0;
    bool may = true;
    enum err e = STORE_ONE_I64(db, "futures.take_ban", &banned, PARAM_I64(due->id));
    if (e == OK && banned != 0)
        e = may_be_banned(db, due, reach, &may);
    if (e == OK && may)
        e = bans_write(db, due->user, reach, banned != 0);
    return e;
}

static enum err apply(struct db *db, void *arg)
{
    const struct due *due = arg;
    const struct reach reach = {
        .global = due->room == 0, .rooms = &due->room, .count = due->room != 0};
    enum err e = reach.global ? OK : standing_lock(db, &reach);
    if (e == OK)
        e = due->is_ban ? apply_ban(db, due, &reach) : apply_permissions(db, due);
    if (e == OK && !reach.global && permissions_check_room(db, &due->room, 1) == ERR_TOO_LARGE)
        return ERR_CONFLICT;
    return e == ERR_MISSING ? OK : e; /* the room or the row went away meanwhile */
}

enum err futures_apply_next(struct db *db, struct arena *mem, double now)
{
    struct due due = {.mem = mem};
    enum err e = find_next(db, now, &due);
    if (e != OK)
        return e;
    e = db_tx(db, apply, &due);
    if (e == ERR_CONFLICT) /* it does not fit what holds today: it must not stop the others */
        e = DB_RUN(db, due.is_ban ? "futures.drop_ban" : "futures.drop_permission", NULL,
                   PARAM_I64(due.id));
    return e;
}
