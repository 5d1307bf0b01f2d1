/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an import takes things from: a sogs.ini and what it names, keys, a folder that was copied
 * only half, and a server that is still in use. What is refused is refused with one sentence, and
 * leaves neither rows nor keys.
 *
 * test-timeout-s: 240
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/old_stage.h"
#include "integration/world_settings.h"

enum { FAILED = 1, USAGE = 2, CONFIGURATION = 3, WAIT_MS = 30000, PATH_BYTES = 2 * WORLD_PATH_MAX };

static struct old_stage s;
static char ini[PATH_BYTES], our_key[PATH_BYTES], their_key[PATH_BYTES], storage_key[PATH_BYTES];

/* Before the first server start, the key is only where PySOGS had it. */
static int open_stage(void **state)
{
    (void)state;
    old_stage_open(&s);
    (void)snprintf(ini, sizeof(ini), "%s/sogs.ini", s.old.folder);
    (void)snprintf(our_key, sizeof(our_key), "%s/server.key", s.c.w.folder);
    (void)snprintf(their_key, sizeof(their_key), "%s/key_x25519", s.old.folder);
    (void)snprintf(storage_key, sizeof(storage_key), "%s/storage.key", s.c.w.folder);
    assert_int_equal(rename(our_key, their_key), 0);
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
    (void)unlink(our_key);
    (void)unlink(storage_key);
    return 0;
}

