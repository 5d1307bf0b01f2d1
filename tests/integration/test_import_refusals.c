/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What cannot be imported: one clear sentence each time, nothing in the database afterwards, and
 * when the mistake is mended the same import works. Also an import that is killed, one that is
 * large, and one beside a running server.
 *
 * test-timeout-s: 300, test-seconds: 35
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/old_stage.h"
#include "integration/world_settings.h"

enum {
    FAILED = 1,
    USAGE = 2,
    CONFIGURATION = 3,
    ANA = STAGE_ACCOUNT,
    U_ANA = STAGE_USER,
    ROOM = STAGE_ROOM
};
enum { MANY = 50000, MESSAGE_BYTES = 1400, WAIT_MS = 30000, IMPORT_MS = 200000 };
/* With more than that of data: what a batch, a chunk, SQLite's pages and the libraries take. */
enum { PEAK_MAX_KIB = 64 * 1024 };

static struct old_stage s;

static int open_stage(void **state)
{
    (void)state;
    old_stage_open(&s);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    old_stage_close(&s);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    old_stage_reset(&s);
    return 0;
}

static void import__from_what_is_no_database_of_pysogs__is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *where, *words;
    } cases[] = {
        {"mysql://localhost/sogs", "neither a file nor a postgresql:// address"},
        {"postgresql+psycopg2://127.0.0.1:1/sogs?connect_timeout=2", "cannot be reached"},
        {"postgresqlx://127.0.0.1:1/sogs", "neither a file nor a postgresql:// address"},
        {"postgresql://127.0.0.1:1/sogs?connect_timeout=2", "cannot be reached"},
        {"postgresql://[", "cannot be reached"},
        {"/nowhere/sogs.db", "there is no such file"},
        {"/tmp", "there is no such file"},
        {"sqlite:////nowhere/sogs.db", "there is no such file"},
        {"/dev/null", "there is no such file"},
        {"", "there is no such file"},
        {"README.md", "no SQLite database"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        command_expect(
            &s.c.w, old_settings,
            ARGS("import", "pysogs", "--database", cases[i].where, "--folder", s.old.folder),
            FAILED, cases[i].words, &s.said);
    command_expect(
        &s.c.w, old_settings,
        ARGS("import", "pysogs", "--database", s.c.w.database_url, "--folder", s.old.folder),
        FAILED, "this is no database of PySOGS", &s.said);
    command_expect(&s.c.w, old_settings,
                   ARGS("import", "pysogs", "--database", s.old.database, "--folder", "/nowhere"),
                   FAILED, "--folder: there is no such folder", &s.said);
    command_expect(&s.c.w, old_settings,
                   ARGS("import", "pysogs", "--database", s.old.database, "--folder", s.old.folder,
                        "--uploads", "/nowhere"),
                   FAILED, "--uploads: there is no such folder", &s.said);
    command_expect(&s.c.w, old_settings, ARGS("import", "pysogs", "--folder", s.old.folder), USAGE,
                   NULL, &s.said);
    command_expect(&s.c.w, old_settings, ARGS("import", "sogs"), USAGE, "say pysogs", &s.said);
    old_stage_empty(&s);
    char url[sizeof(s.old.database) + 16], path[sizeof(s.old.database)];
    (void)snprintf(path, sizeof(path), "%s", s.old.database);
    (void)snprintf(url, sizeof(url), "sqlite:///%s", path);
    (void)snprintf(s.old.database, sizeof(s.old.database), "%.255s", url); /* as sogs.ini has it */
    old_stage_works(&s);
    (void)snprintf(s.old.database, sizeof(s.old.database), "%s", path);
}

static void import__of_a_damaged_file__is_refused(void **state)
{
    (void)state;
    struct stat info;
    assert_int_equal(stat(s.pristine, &info), 0);
    /* Cut at each page, and in the middle of one. */
    for (off_t at = 4096; at < info.st_size; at += 4096) {
        old_copy(s.pristine, s.old.database, at);
        assert_int_equal(truncate(s.old.database, at - (at % 8192 == 0 ? 700 : 0)), 0);
        old_stage_refused(&s, "--database: it is damaged");
    }
    old_copy(s.pristine, s.old.database, INT64_MAX);
    int fd = open(s.old.database, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    static const char noise[4096] = "noise";
    for (off_t at = 8192; at + 4096 <= info.st_size; at += 8192)
        assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
    assert_int_equal(close(fd), 0);
    old_stage_refused(&s, "--database: it is damaged");
    old_copy(s.pristine, s.old.database, INT64_MAX);
    old_stage_works(&s);
}

static void import__of_an_older_schema__says_what_is_missing(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ALTER TABLE rooms DROP COLUMN accessible", "rooms.accessible"},
        {"ALTER TABLE messages DROP COLUMN seqno_creation", "messages.seqno_creation"},
        {"ALTER TABLE files DROP COLUMN message", "files.message"},
        {"DROP TABLE needs_blinding", "needs_blinding.blinded_abs"},
        {"DROP TABLE user_ban_futures", "user_ban_futures.at"},
        {"DROP TABLE inbox", "inbox.body"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(NULL);
        old_sql(&s.old, "%s", cases[i][0]);
        old_stage_refused(&s, cases[i][1]);
        assert_non_null(strstr(s.said.err, "run its --upgrade first"));
    }
    begin(NULL);
    old_sql(&s.old, "ALTER TABLE inbox DROP COLUMN expiry");
    old_stage_refused(&s, "inbox: the table is not as PySOGS 0.3.8 has it");
}

static void import__under_another_key__is_refused(void **state)
{
    (void)state;
    old_sql(&s.old,
            "UPDATE users SET session_id = 'ff' || lower(hex(randomblob(32))) WHERE id = 0");
    old_stage_refused(&s, "copy that one's key file (key_x25519");
    begin(NULL);
    /* A database of ours that has an owner already. */
    sql(&s.c, "INSERT INTO conclave.server (public_key) VALUES (sha256('other'))");
    old_import(&s.old, &s.c.w, NULL, CONFIGURATION, "import into a new database", &s.said);
    sql(&s.c, "DELETE FROM conclave.server");
    old_sql(&s.old, "DELETE FROM users WHERE id = 0"); /* a bunsogs has no such row */
    old_stage_works(&s);
    assert_non_null(strstr(s.said.err, "does not say whose it is"));
}

static void the_key_of_the_old_server__becomes_ours_and_replaces_none(void **state)
{
    (void)state;
    char ours[2 * WORLD_PATH_MAX], theirs[2 * WORLD_PATH_MAX], other[2 * WORLD_PATH_MAX];
    struct stat info;
    (void)snprintf(ours, sizeof(ours), "%s/server.key", s.c.w.folder);
    (void)snprintf(theirs, sizeof(theirs), "%s/key_x25519", s.old.folder);
    (void)snprintf(other, sizeof(other), "%s/storage.key", s.c.w.folder);
    const char *const *import = ARGS("import", "pysogs", "--database", s.old.database, "--folder",
                                     s.old.folder, "--key", theirs);
    command_expect(&s.c.w, old_settings, import, CONFIGURATION, "--key: there is no such file",
                   &s.said);
    assert_int_equal(rename(ours, theirs), 0);
    old_import(&s.old, &s.c.w, NULL, CONFIGURATION, "[server] key_file: there is no such file",
               &s.said);
    command_expect(&s.c.w, old_settings,
                   ARGS("import", "pysogs", "--database", s.old.database, "--folder", s.old.folder,
                        "--key", theirs, "--dry-run"),
                   0, "would come:", &s.said);
    assert_int_equal(stat(ours, &info), -1);
    old_stage_empty(&s);
    command_expect(&s.c.w, old_settings, import, 0, "came:", &s.said);
    assert_int_equal(stat(ours, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0400);
    assert_int_equal(info.st_size, 32);
    begin(NULL);
    command_expect(&s.c.w, old_settings, import, 0,
                   "came:", &s.said); /* it is there, and the same */
    begin(NULL);
    command_expect(&s.c.w, old_settings,
                   ARGS("import", "pysogs", "--database", s.old.database, "--folder", s.old.folder,
                        "--key", other),
                   CONFIGURATION, "is not the key of --key", &s.said);
    old_stage_empty(&s);
}

static void import__of_a_file_with_a_log_beside_it__sees_all_of_it(void **state)
{
    (void)state;
    struct stat before, after;
    old_sql(&s.old, "PRAGMA journal_mode = WAL; UPDATE rooms SET name = 'written last'");
    assert_int_equal(stat(s.old.database, &before), 0);
    old_stage_works(&s);
    assert_int_equal(
        sql_number(&s.c, "SELECT count(*) FROM conclave.rooms WHERE name = 'written last'"), 1);
    assert_int_equal(stat(s.old.database, &after), 0);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    assert_int_equal(after.st_size, before.st_size);
    /* Somebody is in the middle of writing. */
    begin(NULL);
    old_sql(&s.old, "BEGIN EXCLUSIVE; UPDATE rooms SET name = 'half'");
    old_import(&s.old, &s.c.w, NULL, FAILED, "somebody is writing to it: stop PySOGS first",
               &s.said);
    old_sql(&s.old, "ROLLBACK");
}

static void import__into_a_database_with_rooms__is_refused(void **state)
{
    (void)state;
    old_stage_works(&s);
    old_import(&s.old, &s.c.w, NULL, FAILED, "wants an empty one", &s.said);
    begin(NULL);
    sql(&s.c, "INSERT INTO conclave.rooms (token, name, created) VALUES ('lobby', 'L', 1)");
    old_import(&s.old, &s.c.w, NULL, FAILED, "`conclave room remove` that", &s.said);
    command_expect(&s.c.w, old_settings, ARGS("room", "remove", "lobby", "--yes"), 0, NULL,
                   &s.said);
    old_stage_works(&s);
    /* The next room does not get a number that was given. */
    command_expect(&s.c.w, old_settings, ARGS("room", "add", "next", "--name", "N"), 0, NULL,
                   &s.said);
    assert_int_equal(sql_number(&s.c, "SELECT id FROM conclave.rooms WHERE token = 'next'"), 2);
}

static void rows_that_cannot_be_taken__are_named(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE rooms SET token = 'a b'", "rooms, id 1: its token"},
        {"UPDATE rooms SET name = hex(zeroblob(300))", "rooms, id 1: its name"},
        {"UPDATE rooms SET name = CAST(x'ff' AS TEXT)", "rooms, id 1: its name"},
        {"UPDATE rooms SET description = hex(zeroblob(3000))", "rooms, id 1: its description"},
        {"UPDATE rooms SET id = 5000000", "rooms, id 5000000: it breaks a rule"},
        {"UPDATE rooms SET message_sequence = 'many'",
         "rooms, id 1: a column has a value of another"},
        {"UPDATE rooms SET message_sequence = 2", "rooms, id 1: its message_sequence is below"},
        {"UPDATE messages SET signature = x'00'", "messages, id 5: its signature"},
        {"UPDATE messages SET signature = NULL", "messages, id 5: its signature"},
        {"UPDATE messages SET data_size = 1", "messages, id 5: its data_size is less"},
        {"UPDATE messages SET data_size = 1099511627776", "messages, id 5: its data_size is more"},
        {"UPDATE messages SET seqno_creation = -1", "messages, id 5: it breaks a rule"},
        {"INSERT INTO reactions VALUES (4, 5, hex(zeroblob(30)));"
         "INSERT INTO user_reactions VALUES (4, 1, 1)",
         "reactions, id 4: its text"},
        {"INSERT INTO needs_blinding VALUES ('15', 1)", "needs_blinding, id 1: its blinded_abs"},
        {"UPDATE users SET id = -3 WHERE id = 1", "users, id -3: its id is below 0"},
        {"UPDATE files SET path = 'uploads/loop'; INSERT INTO files SELECT 9, room, uploader,"
         " message, size, uploaded, expiry, filename, 'uploads/8_x' FROM files",
         "files, id 8: this user may not read its file"},
    };
    char loop[2 * WORLD_PATH_MAX];
    (void)snprintf(loop, sizeof(loop), "%s/uploads/loop", s.old.folder);
    assert_int_equal(symlink("loop", loop), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(NULL);
        old_sql(&s.old, "%s", cases[i].sql);
        old_stage_refused(&s, cases[i].words);
    }
    /* A dry run names them all. */
    begin(NULL);
    for (int id = 10; id < 15; id++)
        old_sql(&s.old,
                "INSERT INTO messages SELECT %d, room, \"user\", posted, edited, seqno,"
                " seqno_data, seqno_reactions, seqno_creation, data, data_size, x'00',"
                " filtered, whisper, whisper_mods FROM messages WHERE id = 5",
                id);
    old_import(&s.old, &s.c.w, "--dry-run", FAILED, "messages, id 14: its signature", &s.said);
    assert_non_null(strstr(s.said.err, "messages, id 10: its signature"));
    old_stage_empty(&s);
}

static void rows_that_refer_to_nothing__are_left_out_and_counted(void **state)
{
    (void)state;
    old_sql(&s.old,
            "INSERT INTO messages (id, room, \"user\", posted, data, data_size, signature)"
            " SELECT 20, 99, 1, 1, data, data_size, signature FROM messages WHERE id = 5;"
            "INSERT INTO messages (id, room, \"user\", posted, data, data_size, signature)"
            " SELECT 21, 1, 99, 1, data, data_size, signature FROM messages WHERE id = 5;"
            "INSERT INTO messages (id, room, \"user\", posted, data, data_size, signature, whisper)"
            " SELECT 22, 1, 1, 1, data, data_size, signature, 99 FROM messages WHERE id = 5;"
            "INSERT INTO pinned_messages VALUES (1, 99, 1, 1), (99, 5, 1, 1), (1, 5, 99, 1);"
            "INSERT INTO reactions VALUES (3, 99, 'x'), (4, 5, 'y');"
            "INSERT INTO user_reactions VALUES (3, 1, 1), (4, 99, 1), (98, 1, 1);"
            "INSERT INTO inbox VALUES (1, 99, 1, x'00', 1, 4000000000);"
            "INSERT INTO user_permission_overrides (room, \"user\", banned) VALUES (1, 99, 1),"
            " (99, 1, 1), (1, 0, 1);"
            "INSERT INTO user_ban_futures VALUES (99, 1, 1, 1), (NULL, 1, 4000000000, 0);"
            "UPDATE files SET message = 99, uploader = 99; UPDATE rooms SET image = 77");
    old_stage_works(&s);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.messages"), 1);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.reactions"), 0);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.ban_futures"), 1);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.permissions"), 0);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.files WHERE message IS NULL"),
                     1);
    assert_non_null(strstr(s.said.err, "rooms, id 1: its picture is not there"));
    assert_non_null(strstr(s.said.out, "rows that refer to what is not there"));
}

