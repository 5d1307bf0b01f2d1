/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting: what `serve` refuses and with which words, and a first start that is killed at any
 * moment and repeated. How long a start takes: test_start_times.c.
 *
 * test-timeout-s: 240, test-seconds: 45
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "integration/command.h"
#include "integration/file_fixture.h"
#include "integration/world_settings.h"

enum { CONFIGURATION = 3, DATABASE = 4 };
enum {
    KILLS = 12,
    FIRST_START_MS =
        400, /* about what an undisturbed first start takes: kills come anywhere in it */
};

static struct said said;

/* ---- help ---- */

static void open_world(struct world *w, size_t servers)
{
    const struct world_options options = {.servers = servers, .accounts = 1, .no_fsync = true};
    if (world_open(w, &options) != OK)
        fail_msg("%s", w->trouble);
}

static void write_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* ---- what serve refuses ---- */

struct refusal_case {
    const char *setting; /* NULL: none */
    int status;
    const char *words;
};

/* None of them serves, with --init or without; afterwards the server is as it was. */
static void refuse_all(struct world *w, const struct refusal_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *const more[] = {cases[i].setting, NULL};
        command_expect(w, more, ARGS("serve"), cases[i].status, cases[i].words, &said);
        command_expect(w, more, ARGS("serve", "--init"), cases[i].status, cases[i].words, &said);
    }
}

static void serve__wrong_missing_or_exchanged_keys__are_refused_by_name(void **state)
{
    (void)state;
    static struct world w;
    static const uint8_t other[32] = {8, 9, 10};
    char text[8][200];
    open_world(&w, 1);
    assert_int_equal(world_stop_server(&w, 0), 0);
    static const char *const names[] = {"other", "short", "open"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[150];
        (void)snprintf(path, sizeof(path), "%s/%s.key", w.folder, names[i]);
        write_file(path, other, i == 1 ? 31 : 32, i == 2 ? 0620 : 0400);
        (void)snprintf(text[2 * i], sizeof(text[0]), "CONCLAVE_SERVER_KEY_FILE=%s", path);
        (void)snprintf(text[2 * i + 1], sizeof(text[0]), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s",
                       path);
    }
    (void)snprintf(text[6], sizeof(text[0]), "CONCLAVE_SERVER_KEY_FILE=%s/storage.key", w.folder);
    (void)snprintf(text[7], sizeof(text[0]), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s/server.key",
                   w.folder);
    const struct refusal_case cases[] = {
        {text[0], CONFIGURATION, "key_file is not the key that this database belongs to"},
        {text[1], CONFIGURATION,
         "storage_key_file is not the key that this database was sealed with"},
        {text[2], CONFIGURATION, "[server] key_file: it is neither 32 raw bytes nor 64 hex digits"},
        {text[3], CONFIGURATION,
         "[server] storage_key_file: it is neither 32 raw bytes nor 64 hex digits"},
        {text[4], CONFIGURATION, "[server] key_file: its group or others may write it"},
        {text[5], CONFIGURATION, "[server] storage_key_file: its group or others may write it"},
        {text[6], CONFIGURATION, "[server] key_file is not the key that this database belongs to"},
        {text[7], CONFIGURATION,
         "storage_key_file is not the key that this database was sealed with"},
        {"CONCLAVE_SERVER_KEY_FILE=/nonexistent/key", CONFIGURATION,
         "[server] key_file: there is no such file"},
        {"CONCLAVE_SERVER_STORAGE_KEY_FILE=/nonexistent/key", CONFIGURATION,
         "[server] storage_key_file: there is no such file"},
    };
    refuse_all(&w, cases, COUNT_OF(cases));
    assert_int_not_equal(access("/nonexistent/key", F_OK), 0); /* a missing key was not made anew */
    assert_int_equal(world_restart_server(&w, 0, NULL), OK);
    assert_true(world_close(&w));
}

