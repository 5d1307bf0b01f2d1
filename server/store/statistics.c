/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of counts. The texts of reactions are sealed, so which is used most is found out here and not
 * by the database.
 */
#include "store/statistics.h"

#include <stdlib.h>

#include "store/internal.h"
#include "store/reactions.h"

const int statistics_days[STATISTICS_PERIODS] = {1, 7, 14, 30};

static enum err numbers(struct db *db, const char *statement, int64_t room, int64_t *const *to,
                        size_t count)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = DB_RUN(db, statement, &rows, PARAM_I64(room));
    if (e != OK)
        return e;
    if (!rows_next(&rows, &row))
        return ERR_DEFECT;
    for (size_t i = 0; i < count; i++)
        *to[i] = row_i64(&row, (int)i);
    return rows_ok(&rows) ? OK : ERR_DEFECT;
}

enum err statistics_of(struct db *db, int64_t room, int64_t hour, struct statistics *ret_statistics)
{
    struct statistics s = {0};
    int64_t *const of_messages[] = {&s.messages, &s.message_bytes, &s.tombstones};
    int64_t *const of_files[] = {&s.files, &s.file_bytes};
    enum err e = numbers(db, "statistics.messages", room, of_messages, COUNT_OF(of_messages));
    if (e == OK)
        e = numbers(db, "statistics.files", room, of_files, COUNT_OF(of_files));
    for (size_t i = 0; e == OK && i < STATISTICS_PERIODS; i++)
        e = STORE_ONE_I64(db, "statistics.active", &s.active[i], PARAM_I64(room),
                          PARAM_I64(hour - (int64_t)24 * statistics_days[i]));
    if (e == OK)
        *ret_statistics = s;
    return e;
}

/* ---- reactions ---- */

static int by_text(const void *a, const void *b)
{
    const struct reaction_count *x = a, *y = b;
    size_t shorter = x->text.len < y->text.len ? x->text.len : y->text.len;
    int order = memcmp(x->text.p, y->text.p, shorter);
    return order != 0 ? order : (x->text.len > y->text.len) - (x->text.len < y->text.len);
}

/* The most used first; equal ones always in the same order. */
static int by_users(const void *a, const void *b)
{
    const struct reaction_count *x = a, *y = b;
    return x->users != y->users ? (x->users < y->users) - (x->users > y->users) : by_text(a, b);
}

/* Sorts, joins equal texts, and sorts by use; how many are left. */
static size_t add_up(struct reaction_count *all, size_t count)
{
    size_t kinds = 0;
    qsort(all, count, sizeof(*all), by_text);
    for (size_t i = 0; i < count; i++) {
        if (kinds > 0 && span_eq(all[kinds - 1].text, all[i].text))
            all[kinds - 1].users += all[i].users;
        else
            all[kinds++] = all[i];
    }
    qsort(all, kinds, sizeof(*all), by_users);
    return kinds;
}

enum err statistics_reactions(struct db *db, struct ring *ring, struct arena *mem, int64_t room,
                              struct reaction_count *ret_top, size_t max, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    enum err e = DB_RUN(db, "statistics.reactions", &rows, PARAM_I64(room),
                        PARAM_I64(STATISTICS_REACTIONS_MAX));
    if (e != OK)
        return e;
    struct row row;
    size_t count = 0;
    struct reaction_count *all = ARENA_ARRAY(mem, (size_t)rows.count, struct reaction_count);
    if (all == NULL)
        return ERR_NO_MEMORY;
    for (; e == OK && rows_next(&rows, &row); count++) {
        const struct reaction_place place = {room, row_i64(&row, 0), row_i64(&row, 1)};
        all[count].users = row_i64(&row, 3);
        e = reaction_open(ring, db, mem, &place, row_bytes(&row, 2), &all[count].text);
    }
    if (e == OK && !rows_ok(&rows))
        e = ERR_DEFECT;
    if (e != OK)
        return e;
    size_t kinds = add_up(all, count);
    *ret_count = kinds < max ? kinds : max;
    memcpy(ret_top, all, *ret_count * sizeof(*all));
    return OK;
}