static void import__with_another_folder__does_not_drop_all_files(void **state)
{
    (void)state;
    command_expect(&s.c.w, old_settings,
                   ARGS("import", "pysogs", "--database", s.old.database, "--folder", s.c.w.folder),
                   FAILED, "--folder: none of the old server's newest files can be there", &s.said);
    old_stage_empty(&s);
    old_stage_works(&s);
}

/*
 * Many messages, all of them different, of more bytes than we allow ourselves; and a file beyond
 * our own limit.
 */
static void make_many(void)
{
    old_sql(&s.old,
            "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
            " INSERT INTO messages (id, room, \"user\", posted, seqno, seqno_data, seqno_creation,"
            "                       data, data_size, signature)"
            " SELECT i, %d, %d, 1700000000 + i, i, i, i, randomblob(%d), %d + i %% 500,"
            "        randomblob(64) FROM n;"
            "UPDATE rooms SET message_sequence = %d + 100",
            MANY + 99, ROOM, U_ANA, MESSAGE_BYTES, MESSAGE_BYTES, MANY);
    old_file(&s.old, &(struct old_file){9, ROOM, U_ANA, "5", "NULL", "'large'", 40 << 20});
}

static void start_import(struct process *ret_process)
{
    struct world_settings settings;
    char program[512], log[WORLD_PATH_MAX + 16];
    (void)snprintf(program, sizeof(program), "%s/conclave", s.c.w.build);
    (void)snprintf(log, sizeof(log), "%s/import.log", s.c.w.folder);
    assert_int_equal(world_settings(&s.c.w, 0, old_settings, &settings), OK);
    const struct process_spec spec = {.argv = ARGS(program, "import", "pysogs", "--database",
                                                   s.old.database, "--folder", s.old.folder),
                                      .env = settings.env,
                                      .out_path = log,
                                      .err_path = log};
    assert_int_equal(process_start(&spec, ret_process), OK);
}

