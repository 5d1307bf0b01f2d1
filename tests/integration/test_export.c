/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back: what was imported from a PySOGS goes into the database that another PySOGS of the
 * same key has just made, and is the same there, column by column and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/db.h"
#include "integration/old_stage.h"
#include "integration/world_settings.h"

enum { ANA, BEN, EVE, PEOPLE };
enum { U_ANA = 3, U_BEN, U_EVE, FISH = 7, QUIET = 9, BIG = 600000, SMALL = 10 };
enum { FAILED = 1, USAGE = 2, HOUR = 3600 };

static struct world w;
static struct old_server old, fresh;
static struct said said;
static char folder[2 * WORLD_PATH_MAX];
static uid_t wanted_owner; /* of the walk through uploads/ */
static int seen_paths;

static void make_rows(void)
{
    const struct old_post posts[] = {
        {21, FISH, U_ANA, ANA, "with padding", 1}, {22, FISH, U_BEN, BEN, "filtered", 2},
        {23, FISH, U_BEN, BEN, "a whisper", 3},    {24, FISH, U_ANA, ANA, "to go", 4},
        {25, FISH, U_ANA, ANA, "liked", 5},        {26, FISH, U_ANA, ANA, "without", 6},
    };
    for (size_t i = 0; i < PEOPLE; i++)
        old_user(&old, &w, U_ANA + (int64_t)i, i, i != EVE);
    for (size_t i = 0; i < COUNT_OF(posts); i++)
        old_post(&old, &w, &posts[i]);
    old_delete(&old, 24, 7);
    old_sql(&old,
            "UPDATE users SET created = %d * 470000.0, last_active = %d * 500000.0;"
            "UPDATE users SET banned = 1 WHERE id = %d;"
            "UPDATE users SET moderator = 1, admin = 1, visible_mod = 1 WHERE id = %d;"
            "INSERT INTO needs_blinding SELECT '15' || substr(session_id, 3), id FROM users WHERE "
            "id = %d;"
            "INSERT INTO rooms VALUES (%d, 'Fish', 'Fish', 'wet', 31, 1690000000.5, 20, 12, 3, 1, "
            "1, 1, 0),"
            " (%d, 'quiet', 'Q', NULL, NULL, 1.5, 0, 0, 0, 0, 1, 0, 1)",
            HOUR, HOUR, U_EVE, U_ANA, U_EVE, FISH, QUIET);
    old_sql(
        &old,
        "UPDATE messages SET filtered = 1, edited = 1700005000.25 WHERE id = 22;"
        "UPDATE messages SET whisper = %d, whisper_mods = 1 WHERE id = 23;"
        "UPDATE messages SET seqno = 9, seqno_reactions = 9 WHERE id = 25;"
        "UPDATE messages SET data = x'01028003', data_size = 4 WHERE id = 26;"
        "INSERT INTO pinned_messages VALUES (%d, 21, 0, 1700000100.5), (%d, 25, %d, 1700000200);"
        "INSERT INTO reactions VALUES (5, 25, '🐟'), (6, 25, '/ a');"
        "INSERT INTO user_reactions VALUES (5, %d, 1700000110.5), (5, %d, 1700000100), (6, %d, 1);",
        U_ANA, FISH, FISH, U_ANA, U_ANA, U_BEN, U_BEN);
    old_sql(
        &old,
        "INSERT INTO user_permission_overrides VALUES (%d, %d, 0, 1, NULL, 0, NULL, 1, 0, 0),"
        " (%d, %d, 1, NULL, NULL, NULL, 1, 0, 0, 1);"
        "INSERT INTO user_permission_futures VALUES (%d, %d, 4000000000.5, NULL, 1, 0);"
        "INSERT INTO user_ban_futures VALUES (NULL, %d, 4000000000, 0), (%d, %d, 4000000001, 1);"
        "INSERT INTO room_users VALUES (%d, %d, %d * 500000.0);"
        "INSERT INTO inbox VALUES (70, %d, %d, x'0102', 1700000000.5, 4000000000.25)",
        FISH, U_BEN, QUIET, U_EVE, FISH, U_BEN, U_EVE, FISH, U_BEN, FISH, U_BEN, HOUR, U_BEN,
        U_ANA);
    old_file(&old, &(struct old_file){31, FISH, U_ANA, "NULL", "NULL", "'../ä picture.png'", BIG});
    old_file(&old, &(struct old_file){32, FISH, U_BEN, "25", "4000000000.5", "NULL", SMALL});
}

static int open_stage(void **state)
{
    (void)state;
    old_open(&old, &w, PEOPLE, false);
    make_rows();
    old_import(&old, &w, NULL, 0, "came:", &said);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    old_close(&old, &w);
    return 0;
}

