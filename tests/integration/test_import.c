/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A community that moved: a PySOGS's database and folder are imported, the server starts, and its
 * members go on with the numbers that they remember. Once from SQLite, once from PostgreSQL. (What
 * cannot be imported: test_import_refusals.c.)
 *
 * test-timeout-s: 240
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "client/room_file.h"
#include "db/db.h"
#include "integration/cast.h"
#include "integration/old_server.h"
#include "store/files.h"

enum { ANA, BEN, CARL, DORA, EVE, FRED, GIL, IDA, PEOPLE };
/*
 * Their rows in the old database; Gil has two, the second by an id in capitals. Eve and Ida are
 * known by their 05 ids.
 */
enum { U_ANA = 1, U_BEN, U_CARL, U_DORA, U_EVE, U_FRED, U_GIL, U_IDA, U_GIL_AGAIN, U_NOBODY };
enum { FISH = 7, QUIET = 9, SEQUENCE = 20, INFO = 12, BIG = 300000, SMALL = 1000 };

static struct cast c;
static struct old_server old;
static struct said said;

static void make_people(void)
{
    for (size_t i = 0; i < PEOPLE; i++)
        old_user(&old, &c.w, (int64_t)i + 1, i, i != EVE && i != IDA);
    struct id_text gil = old_id15(&old, &c.w, GIL);
    for (char *p = gil.s; *p != '\0'; p++)
        *p = (char)(*p >= 'a' ? *p - 'a' + 'A' : *p);
    old_sql(&old, "INSERT INTO users (id, session_id) VALUES (%d, '%s'), (%d, 'deleted')",
            U_GIL_AGAIN, gil.s, U_NOBODY);
    old_sql(&old, "UPDATE users SET banned = TRUE WHERE id = %d", U_EVE);
    old_sql(&old, "UPDATE users SET moderator = TRUE, admin = TRUE WHERE id = %d", U_FRED);
    struct blinded eve;
    assert_int_equal(blinding_15(&c.w.accounts[EVE], &old.keys.pub, &eve), OK);
    eve.id.b[32] &= 0x7f;
    old_sql(&old, "INSERT INTO needs_blinding (blinded_abs, \"user\") VALUES ('%s', %d)",
            account_id_text(&eve.id).s, U_EVE);
}

static void make_rooms(void)
{
    long long soon = (long long)clock_wall_ms() / 1000 + 3600;
    old_sql(&old,
            "INSERT INTO rooms (id, token, name, description, created, message_sequence,"
            " info_updates, active_users, image) VALUES"
            " (%d, 'Fish', 'Fish and more', 'wet', 1690000000.5, %d, %d, 3, 32);"
            "INSERT INTO rooms (id, token, name, read) VALUES (%d, 'quiet', 'Quiet', FALSE)",
            FISH, SEQUENCE, INFO, QUIET);
    old_sql(&old,
            "INSERT INTO user_permission_overrides (room, \"user\", moderator, admin, visible_mod)"
            " VALUES (%d, %d, TRUE, TRUE, TRUE), (%d, %d, TRUE, FALSE, FALSE)",
            FISH, U_ANA, FISH, U_BEN);
    old_sql(&old,
            "INSERT INTO user_permission_overrides (room, \"user\", banned)"
            " VALUES (%d, %d, TRUE), (%d, %d, TRUE), (%d, %d, FALSE)",
            FISH, U_DORA, FISH, U_IDA, FISH, U_CARL);
    old_sql(&old,
            "INSERT INTO user_permission_overrides (room, \"user\", write, upload)"
            " VALUES (%d, %d, FALSE, NULL), (%d, %d, NULL, FALSE)",
            FISH, U_GIL_AGAIN, FISH, U_GIL);
    old_sql(&old,
            "INSERT INTO user_permission_futures (room, \"user\", at, read, write)"
            " VALUES (%d, %d, %lld, NULL, FALSE), (%d, %d, 1, NULL, NULL);"
            "INSERT INTO user_ban_futures (room, \"user\", at, banned)"
            " VALUES (%d, %d, %lld, FALSE)",
            FISH, U_CARL, soon, FISH, U_CARL, FISH, U_DORA, soon);
}

