/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the batch writer asks about reactions and changes of them: one statement per step, however
 * many.
 */
#include "store/internal.h"
#include "store/reactions.h"

enum err reactions_totals(struct db *db, struct arena *mem, const int64_t *messages, size_t count,
                          int64_t **ret_totals)
{
    AUTO_ROWS struct rows rows = {0};
    int64_t *totals = ARENA_ARRAY(mem, count, int64_t);
    if (totals == NULL)
        return ERR_NO_MEMORY;
    enum err e = DB_RUN(db, "reacting.totals", &rows, PARAM_ARRAY(P_I64_ARRAY, messages, count));
    struct row row;
    size_t n = 0;
    while (e == OK && n < count && rows_next(&rows, &row))
        totals[n++] = row_i64(&row, 0);
    if (e == OK && (!rows_ok(&rows) || n != count))
        e = ERR_DEFECT;
    if (e == OK)
        *ret_totals = totals;
    return e;
}

static bool read_held(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(struct user_reaction *)element =
        (struct user_reaction){.reaction = row_i64(row, 0), .user = row_i64(row, 1)};
    return true;
}

enum err reactions_held(struct db *db, struct arena *mem, const int64_t *messages,
                        const int64_t *users, size_t count, struct user_reaction **ret_held,
                        size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *held = NULL;
    enum err e = DB_RUN(db, "reacting.held", &rows, PARAM_ARRAY(P_I64_ARRAY, messages, count),
                        PARAM_ARRAY(P_I64_ARRAY, users, count));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct user_reaction), read_held, &held, ret_count);
    if (e == OK)
        *ret_held = held;
    return e;
}

enum err reactions_remove(struct db *db, const int64_t *reactions, size_t reaction_count,
                          const int64_t *messages, size_t message_count)
{
    return DB_RUN(db, "reacting.remove", NULL, PARAM_ARRAY(P_I64_ARRAY, reactions, reaction_count),
                  PARAM_ARRAY(P_I64_ARRAY, messages, message_count));
}

enum err reactions_insert(struct db *db, struct arena *mem, const struct reaction_insert *rows,
                          size_t count, int64_t **ret_ids)
{
    int64_t *messages = ARENA_ARRAY(mem, count, int64_t);
    int64_t *key_ids = ARENA_ARRAY(mem, count, int64_t);
    int64_t *users = ARENA_ARRAY(mem, count, int64_t);
    struct span *texts = ARENA_ARRAY(mem, count, struct span);
    int64_t *ids = ARENA_ARRAY(mem, count, int64_t);
    if (messages == NULL || key_ids == NULL || users == NULL || texts == NULL || ids == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        messages[i] = rows[i].message;
        key_ids[i] = rows[i].key_id;
        users[i] = rows[i].users;
        texts[i] = SPAN_OF_KEY(&rows[i].sealed);
    }
    AUTO_ROWS struct rows result = {0};
    enum err e =
        DB_RUN(db, "reacting.insert", &result, PARAM_ARRAY(P_I64_ARRAY, messages, count),
               PARAM_ARRAY(P_I64_ARRAY, key_ids, count), PARAM_ARRAY(P_BYTES_ARRAY, texts, count),
               PARAM_ARRAY(P_I64_ARRAY, users, count));
    struct row row;
    size_t n = 0;
    while (e == OK && n < count && rows_next(&result, &row))
        ids[n++] = row_i64(&row, 0);
    if (e == OK && (!rows_ok(&result) || n != count))
        e = ERR_DEFECT;
    if (e == OK)
        *ret_ids = ids;
    return e;
}

enum err reactions_set_users(struct db *db, const int64_t *reactions, const int64_t *users,
                             size_t count)
{
    return DB_RUN(db, "reacting.users", NULL, PARAM_ARRAY(P_I64_ARRAY, reactions, count),
                  PARAM_ARRAY(P_I64_ARRAY, users, count));
}

/* One array per column, as unnest wants them. */
struct columns {
    int64_t *reaction, *user, *seqno;
    double *at;
};

static bool columns_make(struct columns *c, struct arena *mem, const struct user_reaction *rows,
                         size_t count)
{
    *c = (struct columns){ARENA_ARRAY(mem, count, int64_t), ARENA_ARRAY(mem, count, int64_t),
                          ARENA_ARRAY(mem, count, int64_t), ARENA_ARRAY(mem, count, double)};
    if (c->reaction == NULL || c->user == NULL || c->seqno == NULL || c->at == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        c->reaction[i] = rows[i].reaction;
        c->user[i] = rows[i].user;
        c->seqno[i] = rows[i].seqno;
        c->at[i] = rows[i].at;
    }
    return true;
}

enum err reactions_take_back(struct db *db, struct arena *mem, const struct user_reaction *rows,
                             size_t count)
{
    struct columns c;
    if (!columns_make(&c, mem, rows, count))
        return ERR_NO_MEMORY;
    return DB_RUN(db, "reacting.take_back", NULL, PARAM_ARRAY(P_I64_ARRAY, c.reaction, count),
                  PARAM_ARRAY(P_I64_ARRAY, c.user, count));
}

enum err reactions_give(struct db *db, struct arena *mem, const struct user_reaction *rows,
                        size_t count)
{
    struct columns c;
    if (!columns_make(&c, mem, rows, count))
        return ERR_NO_MEMORY;
    return DB_RUN(db, "reacting.give", NULL, PARAM_ARRAY(P_I64_ARRAY, c.reaction, count),
                  PARAM_ARRAY(P_I64_ARRAY, c.user, count), PARAM_ARRAY(P_I64_ARRAY, c.seqno, count),
                  PARAM_ARRAY(P_F64_ARRAY, c.at, count));
}