static void serve__both_keys_of_another_server__do_not_fit_the_database(void **state)
{
    (void)state;
    static struct world w;
    char key_file[200];
    char storage_file[200];
    open_world(&w, 1);
    assert_int_equal(world_stop_server(&w, 0), 0);
    (void)snprintf(key_file, sizeof(key_file), "CONCLAVE_SERVER_KEY_FILE=%s/b.key", w.folder);
    (void)snprintf(storage_file, sizeof(storage_file), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s/b2.key",
                   w.folder);
    const char *const another[] = {key_file, storage_file, NULL};
    command_expect(&w, another, ARGS("key", "generate"), 0, "made", &said);
    command_expect(&w, another, ARGS("serve", "--init"), CONFIGURATION, "belongs to", &said);
    command_expect(&w, another, ARGS("serve"), CONFIGURATION, "belongs to", &said);
    command_expect(&w, another, ARGS("check"), CONFIGURATION, "belongs to", &said);
    assert_int_equal(world_restart_server(&w, 0, NULL), OK);
    assert_true(world_close(&w));
}

static void serve__database_of_another_program_version__is_refused(void **state)
{
    (void)state;
    static struct world w;
    open_world(&w, 1);
    assert_int_equal(world_stop_server(&w, 0), 0);
    /* Newer: a migration that we do not have. */
    file_sql(&w, "INSERT INTO conclave.schema_migrations (number, name, hash, applied_at)"
                 " SELECT max(number) + 1, 'later', decode(repeat('00', 32), 'hex'), 0"
                 "   FROM conclave.schema_migrations");
    command_expect(&w, NULL, ARGS("serve"), DATABASE, "than this program can serve", &said);
    command_expect(&w, NULL, ARGS("serve", "--init"), DATABASE, "than this program can", &said);
    command_expect(&w, NULL, ARGS("check"), DATABASE, "than this program can serve", &said);
    command_expect(&w, NULL, ARGS("migrate"), DATABASE, "nothing was changed", &said);
    command_expect(&w, NULL, ARGS("migrate", "--check"), DATABASE, "newer", &said);
    file_sql(&w, "DELETE FROM conclave.schema_migrations WHERE name = 'later'");
    /* Foreign: one of ours that was changed. */
    file_sql(&w, "UPDATE conclave.schema_migrations SET hash = decode(repeat('00', 32), 'hex') "
                 "WHERE number = 2;"
                 "CREATE TABLE conclave.kept AS SELECT hash FROM conclave.schema_migrations WHERE "
                 "number = 2");
    command_expect(&w, NULL, ARGS("serve"), DATABASE, "made by another program", &said);
    command_expect(&w, NULL, ARGS("serve", "--init"), DATABASE, "made by another program", &said);
    command_expect(&w, NULL, ARGS("check"), DATABASE, "not those of this program", &said);
    command_expect(&w, NULL, ARGS("migrate"), DATABASE, "nothing was changed", &said);
    assert_true(world_close(&w));
}

static void serve__older_or_empty_schema__asks_for_migrate(void **state)
{
    (void)state;
    static struct world w;
    open_world(&w, 1);
    int64_t newest = file_number(&w, "SELECT max(number) FROM conclave.schema_migrations");
    assert_int_equal(world_stop_server(&w, 0), 0);
    file_sql(&w, "DELETE FROM conclave.schema_migrations"
                 " WHERE number = (SELECT max(number) FROM conclave.schema_migrations)");
    command_expect(&w, NULL, ARGS("serve"), DATABASE, "`conclave migrate`", &said);
    command_expect(&w, NULL, ARGS("check"), DATABASE, "older than this program", &said);
    command_expect(&w, NULL, ARGS("room", "list"), DATABASE, "older than this program", &said);
    command_expect(&w, NULL, ARGS("migrate", "--check"), 1, "to be migrated", &said);
    /* An empty database, and then the whole way by hand. */
    file_sql(&w, "DROP SCHEMA conclave CASCADE");
    command_expect(&w, NULL, ARGS("serve"), DATABASE, "`conclave migrate`", &said);
    command_expect(&w, NULL, ARGS("check"), DATABASE, "is empty", &said);
    command_expect(&w, NULL, ARGS("migrate", "--check"), 1, "schema 0, to be migrated", &said);
    command_expect(&w, NULL, ARGS("migrate"), 0, "up to date", &said);
    assert_int_equal(file_number(&w, "SELECT max(number) FROM conclave.schema_migrations"), newest);
    command_expect(&w, NULL, ARGS("serve"), DATABASE, "belongs to no server yet", &said);
    command_expect(&w, NULL, ARGS("check"), DATABASE, "belongs to no server yet", &said);
    assert_int_equal(world_restart_server(&w, 0, NULL), OK); /* with --init */
    command_expect(&w, NULL, ARGS("check"), 0, "in order", &said);
    assert_true(world_close(&w));
}

