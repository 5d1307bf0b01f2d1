/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One query. A row that is entered while a later one is already committed may be passed over; its
 * owner counts as new a little longer, in this process.
 */
#include "store/first_sights.h"

#include "store/internal.h"

static bool read_sight(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct first_sight *sight = element;
    sight->user = row_i64(row, 0);
    row_key(row, 1, sight->session.b, sizeof(sight->session.b));
    sight->hour = row_i64(row, 2);
    sight->last_hour = row_i64(row, 3);
    return true;
}

enum err first_sights_after(struct db *db, struct arena *mem, int64_t user,
                            int64_t active_since_hour, int64_t limit, struct first_sight **ret_rows,
                            size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *sights = NULL;
    enum err e = DB_RUN(db, "first_sights.after", &rows, PARAM_I64(user),
                        PARAM_I64(active_since_hour), PARAM_I64(limit));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct first_sight), read_sight, &sights, ret_count);
    if (e == OK)
        *ret_rows = sights;
    return e;
}