static void make_messages(void)
{
    const struct old_post posts[] = {
        {101, FISH, U_ANA, ANA, "first", 1},      {102, FISH, U_BEN, BEN, "edited", 2},
        {103, FISH, U_CARL, CARL, "to go", 3},    {104, FISH, U_ANA, ANA, "liked", 4},
        {105, FISH, U_DORA, DORA, "filtered", 6}, {106, FISH, U_BEN, BEN, "for Carl", 7},
        {107, FISH, U_BEN, BEN, "for mods", 8},   {108, FISH, U_CARL, CARL, "brief", 13},
        {109, FISH, U_ANA, ANA, "new", 15},       {110, FISH, U_GIL_AGAIN, GIL, "capital", 16},
    };
    for (size_t i = 0; i < COUNT_OF(posts); i++)
        old_post(&old, &c.w, &posts[i]);
    old_delete(&old, 103, 9);
    old_delete(&old, 108, 14);
    old_sql(&old,
            "UPDATE messages SET edited = 1700005000, seqno = 5, seqno_data = 5 WHERE id = 102;"
            "UPDATE messages SET seqno = 12, seqno_reactions = 12 WHERE id = 104;"
            "UPDATE messages SET filtered = TRUE WHERE id = 105;"
            "UPDATE messages SET whisper = %d WHERE id = 106;"
            "UPDATE messages SET whisper_mods = TRUE WHERE id = 107;"
            "INSERT INTO messages (id, room, \"user\", posted) VALUES (100, %d, %d, 1500000000);"
            "INSERT INTO message_history (message, data) VALUES (103, 'x');"
            "INSERT INTO pinned_messages VALUES (%d, 101, %d, 1700000200.75),"
            " (%d, 102, 0, 1700000100.5), (%d, 103, %d, 1);"
            "INSERT INTO reactions (id, message, reaction) VALUES (5, 104, '🐟'), (6, 104, '👍'),"
            " (7, 103, 'x'), (8, 104, 'nobody''s');"
            "INSERT INTO user_reactions VALUES (5, %d, 1700000110), (5, %d, 1700000105.5),"
            " (5, %d, 1700000120), (5, %d, 1700000121), (6, %d, 1700000101), (7, %d, 1)",
            U_CARL, FISH, U_NOBODY, FISH, U_ANA, FISH, FISH, U_ANA, U_BEN, U_CARL, U_GIL,
            U_GIL_AGAIN, U_BEN, U_BEN);
}

static void make_files(void)
{
    const struct old_file files[] = {
        {31, FISH, U_ANA, "109", "4000000000.5", "'two 🐟.png'", BIG},
        {32, FISH, U_ANA, "NULL", "5", "NULL", SMALL}, /* the picture, set twice */
        {33, FISH, U_ANA, "101", "NULL", "'pinned'", SMALL},
        {34, FISH, U_ANA, "NULL", "1700000000", "NULL", SMALL},
        {35, FISH, U_ANA, "109", "4000000000", "NULL", SMALL},
        {36, FISH, U_ANA, "101", "NULL", "NULL", SMALL},
        {37, FISH, U_GIL_AGAIN, "110", "4000000000", "NULL", SMALL},
    };
    char path[2 * WORLD_PATH_MAX];
    for (size_t i = 0; i < COUNT_OF(files); i++)
        old_file(&old, &files[i]);
    for (int lost = 35; lost <= 36; lost++) {
        (void)snprintf(path, sizeof(path), "%s/uploads/%d_x", old.folder, lost);
        assert_int_equal(remove(path), 0);
    }
    old_sql(&old,
            "UPDATE files SET path = '%s/' || path WHERE id = 37;"
            "UPDATE files SET expiry = %lld WHERE id = 31;"
            "INSERT INTO files (id, size, uploaded, expiry, path) VALUES (38, 1, 1, 0, 'x')",
            old.folder, (long long)clock_wall_ms() / 1000 + 86400 * 10);
}

static void make_dms(void)
{
    for (int id = 499; id <= 501; id++)
        old_sql(&old,
                "INSERT INTO inbox (id, recipient, sender, body, posted_at, expiry)"
                " VALUES (%d, %d, %d, %s, 1700000000.5, %s)",
                id, U_CARL, U_BEN, old_bytes(&old, span_of(&id, 1)),
                id == 499 ? "1" : "4000000000");
    /* PostgreSQL remembers that there were more. */
    if (old.db != NULL)
        old_sql(&old, "SELECT setval(pg_get_serial_sequence('inbox', 'id'), 600)");
}

