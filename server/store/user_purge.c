/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of the purge of people. A row may be referred to again between the look and the deletion only
 * by somebody who holds a lock on it, and those are skipped.
 */
#include "store/user_purge.h"

#include "store/internal.h"
#include "store/users.h"

/* The record is made before what it is made for: it has to outlive the moment between the two. */
enum { PENDING_KEPT_HOURS = 2 };

enum err users_purge(struct db *db, struct user_purge *purge)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e =
        DB_RUN(db, "users.purge", &rows, PARAM_I64(purge->after_user), PARAM_I64(purge->rows),
               PARAM_I64(purge->hour - ACTIVE_HOURS), PARAM_I64(purge->hour - ACTIVITY_KEPT_HOURS));
    struct row row;
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    int64_t last = row_i64(&row, 0), looked_at = row_i64(&row, 1), gone = row_i64(&row, 2);
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    purge->after_user = last;
    purge->complete = looked_at < purge->rows;
    purge->gone = gone;
    return OK;
}

struct pending_pass {
    int64_t hour, gone;
};

static enum err purge_pending(struct db *db, void *arg)
{
    struct pending_pass *pass = arg;
    enum err e =
        STORE_ONE_I64(db, "pending.purge", &pass->gone, PARAM_I64(pass->hour - PENDING_KEPT_HOURS));
    return e == OK && pass->gone > 0 ? versions_bump(db, VERSION_USERS, 0) : e;
}

enum err pending_purge(struct db *db, int64_t hour, int64_t *ret_gone)
{
    struct pending_pass pass = {.hour = hour};
    enum err e = store_tx(db, purge_pending, &pass);
    if (e == OK)
        *ret_gone = pass.gone;
    return e;
}