static void write_ini(const char *text)
{
    FILE *f = fopen(ini, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void import_from(const char *file, const char *more, int status, const char *words)
{
    command_expect(&s.c.w, old_settings, ARGS("import", "pysogs", "--from", file, more), status,
                   words, &s.said);
}

static void assert_nothing_left(void)
{
    struct stat info;
    old_stage_empty(&s);
    assert_int_equal(stat(our_key, &info), -1);
    assert_int_equal(stat(storage_key, &info), -1);
}

static void a_sogs_ini__is_enough(void **state)
{
    (void)state;
    char url[PATH_BYTES + 64];
    struct stat info;
    static const char *const inis[] = {
        "[db]\nurl = sqlite:///sogs.db\n", "[DEFAULT]\n[net]\nbase_url = http://a.b\n", "",
        "; a comment\n[crypto]\nKEY_FILE: key_x25519\n[filter:*:*]\nreply = a\n   b = c\n"
        "[files]\nuploads_dir = uploads\n[db]\nurl: sqlite:///sogs.db\n"};
    for (size_t i = 0; i < COUNT_OF(inis); i++) {
        begin(NULL);
        write_ini(inis[i]);
        import_from(ini, NULL, 0, "compared:");
        assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.chunks"), 1);
        assert_int_equal(stat(our_key, &info) | stat(storage_key, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0400);
    }
    /* A path from the root, and %% for %. */
    begin(NULL);
    (void)snprintf(url, sizeof(url), "[db]\nurl = sqlite:///%s/sogs%%%%1.db\n", s.old.folder);
    write_ini(url);
    (void)snprintf(url, sizeof(url), "%s/sogs%%1.db", s.old.folder);
    old_copy(s.old.database, url, INT64_MAX);
    import_from(ini, NULL, 0, "compared:");
}

static void a_sogs_ini_elsewhere__belongs_to_the_folder_of_the_server(void **state)
{
    (void)state;
    char elsewhere[PATH_BYTES];
    (void)snprintf(elsewhere, sizeof(elsewhere), "%s/sogs.ini", s.c.w.folder);
    write_ini("[db]\nurl = sqlite:///sogs.db\n");
    assert_int_equal(rename(ini, elsewhere), 0);
    import_from(elsewhere, NULL, CONFIGURATION, "the old server's key has to come along");
    assert_nothing_left();
    command_expect(&s.c.w, old_settings,
                   ARGS("import", "pysogs", "--from", elsewhere, "--folder", s.old.folder), 0,
                   "compared:", &s.said);
    assert_int_equal(unlink(elsewhere), 0);
}

static void a_sogs_ini_that_leads_nowhere__is_refused(void **state)
{
    (void)state;
    char empty[PATH_BYTES], moved[PATH_BYTES + 8];
    (void)snprintf(empty, sizeof(empty), "%s/sogs.ini", s.c.w.folder);
    import_from(empty, NULL, FAILED, "--from: it cannot be read");
    FILE *f = fopen(empty, "we");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    import_from(empty, NULL, FAILED, "--from: it names no [db] url, and there is no sogs.db");
    assert_int_equal(unlink(empty), 0);
    write_ini("[db]\nurl = mysql://localhost/sogs\n");
    import_from(ini, NULL, FAILED, "--database: it is neither a file nor a postgresql:// address");
    assert_nothing_left();
    write_ini("[db]\nurl = sqlite:///other.db\n");
    import_from(ini, NULL, FAILED, "--database: there is no such file");
    write_ini("[files]\nuploads_dir = /nowhere\n");
    import_from(ini, NULL, FAILED, "--uploads: there is no such folder");
    write_ini("[db]\nurl = postgresql+psycopg2://127.0.0.1:1/sogs?connect_timeout=2\n");
    import_from(ini, NULL, FAILED, "--database: it cannot be reached");
    assert_nothing_left();
    write_ini("");
    (void)snprintf(moved, sizeof(moved), "%s.away", their_key);
    assert_int_equal(rename(their_key, moved), 0);
    import_from(ini, NULL, CONFIGURATION, "the old server's key has to come along");
    assert_null(strstr(s.said.err, "key generate"));
    assert_int_equal(rename(moved, their_key), 0);
    command_expect(&s.c.w, old_settings, ARGS("import", "pysogs", "--database", s.old.database),
                   USAGE, "--from", &s.said);
    assert_nothing_left();
}

/* Whoever has a PySOGS on PostgreSQL has such an address in sogs.ini. */
static void an_address_with_a_driver__is_taken(void **state)
{
    (void)state;
    char text[512];
    const char *rest = strstr(s.c.w.database_url, "://");
    assert_non_null(rest);
    (void)snprintf(text, sizeof(text), "[db]\nurl = postgresql+psycopg2%.255s\n", rest);
    write_ini(text);
    import_from(ini, NULL, FAILED, "there is none: this is no database of PySOGS");
    assert_nothing_left();
}

static void a_key_that_is_none_or_another__is_refused(void **state)
{
    (void)state;
    char other[PATH_BYTES];
    write_ini("");
    (void)snprintf(other, sizeof(other), "%s/other", s.c.w.folder);
    old_copy(their_key, other, INT64_MAX);
    assert_int_equal(truncate(other, 31), 0);
    command_expect(&s.c.w, old_settings, ARGS("import", "pysogs", "--from", ini, "--key", other),
                   CONFIGURATION, "--key: it is neither 32 raw bytes nor 64 hex digits", &s.said);
    assert_int_equal(unlink(other), 0);
    command_expect(&s.c.w, old_settings, ARGS("key", "generate"), 0, NULL, &s.said);
    assert_int_equal(rename(our_key, other), 0);
    assert_int_equal(unlink(storage_key), 0);
    command_expect(&s.c.w, old_settings, ARGS("import", "pysogs", "--from", ini, "--key", other),
                   FAILED, "it is not the key of the old server", &s.said);
    command_expect(&s.c.w, old_settings,
                   ARGS("import", "pysogs", "--from", ini, "--key", "/nowhere"), CONFIGURATION,
                   "--key: there is no such file: the old server's key", &s.said);
    assert_nothing_left();
    assert_int_equal(unlink(other), 0);
}

static void uploads_that_were_copied_half__are_refused(void **state)
{
    (void)state;
    char file[PATH_BYTES], whole[PATH_BYTES];
    write_ini("");
    (void)snprintf(file, sizeof(file), "%s/uploads/8_x", s.old.folder);
    (void)snprintf(whole, sizeof(whole), "%s/whole", s.c.w.folder);
    assert_int_equal(rename(file, whole), 0);
    old_copy(whole, file, INT64_MAX);
    assert_int_equal(truncate(file, 40), 0);
    import_from(ini, NULL, FAILED, "files: of 1, 0 are not in the folder and 1 have another size");
    assert_nothing_left();
    import_from(ini, "--dry-run", 0, "warning: files: of 1, 0 are not in the folder and 1 have");
    assert_int_equal(unlink(file), 0);
    import_from(ini, NULL, FAILED, "files: of 1, 1 are not in the folder and 0 have another size");
    assert_nothing_left();
    assert_int_equal(rename(whole, file), 0);
    import_from(ini, NULL, 0, "compared:");
}

/* Something between us and the disk changes one value of one row. */
static void a_row_that_came_otherwise__is_noticed(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"messages", "NEW.posted := NEW.posted + 1"},
        {"users", "NEW.banned := TRUE"},
        {"files", "NEW.expiry := NEW.expiry - 1"},
        {"rooms", "NEW.info_updates := NEW.info_updates + 1"},
    };
    write_ini("");
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        sql(&s.c,
            "CREATE FUNCTION conclave.otherwise() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN %s; RETURN NEW; END';"
            "CREATE TRIGGER otherwise BEFORE INSERT ON conclave.%s"
            " FOR EACH ROW EXECUTE FUNCTION conclave.otherwise()",
            changes[i][1], changes[i][0]);
        import_from(ini, NULL, FAILED, "what was taken over is not what the old server has");
        assert_non_null(strstr(s.said.err, changes[i][0]));
        assert_nothing_left();
        sql(&s.c, "DROP FUNCTION conclave.otherwise() CASCADE");
    }
    import_from(ini, NULL, 0, "compared:");
}

/* ---- in use ---- */

static void start_import(struct old_server *old, struct world *w, struct process *ret_process)
{
    static struct world_settings settings;
    char program[512], log[WORLD_PATH_MAX + 16];
    (void)snprintf(program, sizeof(program), "%s/conclave", w->build);
    (void)snprintf(log, sizeof(log), "%s/import.log", w->folder);
    (void)unlink(log);
    assert_int_equal(world_settings(w, 0, old_settings, &settings), OK);
    const struct process_spec spec = {.argv = ARGS(program, "import", "pysogs", "--database",
                                                   old->database, "--folder", old->folder, "--key",
                                                   their_key),
                                      .env = settings.env,
                                      .out_path = log,
                                      .err_path = log};
    assert_int_equal(process_start(&spec, ret_process), OK);
}

