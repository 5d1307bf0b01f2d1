/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of the move from an 05 id to the blinded one. Locks in the order of everybody: rooms, the record, the person.
 */
#include "store/pending.h"

#include "store/internal.h"
#include "store/standing.h"

const struct statement pending_statements[] = {
    {"pending.record", "INSERT INTO needs_blinding (blinded_abs, user_id)"
                       "VALUES ($1, $2)"
                       "    ON CONFLICT (blinded_abs) DO UPDATE"
                       "   SET user_id = excluded.user_id"},
    {"pending.list", "SELECT blinded_abs"
                     "  FROM needs_blinding"
                     " ORDER BY blinded_abs"},
    {"pending.lock_rooms", "SELECT r.id"
                           "  FROM rooms r"
                           " WHERE EXISTS (SELECT 1 FROM users u"
                           "                 JOIN needs_blinding n ON n.user_id = u.id"
                           "                WHERE n.blinded_abs = $1 AND u.moderator)"
                           "    OR r.id IN (SELECT p.room FROM permissions p"
                           "                  JOIN needs_blinding n ON n.user_id = p.user_id"
                           "                 WHERE n.blinded_abs = $1)"
                           " ORDER BY r.id"
                           "   FOR NO KEY UPDATE OF r"},
    {"pending.take", "DELETE FROM needs_blinding"
                     " WHERE blinded_abs = $1"
                     " RETURNING user_id"},
    {"pending.arrive", "INSERT INTO users (session_id, created_hour, last_active_hour)"
                       "SELECT $1, created_hour, last_active_hour"
                       "  FROM users"
                       " WHERE id = $2"
                       "    ON CONFLICT DO NOTHING"},
    {"pending.arrived", "SELECT id"
                        "  FROM users"
                        " WHERE session_id = $1"},
    {"pending.move_global",
     "UPDATE users n"
     "   SET banned = n.banned OR (o.banned AND NOT n.moderator),"
     "       moderator = NOT n.banned AND (n.moderator OR o.moderator),"
     "       admin = NOT n.banned AND (n.admin OR o.admin),"
     "       visible_mod = CASE WHEN o.moderator THEN o.visible_mod ELSE n.visible_mod END"
     "  FROM users o"
     " WHERE n.id = $2 AND o.id = $1 AND (o.banned OR o.moderator)"
     " RETURNING n.moderator::int"},
    {"pending.clear_global", "UPDATE users"
                             "   SET banned = false, moderator = false, admin = false,"
                             "       visible_mod = false"
                             " WHERE id = $1"},
    {"pending.move_permissions",
     "INSERT INTO permissions AS p"
     "       (room, user_id, banned, read, accessible, write, upload, moderator, admin, "
     "visible_mod)"
     "SELECT room, $2, banned, read, accessible, write, upload, moderator, admin, visible_mod"
     "  FROM permissions"
     " WHERE user_id = $1"
     " ORDER BY room"
     "    ON CONFLICT (room, user_id) DO UPDATE"
     "   SET banned = p.banned OR excluded.banned,"
     "       read = coalesce(excluded.read, p.read),"
     "       accessible = coalesce(excluded.accessible, p.accessible),"
     "       write = coalesce(excluded.write, p.write),"
     "       upload = coalesce(excluded.upload, p.upload),"
     "       moderator = NOT (p.banned OR excluded.banned) AND (p.moderator OR excluded.moderator),"
     "       admin = NOT (p.banned OR excluded.banned) AND (p.admin OR excluded.admin),"
     "       visible_mod = CASE WHEN excluded.moderator THEN excluded.visible_mod"
     "                          ELSE p.visible_mod END"},
    /* The lists of moderators name another id from now on. */
    {"pending.clear_permissions", "WITH moved AS ("
                                  "    DELETE FROM permissions"
                                  "     WHERE user_id = $1"
                                  "    RETURNING room, moderator),"
                                  "listed AS ("
                                  "    UPDATE rooms r"
                                  "       SET info_updates = info_updates + 1"
                                  "      FROM moved"
                                  "     WHERE r.id = moved.room AND moved.moderator)"
                                  "UPDATE versions v"
                                  "   SET value = value + 1"
                                  "  FROM moved"
                                  " WHERE v.scope = 3 AND v.id = moved.room"},
    {"pending.move_permission_futures", "UPDATE permission_futures"
                                        "   SET user_id = $2"
                                        " WHERE user_id = $1"},
    {"pending.move_ban_futures", "UPDATE ban_futures"
                                 "   SET user_id = $2"
                                 " WHERE user_id = $1"},
    {"pending.unrecorded",
     "SELECT u.id, u.session_id"
     "  FROM users u"
     " WHERE u.id > $1 AND get_byte(u.session_id, 0) = 5"
     "   AND (u.banned OR u.moderator"
     "        OR EXISTS (SELECT 1 FROM permissions p WHERE p.user_id = u.id)"
     "        OR EXISTS (SELECT 1 FROM permission_futures f WHERE f.user_id = u.id)"
     "        OR EXISTS (SELECT 1 FROM ban_futures f WHERE f.user_id = u.id))"
     "   AND NOT EXISTS (SELECT 1 FROM needs_blinding n WHERE n.user_id = u.id)"
     " ORDER BY u.id"
     " LIMIT $2"},
    STATEMENTS_END,
};

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