static int begin(void **state)
{
    static int number;
    char path[sizeof(folder) + 16];
    (void)state;
    (void)snprintf(folder, sizeof(folder), "%s/new%d", w.folder, number++);
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/sogs.db", folder);
    old_fresh(&old, path, &fresh);
    /* As PySOGS counts: an import that fired it would draw numbers. */
    old_sql(
        &fresh,
        "CREATE TRIGGER counter AFTER INSERT ON messages BEGIN UPDATE rooms"
        " SET message_sequence = message_sequence + 1 WHERE id = NEW.room; END;"
        "CREATE TRIGGER \"a \"\"name\" AFTER UPDATE OF data ON messages WHEN NEW.data IS NULL"
        " BEGIN DELETE FROM pinned_messages WHERE message = OLD.id; END;"
        "CREATE VIEW details AS SELECT * FROM messages;"
        "CREATE TRIGGER deleter INSTEAD OF DELETE ON details BEGIN UPDATE messages SET data = NULL"
        " WHERE id = OLD.id; END");
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_close(fresh.file), SQLITE_OK);
    return 0;
}

static void export(int status, const char *words)
{
    command_expect(&w, old_settings,
                   ARGS("export", "pysogs", "--database", fresh.database, "--folder", folder),
                   status, words, &said);
}

/* In our database. */
static void ours(const char *sql)
{
    const struct db_options options = {.url = w.database_url};
    struct db *db = NULL;
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    assert_int_equal(db_script(db, sql), OK);
    db_free(db);
}

static int64_t number(const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(fresh.file, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t found = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return found;
}

static void the_way_there_and_back__changes_nothing(void **state)
{
    (void)state;
    static const char *const tables[] = {"rooms",
                                         "users",
                                         "messages",
                                         "pinned_messages",
                                         "reactions",
                                         "user_reactions",
                                         "room_users",
                                         "user_permission_overrides",
                                         "user_permission_futures",
                                         "user_ban_futures",
                                         "needs_blinding",
                                         "inbox"};
    char sql[256];
    export(0, "handed over:");
    old_sql(&fresh,
            "ATTACH '%s' AS old; UPDATE old.users SET created = 0, last_active = 0 WHERE id = 0",
            old.database);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(*) FROM (SELECT * FROM main.%s EXCEPT SELECT * FROM old.%s)",
                       tables[i], tables[i]);
        assert_int_equal(number(sql), 0);
        (void)snprintf(sql, sizeof(sql),
                       "SELECT (SELECT count(*) FROM main.%s) - (SELECT count(*) FROM old.%s)",
                       tables[i], tables[i]);
        assert_int_equal(number(sql), 0);
        (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM main.%s", tables[i]);
        assert_true(number(sql) > 0);
    }
    assert_int_equal(number("SELECT count(*) FROM main.files f JOIN old.files o USING (id, room,"
                            " uploader, size, uploaded) WHERE f.message IS o.message"
                            " AND f.expiry IS o.expiry AND f.filename IS o.filename"),
                     2);
}