static int move_in(bool postgres)
{
    c = (struct cast){.count = PEOPLE};
    old_open(&old, &c.w, PEOPLE, postgres);
    make_people();
    make_rooms();
    make_messages();
    make_files();
    make_dms();
    old_sql(&old, "INSERT INTO room_users VALUES (%d, %d, %lld), (%d, %d, 1)", FISH, U_CARL,
            (long long)clock_wall_ms() / 1000, FISH, U_ANA);
    old_import(&old, &c.w, "--dry-run", 0, "would come:", &said);
    old_import(&old, &c.w, "--skip-missing-files", 0, "came:", &said);
    if (world_start_server(&c.w, NULL, NULL) != OK)
        fail_msg("%s", c.w.trouble);
    for (size_t i = 0; i < PEOPLE; i++)
        assert_int_equal(member_open(&c.w, i, 0, false, &c.members[i]), OK);
    const struct db_options db = {.url = c.w.database_url};
    assert_int_equal(db_new(&db, &c.db), OK);
    assert_int_equal(db_ensure(c.db), OK);
    return 0;
}

static int move_in_from_sqlite(void **state)
{
    (void)state;
    return move_in(false);
}

static int move_in_from_postgres(void **state)
{
    (void)state;
    return move_in(true);
}

static int move_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < c.count; i++)
        member_close(&c.members[i]);
    db_free(c.db);
    old_close(&old, &c.w);
    return 0;
}

static struct member *who(size_t person)
{
    return &c.members[person];
}

/*
 * What somebody gets who remembers a number: "id:seqno" and a letter: p post, d deleted, r
 * reactions only.
 */
static void assert_since(size_t person, int64_t seqno, const char *expected)
{
    char got[512] = "";
    json_t *rows =
        must(who(person), "GET", NULL, "/room/Fish/messages/since/%lld?t=r", (long long)seqno);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct message m AUTO_MESSAGE = {0};
        assert_int_equal(message_read(row, &m), OK);
        assert_true(m.kind != MESSAGE_POST || m.verified);
        size_t len = strlen(got);
        (void)snprintf(got + len, sizeof(got) - len, "%s%lld:%lld%c", len > 0 ? " " : "",
                       (long long)m.id, (long long)m.seqno, "pdr"[m.kind]);
    }
    json_decref(rows);
    assert_string_equal(got, expected);
}

static void clients_with_old_numbers__miss_nothing_and_get_nothing_twice(void **state)
{
    (void)state;
    char expected[64];
    assert_since(CARL, 8, "103:9d 104:12r 109:15p 110:16p");
    assert_since(CARL, 4, "102:5p 106:7p 103:9d 104:12r 109:15p 110:16p");
    assert_since(CARL, 13, "108:14d 109:15p 110:16p");
    assert_since(CARL, 16, "");
    assert_since(CARL, SEQUENCE, "");
    assert_since(ANA, 4, "102:5p 107:8p 103:9d 104:12r 109:15p 110:16p");
    for (int64_t known = INFO - 1; known <= INFO + 1; known++) {
        json_t *info = must(who(CARL), "GET", NULL, "/room/fish/pollInfo/%lld", (long long)known);
        assert_int_equal(json_object_get(info, "details") != NULL, known != INFO);
        json_decref(info);
    }
    /* And on it goes. */
    json_t *sent = NULL;
    assert_int_equal(community_post(&who(ANA)->community, "Fish", "after the move", &sent), OK);
    int64_t id = json_integer_value(json_object_get(sent, "id"));
    json_decref(sent);
    assert_true(id > 110);
    (void)snprintf(expected, sizeof(expected), "%lld:%dp", (long long)id, SEQUENCE + 1);
    assert_since(CARL, 16, expected);
    assert_since(CARL, SEQUENCE, expected);
    assert_since(CARL, SEQUENCE + 1, "");
}

static void assert_box(size_t person, const char *box, const char *expected)
{
    char got[256] = "";
    json_t *rows = NULL;
    int code = ask(who(person), "GET", NULL, &rows, "/%s", box);
    assert_int_equal(code, expected[0] == '\0' ? 304 : 200);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        size_t len = strlen(got);
        (void)snprintf(got + len, sizeof(got) - len, "%lld:%s ",
                       (long long)json_integer_value(json_object_get(row, "id")),
                       json_string_value(json_object_get(row, "message")));
    }
    json_decref(rows);
    assert_string_equal(got, expected);
}

