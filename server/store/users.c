/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of users.
 */
#include "store/users.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/pending.h"

bool users_read_row(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct user_row *user = element;
    *user = (struct user_row){.id = row_i64(row, 0),
                              .banned = row_bool(row, 2),
                              .moderator = row_bool(row, 3),
                              .admin = row_bool(row, 4),
                              .visible = row_bool(row, 5)};
    row_key(row, 1, user->session.b, sizeof(user->session.b));
    return true;
}

enum err users_special(struct db *db, struct arena *mem, struct user_row **ret_users,
                       size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *users = NULL;
    enum err e = db_run(db, "users.special", NULL, 0, &rows);
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct user_row), users_read_row, &users, ret_count);
    if (e == OK)
        *ret_users = users;
    return e;
}

enum err users_flush_sightings(struct db *db, const struct sighting *sightings, size_t count)
{
    enum { SLICE = 256 };
    enum err e = OK;
    for (size_t from = 0; e == OK && from < count; from += SLICE) {
        struct span sessions[SLICE], active_sessions[SLICE];
        int64_t hours[SLICE], rooms[SLICE], active_hours[SLICE];
        size_t n = count - from < SLICE ? count - from : SLICE;
        size_t active = 0;
        for (size_t i = 0; i < n; i++) {
            const struct sighting *s = &sightings[from + i];
            sessions[i] = SPAN_OF_KEY(&s->session);
            hours[i] = s->hour;
            if (s->room == 0)
                continue;
            active_sessions[active] = sessions[i];
            rooms[active] = s->room;
            active_hours[active++] = s->hour;
        }
        e = DB_RUN(db, "users.seen", NULL, PARAM_ARRAY(P_BYTES_ARRAY, sessions, n),
                   PARAM_ARRAY(P_I64_ARRAY, hours, n));
        if (e == OK && active > 0)
            e = DB_RUN(db, "users.active", NULL,
                       PARAM_ARRAY(P_BYTES_ARRAY, active_sessions, active),
                       PARAM_ARRAY(P_I64_ARRAY, rooms, active),
                       PARAM_ARRAY(P_I64_ARRAY, active_hours, active));
    }
    return e;
}

static enum err find_user(struct db *db, const struct session_id *ids, size_t count,
                          int64_t *ret_user, struct session_id *ret_session)
{
    enum { CANDIDATES_MAX = 4 };
    struct span spans[CANDIDATES_MAX];
    if (count > CANDIDATES_MAX)
        return ERR_DEFECT;
    for (size_t i = 0; i < count; i++)
        spans[i] = SPAN_OF_KEY(&ids[i]);
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "users.find", &rows, PARAM_ARRAY(P_BYTES_ARRAY, spans, count));
    if (e != OK)
        return e;
    struct row row;
    if (!rows_next(&rows, &row))
        return ERR_MISSING;
    struct session_id session = {{0}};
    int64_t user = row_i64(&row, 0);
    row_key(&row, 1, session.b, sizeof(session.b));
    if (!rows_ok(&rows))
        return ERR_DEFECT;
    *ret_user = user;
    *ret_session = session;
    return OK;
}

enum err users_find(struct db *db, const struct session_id *given,
                    const struct session_id *candidates, size_t candidate_count, int64_t *ret_user,
                    struct session_id *ret_session)
{
    enum err e = find_user(db, candidates, candidate_count, ret_user, ret_session);
    return e == ERR_MISSING ? find_user(db, given, 1, ret_user, ret_session) : e;
}

struct resolution {
    const struct session_id *given, *candidates;
    size_t candidate_count;
    int64_t now_ms;
    int64_t user;
    struct session_id session;
};

static enum err resolve(struct db *db, void *arg)
{
    struct resolution *r = arg;
    enum err e = find_user(db, r->candidates, r->candidate_count, &r->user, &r->session);
    if (e != ERR_MISSING)
        return e;
    e = DB_RUN(db, "users.add", NULL, PARAM_BYTES(SPAN_OF_KEY(r->given)),
               PARAM_I64(r->now_ms / HOUR_MS));
    if (e == OK)
        e = find_user(db, r->given, 1, &r->user, &r->session);
    if (e == OK)
        e = DB_RUN(db, "users.touch", NULL, PARAM_I64(r->user), PARAM_I64(r->now_ms / HOUR_MS));
    if (e == OK && r->candidate_count > 0)
        e = pending_record(db, &r->candidates[0], r->user);
    return e;
}

enum err users_resolve(struct db *db, const struct session_id *given,
                       const struct session_id *candidates, size_t candidate_count, int64_t now_ms,
                       int64_t *ret_user, struct session_id *ret_session)
{
    struct resolution r = {given, candidates, candidate_count, now_ms, 0, {{0}}};
    enum err e = store_tx(db, resolve, &r);
    if (e == OK) {
        *ret_user = r.user;
        *ret_session = r.session;
    }
    return e;
}

static enum err count_active(struct db *db, void *arg)
{
    const int64_t *hour = arg;
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "users.prune_activity", NULL, PARAM_I64(*hour - ACTIVITY_KEPT_HOURS));
    if (e == OK)
        e = DB_RUN(db, "users.count_active", &rows, PARAM_I64(*hour - ACTIVE_HOURS));
    struct row row;
    while (e == OK && rows_next(&rows, &row))
        e = versions_bump(db, VERSION_ROOM_CONTENT, row_i64(&row, 0));
    return e;
}

enum err users_count_active(struct db *db, int64_t hour)
{
    return db_tx(db, count_active, &hour);
}
