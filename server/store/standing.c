/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locks and facts for decisions about people. The decisions themselves are community/'s.
 */
#include "store/standing.h"

#include "store/internal.h"

enum err standing_lock(struct db *db, const struct reach *reach)
{
    AUTO_ROWS struct rows rows = {0};
    if (reach->global)
        return db_run(db, "standing.lock_all", NULL, 0, NULL);
    enum err e =
        DB_RUN(db, "standing.lock", &rows, PARAM_ARRAY(P_I64_ARRAY, reach->rooms, reach->count));
    if (e == OK && (size_t)rows.count != reach->count)
        e = ERR_MISSING;
    return e;
}

static bool read_standing(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(struct standing *)element = (struct standing){.room = row_i64(row, 0),
                                                    .global_banned = row_bool(row, 1),
                                                    .global_moderator = row_bool(row, 2),
                                                    .global_admin = row_bool(row, 3),
                                                    .global_visible = row_bool(row, 4),
                                                    .banned = row_bool(row, 5),
                                                    .moderator = row_bool(row, 6),
                                                    .admin = row_bool(row, 7),
                                                    .visible = row_bool(row, 8)};
    return true;
}

enum err standing_read(struct db *db, struct arena *mem, const struct session_id *session,
                       const struct reach *reach, struct standing **ret_standing)
{
    static const int64_t nowhere[] = {0};
    const int64_t *rooms = reach->global ? nowhere : reach->rooms;
    size_t count = reach->global ? 1 : reach->count;
    size_t found = 0;
    void *standing = NULL;
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "standing.read", &rows, PARAM_BYTES(SPAN_OF_KEY(session)),
                        PARAM_ARRAY(P_I64_ARRAY, rooms, count));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct standing), read_standing, &standing, &found);
    if (e == OK && found != count)
        e = ERR_DEFECT;
    if (e == OK)
        *ret_standing = standing;
    return e;
}