static void assert_content(int64_t id, size_t size)
{
    char path[sizeof(folder) + 256], sql[128];
    sqlite3_stmt *statement = NULL;
    (void)snprintf(sql, sizeof(sql), "SELECT path FROM files WHERE id = %lld", (long long)id);
    assert_int_equal(sqlite3_prepare_v2(fresh.file, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, sqlite3_column_text(statement, 0));
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_null(strstr(path, "/../"));
    AUTO_BUF struct buf wanted = old_content(id, size), got = buf_make(2 * BIG);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    uint8_t *to = buf_reserve(&got, 2 * BIG - 1);
    assert_non_null(to);
    assert_int_equal(read(fd, to, 2 * BIG - 1), size);
    buf_commit(&got, size);
    assert_int_equal(close(fd), 0);
    assert_true(span_eq(buf_span(&wanted), buf_span(&got)));
}

static void files__stand_in_the_folder_byte_by_byte(void **state)
{
    (void)state;
    export(0, NULL);
    assert_content(31, BIG);
    assert_content(32, SMALL);
}

static void triggers__do_not_count_meanwhile_and_are_there_afterwards(void **state)
{
    (void)state;
    export(0, NULL);
    assert_int_equal(number("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"), 3);
    assert_int_equal(number("SELECT message_sequence FROM rooms WHERE id = 7"), 20);
    old_sql(&fresh, "INSERT INTO messages (room, \"user\", posted) VALUES (7, 3, 1)");
    assert_int_equal(number("SELECT message_sequence FROM rooms WHERE id = 7"), 21);
    assert_int_equal(number("SELECT max(id) FROM messages"), 27);
    old_sql(&fresh, "DELETE FROM details WHERE id = 25");
    assert_int_equal(number("SELECT count(*) FROM pinned_messages WHERE message = 25"), 0);
}

static void export__where_it_cannot_be__changes_nothing(void **state)
{
    (void)state;
    char blocked[sizeof(folder) + 64];
    command_expect(&w, old_settings,
                   ARGS("export", "pysogs", "--database", w.database_url, "--folder", folder),
                   FAILED, "it has to be a file of SQLite", &said);
    command_expect(&w, old_settings,
                   ARGS("export", "pysogs", "--database", "/nowhere", "--folder", folder), FAILED,
                   "there is no such file", &said);
    command_expect(&w, old_settings,
                   ARGS("export", "pysogs", "--database", fresh.database, "--folder", "/nowhere"),
                   FAILED, "--folder: there is no such folder", &said);
    command_expect(&w, old_settings, ARGS("export", "pysogs"), USAGE, NULL, &said);
    command_expect(&w, old_settings,
                   ARGS("export", "pysogs", "--database", old.database, "--folder", folder), FAILED,
                   "it has rooms or people already", &said);
    /* A file that is in its way, seen only in the middle. */
    (void)snprintf(blocked, sizeof(blocked), "%s/uploads", folder);
    assert_int_equal(mkdir(blocked, 0700), 0);
    (void)snprintf(blocked, sizeof(blocked), "%s/uploads/Fish", folder);
    assert_int_equal(mkdir(blocked, 0700), 0);
    (void)snprintf(blocked, sizeof(blocked), "%s/uploads/Fish/32_unnamed", folder);
    int fd = open(blocked, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(close(fd), 0);
    export(FAILED, "a file of such a name is in the folder already");
    assert_int_equal(number("SELECT count(*) FROM users"), 1);
    assert_int_equal(number("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"), 3);
    old_sql(&fresh, "BEGIN EXCLUSIVE");
    export(FAILED, "somebody is writing to it");
    old_sql(&fresh,
            "ROLLBACK;"
            "UPDATE users SET session_id = 'ff' || lower(hex(randomblob(32))) WHERE id = 0");
    export(FAILED, "it was made under another key");
    old_sql(&fresh, "DROP TABLE inbox");
    export(FAILED, "inbox.body");
}

/* PySOGS would give the number of the message to another one, and that one the file. */
static void a_held_message__stays_here_with_its_files(void **state)
{
    (void)state;
    ours("UPDATE conclave.messages SET state = 2 WHERE id = 25");
    export(0, NULL);
    assert_int_equal(number("SELECT count(*) FROM messages WHERE id = 25"), 0);
    assert_int_equal(number("SELECT sum(id) FROM files"), 31);
    ours("UPDATE conclave.messages SET state = 0 WHERE id = 25");
}

static void numbers_of_direct_messages__go_on_behind_those_that_are_gone(void **state)
{
    (void)state;
    ours("UPDATE conclave.versions SET value = 600 WHERE scope = 4");
    export(0, NULL);
    assert_int_equal(number("SELECT id FROM inbox WHERE sender = 0 AND recipient = 0"), 600);
    old_sql(&fresh, "INSERT INTO inbox (recipient, sender, body) VALUES (3, 3, x'00')");
    assert_int_equal(number("SELECT max(id) FROM inbox"), 601);
    ours("UPDATE conclave.versions SET value = 70 WHERE scope = 4");
}

/* ---- whose it is then ---- */

static void assert_owner(const char *path, uid_t owner)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    if (info.st_uid != owner)
        fail_msg("%s belongs to %u instead of %u", path, (unsigned)info.st_uid, (unsigned)owner);
    assert_true((info.st_mode & 0600) == 0600);
}

static int see_owner(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    seen_paths++;
    assert_owner(path, wanted_owner);
    return 0;
}

/* Everything that was made below uploads/, and the database. */
static void assert_owners(uid_t owner)
{
    char path[sizeof(folder) + 16];
    wanted_owner = owner;
    seen_paths = 0;
    (void)snprintf(path, sizeof(path), "%s/uploads", folder);
    assert_int_equal(nftw(path, see_owner, 4, FTW_PHYS), 0);
    assert_int_equal(seen_paths, 4); /* two folders, two files */
    assert_owner(fresh.database, owner);
}

static uid_t user_postgres(void)
{
    const struct passwd *entry = getpwnam("postgres"); /* who is on every machine that runs this */
    assert_non_null(entry);
    return entry->pw_uid;
}

static void files_and_database__belong_to_whom_the_folder_belongs(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(folder, user_postgres(), (gid_t)-1), 0);
    export(0, NULL);
    assert_owners(user_postgres());
}

