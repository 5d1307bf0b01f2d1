/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of permission overrides.
 */
#include "store/permissions.h"

#include "store/internal.h"
#include "store/standing.h"

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

static bool read_listed(const struct row *row, struct arena *mem, void *element)
{
    struct permission_row *p = element;
    bool ok = read_permission(row, mem, p);
    p->user = row_i64(row, 10);
    return ok;
}

enum err permissions_list(struct db *db, struct arena *mem, struct permission_page *page)
{
    AUTO_ROWS struct rows rows = {0};
    void *permissions = NULL;
    size_t count = 0;
    enum err e = DB_RUN(db, "permissions.list", &rows, PARAM_I64(page->room),
                        PARAM_I64(page->after_user), PARAM_I64(page->limit));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct permission_row), read_listed, &permissions,
                           &count);
    if (e != OK)
        return e;
    page->rows = permissions;
    page->count = count;
    if (count > 0)
        page->after_user = page->rows[count - 1].user;
    return OK;
}

enum err permissions_one(struct db *db, struct arena *mem, int64_t room, int64_t user,
                         struct permission_row *ret_row)
{
    AUTO_ROWS struct rows rows = {0};
    void *found = NULL;
    size_t count = 0;
    enum err e = DB_RUN(db, "permissions.one", &rows, PARAM_I64(room), PARAM_I64(user));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct permission_row), read_permission, &found,
                           &count);
    if (e == OK && count == 0)
        e = ERR_MISSING;
    if (e == OK)
        *ret_row = *(struct permission_row *)found;
    return e;
}

struct named_permission {
    struct permission_row row;
    struct span token;
};

static bool read_named(const struct row *row, struct arena *mem, void *element)
{
    struct named_permission *p = element;
    return read_permission(row, mem, &p->row) && row_dup(row, 10, mem, &p->token);
}

enum err permissions_of_user(struct db *db, struct arena *mem, int64_t user,
                             struct permission_row **ret_rows, struct span **ret_tokens,
                             size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *found = NULL;
    size_t count = 0;
    enum err e = DB_RUN(db, "permissions.of_user", &rows, PARAM_I64(user));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct named_permission), read_named, &found, &count);
    if (e != OK)
        return e;
    const struct named_permission *named = found;
    struct permission_row *all = ARENA_ARRAY(mem, count, struct permission_row);
    struct span *tokens = ARENA_ARRAY(mem, count, struct span);
    if (all == NULL || tokens == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        all[i] = named[i].row;
        tokens[i] = named[i].token;
    }
    *ret_rows = all;
    *ret_tokens = tokens;
    *ret_count = count;
    return OK;
}

enum err permissions_tidy(struct db *db, int64_t user, const int64_t *rooms, size_t count)
{
    return DB_RUN(db, "permissions.tidy", NULL, PARAM_I64(user),
                  PARAM_ARRAY(P_I64_ARRAY, rooms, count));
}

enum err permissions_check_room(struct db *db, const int64_t *rooms, size_t count)
{
    int64_t fullest = 0;
    enum err e = STORE_ONE_I64(db, "permissions.fullest", &fullest,
                               PARAM_ARRAY(P_I64_ARRAY, rooms, count), PARAM_I64(PERMISSIONS_MAX));
    return e == OK && fullest > PERMISSIONS_MAX ? ERR_TOO_LARGE : e;
}

static struct param value_of(struct permission_value v)
{
    return param_tristate(v.touched ? v.value : TRI_NULL);
}

static enum err change(struct db *db, void *arg)
{
    const struct permission_change *c = arg;
    const struct reach here = {.rooms = &c->room, .count = 1};
    enum err e = standing_lock(db, &here);
    if (e == OK)
        e = DB_RUN(db, "permissions.change", NULL, PARAM_I64(c->room), PARAM_I64(c->user),
                   PARAM_BOOL(c->read.touched), value_of(c->read),
                   PARAM_BOOL(c->accessible.touched), value_of(c->accessible),
                   PARAM_BOOL(c->write.touched), value_of(c->write), PARAM_BOOL(c->upload.touched),
                   value_of(c->upload));
    if (e == OK)
        e = permissions_tidy(db, c->user, &c->room, 1);
    if (e == OK)
        e = permissions_check_room(db, &c->room, 1);
    return e == OK ? versions_bump_rights(db, &c->room, 1) : e;
}

enum err permissions_change(struct db *db, const struct permission_change *c)
{
    struct permission_change copy = *c;
    return store_tx(db, change, &copy);
}