static void imported_direct_messages__come_once_under_their_old_ids(void **state)
{
    (void)state;
    assert_box(CARL, "inbox", "500:9A== 501:9Q== "); /* their one byte; 499 was over */
    assert_box(CARL, "inbox/since/500", "501:9Q== ");
    assert_box(CARL, "inbox/since/501", "");
    assert_box(BEN, "outbox/since/500", "501:9Q== ");
    json_t *sent = must(who(BEN), "POST", "{\"message\": \"AAAA\"}", "/inbox/%s", id15(&c, CARL));
    int64_t id = json_integer_value(json_object_get(sent, "id"));
    json_decref(sent);
    assert_int_equal(id, old.db != NULL ? 601 : 502);
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "%lld:AAAA ", (long long)id);
    assert_box(CARL, "inbox/since/501", expected);
}

static void assert_file(int64_t id, size_t size, bool expires)
{
    AUTO_BUF struct buf wanted = old_content(id, size), got = buf_make(2 * BIG);
    struct room_file_info info;
    assert_int_equal(room_file_get(&who(CARL)->community, "Fish", id, SIGNED_BLINDED, &got, &info),
                     OK);
    assert_true(span_eq(buf_span(&wanted), buf_span(&got)));
    assert_int_equal(info.expires[0] != '\0', expires);
    if (id == 31)
        assert_non_null(strstr(info.disposition, "two%20%F0%9F%90%9F.png"));
}

static void imported_files__are_equal_byte_by_byte_and_expire_as_before(void **state)
{
    (void)state;
    assert_file(31, BIG, true);
    assert_file(32, SMALL, false);
    assert_file(33, SMALL, false);
    assert_file(37, SMALL, true);
    for (int gone = 34; gone <= 36; gone++)
        assert_int_equal(ask(who(CARL), "GET", NULL, NULL, "/room/Fish/file/%d", gone), 404);
    json_t *room = room_of(who(CARL), "Fish");
    assert_int_equal(json_integer_value(json_object_get(room, "image_id")), 32);
    json_decref(room);
    /* The one attached to a pinned message was named, the other counted. */
    assert_non_null(strstr(said.err, "files, id 36: attached to a pinned message"));
    assert_null(strstr(said.err, "id 35"));
    assert_non_null(strstr(said.out, "files that are not in the folder"));
    assert_int_equal(
        sql_number(&c, "SELECT bytes FROM conclave.room_storage WHERE room = %d", FISH),
        BIG + 3 * FILE_BLOCK_BYTES);
    assert_int_equal(sql_number(&c, "SELECT bytes FROM conclave.file_usage"),
                     BIG + 3 * FILE_BLOCK_BYTES);
    int64_t next = 0;
    assert_int_equal(room_file_put(&who(ANA)->community, "Fish", SPAN("more"), NULL, &next), OK);
    assert_true(next > 38);
}

static void imported_pins__keep_their_order_and_who_pinned(void **state)
{
    (void)state;
    json_t *room = room_of(who(CARL), "Fish");
    const json_t *pins = json_object_get(room, "pinned_messages");
    assert_int_equal(json_array_size(pins), 2); /* not that of a deleted message */
    const json_t *first = json_array_get(pins, 0), *second = json_array_get(pins, 1);
    assert_int_equal(json_integer_value(json_object_get(first, "id")), 102);
    assert_int_equal(json_integer_value(json_object_get(first, "pinned_at")), 1700000100);
    assert_memory_equal(json_string_value(json_object_get(first, "pinned_by")), "ff", 2);
    assert_int_equal(json_integer_value(json_object_get(second, "id")), 101);
    assert_string_equal(json_string_value(json_object_get(second, "pinned_by")), id15(&c, ANA));
    json_decref(room);
    json_decref(must(who(ANA), "POST", NULL, "/room/Fish/unpin/102"));
    json_decref(must(who(ANA), "POST", NULL, "/room/Fish/pin/109"));
    room = room_of(who(CARL), "Fish");
    assert_int_equal(json_integer_value(json_object_get(room, "info_updates")), INFO + 2);
    json_decref(room);
}

