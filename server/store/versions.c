/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of versions: raised with every change, read by every process twice a second.
 */
#include "store/versions.h"

#include "store/internal.h"

static bool read_version(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(struct version_row *)element = (struct version_row){
        .scope = (enum version_scope)row_i64(row, 0),
        .id = row_i64(row, 1),
        .value = row_i64(row, 2),
    };
    return true;
}

enum err versions_read(struct db *db, struct arena *mem, struct version_row **ret_rows,
                       size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *all = NULL;
    enum err e = db_run(db, "versions.read", NULL, 0, &rows);
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct version_row), read_version, &all, ret_count);
    if (e == OK)
        *ret_rows = all;
    return e;
}

enum err versions_bump(struct db *db, enum version_scope scope, int64_t id)
{
    return DB_RUN(db, "versions.bump", NULL, PARAM_I16(scope), PARAM_I64(id));
}

enum err versions_bump_rights(struct db *db, const int64_t *rooms, size_t count)
{
    return DB_RUN(db, "versions.bump_rights", NULL, PARAM_ARRAY(P_I64_ARRAY, rooms, count));
}

enum err versions_notify(struct db *db)
{
    return db_run(db, "versions.notify", NULL, 0, NULL);
}