/* How far it was, how fast, and how long the rest takes. */
static void assert_progress(void)
{
    static char text[SAID_MAX];
    char path[WORLD_PATH_MAX + 16];
    int done = 0, all = 0, rate = 0, left = 0;
    (void)snprintf(path, sizeof(path), "%s/import.log", s.c.w.folder);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    assert_int_equal(fclose(f), 0);
    const char *line = strstr(text, "conclave: messages: ");
    if (line == NULL || sscanf(line, "conclave: messages: %d of %d (%d a second, about %d s left)",
                               &done, &all, &rate, &left) != 4)
        fail_msg("no progress in: %s", text);
    assert_int_equal(all, MANY + 1);
    assert_in_range(done, 1, MANY);
    assert_true(rate > 0);
}

static void import__killed_in_the_middle__leaves_nothing_and_works_again(void **state)
{
    (void)state;
    struct process import;
    int status = 0;
    make_many();
    start_import(&import);
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (sql_number(&s.c, "SELECT count(*) FROM pg_stat_activity"
                            " WHERE query LIKE 'WITH put AS (INSERT INTO messages%%'") == 0)
        assert_true(process_running(&import, &status) && clock_mono_ms() < deadline);
    process_kill(&import);
    old_stage_empty(&s);
    /* The database may not have noticed yet; the next one waits for its locks. */
    start_import(&import);
    int64_t began = clock_mono_ms();
    assert_int_equal(process_wait(&import, IMPORT_MS, &status), OK);
    assert_int_equal(status, 0);
    print_message("# %d messages, %d MB: %lld ms\n", MANY, 110,
                  (long long)(clock_mono_ms() - began));
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.messages"), MANY + 1);
    assert_progress();
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.chunks"), 161);
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    print_message("# peak %ld KiB\n", usage.ru_maxrss);
#ifndef __SANITIZE_ADDRESS__
    assert_in_range(usage.ru_maxrss, 1, PEAK_MAX_KIB);
#endif
}