static void imported_reactions__keep_their_order_and_who_was_first(void **state)
{
    (void)state;
    json_t *row = must(who(GIL), "GET", NULL, "/room/Fish/message/104?reactors=5");
    const json_t *reactions = json_object_get(row, "reactions");
    assert_int_equal(json_object_size(reactions), 2);
    const json_t *fish = json_object_get(reactions, "🐟"), *thumb = json_object_get(reactions, "👍");
    assert_int_equal(json_integer_value(json_object_get(fish, "index")), 0);
    assert_int_equal(json_integer_value(json_object_get(thumb, "index")), 1);
    assert_int_equal(json_integer_value(json_object_get(fish, "count")), 3); /* Gil once */
    assert_true(json_is_true(json_object_get(fish, "you")));
    const json_t *reactors = json_object_get(fish, "reactors");
    const size_t order[] = {CARL, BEN, GIL};
    for (size_t i = 0; i < COUNT_OF(order); i++)
        assert_string_equal(json_string_value(json_array_get(reactors, i)), id15(&c, order[i]));
    json_decref(row);
    /* A new one comes last, and counts on. */
    json_t *added = must(who(ANA), "PUT", NULL, "/room/Fish/reaction/104/🐟");
    assert_true(json_is_true(json_object_get(added, "added")));
    json_decref(added);
    json_t *list = must(who(CARL), "GET", NULL, "/room/Fish/reactors/104/🐟");
    assert_string_equal(json_string_value(json_array_get(json_array_get(list, 3), 0)),
                        id15(&c, ANA));
    assert_int_equal((int64_t)(json_number_value(json_array_get(json_array_get(list, 0), 1)) * 10),
                     17000001055);
    json_decref(list);
}

static void imported_roles_and_bans__hold_as_before(void **state)
{
    (void)state;
    json_t *room = room_of(who(CARL), "Fish");
    assert_true(lists(room, "admins", id15(&c, ANA)));
    assert_int_equal(json_array_size(json_object_get(room, "admins")), 1);
    assert_int_equal(json_array_size(json_object_get(room, "moderators")), 0);
    json_decref(room);
    room = room_of(who(ANA), "Fish");
    assert_true(lists(room, "hidden_moderators", id15(&c, BEN)));
    assert_true(lists(room, "hidden_admins", id15(&c, FRED)));
    assert_int_equal(json_array_size(json_object_get(room, "hidden_admins")), 1);
    json_decref(room);
    json_t *info = must(who(FRED), "GET", NULL, "/room/quiet/pollInfo/0");
    assert_true(json_is_true(json_object_get(info, "global_admin")));
    json_decref(info);
    /* From the room, by the server, and by the 05 id of somebody who comes for the first time. */
    assert_int_equal(ask(who(DORA), "GET", NULL, NULL, "/room/Fish"), 404);
    assert_int_equal(ask(who(DORA), "GET", NULL, NULL, "/room/Fish/pollInfo/0"), 403);
    wait_for_code(who(EVE), 403, "GET", "/rooms");
    wait_for_code(who(IDA), 404, "GET", "/room/Fish"); /* PySOGS had noted nothing of it */
    /* The room's own defaults. */
    assert_int_equal(ask(who(CARL), "GET", NULL, NULL, "/room/quiet"), 200);
    assert_int_equal(ask(who(CARL), "GET", NULL, NULL, "/room/quiet/messages/recent"), 403);
}

static void imported_permissions_and_schedules__hold_as_before(void **state)
{
    (void)state;
    /* What was said of Gil under either spelling. */
    json_t *message = NULL;
    assert_int_equal(community_post(&who(GIL)->community, "Fish", "muted", &message), ERR_DENIED);
    assert_int_equal(who(GIL)->community.refusal.code, 403);
    json_t *list = must(who(ANA), "GET", NULL, "/room/Fish/futurePermissions");
    assert_int_equal(json_array_size(list), 2);
    size_t seen = 0;
    for (size_t i = 0; i < 2; i++) {
        const json_t *row = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(row, "session_id"));
        if (strcmp(id, id15(&c, CARL)) == 0)
            seen += json_is_false(json_object_get(row, "write"));
        if (strcmp(id, id15(&c, DORA)) == 0)
            seen += json_is_false(json_object_get(row, "banned"));
    }
    assert_int_equal(seen, 2);
    json_decref(list);
    list = must(who(ANA), "GET", NULL, "/room/Fish/permissions");
    assert_int_equal(json_object_size(list), 5); /* Ana, Ben, Dora, Gil, Ida; one said nothing */
    const json_t *gil = json_object_get(list, id15(&c, GIL));
    assert_true(json_is_false(json_object_get(gil, "write")));
    assert_true(json_is_false(json_object_get(gil, "upload")));
    json_decref(list);
    json_decref(
        must(who(ANA), "POST", "{\"rooms\": [\"Fish\"]}", "/user/%s/unban", id15(&c, DORA)));
    wait_for_code(who(DORA), 200, "GET", "/room/Fish");
}