static void assert_log(const struct world *w, const char *words)
{
    char path[WORLD_PATH_MAX + 16], text[4096] = "";
    (void)snprintf(path, sizeof(path), "%s/import.log", w->folder);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    assert_int_equal(fclose(f), 0);
    if (strstr(text, words) == NULL)
        fail_msg("not a word of %s in: %s", words, text);
}

/*
 * The import has looked at the source and waits for a table of ours, which we hold; meanwhile the
 * old server goes on.
 */
static void import_while(struct old_server *old, struct cast *c, const char *change)
{
    struct process import;
    int status = 0;
    sql(c, "BEGIN; LOCK TABLE conclave.rooms IN ROW EXCLUSIVE MODE");
    start_import(old, &c->w, &import);
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (sql_number(c, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
        assert_true(process_running(&import, &status) && clock_mono_ms() < deadline);
    if (change != NULL)
        old_sql(old, "%s", change);
    sql(c, "COMMIT");
    assert_int_equal(process_wait(&import, WAIT_MS, &status), OK);
    assert_int_equal(status, change != NULL ? FAILED : 0);
    if (change == NULL)
        return;
    assert_log(&c->w, "the old server: its database was written to while it was read: stop it");
    assert_log(&c->w, "nothing was imported");
}

static void a_server_in_use__is_not_imported(void **state)
{
    (void)state;
    static const char *const ways[] = {"UPDATE messages SET edited = 1700000007",
                                       "DELETE FROM files", "UPDATE users SET last_active = 9"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        begin(NULL);
        old_sql(&s.old, "PRAGMA journal_mode = WAL");
        import_while(&s.old, &s.c, ways[i]);
        assert_nothing_left();
    }
    begin(NULL);
    old_sql(&s.old, "PRAGMA journal_mode = WAL");
    import_while(&s.old, &s.c, NULL);
    assert_int_equal(sql_number(&s.c, "SELECT count(*) FROM conclave.messages"), 1);
}

/* Without a log, SQLite lets nobody write while somebody reads; who wants to has announced it. */
static void a_server_that_waits_to_write__is_not_imported(void **state)
{
    (void)state;
    old_sql(&s.old, "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE; UPDATE rooms SET name = 'x'");
    write_ini("");
    import_from(ini, NULL, FAILED, "its database was written to while it was read: stop it");
    assert_nothing_left();
    import_from(ini, "--dry-run", 0, "would come:");
    old_sql(&s.old, "ROLLBACK");
    import_from(ini, NULL, 0, "compared:");
}

static void a_server_in_use_on_postgresql__is_not_imported(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "UPDATE users SET last_active = 9 WHERE id = 1",
        "INSERT INTO user_ban_futures (\"user\", at, banned) VALUES (1, 4000000000, TRUE)", NULL};
    struct cast c = {.count = 0};
    struct old_server old;
    char stays[PATH_BYTES];
    memcpy(stays, their_key, sizeof(stays));
    old_open(&old, &c.w, 1, true);
    old_user(&old, &c.w, 1, 0, true);
    old_sql(&old, "INSERT INTO rooms (id, token, name) VALUES (1, 'fish', 'F')");
    (void)snprintf(their_key, sizeof(their_key), "%s/server.key", c.w.folder);
    const struct db_options db = {.url = c.w.database_url};
    assert_int_equal(db_new(&db, &c.db), OK);
    assert_int_equal(db_ensure(c.db), OK);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        import_while(&old, &c, ways[i]);
        assert_int_equal(sql_number(&c, "SELECT count(*) FROM conclave.rooms"), ways[i] == NULL);
    }
    db_free(c.db);
    old_close(&old, &c.w);
    memcpy(their_key, stays, sizeof(stays));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sogs_ini__is_enough, begin),
        cmocka_unit_test_setup(a_sogs_ini_elsewhere__belongs_to_the_folder_of_the_server, begin),
        cmocka_unit_test_setup(a_sogs_ini_that_leads_nowhere__is_refused, begin),
        cmocka_unit_test_setup(an_address_with_a_driver__is_taken, begin),
        cmocka_unit_test_setup(a_key_that_is_none_or_another__is_refused, begin),
        cmocka_unit_test_setup(uploads_that_were_copied_half__are_refused, begin),
        cmocka_unit_test_setup(a_row_that_came_otherwise__is_noticed, begin),
        cmocka_unit_test_setup(a_server_in_use__is_not_imported, begin),
        cmocka_unit_test_setup(a_server_that_waits_to_write__is_not_imported, begin),
        cmocka_unit_test_setup(a_server_in_use_on_postgresql__is_not_imported, begin),
    };
    return cmocka_run_group_tests_name("import sources", tests, open_stage, close_stage);
}