/* ---- first starts that are killed ---- */

static void start_and_kill(struct world *w, int after_ms)
{
    char program[512];
    char err_path[WORLD_PATH_MAX + 16];
    struct world_settings settings;
    struct process p = {.out_fd = -1};
    const char *argv[] = {program, "serve", "--init", NULL};
    (void)snprintf(program, sizeof(program), "%s/conclave", w->build);
    (void)snprintf(err_path, sizeof(err_path), "%s/killed.log", w->folder);
    assert_int_equal(world_settings(w, 0, NULL, &settings), OK);
    const struct process_spec spec = {
        .argv = argv, .env = settings.env, .out_path = err_path, .err_path = err_path};
    assert_int_equal(process_start(&spec, &p), OK);
    (void)poll(NULL, 0, after_ms);
    process_kill(&p);
}

static void begin_anew(const struct world *w)
{
    char path[WORLD_PATH_MAX + 32];
    file_sql(w, "DROP SCHEMA IF EXISTS conclave CASCADE");
    (void)snprintf(path, sizeof(path), "%s/server.key", w->folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/storage.key", w->folder);
    (void)unlink(path);
}

static void init__killed_at_any_moment__works_when_repeated(void **state)
{
    (void)state;
    static struct world w;
    static const char *const admin[] = {
        "CONCLAVE_SERVER_ADMIN=15abababababababababababababababababababababababababababababababab",
        NULL};
    size_t half_made = 0;
    open_world(&w, 1);
    assert_int_equal(world_stop_server(&w, 0), 0);
    for (int i = 0; i < KILLS; i++) {
        begin_anew(&w);
        /* Twice each: what the first left behind is interrupted again. */
        start_and_kill(&w, FIRST_START_MS * (i + 1) / KILLS);
        half_made +=
            file_number(&w, "SELECT count(*) FROM pg_namespace WHERE nspname = 'conclave'") == 1;
        start_and_kill(&w, FIRST_START_MS * (KILLS - i) / KILLS);
        assert_int_equal(world_restart_server(&w, 0, admin), OK);
        command_expect(&w, NULL, ARGS("check"), 0, "in order", &said);
        command_expect(&w, NULL, ARGS("room", "list"), 0, "lobby\t", &said);
        command_expect(&w, NULL, ARGS("mod", "list", "--global"), 0, "15abab", &said);
        assert_int_equal(file_number(&w, "SELECT count(*) FROM conclave.server"), 1);
        assert_int_equal(file_number(&w, "SELECT count(*) FROM conclave.rooms"), 1);
        assert_int_equal(world_stop_server(&w, 0), 0);
    }
    print_message("%zu of %d were killed after the schema was begun\n", half_made, KILLS);
    assert_in_range(half_made, 1, KILLS);
    assert_true(world_close(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serve__wrong_missing_or_exchanged_keys__are_refused_by_name),
        cmocka_unit_test(serve__both_keys_of_another_server__do_not_fit_the_database),
        cmocka_unit_test(serve__database_of_another_program_version__is_refused),
        cmocka_unit_test(serve__older_or_empty_schema__asks_for_migrate),
        cmocka_unit_test(init__killed_at_any_moment__works_when_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