static void import__beside_a_running_server__is_seen_at_once(void **state)
{
    (void)state;
    static const char *const no_room[] = {"CONCLAVE_SERVER_FIRST_ROOM=", NULL};
    struct member ana;
    json_t *rooms = NULL;
    if (world_start_server(&s.c.w, no_room, NULL) != OK)
        fail_msg("%s", s.c.w.trouble);
    old_import(&s.old, &s.c.w, NULL, 0, "came:", &s.said);
    assert_int_equal(member_open(&s.c.w, ANA, 0, false, &ana), OK);
    assert_in_range(wait_for_code(&ana, 200, "GET", "/room/fish"), 0, 1000);
    assert_int_equal(ask(&ana, "GET", NULL, &rooms, "/room/fish/messages/recent"), 200);
    assert_int_equal(json_array_size(rooms), 1);
    json_decref(rooms);
    assert_true(say(&ana, "fish", "and on") > 5);
    member_close(&ana);
    assert_int_equal(world_stop_server(&s.c.w, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(import__from_what_is_no_database_of_pysogs__is_refused, begin),
        cmocka_unit_test_setup(import__of_a_damaged_file__is_refused, begin),
        cmocka_unit_test_setup(import__of_an_older_schema__says_what_is_missing, begin),
        cmocka_unit_test_setup(import__under_another_key__is_refused, begin),
        cmocka_unit_test_setup(the_key_of_the_old_server__becomes_ours_and_replaces_none, begin),
        cmocka_unit_test_setup(import__of_a_file_with_a_log_beside_it__sees_all_of_it, begin),
        cmocka_unit_test_setup(import__into_a_database_with_rooms__is_refused, begin),
        cmocka_unit_test_setup(rows_that_cannot_be_taken__are_named, begin),
        cmocka_unit_test_setup(rows_that_refer_to_nothing__are_left_out_and_counted, begin),
        cmocka_unit_test_setup(import__with_another_folder__does_not_drop_all_files, begin),
        cmocka_unit_test_setup(import__killed_in_the_middle__leaves_nothing_and_works_again, begin),
        cmocka_unit_test_setup(import__beside_a_running_server__is_seen_at_once, begin),
    };
    return cmocka_run_group_tests_name("import refusals", tests, open_stage, close_stage);
}
