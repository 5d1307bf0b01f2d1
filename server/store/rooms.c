/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of rooms. Whoever changes a room raises its versions in the same transaction.
 */
#include "store/rooms.h"

#include "store/internal.h"

static bool read_room(const struct row *row, struct arena *mem, void *element)
{
    struct room_row *room = element;
    *room = (struct room_row){.id = row_i64(row, 0),
                              .image = row_i64_or(row, 4, 0),
                              .created = row_f64(row, 5),
                              .message_sequence = row_i64(row, 6),
                              .info_updates = row_i64(row, 7),
                              .active_users = row_i64(row, 8),
                              .read = row_bool(row, 9),
                              .accessible = row_bool(row, 10),
                              .write = row_bool(row, 11),
                              .upload = row_bool(row, 12)};
    return row_dup(row, 1, mem, &room->token) && row_dup(row, 2, mem, &room->name) &&
           row_dup(row, 3, mem, &room->description);
}

enum err rooms_list(struct db *db, struct arena *mem, struct room_row **ret_rooms,
                    size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *rooms = NULL;
    enum err e = db_run(db, "rooms.list", NULL, 0, &rows);
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct room_row), read_room, &rooms, ret_count);
    if (e == OK)
        *ret_rooms = rooms;
    return e;
}

static enum err one_room(struct rows *rows, struct arena *mem, struct room_row *ret_room)
{
    void *rooms = NULL;
    size_t count = 0;
    enum err e = store_read_all(rows, mem, sizeof(struct room_row), read_room, &rooms, &count);
    if (e == OK && count == 0)
        e = ERR_MISSING;
    if (e == OK)
        *ret_room = *(struct room_row *)rooms;
    return e;
}

enum err rooms_by_id(struct db *db, struct arena *mem, int64_t id, struct room_row *ret_room)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "rooms.by_id", &rows, PARAM_I64(id));
    return e == OK ? one_room(&rows, mem, ret_room) : e;
}

enum err rooms_by_token(struct db *db, struct arena *mem, struct span token,
                        struct room_row *ret_room)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "rooms.by_token", &rows, PARAM_TEXT(token));
    return e == OK ? one_room(&rows, mem, ret_room) : e;
}

struct creation {
    struct span token, name, description;
    double created;
    int64_t id;
};

static struct param text_or_null(struct span s)
{
    return s.len == 0 ? PARAM_NULL : PARAM_TEXT(s);
}

static enum err create(struct db *db, void *arg)
{
    struct creation *c = arg;
    enum err e =
        STORE_ONE_I64(db, "rooms.create", &c->id, PARAM_TEXT(c->token), PARAM_TEXT(c->name),
                      text_or_null(c->description), PARAM_F64(c->created));
    return e == OK ? versions_bump(db, VERSION_GLOBAL, 0) : e;
}

enum err rooms_create(struct db *db, struct span token, struct span name, struct span description,
                      int64_t now_ms, int64_t *ret_id)
{
    struct creation c = {token, name, description, (double)now_ms / 1000, 0};
    enum err e = store_tx(db, create, &c);
    if (e == OK)
        *ret_id = c.id;
    return e;
}

struct changing {
    int64_t id;
    const struct room_change *change;
    int64_t info_updates;
};

static enum err change_image(struct db *db, const struct changing *c)
{
    const struct room_change *to = c->change;
    int64_t former = 0, kept = 0;
    enum err e = STORE_ONE_I64(db, "rooms.image", &former, PARAM_I64(c->id));
    if (e != OK || former == *to->image)
        return e; /* the same again: it must not begin to expire */
    if (*to->image != 0) {
        e = STORE_ONE_I64(db, "rooms.keep_image", &kept, PARAM_I64(c->id), PARAM_I64(*to->image),
                          PARAM_F64(to->now));
        if (e == ERR_MISSING)
            e = ERR_CONFLICT;
    }
    if (e == OK && former != 0)
        e = DB_RUN(db, "rooms.release_image", NULL, PARAM_I64(former),
                   PARAM_F64(to->file_lifetime_s));
    return e == OK ? DB_RUN(db, "rooms.set_image", NULL, PARAM_I64(c->id), PARAM_I64(*to->image))
                   : e;
}

static enum err change(struct db *db, void *arg)
{
    struct changing *c = arg;
    const struct room_change *to = c->change;
    enum err e = standing_lock(db, &(struct reach){.rooms = &c->id, .count = 1});
    if (e == OK && to->image != NULL)
        e = change_image(db, c);
    if (e == OK)
        e = STORE_ONE_I64(
            db, "rooms.change", &c->info_updates, PARAM_I64(c->id), PARAM_BOOL(to->name != NULL),
            to->name ? PARAM_TEXT(*to->name) : PARAM_NULL, PARAM_BOOL(to->description != NULL),
            to->description ? text_or_null(*to->description) : PARAM_NULL, param_tristate(to->read),
            param_tristate(to->accessible), param_tristate(to->write), param_tristate(to->upload));
    if (e == OK)
        e = versions_bump(db, VERSION_ROOM_CONTENT, c->id);
    return e == OK ? versions_bump(db, VERSION_ROOM_RIGHTS, c->id) : e;
}

enum err rooms_change(struct db *db, int64_t id, const struct room_change *to,
                      int64_t *ret_info_updates)
{
    struct changing c = {id, to, 0};
    enum err e = store_tx(db, change, &c);
    if (e == OK)
        *ret_info_updates = c.info_updates;
    return e;
}

static bool read_info(const struct row *row, struct arena *mem, void *element)
{
    struct room_info *info = element;
    info->info_updates = row_i64(row, 1);
    return row_dup(row, 0, mem, &info->token);
}

enum err rooms_info(struct db *db, struct arena *mem, const struct reach *reach,
                    struct room_info **ret_infos, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *infos = NULL;
    enum err e = DB_RUN(db, "rooms.info", &rows, PARAM_BOOL(reach->global),
                        PARAM_ARRAY(P_I64_ARRAY, reach->rooms, reach->count));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct room_info), read_info, &infos, ret_count);
    if (e == OK)
        *ret_infos = infos;
    return e;
}

static enum err remove_room(struct db *db, void *arg)
{
    const int64_t *id = arg;
    int64_t removed;
    enum err e = standing_lock(db, &(struct reach){.rooms = id, .count = 1});
    if (e == OK)
        e = DB_RUN(db, "rooms.expire_files", NULL, PARAM_I64(*id));
    if (e == OK)
        e = DB_RUN(db, "rooms.forget_attachments", NULL, PARAM_I64(*id));
    if (e == OK)
        e = STORE_ONE_I64(db, "rooms.remove", &removed, PARAM_I64(*id));
    return e == OK ? versions_bump(db, VERSION_GLOBAL, 0) : e;
}

enum err rooms_remove(struct db *db, int64_t id)
{
    return store_tx(db, remove_room, &id);
}
