/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Polling on, page after page, until nothing new comes. A page of PySOGS that is cut between the
 * two numbers of a message loses it, or its text; ours must not. So what a walk has to bring is
 * told by the old database itself, and what PySOGS's walk brought must be in it.
 */
#include "integration/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <strings.h>

enum { PAGES_MAX = 200, TIMES = 225 };

struct walk {
    const char *name; /* NULL: nobody in particular */
    const char *room;
    int limit;
    const char *query; /* more of it, from & on */
    int64_t from;
};

static void note_row(struct seen *s, json_t *known, json_t *row, int64_t *last)
{
    char id[24];
    int64_t seqno = json_integer_value(json_object_get(row, "seqno"));
    (void)snprintf(id, sizeof(id), "%lld",
                   (long long)json_integer_value(json_object_get(row, "id")));
    json_t *before = json_object_get(known, id);
    if (seqno <= *last)
        (void)seen_tell(s, "walk", id, "a number came twice, or out of order");
    *last = seqno;
    assert_int_equal(json_object_set_new(row, "last", json_integer(seqno)), 0);
    if (before == NULL)
        assert_int_equal(json_object_set(known, id, row), 0);
    else
        assert_int_equal(json_object_update(before, row), 0);
}

/* What a client knows in the end: rows by id, each with the number it came with. */
static json_t *walk(struct seen *s, const struct walk *w)
{
    json_t *known = json_object();
    char path[SEEN_PATH_MAX];
    int64_t last = w->from;
    for (int page = 0;; page++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        size_t i;
        json_t *row;
        (void)snprintf(path, sizeof(path), "/room/%s/messages/since/%lld?limit=%d&reactors=20%s",
                       w->room, (long long)last, w->limit, w->query);
        assert_true(page < PAGES_MAX);
        assert_int_equal(seen_ask(s, w->name, path, &reply), 200);
        json_auto_t *rows = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
        if (json_array_size(rows) == 0)
            return known;
        json_array_foreach(rows, i, row) note_row(s, known, row, &last);
    }
}

/* ---- against what PySOGS's walk brought ---- */

static void compare_row(struct seen *s, const struct walk *w, const char *place,
                        const json_t *expected, const json_t *ours)
{
    const char *key;
    json_t *value;
    bool reactions = w->query[0] != '\0';
    if (json_is_true(json_object_get(expected, "deleted")) &&
        (ours == NULL || json_is_true(json_object_get(ours, "deleted"))))
        return; /* nobody needs to be told of the end of a message that he never had */
    const char *recipient = json_string_value(json_object_get(expected, "whisper_to"));
    struct session_id id;
    if (recipient != NULL && session_id_read(span_of_text(recipient), &id) != OK && ours == NULL)
        return; /* a whisper to what is no account, seen by its author alone */
    if (ours == NULL) {
        (void)seen_tell(s, place, "", "missing");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)expected, key, value)
    {
        const json_t *other = json_object_get(ours, key);
        if (strcmp(key, "last") == 0 && !reactions)
            continue; /* without reactions, ours says the number of the text */
        if (strcmp(key, "whisper_to") == 0 && other != NULL &&
            strcasecmp(json_string_value(value), json_string_value(other)) == 0)
            continue; /* an id in capitals is the same id */
        if (other == NULL)
            (void)seen_tell(s, place, key, "missing");
        else
            (void)seen_same(s, place, key, value, other);
    }
}

/* ---- against the old database ---- */

/*
 * Rows that have to come: id, and whether it is there or deleted. Tombstones of what came later
 * than N may come.
 */
