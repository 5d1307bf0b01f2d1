/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of room files.
 */
#include "store/room_files.h"

#include "store/files_internal.h"

static enum err one_rules(struct rows *rows, struct arena *mem, struct room_files_rules *ret_rules)
{
    struct row row;
    if (!rows_next(rows, &row))
        return ERR_MISSING;
    struct room_files_rules rules = {.may_upload = row_bool(&row, 0),
                                     .quota = row_i64_or(&row, 1, FILE_UNLIMITED),
                                     .bytes = row_i64(&row, 3)};
    if (!row_is_null(&row, 2) && !row_dup(&row, 2, mem, &rules.types))
        return ERR_NO_MEMORY;
    if (!rows_ok(rows))
        return ERR_DEFECT;
    *ret_rules = rules;
    return OK;
}

enum err room_files_rules(struct db *db, struct arena *mem, int64_t room, int64_t user,
                          struct room_files_rules *ret_rules)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "room_files.rules", &rows, PARAM_I64(room), PARAM_I64(user));
    return e == OK ? one_rules(&rows, mem, ret_rules) : e;
}

enum err room_files_storage(struct db *db, struct arena *mem, int64_t room,
                            struct room_files_rules *ret_rules)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "room_files.storage", &rows, PARAM_I64(room));
    return e == OK ? one_rules(&rows, mem, ret_rules) : e;
}

enum err room_files_add(struct db *db, const struct room_files_new *f, int64_t *ret_id)
{
    return STORE_ONE_I64(db, "room_files.add", ret_id, PARAM_I64(f->room),
                         param_i64_or_null(f->user), PARAM_I64(f->blob),
                         param_bytes_or_null(f->name), PARAM_F64(f->uploaded),
                         PARAM_F64(f->expiry));
}

enum err room_files_charge(struct db *db, int64_t room, int64_t bytes, int64_t quota)
{
    int64_t stored;
    enum err e = STORE_ONE_I64(db, "room_files.charge", &stored, PARAM_I64(room), PARAM_I64(bytes));
    return e == OK && stored > quota ? ERR_TOO_LARGE : e;
}

enum err room_files_find(struct db *db, struct arena *mem, int64_t room, int64_t file, double now,
                         struct file_row *ret_file)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e =
        DB_RUN(db, "room_files.find", &rows, PARAM_I64(room), PARAM_I64(file), PARAM_F64(now));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    struct file_row found;
    files_read_file(&row, &found);
    if (mem != NULL && !row_is_null(&row, FILE_COLUMN_COUNT) &&
        !row_dup(&row, FILE_COLUMN_COUNT, mem, &found.name))
        return ERR_NO_MEMORY;
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_file = found;
    return OK;
}

static enum err one_by_number(struct db *db, const char *statement, int64_t file,
                              struct file_row *ret_file)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, statement, &rows, PARAM_I64(file));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    struct file_row found;
    files_read_file(&row, &found);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_file = found;
    return OK;
}

enum err room_files_by_number(struct db *db, int64_t file, struct file_row *ret_file)
{
    return one_by_number(db, "room_files.by_number", file, ret_file);
}

enum err room_files_lock(struct db *db, int64_t file, struct file_row *ret_file)
{
    return one_by_number(db, "room_files.lock", file, ret_file);
}

enum err room_files_change(struct db *db, int64_t room, const struct room_files_change *change)
{
    return DB_RUN(db, "room_files.change", NULL, PARAM_I64(room), PARAM_BOOL(change->set_quota),
                  change->quota == FILE_UNLIMITED ? PARAM_NULL : PARAM_I64(change->quota),
                  PARAM_BOOL(change->set_types),
                  change->types.len == 0 ? PARAM_NULL : PARAM_TEXT(change->types));
}
