/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Roles and permission overrides. A change raises info_updates where clients show roles (protocol 02, 3.2), and the
 * versions that make every process read the rights anew.
 */
#include "store/internal.h"
#include "store/users.h"

const struct statement roles_statements[] = {
    {"roles.permissions", "SELECT p.room, u.session_id, p.banned, p.moderator, p.admin, "
                          "p.visible_mod, p.read, p.accessible, p.write,"
                          "       p.upload"
                          "  FROM permissions p"
                          "  JOIN users u ON u.id = p.user_id"
                          " WHERE $1::bigint = 0 OR p.room = $1"},
    {"roles.set_global", "UPDATE users"
                         "   SET moderator = $2, admin = $3, visible_mod = $4"
                         " WHERE id = $1"
                         "   AND (moderator, admin, visible_mod) IS DISTINCT FROM ($2, $3, $4)"
                         " RETURNING id"},
    {"roles.set_room", "INSERT INTO permissions AS p (room, user_id, moderator, admin, visible_mod)"
                       "VALUES ($1, $2, $3, $4, $5)"
                       "    ON CONFLICT (room, user_id) DO UPDATE"
                       "   SET moderator = $3, admin = $4, visible_mod = $5"
                       " WHERE (p.moderator, p.admin, p.visible_mod) IS DISTINCT FROM ($3, $4, $5)"
                       " RETURNING user_id"},
    {"roles.tidy",
     "DELETE FROM permissions"
     " WHERE room = $1 AND user_id = $2 AND NOT banned AND NOT moderator"
     "   AND read IS NULL AND accessible IS NULL AND write IS NULL AND upload IS NULL"},
    {"roles.info_room", "UPDATE rooms"
                        "   SET info_updates = info_updates + 1"
                        " WHERE id = $1"},
    /* Locked in the order of the id first, as everybody who locks several rooms does (design D4). */
    {"roles.info_all", "WITH locked AS (SELECT id FROM rooms ORDER BY id FOR UPDATE)"
                       "UPDATE rooms r"
                       "   SET info_updates = info_updates + 1"
                       "  FROM locked"
                       " WHERE r.id = locked.id"},
    {"roles.versions_all", "UPDATE versions"
                           "   SET value = value + 1"
                           " WHERE scope = 2"},
    {"roles.list_global", "SELECT id, session_id, banned, moderator, admin, visible_mod"
                          "  FROM users"
                          " WHERE moderator"
                          " ORDER BY session_id"},
    {"roles.list_room", "SELECT u.id, u.session_id, p.banned, p.moderator, p.admin, p.visible_mod"
                        "  FROM permissions p"
                        "  JOIN users u ON u.id = p.user_id"
                        " WHERE p.room = $1 AND p.moderator"
                        " ORDER BY u.session_id"},
    STATEMENTS_END,
};

static bool read_permission(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct permission_row *p = element;
    *p = (struct permission_row){.room = row_i64(row, 0),
                                 .banned = row_bool(row, 2),
                                 .moderator = row_bool(row, 3),
                                 .admin = row_bool(row, 4),
                                 .visible = row_bool(row, 5),
                                 .read = row_tristate(row, 6),
                                 .accessible = row_tristate(row, 7),
                                 .write = row_tristate(row, 8),
                                 .upload = row_tristate(row, 9)};
    row_key(row, 1, p->session.b, sizeof(p->session.b));
    return true;
}

enum err permissions_list(struct db *db, struct arena *mem, int64_t room,
                          struct permission_row **ret_rows, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *permissions = NULL;
    enum err e = DB_RUN(db, "roles.permissions", &rows, PARAM_I64(room));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct permission_row), read_permission, &permissions,
                           ret_count);
    if (e == OK)
        *ret_rows = permissions;
    return e;
}

struct appointment {
    int64_t room, user;
    struct role role;
};

static enum err set_global(struct db *db, const struct appointment *a)
{
    int64_t id;
    enum err e = STORE_ONE_I64(db, "roles.set_global", &id, PARAM_I64(a->user),
                               PARAM_BOOL(a->role.moderator), PARAM_BOOL(a->role.admin),
                               PARAM_BOOL(a->role.visible));
    if (e != OK)
        return e == ERR_MISSING ? OK : e; /* nothing changed */
    e = db_run(db, "roles.info_all", NULL, 0, NULL);
    if (e == OK)
        e = db_run(db, "roles.versions_all", NULL, 0, NULL);
    if (e == OK)
        e = versions_bump(db, VERSION_GLOBAL, 0);
    return e == OK ? versions_bump(db, VERSION_USERS, 0) : e;
}

static enum err set_in_room(struct db *db, const struct appointment *a)
{
    int64_t id;
    enum err e = STORE_ONE_I64(db, "roles.set_room", &id, PARAM_I64(a->room), PARAM_I64(a->user),
                               PARAM_BOOL(a->role.moderator), PARAM_BOOL(a->role.admin),
                               PARAM_BOOL(a->role.visible));
    if (e != OK)
        return e == ERR_MISSING ? OK : e;
    e = DB_RUN(db, "roles.tidy", NULL, PARAM_I64(a->room), PARAM_I64(a->user));
    if (e == OK)
        e = DB_RUN(db, "roles.info_room", NULL, PARAM_I64(a->room));
    if (e == OK)
        e = versions_bump(db, VERSION_ROOM_CONTENT, a->room);
    return e == OK ? versions_bump(db, VERSION_ROOM_RIGHTS, a->room) : e;
}

static enum err set_role(struct db *db, void *arg)
{
    const struct appointment *a = arg;
    return a->room == 0 ? set_global(db, a) : set_in_room(db, a);
}

enum err users_set_role(struct db *db, int64_t room, int64_t user, struct role role)
{
    struct appointment a = {room, user, role};
    a.role.moderator |= role.admin;
    if (!a.role.moderator)
        a.role.visible = room != 0; /* the default of each kind (protocol 02, 2.13) */
    return store_tx(db, set_role, &a);
}

static bool read_moderator(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct user_row *user = element;
    *user = (struct user_row){.id = row_i64(row, 0),
                              .banned = row_bool(row, 2),
                              .moderator = row_bool(row, 3),
                              .admin = row_bool(row, 4),
                              .visible = row_bool(row, 5)};
    row_key(row, 1, user->session.b, sizeof(user->session.b));
    return true;
}

enum err users_moderators(struct db *db, struct arena *mem, int64_t room,
                          struct user_row **ret_users, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *users = NULL;
    enum err e = room == 0 ? db_run(db, "roles.list_global", NULL, 0, &rows)
                           : DB_RUN(db, "roles.list_room", &rows, PARAM_I64(room));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct user_row), read_moderator, &users, ret_count);
    if (e == OK)
        *ret_users = users;
    return e;
}
