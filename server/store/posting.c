/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the batch writer asks and writes inside its transaction (docs/design.md, D4): one statement
 * per step, however many posts.
 */
#include "base/clock.h"
#include "store/internal.h"
#include "store/posting.h"

/*
 * Clocks of two processes may differ by this much. Posts from further ahead were made before a
 * clock was set back: they must not use up their author's rate until it has caught up.
 */
enum { CLOCKS_APART_MS = 2 * SECOND_MS };

static bool read_lock(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(struct room_lock *)element = (struct room_lock){.room = row_i64(row, 0),
                                                      .message_sequence = row_i64(row, 1),
                                                      .read = row_bool(row, 2),
                                                      .accessible = row_bool(row, 3),
                                                      .write = row_bool(row, 4),
                                                      .upload = row_bool(row, 5),
                                                      .posted_ms = row_i64(row, 6)};
    return true;
}

enum err posting_lock_rooms(struct db *db, struct arena *mem, const int64_t *rooms, size_t count,
                            struct room_lock **ret_locks, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *locks = NULL;
    enum err e = DB_RUN(db, "posting.lock", &rows, PARAM_ARRAY(P_I64_ARRAY, rooms, count));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct room_lock), read_lock, &locks, ret_count);
    if (e == OK)
        *ret_locks = locks;
    return e;
}

static bool read_facts(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(struct author_facts *)element = (struct author_facts){.user = row_i64(row, 0),
                                                            .banned = row_bool(row, 1),
                                                            .moderator = row_bool(row, 2),
                                                            .admin = row_bool(row, 3),
                                                            .global_admin = row_bool(row, 4),
                                                            .read = row_tristate(row, 5),
                                                            .accessible = row_tristate(row, 6),
                                                            .write = row_tristate(row, 7),
                                                            .upload = row_tristate(row, 8),
                                                            .recent_posts = row_i64(row, 9)};
    return true;
}

enum err posting_facts(struct db *db, struct arena *mem, const struct author_key *keys,
                       size_t count, double window_start, int64_t now_ms,
                       struct author_facts **ret_facts)
{
    int64_t *rooms = ARENA_ARRAY(mem, count, int64_t);
    struct span *sessions = ARENA_ARRAY(mem, count, struct span);
    struct span *made = ARENA_ARRAY(mem, count, struct span);
    size_t made_count = 0;
    if (!rooms || !sessions || !made)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        rooms[i] = keys[i].room;
        sessions[i] = SPAN_OF_KEY(&keys[i].session);
        if (keys[i].make)
            made[made_count++] = sessions[i];
    }
    AUTO_ROWS struct rows rows = {0};
    void *facts = NULL;
    size_t found = 0;
    enum err e = OK;
    if (made_count > 0)
        e = DB_RUN(db, "posting.users", NULL, PARAM_ARRAY(P_BYTES_ARRAY, made, made_count),
                   PARAM_I64(now_ms / HOUR_MS));
    if (e == OK)
        e = DB_RUN(db, "posting.facts", &rows, PARAM_ARRAY(P_I64_ARRAY, rooms, count),
                   PARAM_ARRAY(P_BYTES_ARRAY, sessions, count), PARAM_F64(window_start),
                   PARAM_F64((double)(now_ms + CLOCKS_APART_MS) / SECOND_MS));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct author_facts), read_facts, &facts, &found);
    if (e == OK && found != count)
        e = ERR_DEFECT;
    for (size_t i = 0; e == OK && i < count; i++)
        if (keys[i].make && ((struct author_facts *)facts)[i].user == 0)
            e = ERR_RETRY; /* a user row went away between the two statements: both run again */
    if (e == OK)
        *ret_facts = facts;
    return e;
}

/* One array per column, as unnest wants them. */
struct columns {
    int64_t *room, *user, *seqno, *whisper_to, *key_id;
    double *posted;
    int16_t *state;
    bool *whisper_mods;
    struct span *body, *mac;
};

static bool columns_make(struct columns *c, struct arena *mem, const struct message_insert *rows,
                         size_t count)
{
    *c = (struct columns){
        ARENA_ARRAY(mem, count, int64_t),     ARENA_ARRAY(mem, count, int64_t),
        ARENA_ARRAY(mem, count, int64_t),     ARENA_ARRAY(mem, count, int64_t),
        ARENA_ARRAY(mem, count, int64_t),     ARENA_ARRAY(mem, count, double),
        ARENA_ARRAY(mem, count, int16_t),     ARENA_ARRAY(mem, count, bool),
        ARENA_ARRAY(mem, count, struct span), ARENA_ARRAY(mem, count, struct span)};
    if (!c->room || !c->user || !c->seqno || !c->whisper_to || !c->key_id || !c->posted ||
        !c->state || !c->whisper_mods || !c->body || !c->mac)
        return false;
    for (size_t i = 0; i < count; i++) {
        c->room[i] = rows[i].room;
        c->user[i] = rows[i].user;
        c->seqno[i] = rows[i].seqno;
        c->whisper_to[i] = rows[i].whisper_to;
        c->key_id[i] = rows[i].key_id;
        c->posted[i] = rows[i].posted;
        c->state[i] = (int16_t)rows[i].state;
        c->whisper_mods[i] = rows[i].whisper_mods;
        c->body[i] = rows[i].sealed;
        c->mac[i] = SPAN_OF_KEY(&rows[i].mac);
    }
    return true;
}

enum err posting_insert(struct db *db, struct arena *mem, const struct message_insert *rows,
                        size_t count, int64_t **ret_ids)
{
    struct columns c;
    int64_t *ids = ARENA_ARRAY(mem, count, int64_t);
    if (!ids || !columns_make(&c, mem, rows, count))
        return ERR_NO_MEMORY;
    AUTO_ROWS struct rows result = {0};
    enum err e = DB_RUN(
        db, "posting.insert", &result, PARAM_ARRAY(P_I64_ARRAY, c.room, count),
        PARAM_ARRAY(P_I64_ARRAY, c.user, count), PARAM_ARRAY(P_F64_ARRAY, c.posted, count),
        PARAM_ARRAY(P_I64_ARRAY, c.seqno, count), PARAM_ARRAY(P_I16_ARRAY, c.state, count),
        PARAM_ARRAY(P_I64_ARRAY, c.whisper_to, count),
        PARAM_ARRAY(P_BOOL_ARRAY, c.whisper_mods, count), PARAM_ARRAY(P_I64_ARRAY, c.key_id, count),
        PARAM_ARRAY(P_BYTES_ARRAY, c.body, count), PARAM_ARRAY(P_BYTES_ARRAY, c.mac, count));
    struct row row;
    size_t n = 0;
    while (e == OK && rows_next(&result, &row) && n < count)
        ids[n++] = row_i64(&row, 0);
    if (e == OK && (!rows_ok(&result) || n != count))
        e = ERR_DEFECT;
    if (e == OK)
        *ret_ids = ids;
    return e;
}

enum err posting_advance(struct db *db, const struct room_advance *c, size_t count)
{
    return DB_RUN(db, "posting.advance", NULL, PARAM_ARRAY(P_I64_ARRAY, c->rooms, count),
                  PARAM_ARRAY(P_I64_ARRAY, c->sequences, count),
                  PARAM_ARRAY(P_I64_ARRAY, c->posted_ms, count),
                  PARAM_ARRAY(P_I64_ARRAY, c->unpinned, count));
}
