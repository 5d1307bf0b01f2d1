/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of roles.
 */
#include "store/roles.h"

#include "store/internal.h"
#include "store/standing.h"

/* What `SET` writes: an admin moderates, and nobody without a role is hidden as a moderator. */
static struct role settled(struct role role, bool visible_without_role)
{
    role.moderator |= role.admin;
    if (!role.moderator)
        role.visible = visible_without_role;
    return role;
}

enum err roles_info_all(struct db *db)
{
    return db_run(db, "roles.info_all", NULL, 0, NULL);
}

struct global_role {
    int64_t user;
    struct role role;
};

static enum err set_global(struct db *db, void *arg)
{
    const struct global_role *a = arg;
    int64_t id;
    enum err e = standing_lock(db, &(struct reach){.global = true});
    if (e == OK)
        e = STORE_ONE_I64(db, "roles.set_global", &id, PARAM_I64(a->user),
                          PARAM_BOOL(a->role.moderator), PARAM_BOOL(a->role.admin),
                          PARAM_BOOL(a->role.visible));
    if (e != OK)
        return e == ERR_MISSING ? OK : e; /* nothing changed */
    int64_t count = 0;
    e = store_one_i64(db, "roles.global_count", NULL, 0, &count);
    if (e == OK && a->role.moderator && count > ROLES_MAX)
        return ERR_TOO_LARGE;
    if (e == OK)
        e = roles_info_all(db);
    return e == OK ? versions_bump(db, VERSION_USERS, 0) : e;
}

enum err roles_set_global(struct db *db, int64_t user, struct role role)
{
    struct global_role a = {user, settled(role, false)};
    return store_tx(db, set_global, &a);
}

struct room_roles {
    int64_t user;
    const int64_t *rooms;
    const struct role *roles;
    size_t count;
};

enum { ROLES_SLICE = 128 };

static enum err set_slice(struct db *db, int64_t user, const int64_t *rooms,
                          const struct role *roles, size_t count)
{
    bool moderator[ROLES_SLICE], admin[ROLES_SLICE], visible[ROLES_SLICE];
    for (size_t i = 0; i < count; i++) {
        struct role role = settled(roles[i], true);
        moderator[i] = role.moderator;
        admin[i] = role.admin;
        visible[i] = role.visible;
    }
    return DB_RUN(
        db, "roles.set_in_rooms", NULL, PARAM_I64(user), PARAM_ARRAY(P_I64_ARRAY, rooms, count),
        PARAM_ARRAY(P_BOOL_ARRAY, moderator, count), PARAM_ARRAY(P_BOOL_ARRAY, admin, count),
        PARAM_ARRAY(P_BOOL_ARRAY, visible, count));
}

/* Taking a role away is always fine. */
static enum err check_room_left(struct db *db, const struct room_roles *a)
{
    int64_t fullest = 0;
    bool gives = false;
    for (size_t i = 0; i < a->count; i++)
        gives |= a->roles[i].moderator || a->roles[i].admin;
    enum err e = OK;
    if (gives)
        e = STORE_ONE_I64(db, "roles.fullest", &fullest,
                          PARAM_ARRAY(P_I64_ARRAY, a->rooms, a->count));
    if (e == OK && fullest > ROLES_MAX)
        return ERR_TOO_LARGE;
    return e == OK && gives ? permissions_check_room(db, a->rooms, a->count) : e;
}

static enum err set_in_rooms(struct db *db, void *arg)
{
    const struct room_roles *a = arg;
    enum err e = standing_lock(db, &(struct reach){.rooms = a->rooms, .count = a->count});
    for (size_t i = 0; e == OK && i < a->count; i += ROLES_SLICE) {
        size_t n = a->count - i < ROLES_SLICE ? a->count - i : ROLES_SLICE;
        e = set_slice(db, a->user, a->rooms + i, a->roles + i, n);
    }
    if (e == OK)
        e = check_room_left(db, a);
    if (e == OK)
        e = permissions_tidy(db, a->user, a->rooms, a->count);
    return e == OK ? versions_bump_rights(db, a->rooms, a->count) : e;
}

enum err roles_set_in_rooms(struct db *db, int64_t user, const int64_t *rooms,
                            const struct role *roles, size_t count)
{
    struct room_roles a = {user, rooms, roles, count};
    return count == 0 ? OK : store_tx(db, set_in_rooms, &a);
}

enum err roles_dismiss(struct db *db, int64_t user, const int64_t *rooms, size_t count)
{
    return DB_RUN(db, "roles.dismiss", NULL, PARAM_I64(user),
                  PARAM_ARRAY(P_I64_ARRAY, rooms, count));
}

enum err roles_list(struct db *db, struct arena *mem, int64_t room, struct user_row **ret_users,
                    size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *users = NULL;
    enum err e = room == 0 ? db_run(db, "roles.list_global", NULL, 0, &rows)
                           : DB_RUN(db, "roles.list_room", &rows, PARAM_I64(room));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct user_row), users_read_row, &users, ret_count);
    if (e == OK)
        *ret_users = users;
    return e;
}