static void files_and_database__belong_to_the_owner_that_was_named(void **state)
{
    (void)state;
    char uploads[sizeof(folder) + 16];
    if (geteuid() != 0)
        skip();
    (void)snprintf(uploads, sizeof(uploads), "%s/uploads", folder);
    assert_int_equal(mkdir(uploads, 0700), 0); /* as PySOGS itself may have made it, as root */
    command_expect(&w, old_settings,
                   ARGS("export", "pysogs", "--database", fresh.database, "--folder", folder,
                        "--owner", "postgres"),
                   0, NULL, &said);
    assert_owners(user_postgres());
}

static void an_owner_that_is_nobody__is_refused_before_anything_is_written(void **state)
{
    (void)state;
    char uploads[sizeof(folder) + 16];
    (void)snprintf(uploads, sizeof(uploads), "%s/uploads", folder);
    command_expect(&w, old_settings,
                   ARGS("export", "pysogs", "--database", fresh.database, "--folder", folder,
                        "--owner", "no-such-user"),
                   FAILED, "--owner: there is no such user on this machine", &said);
    assert_int_equal(access(uploads, F_OK), -1);
    assert_int_equal(number("SELECT count(*) FROM users"), 1);
}

/* As somebody else than root: a copy of the program, and of the keys, that this one may read. */
static void export_as_postgres(const char *more, const char *words)
{
    struct world_settings settings;
    AUTO_BUF struct buf out = buf_make(KIB(64));
    char program[2 * WORLD_PATH_MAX], built[512], key[2 * WORLD_PATH_MAX], env[2][300];
    static const char *const keys[] = {"server.key", "storage.key"};
    static const char *const names[] = {"KEY_FILE", "STORAGE_KEY_FILE"};
    int status = 0;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char from[2 * WORLD_PATH_MAX];
        (void)snprintf(from, sizeof(from), "%s/%s", w.folder, keys[i]);
        (void)snprintf(key, sizeof(key), "%s/lent-%s", w.folder, keys[i]);
        old_copy(from, key, INT64_MAX);
        assert_int_equal(chown(key, user_postgres(), (gid_t)-1), 0);
        (void)snprintf(env[i], sizeof(env[i]), "CONCLAVE_SERVER_%s=%s", names[i], key);
    }
    (void)snprintf(built, sizeof(built), "%s/conclave", w.build);
    (void)snprintf(program, sizeof(program), "%s/lent", w.folder);
    old_copy(built, program, INT64_MAX);
    assert_int_equal(chmod(program, 0755), 0);
    const char *const lent[] = {env[0], env[1], old_settings[0], old_settings[1], NULL};
    assert_int_equal(world_settings(&w, 0, lent, &settings), OK);
    const char *const *argv =
        ARGS("/bin/sh", "-c",
             "exec setpriv --reuid postgres --regid postgres --init-groups -- \"$@\" 2>&1", "sh",
             program, "export", "pysogs", "--database", fresh.database, "--folder", folder, more);
    const struct process_spec spec = {.argv = argv, .env = settings.env};
    assert_int_equal(process_run(&spec, WORLD_COMMAND_MS, &out, &status), OK);
    buf_put_byte(&out, '\0');
    if (status != FAILED || strstr((const char *)out.p, words) == NULL)
        fail_msg("exit code %d, and not a word of %s in: %s", status, words, (const char *)out.p);
}

static void a_user_who_may_not_write__is_told_so(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(fresh.database, 0644), 0);
    export_as_postgres(NULL, "only root can give them away");
    assert_int_equal(chown(folder, user_postgres(), (gid_t)-1), 0);
    export_as_postgres(NULL, "--database: this user may not write to it");
    assert_int_equal(number("SELECT count(*) FROM users"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_way_there_and_back__changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(files__stand_in_the_folder_byte_by_byte, begin, end),
        cmocka_unit_test_setup_teardown(triggers__do_not_count_meanwhile_and_are_there_afterwards,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_held_message__stays_here_with_its_files, begin, end),
        cmocka_unit_test_setup_teardown(
            numbers_of_direct_messages__go_on_behind_those_that_are_gone, begin, end),
        cmocka_unit_test_setup_teardown(export__where_it_cannot_be__changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(files_and_database__belong_to_whom_the_folder_belongs,
                                        begin, end),
        cmocka_unit_test_setup_teardown(files_and_database__belong_to_the_owner_that_was_named,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            an_owner_that_is_nobody__is_refused_before_anything_is_written, begin, end),
        cmocka_unit_test_setup_teardown(a_user_who_may_not_write__is_told_so, begin, end),
    };
    return cmocka_run_group_tests_name("export", tests, open_stage, close_stage);
}
