/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of edits and deletions. Apart from posting.c, which only adds.
 */
#include "store/changing.h"

#include "store/internal.h"

static bool read_target(const struct row *row, struct arena *mem, void *element)
{
    struct message_target *t = element;
    *t = (struct message_target){.id = row_i64(row, 0),
                                 .room = row_i64(row, 1),
                                 .author = row_i64(row, 2),
                                 .posted = row_f64(row, 3),
                                 .seqno_creation = row_i64(row, 4),
                                 .seqno_data = row_i64(row, 5),
                                 .seqno_reactions = row_i64(row, 6),
                                 .state = (enum message_state)row_i64(row, 7),
                                 .deleted = row_bool(row, 8),
                                 .whisper = row_bool(row, 9),
                                 .key_id = row_i64(row, 10)};
    if (row_is_null(row, 11))
        return true;
    struct span body = row_bytes(row, 11);
    t->edited = row_f64_or(row, 12, 0);
    t->whisper_mods = row_bool(row, 13);
    t->has_whisper_to = !row_is_null(row, 15);
    if (t->has_whisper_to)
        row_key(row, 15, t->whisper_to.b, sizeof(t->whisper_to.b));
    if (!row_is_null(row, 14) && !row_dup(row, 14, mem, &t->mac))
        return false;
    t->sealed = (struct bytes){arena_alloc(mem, body.len), body.len};
    if (t->sealed.p != NULL && body.len > 0)
        memcpy(t->sealed.p, body.p, body.len);
    return t->sealed.p != NULL;
}

enum err changing_targets(struct db *db, struct arena *mem, const struct targets_wanted *w,
                          struct message_target **ret_targets, size_t *ret_count)
{
    int64_t *rooms = ARENA_ARRAY(mem, w->author_count, int64_t);
    int64_t *authors = ARENA_ARRAY(mem, w->author_count, int64_t);
    double *posted = ARENA_ARRAY(mem, w->author_count, double);
    if (rooms == NULL || authors == NULL || posted == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < w->author_count; i++) {
        rooms[i] = w->authors[i].room;
        authors[i] = w->authors[i].author;
        posted[i] = w->authors[i].posted;
    }
    AUTO_ROWS struct rows rows = {0};
    void *targets = NULL;
    enum err e =
        DB_RUN(db, "changing.targets", &rows, PARAM_ARRAY(P_I64_ARRAY, w->ids, w->id_count),
               PARAM_ARRAY(P_I64_ARRAY, w->edited, w->edited_count),
               PARAM_ARRAY(P_I64_ARRAY, rooms, w->author_count),
               PARAM_ARRAY(P_I64_ARRAY, authors, w->author_count),
               PARAM_ARRAY(P_F64_ARRAY, posted, w->author_count), PARAM_I64(w->limit));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct message_target), read_target, &targets,
                           ret_count);
    if (e == OK)
        *ret_targets = targets;
    return e;
}

enum err changing_is_there(struct db *db, int64_t room, int64_t message, bool *ret_there)
{
    int64_t count = 0;
    enum err e =
        STORE_ONE_I64(db, "changing.is_there", &count, PARAM_I64(room), PARAM_I64(message));
    if (e == OK)
        *ret_there = count > 0;
    return e;
}

static bool read_author_room(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(struct author_room *)element = (struct author_room){row_i64(row, 0), row_i64(row, 1)};
    return true;
}

enum err changing_rooms_of(struct db *db, struct arena *mem, int64_t author, int64_t room,
                           struct author_room **ret_rooms, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *rooms = NULL;
    enum err e = DB_RUN(db, "changing.rooms_of", &rows, PARAM_I64(author), PARAM_I64(room));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct author_room), read_author_room, &rooms,
                           ret_count);
    if (e == OK)
        *ret_rooms = rooms;
    return e;
}

enum err changing_write(struct db *db, struct arena *mem, const struct message_change *changes,
                        size_t count)
{
    int64_t *ids = ARENA_ARRAY(mem, count, int64_t);
    double *edited = ARENA_ARRAY(mem, count, double);
    int64_t *seqnos = ARENA_ARRAY(mem, count, int64_t);
    int64_t *key_ids = ARENA_ARRAY(mem, count, int64_t);
    struct span *bodies = ARENA_ARRAY(mem, count, struct span);
    struct span *macs = ARENA_ARRAY(mem, count, struct span);
    if (ids == NULL || edited == NULL || seqnos == NULL || key_ids == NULL || bodies == NULL ||
        macs == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        ids[i] = changes[i].id;
        edited[i] = changes[i].edited;
        seqnos[i] = changes[i].seqno_data;
        key_ids[i] = changes[i].key_id;
        bodies[i] = changes[i].sealed;
        macs[i] = changes[i].mac;
    }
    return DB_RUN(db, "changing.write", NULL, PARAM_ARRAY(P_I64_ARRAY, ids, count),
                  PARAM_ARRAY(P_F64_ARRAY, edited, count), PARAM_ARRAY(P_I64_ARRAY, seqnos, count),
                  PARAM_ARRAY(P_I64_ARRAY, key_ids, count),
                  PARAM_ARRAY(P_BYTES_ARRAY, bodies, count),
                  PARAM_ARRAY(P_BYTES_ARRAY, macs, count));
}

enum err changing_reacted(struct db *db, const int64_t *ids, const int64_t *seqnos, size_t count)
{
    return DB_RUN(db, "changing.reacted", NULL, PARAM_ARRAY(P_I64_ARRAY, ids, count),
                  PARAM_ARRAY(P_I64_ARRAY, seqnos, count));
}

static bool read_room(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(int64_t *)element = row_i64(row, 0);
    return true;
}

enum err changing_unpin(struct db *db, struct arena *mem, const int64_t *ids, size_t count,
                        int64_t **ret_rooms, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *rooms = NULL;
    enum err e = DB_RUN(db, "changing.unpin", &rows, PARAM_ARRAY(P_I64_ARRAY, ids, count));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(int64_t), read_room, &rooms, ret_count);
    if (e == OK)
        *ret_rooms = rooms;
    return e;
}