static void imported_whispers_and_filtered_posts__stay_hidden(void **state)
{
    (void)state;
    static const struct {
        size_t person;
        int message, code;
    } cases[] = {
        {CARL, 106, 200}, {BEN, 106, 200},  {ANA, 106, 404},  {GIL, 106, 404},  {ANA, 107, 200},
        {FRED, 107, 200}, {CARL, 107, 404}, {ANA, 105, 404},  {FRED, 105, 404}, {CARL, 103, 404},
        {CARL, 110, 200}, {CARL, 100, 404}, {CARL, 101, 200},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(
            ask(who(cases[i].person), "GET", NULL, NULL, "/room/Fish/message/%d", cases[i].message),
            cases[i].code);
    /* A post of a second spelling is its author's. */
    json_t *row = must(who(CARL), "GET", NULL, "/room/Fish/message/110");
    assert_string_equal(json_string_value(json_object_get(row, "session_id")), id15(&c, GIL));
    json_decref(row);
    row = must(who(CARL), "GET", NULL, "/room/Fish/message/101");
    assert_true(json_real_value(json_object_get(row, "posted")) > 1700000101.123455 &&
                json_real_value(json_object_get(row, "posted")) < 1700000101.123457);
    json_decref(row);
}

static void the_summary__tells_what_came_and_what_did_not(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "  rooms                                                                 2\n",
        "  messages                                                             11\n",
        "    of them deleted                                                     3\n",
        "  second spellings of a user, now one with the first                    1\n",
        "  direct messages whose time is over                                    1\n",
        "  activity of more than 30 days ago                                     1\n",
        "  permissions that say nothing                                          1\n",
        "  scheduled changes that change nothing                                 1\n",
        "  earlier texts of edited and deleted messages                          1\n",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        if (strstr(said.out, lines[i]) == NULL)
            fail_msg("not there: %s in:\n%s", lines[i], said.out);
    /* A second spelling was merged, which changes people and their rights alone. */
    static const char *const same[] = {"rooms",     "messages",       "pinned_messages",
                                       "reactions", "user_reactions", "user_ban_futures",
                                       "files",     "inbox"};
    const char *compared = strstr(said.out, "compared:");
    assert_non_null(compared);
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "\n  %-28s", same[i]);
        const char *at = strstr(compared, line);
        assert_non_null(at);
        if (strncmp(at + 1 + strcspn(at + 1, "\n") - 8, "the same", 8) != 0)
            fail_msg("%s is not the same in:\n%s", same[i], said.out);
    }
    /* Nobody has the roles of the old server's own row. */
    assert_int_equal(sql_number(&c, "SELECT count(*) FROM conclave.users"
                                    " WHERE get_byte(session_id, 0) = 255 AND moderator"),
                     0);
    old_import(&old, &c.w, "--skip-missing-files", 1, "wants an empty one", &said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_with_old_numbers__miss_nothing_and_get_nothing_twice),
        cmocka_unit_test(imported_direct_messages__come_once_under_their_old_ids),
        cmocka_unit_test(imported_files__are_equal_byte_by_byte_and_expire_as_before),
        cmocka_unit_test(imported_pins__keep_their_order_and_who_pinned),
        cmocka_unit_test(imported_reactions__keep_their_order_and_who_was_first),
        cmocka_unit_test(imported_roles_and_bans__hold_as_before),
        cmocka_unit_test(imported_permissions_and_schedules__hold_as_before),
        cmocka_unit_test(imported_whispers_and_filtered_posts__stay_hidden),
        cmocka_unit_test(the_summary__tells_what_came_and_what_did_not),
    };
    int failed = cmocka_run_group_tests_name("from SQLite", tests, move_in_from_sqlite, move_out);
    return failed +
           cmocka_run_group_tests_name("from PostgreSQL", tests, move_in_from_postgres, move_out);
}