static const char wanted_sql[] =
    "WITH me AS (SELECT id, moderator FROM users WHERE session_id = ?1),"
    "     mod AS (SELECT coalesce((SELECT moderator FROM me), 0)"
    "                 OR EXISTS (SELECT 1 FROM user_permission_overrides p JOIN me ON me.id = "
    "p.user"
    "                             JOIN rooms r ON r.id = p.room"
    "                            WHERE r.token = ?2 AND p.moderator) AS is_mod)"
    " SELECT m.id, m.data IS NULL, m.signature"
    "   FROM messages m JOIN rooms r ON r.id = m.room"
    "  WHERE r.token = ?2 AND NOT m.filtered"
    "    AND ((m.whisper IS NULL AND NOT m.whisper_mods) OR m.user = (SELECT id FROM me)"
    "         OR m.whisper = (SELECT id FROM me)"
    "         OR (m.whisper_mods AND (SELECT is_mod FROM mod)))"
    "    AND (m.whisper IS NULL OR m.whisper_mods"
    "         OR (SELECT session_id LIKE '_5%' AND length(session_id) = 66 FROM users u"
    "              WHERE u.id = m.whisper))"
    "    AND CASE WHEN m.data IS NULL THEN m.seqno_creation <= ?3 AND m.seqno_data > ?3"
    "             WHEN ?4 THEN m.seqno > ?3 ELSE m.seqno_data > ?3 END";

static size_t compare_with_database(struct seen *s, const struct walk *w, const char *session_id,
                                    const json_t *ours)
{
    sqlite3_stmt *rows = NULL;
    size_t live = 0, found = 0;
    const char *id;
    json_t *row;
    assert_int_equal(sqlite3_prepare_v2(s->old, wanted_sql, -1, &rows, NULL), SQLITE_OK);
    (void)sqlite3_bind_text(rows, 1, session_id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(rows, 2, w->room, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(rows, 3, w->from);
    (void)sqlite3_bind_int(rows, 4, w->query[0] != '\0');
    while (sqlite3_step(rows) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(rows, 0);
        const json_t *here = json_object_get(ours, name);
        bool deleted = sqlite3_column_int(rows, 1) != 0;
        live += !deleted;
        if (here == NULL || json_is_true(json_object_get(here, "deleted")) != deleted)
            (void)seen_tell(s, w->room, name, here == NULL ? "did not come" : "came otherwise");
    }
    assert_int_equal(sqlite3_finalize(rows), SQLITE_OK);
    json_object_foreach((json_t *)(uintptr_t)ours, id, row) found +=
        !json_is_true(json_object_get(row, "deleted"));
    if (found != live)
        (void)seen_tell(s, w->room, " walk", "more came than there is");
    return live;
}

/* ---- all of them ---- */

static int64_t newest_number(struct seen *s, const char *room)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(s->old,
                                        "SELECT message_sequence FROM rooms WHERE token = ?1", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    (void)sqlite3_bind_text(statement, 1, room, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t newest = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return newest;
}

static void compare_walk(struct seen *s, const char *read, const json_t *expected)
{
    char name[32], room[ROOM_TOKEN_MAX + 1], query[16] = "", place[SEEN_PATH_MAX];
    struct walk w = {.room = room, .query = query};
    const char *id;
    json_t *row;
    assert_in_range(sscanf(read, "%31s walk %64s %d %15s", name, room, &w.limit, query), 3, 4);
    w.name = strcmp(name, "None") == 0 ? NULL : name;
    json_auto_t *ours = walk(s, &w);
    json_object_foreach(json_object_get(expected, "json"), id, row)
    {
        (void)snprintf(place, sizeof(place), "%s, id %s ", read, id);
        compare_row(s, &w, place, row, json_object_get(ours, id));
    }
    (void)compare_with_database(s, &w, seen_id(s, w.name), ours);
    /*
     * And from numbers that somebody may remember; higher ones would say that the database went
     * back.
     */
    int64_t newest = newest_number(s, room);
    for (w.from = 3; query[0] != '\0' && w.from <= newest; w.from *= TIMES) {
        json_auto_t *later = walk(s, &w);
        (void)compare_with_database(s, &w, seen_id(s, w.name), later);
    }
}

size_t seen_compare_walks(struct seen *s)
{
    const char *read;
    json_t *expected;
    size_t count = 0;
    json_object_foreach(s->reads, read, expected)
    {
        if (strstr(read, " walk ") == NULL ||
            json_integer_value(json_object_get(expected, "code")) != 200)
            continue; /* where it is refused, the reads say so */
        compare_walk(s, read, expected);
        count++;
    }
    return count;
}
