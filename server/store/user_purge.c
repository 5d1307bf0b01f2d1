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

#define NOTHING_WAITS                                                                              \
    "       AND NOT EXISTS (SELECT FROM permissions x WHERE x.user_id = u.id)"                     \
    "       AND NOT EXISTS (SELECT FROM permission_futures x WHERE x.user_id = u.id)"              \
    "       AND NOT EXISTS (SELECT FROM ban_futures x WHERE x.user_id = u.id)"

const struct statement user_purge_statements[] = {
    {"users.purge",
     "WITH slice AS MATERIALIZED ("
     "    SELECT id"
     "      FROM users"
     "     WHERE id > $1"
     "     ORDER BY id"
     "     LIMIT $2),"
     "unused AS MATERIALIZED ("
     "    SELECT u.id"
     "      FROM users u"
     "      JOIN slice USING (id)"
     "     WHERE NOT u.banned AND NOT u.moderator"
     "       AND (u.last_active_hour < $4"
     "            OR (u.last_active_hour < $3 AND u.last_active_hour <= u.created_hour))"
     "       AND NOT EXISTS (SELECT FROM room_users x"
     "                        WHERE x.user_id = u.id AND x.last_active_hour >= $3)" NOTHING_WAITS
     "       AND NOT EXISTS (SELECT FROM needs_blinding x WHERE x.user_id = u.id)"
     "       AND NOT EXISTS (SELECT FROM messages x WHERE x.author = u.id)"
     "       AND NOT EXISTS (SELECT FROM messages x WHERE x.whisper_to = u.id)"
     "       AND NOT EXISTS (SELECT FROM user_reactions x WHERE x.user_id = u.id)"
     "       AND NOT EXISTS (SELECT FROM pins x WHERE x.pinned_by = u.id)"
     "       AND NOT EXISTS (SELECT FROM files x WHERE x.uploader = u.id)"
     "       AND NOT EXISTS (SELECT FROM direct_messages x"
     "                        WHERE x.sender = u.id OR x.recipient = u.id)"
     "       FOR UPDATE OF u SKIP LOCKED),"
     "gone AS ("
     "    DELETE FROM users"
     "     USING unused"
     "     WHERE users.id = unused.id"
     "    RETURNING users.id)"
     "SELECT coalesce((SELECT max(id) FROM slice), 0),"
     "       (SELECT count(*) FROM slice),"
     "       (SELECT count(*) FROM gone)"},
    {"pending.purge", "WITH gone AS ("
                      "    DELETE FROM needs_blinding n"
                      "     USING users u"
                      "     WHERE u.id = n.user_id AND NOT u.banned AND NOT u.moderator"
                      "       AND u.last_active_hour < $1" NOTHING_WAITS "    RETURNING n.user_id)"
                      "SELECT count(*) FROM gone"},
    STATEMENTS_END,
};

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
