/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server that people used, tests/vectors/pysogs, is taken over with its sogs.ini, and each of its
 * people sees in ours what PySOGS showed them, polls on from what they remember, and finds all of
 * it in the PySOGS that an export fills.
 *
 * test-timeout-s: 240
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "integration/fake_clock.h"
#include "integration/old_server.h"
#include "integration/seen.h"

#define ARCHIVE "tests/vectors/pysogs/server.tar.xz"

/* Some minutes after the last read; the files of the old server expire on 15 December. */
enum { THEN_S = 1796068900, UNPACK_MS = 30000 };

static struct seen s;
static struct said said;
static char import_said[2 * SAID_MAX];
static struct fake_clock then;
static char folder[2 * WORLD_PATH_MAX];

static void unpack(void)
{
    struct buf out AUTO_BUF = buf_make(KIB(4));
    char key[sizeof(folder) + 16];
    int status = 1;
    (void)snprintf(folder, sizeof(folder), "%s/old", s.c.w.folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    const struct process_spec spec = {
        .argv = ARGS("/bin/tar", "-xJf", ARCHIVE, "--no-same-owner", "-C", folder)};
    assert_int_equal(process_run(&spec, UNPACK_MS, &out, &status), OK);
    assert_int_equal(status, 0);
    (void)snprintf(key, sizeof(key), "%s/key_x25519", folder);
    assert_int_equal(chmod(key, 0400), 0);
}

static void run_sql(sqlite3 *db, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %.300s", why, sql);
}

/* Its pages as they are now, whatever becomes of it. */
static void open_old(const char *path)
{
    sqlite3 *file = NULL;
    assert_int_equal(sqlite3_open(":memory:", &s.old), SQLITE_OK);
    assert_int_equal(sqlite3_open_v2(path, &file, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_backup *copy = sqlite3_backup_init(s.old, "main", file, "main");
    assert_non_null(copy);
    assert_int_equal(sqlite3_backup_step(copy, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(copy), SQLITE_OK);
    assert_int_equal(sqlite3_close(file), SQLITE_OK);
}

static int move_in(void **state)
{
    (void)state;
    static const char *const no_room[] = {"CONCLAVE_SERVER_FIRST_ROOM=", NULL};
    const struct world_options options = {
        .no_fsync = true, .env = then.env, .cluster_env = then.env};
    int64_t ahead_s = THEN_S - clock_wall_ms() / SECOND_MS;
    char path[sizeof(folder) + 16];
    struct world w;
    assert_true(fake_clock_open(&then, "then") && fake_clock_set(&then, ahead_s));
    assert_int_equal(world_prepare(&w, &options), OK);
    s.c.w = w;
    unpack();
    (void)snprintf(path, sizeof(path), "%s/seen.json", folder);
    seen_load(&s, path);
    s.c.w = w;
    seen_accounts(&s);
    if (world_start_database(&s.c.w) != OK)
        fail_msg("%s", s.c.w.trouble);
    (void)snprintf(path, sizeof(path), "%s/sogs.db", folder);
    open_old(path);
    command_expect(&s.c.w, old_settings, ARGS("migrate"), 0, NULL, &said);
    (void)snprintf(path, sizeof(path), "%s/sogs.ini", folder);
    command_expect(&s.c.w, old_settings, ARGS("import", "pysogs", "--from", path), 0,
                   "compared:", &said);
    (void)snprintf(import_said, sizeof(import_said), "%s%s", said.out, said.err);
    if (world_start_server(&s.c.w, no_room, NULL) != OK)
        fail_msg("%s", s.c.w.trouble);
    seen_members(&s, ahead_s);
    return 0;
}

static int move_out(void **state)
{
    (void)state;
    seen_done(&s);
    assert_true(world_close(&s.c.w));
    fake_clock_close(&then);
    return 0;
}

static void everybody__sees_what_pysogs_showed(void **state)
{
    (void)state;
    int64_t began = clock_mono_ms();
    size_t reads = seen_compare(&s);
    print_message("# %zu reads, %lld ms\n", reads, (long long)(clock_mono_ms() - began));
    assert_int_equal(s.differences, 0);
}

static void everybody__polls_on_and_misses_nothing(void **state)
{
    (void)state;
    int64_t began = clock_mono_ms();
    size_t walks = seen_compare_walks(&s);
    print_message("# %zu walks, %lld ms\n", walks, (long long)(clock_mono_ms() - began));
    assert_int_equal(s.differences, 0);
}

/*
 * What this PySOGS makes when it starts for the first time: its tables, views and triggers, and its
 * own row.
 */
static void make_fresh(const char *path, sqlite3 **ret_fresh)
{
    sqlite3_stmt *statements = NULL;
    assert_int_equal(sqlite3_open(path, ret_fresh), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(s.old,
                                        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
                                        " ORDER BY type <> 'table', rowid",
                                        -1, &statements, NULL),
                     SQLITE_OK);
    while (sqlite3_step(statements) == SQLITE_ROW)
        run_sql(*ret_fresh, (const char *)sqlite3_column_text(statements, 0));
    assert_int_equal(sqlite3_finalize(statements), SQLITE_OK);
    AUTO_BUF struct buf sql = buf_make(KIB(1));
    buf_put_text(&sql, "INSERT INTO users (id, session_id, moderator, admin) VALUES (0, 'ff");
    for (size_t i = 0; i < sizeof(s.c.w.key.b); i++) {
        char hex[3];
        (void)snprintf(hex, sizeof(hex), "%02x", (unsigned)s.c.w.key.b[i]);
        buf_put_text(&sql, hex);
    }
    buf_put_text(&sql, "', TRUE, TRUE)");
    buf_put_byte(&sql, 0);
    run_sql(*ret_fresh, (const char *)sql.p);
}

/*
 * What is compared of each table: everything but what docs/switching.md says comes back otherwise.
 */
static const struct {
    const char *table, *columns, *rows;
} tables[] = {
    {"rooms", "*", "TRUE"},
    /*
     * Times to the hour, and who has asked since has come back later; ids in small letters; what is
     * no id is another one.
     */
    {"users",
     "id, CASE WHEN session_id LIKE '_5%' AND length(session_id) = 66 THEN lower(session_id) END,"
     " CAST(created AS INTEGER) / 3600, banned, moderator, admin,"
     " moderator AND visible_mod",
     "id > 0"},
    {"needs_blinding", "*", "TRUE"},
    {"user_permission_overrides", "*", "TRUE"},
    {"user_permission_futures", "*", "coalesce(read, write, upload) IS NOT NULL"},
    {"user_ban_futures", "*", "TRUE"},
    {"room_users", "room, \"user\"", "TRUE"},
    {"messages", "*",
     "whisper IS NULL OR whisper_mods OR whisper IN (SELECT id FROM main.users"
     " WHERE session_id LIKE '_5%' AND length(session_id) = 66)"},
    {"pinned_messages", "*", "TRUE"},
    {"reactions", "*", "TRUE"},
    {"user_reactions", "*", "TRUE"},
    {"files",
     "id, room, uploader, message, size, uploaded, filename,"
     " CASE WHEN id NOT IN (SELECT image FROM main.rooms WHERE image IS NOT NULL) THEN expiry END",
     "TRUE"},
    {"inbox", "*", "sender > 0"},
};

static int64_t old_number(const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(s.old, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sqlite3_errmsg(s.old), sql);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t found = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return found;
}

/* Rows of one that the other has not. */
static int64_t missing_rows(size_t table, const char *of, const char *in)
{
    char sql[2048];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM (SELECT %s FROM %s.%s WHERE %s"
                   " EXCEPT SELECT %s FROM %s.%s WHERE %s)",
                   tables[table].columns, of, tables[table].table, tables[table].rows,
                   tables[table].columns, in, tables[table].table, tables[table].rows);
    return old_number(sql);
}

static int64_t count_rows(size_t table, const char *of)
{
    char sql[1024];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s.%s WHERE %s", of, tables[table].table,
                   tables[table].rows);
    return old_number(sql);
}

static void read_file(const char *in, const char *path, struct buf *out)
{
    char whole[4 * WORLD_PATH_MAX];
    (void)snprintf(whole, sizeof(whole), "%s/%s", in, path);
    FILE *f = fopen(whole, "re");
    if (f == NULL)
        fail_msg("%s cannot be read", whole);
    uint8_t *to = buf_reserve(out, MIB(1));
    assert_non_null(to);
    buf_commit(out, fread(to, 1, MIB(1), f));
    assert_int_equal(fclose(f), 0);
}

static size_t compare_files(const char *target)
{
    sqlite3_stmt *files = NULL;
    size_t count = 0;
    assert_int_equal(sqlite3_prepare_v2(s.old,
                                        "SELECT o.path, n.path FROM main.files o"
                                        " JOIN fresh.files n ON n.id = o.id",
                                        -1, &files, NULL),
                     SQLITE_OK);
    for (; sqlite3_step(files) == SQLITE_ROW; count++) {
        AUTO_BUF struct buf before = buf_make(MIB(2)), after = buf_make(MIB(2));
        read_file(folder, (const char *)sqlite3_column_text(files, 0), &before);
        read_file(target, (const char *)sqlite3_column_text(files, 1), &after);
        assert_true(before.len > 0 && span_eq(buf_span(&before), buf_span(&after)));
    }
    assert_int_equal(sqlite3_finalize(files), SQLITE_OK);
    return count;
}

static void an_export__gives_pysogs_back_what_it_had(void **state)
{
    (void)state;
    char path[sizeof(folder) + 16], attach[sizeof(path) + 32], target[sizeof(folder)];
    sqlite3 *fresh = NULL;
    (void)snprintf(target, sizeof(target), "%s/new", s.c.w.folder);
    assert_int_equal(mkdir(target, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/sogs.db", target);
    make_fresh(path, &fresh);
    assert_int_equal(sqlite3_close(fresh), SQLITE_OK);
    command_expect(&s.c.w, old_settings,
                   ARGS("export", "pysogs", "--database", path, "--folder", target), 0,
                   "handed over:", &said);
    (void)snprintf(attach, sizeof(attach), "ATTACH '%s' AS fresh", path);
    run_sql(s.old, attach);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        int64_t lost = missing_rows(i, "main", "fresh"), added = missing_rows(i, "fresh", "main");
        if (lost > 0 || added > 0 || count_rows(i, "main") != count_rows(i, "fresh"))
            fail_msg("%s: %lld rows did not come back, %lld came that were not there",
                     tables[i].table, (long long)lost, (long long)added);
        assert_true(count_rows(i, "main") > 0);
    }
    assert_int_equal(compare_files(target), old_number("SELECT count(*) FROM main.files"));
}

static void the_first_start__tells_what_is_there(void **state)
{
    (void)state;
    static const char *const words[] = {"This server is new, and ready", "Join link    http",
                                        "It is one of 6 rooms", "Admins       4, of all rooms"};
    char path[WORLD_PATH_MAX + 8];
    AUTO_BUF struct buf out = buf_make(MIB(2));
    (void)snprintf(path, sizeof(path), "%s.out", s.c.w.servers[0].log_path);
    read_file("/", path, &out);
    buf_put_byte(&out, '\0');
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strstr((const char *)out.p, words[i]) == NULL)
            fail_msg("not there: %s in:\n%s", words[i], (const char *)out.p);
}

static void the_import__shows_that_what_came_is_what_was_there(void **state)
{
    (void)state;
    char line[256];
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        (void)snprintf(line, sizeof(line), "\n  %-28s", tables[i].table);
        const char *at = strstr(import_said, "compared:");
        at = at != NULL ? strstr(at, line) : NULL;
        size_t len = at != NULL ? strcspn(at + 1, "\n") : 0;
        if (len < 8 || strncmp(at + 1 + len - 8, "the same", 8) != 0)
            fail_msg("%s is not the same in:\n%s", tables[i].table, import_said);
    }
}

/* Somebody posts after the move; whoever remembers the last number gets that, once. */
static void the_next_post__comes_once_and_behind_all_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < s.c.count; i++) {
        json_t *info = room_of(&s.c.members[i], "club");
        int64_t last = json_integer_value(json_object_get(info, "message_sequence"));
        json_decref(info);
        if (strcmp(s.names[i], "c1") != 0)
            continue;
        json_auto_t *sent = NULL;
        assert_int_equal(community_post(&s.c.members[i].community, "club", "on we go", &sent), OK);
        assert_true(json_integer_value(json_object_get(sent, "id")) >
                    old_number("SELECT max(id) FROM main.messages"));
        for (size_t k = 0; k < s.c.count; k++) {
            json_auto_t *rows = must(&s.c.members[k], "GET", NULL,
                                     "/room/club/messages/since/%lld?t=r", (long long)last);
            assert_int_equal(json_array_size(rows), 1);
            assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "seqno")),
                             last + 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody__sees_what_pysogs_showed),
        cmocka_unit_test(everybody__polls_on_and_misses_nothing),
        cmocka_unit_test(the_import__shows_that_what_came_is_what_was_there),
        cmocka_unit_test(the_first_start__tells_what_is_there),
        cmocka_unit_test(an_export__gives_pysogs_back_what_it_had),
        cmocka_unit_test(the_next_post__comes_once_and_behind_all_others),
    };
    if (!fake_clock_possible())
        return 0;
    return cmocka_run_group_tests_name("adoption", tests, move_in, move_out);
}
