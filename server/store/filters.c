/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of filters. A change raises the rights of the room, or of all rooms, so that every process
 * reads them anew.
 */
#include "store/filters.h"

#include "store/internal.h"

static bool read_filter(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(struct filter_row *)element = (struct filter_row){.room = row_i64(row, 0),
                                                        .alphabets = (int)row_i64_or(row, 1, -1),
                                                        .alphabet_silent = row_tristate(row, 2),
                                                        .profanity = row_tristate(row, 3),
                                                        .profanity_silent = row_tristate(row, 4),
                                                        .moderators = row_tristate(row, 5)};
    return true;
}

enum err filters_list(struct db *db, struct arena *mem, int64_t room, struct filter_row **ret_rows,
                      size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *all = NULL;
    enum err e = DB_RUN(db, "filters.list", &rows, PARAM_I64(room));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct filter_row), read_filter, &all, ret_count);
    if (e == OK)
        *ret_rows = all;
    return e;
}

static bool read_reply(const struct row *row, struct arena *mem, void *element)
{
    struct filter_reply_row *reply = element;
    *reply = (struct filter_reply_row){.room = row_i64(row, 0),
                                       .type = (enum filter_type)row_i64(row, 1),
                                       .public = row_tristate(row, 4)};
    return row_dup(row, 2, mem, &reply->texts) && row_dup(row, 3, mem, &reply->name);
}

enum err filters_replies(struct db *db, struct arena *mem, int64_t room,
                         struct filter_reply_row **ret_rows, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *all = NULL;
    enum err e = DB_RUN(db, "filters.replies", &rows, PARAM_I64(room));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct filter_reply_row), read_reply, &all,
                           ret_count);
    if (e == OK)
        *ret_rows = all;
    return e;
}

static enum err tell(struct db *db, int64_t room)
{
    return room == 0 ? db_run(db, "filters.tell_all", NULL, 0, NULL)
                     : versions_bump(db, VERSION_ROOM_RIGHTS, room);
}

static enum err set(struct db *db, void *arg)
{
    const struct filter_row *row = arg;
    bool says_something = row->alphabets >= 0 || row->alphabet_silent != TRI_NULL ||
                          row->profanity != TRI_NULL || row->profanity_silent != TRI_NULL ||
                          row->moderators != TRI_NULL;
    enum err e = DB_RUN(db, "filters.remove", NULL, PARAM_I64(row->room));
    if (e == OK && says_something)
        e = DB_RUN(db, "filters.add", NULL, param_i64_or_null(row->room),
                   row->alphabets < 0 ? PARAM_NULL : PARAM_I32(row->alphabets),
                   param_tristate(row->alphabet_silent), param_tristate(row->profanity),
                   param_tristate(row->profanity_silent), param_tristate(row->moderators));
    return e == OK ? tell(db, row->room) : e;
}

enum err filters_set(struct db *db, const struct filter_row *row)
{
    struct filter_row copy = *row;
    return store_tx(db, set, &copy);
}

static struct param text_or_null(struct span s)
{
    return s.p == NULL ? PARAM_NULL : PARAM_TEXT(s);
}

static enum err set_reply(struct db *db, void *arg)
{
    const struct filter_reply_row *row = arg;
    enum err e = DB_RUN(db, "filters.remove_reply", NULL, PARAM_I64(row->room),
                        PARAM_I16((int64_t)row->type));
    if (e == OK && (row->texts.p != NULL || row->name.p != NULL || row->public != TRI_NULL))
        e = DB_RUN(db, "filters.add_reply", NULL, param_i64_or_null(row->room),
                   PARAM_I16((int64_t)row->type), text_or_null(row->texts), text_or_null(row->name),
                   param_tristate(row->public));
    return e == OK ? tell(db, row->room) : e;
}

enum err filters_set_reply(struct db *db, const struct filter_reply_row *row)
{
    struct filter_reply_row copy = *row;
    return store_tx(db, set_reply, &copy);
}
