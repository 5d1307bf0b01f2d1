/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 180, test-seconds: 20
 *
 * Restores that are refused: each says why in a sentence, and changes nothing. test_backup_ends.c
 * has those that are interrupted, test_backup.c those that succeed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/pg_program.h"
#include "integration/dumped.h"

static void restore__of_what_is_no_backup__says_so(void **state)
{
    (void)state;
    dumped_refused(NULL, RESTORE(IN_FOLDER("nowhere")), 1, "no such file");
    dumped_write("text", SPAN("-- PostgreSQL database dump\n"));
    dumped_refused(NULL, RESTORE(IN_FOLDER("text")), 1, "no backup of");
    dumped_write("empty", (struct span){0});
    dumped_refused(NULL, RESTORE(IN_FOLDER("empty")), 1, "no backup of");
    dumped_refused(NULL, RESTORE(dumped_world.folder), 1, "cannot be read");
    dumped_refused(NULL, ARGS("restore"), 2, "usage");
    dumped_refused(NULL, RESTORE(IN_FOLDER("good"), "--margin=-1"), 2, "whole number");
    dumped_refused(NULL, RESTORE(IN_FOLDER("good"), "--margin", "1x"), 2, "whole number");
}

/* pg_dump of a database that is nobody's of ours. */
static void restore__of_another_program_s_dump__changes_nothing(void **state)
{
    (void)state;
    dumped_raw("template1", "template1");
    dumped_refused(NULL, RESTORE(IN_FOLDER("template1")), 1, "is not authenticated");
    dumped_refused(NULL, RESTORE(IN_FOLDER("template1"), "--unverified"), 1,
                   "holds no database of conclave");
}

static void restore__with_other_keys__changes_nothing(void **state)
{
    (void)state;
    char server[DUMPED_PATH_BYTES + 64], storage[DUMPED_PATH_BYTES + 64];
    (void)snprintf(server, sizeof(server), "CONCLAVE_SERVER_KEY_FILE=%s", IN_FOLDER("other.key"));
    (void)snprintf(storage, sizeof(storage), "CONCLAVE_SERVER_STORAGE_KEY_FILE=%s",
                   IN_FOLDER("other-storage.key"));
    dumped_refused(server, RESTORE(IN_FOLDER("good")), 3,
                   "[server] key_file: there is no such file");
    command_expect(&dumped_world, ARGS(server, storage), ARGS("key", "generate"), 0, NULL,
                   &dumped_said);
    dumped_refused(server, RESTORE(IN_FOLDER("good")), 3, "[server] key_file is not the key");
    dumped_refused(storage, RESTORE(IN_FOLDER("good")), 3,
                   "[server] storage_key_file is not the key");
}

static void restore__into_a_database_that_holds_something__wants_to_be_told(void **state)
{
    (void)state;
    dumped_refused(NULL, ARGS("restore", IN_FOLDER("good")), 1, "--replace gives up what it holds");
    dumped_refused(NULL, ARGS("restore", IN_FOLDER("good"), "--yes"), 1, "--replace gives up");
    dumped_refused(NULL, ARGS("restore", IN_FOLDER("good"), "--replace"), 2, "or takes --yes");
}

/* A copy of the database in which something is different, and its backup. */
static void back_up_changed(const char *name, const char *change)
{
    struct dumped_path path = dumped_path(name);
    dumped_copy(name, change);
    dumped_expect(dumped_url(name), ARGS("backup", "--output", path.s), 0, NULL);
}

static void restore__of_a_newer_or_foreign_schema__changes_nothing(void **state)
{
    (void)state;
    back_up_changed("newer", "INSERT INTO conclave.schema_migrations"
                             " SELECT max(number) + 1, 'later', decode(repeat('ab', 32), 'hex'), 0"
                             "   FROM conclave.schema_migrations");
    dumped_refused(NULL, RESTORE(IN_FOLDER("newer")), 1, "made by a newer conclave");
    back_up_changed("foreign_one", "UPDATE conclave.schema_migrations"
                                   "   SET hash = decode(repeat('ab', 32), 'hex')"
                                   " WHERE number = 1");
    dumped_refused(NULL, RESTORE(IN_FOLDER("foreign_one")), 1, "made by another program");
}

static void restore__whose_numbers_would_not_fit__changes_nothing(void **state)
{
    (void)state;
    back_up_changed("high", "UPDATE conclave.rooms SET message_sequence = 549755813888");
    dumped_refused(NULL, RESTORE(IN_FOLDER("high"), "--margin", "549755813888"), 1,
                   "--margin is too large");
}

static void restore__of_an_older_schema__migrates_it(void **state)
{
    (void)state;
    back_up_changed("older", "DROP TABLE conclave.retention;"
                             "DROP INDEX conclave.messages_unseen;"
                             "ALTER TABLE conclave.schema_migrations DROP COLUMN oldest_program;"
                             "ALTER TABLE conclave.ring_keys DROP COLUMN wrapped_by;"
                             "ALTER TABLE conclave.server DROP COLUMN storage_key;"
                             "DROP FUNCTION conclave.vacuum_soon;"
                             "DROP FUNCTION conclave.post_retries_find;"
                             "DROP TABLE conclave.post_retries, conclave.posted_residues;"
                             "ALTER TABLE conclave.rooms DROP COLUMN posted_ms;"
                             "ALTER TABLE conclave.server DROP COLUMN trusted_s,"
                             " DROP COLUMN nonces_after_s, DROP COLUMN timeline,"
                             " DROP COLUMN raised_s;"
                             "DROP FUNCTION conclave.database_timeline();"
                             "DROP FUNCTION conclave.files_recount();"
                             "DROP FUNCTION conclave.file_charge(bigint);"
                             "ALTER TABLE conclave.blobs DROP COLUMN by_stranger;"
                             "ALTER TABLE conclave.file_usage DROP COLUMN anonymous_bytes,"
                             " DROP COLUMN strangers_bytes;"
                             "ALTER TABLE conclave.direct_messages DROP COLUMN by_stranger;"
                             "DROP INDEX conclave.rooms_image;"
                             "DROP TRIGGER message_mac_ends ON conclave.messages;"
                             "DROP FUNCTION conclave.message_mac_ends();"
                             "ALTER TABLE conclave.messages DROP COLUMN mac;"
                             "DELETE FROM conclave.schema_migrations WHERE number >= 7");
    file_sql(&dumped_world, "CREATE DATABASE migrated");
    dumped_expect(dumped_url("migrated"), ARGS("restore", IN_FOLDER("older")), 0,
                  "applied 0007_retention");
    dumped_expect(dumped_url("migrated"), ARGS("check"), 0, "in order");
    /* What was there goes, whatever version it has. */
    dumped_expect(dumped_url("newer"), RESTORE(IN_FOLDER("good")), 0, "Restored");
    dumped_expect(dumped_url("newer"), ARGS("check"), 0, "in order");
}

static void commands__whose_database_is_away__say_so(void **state)
{
    (void)state;
    static const char away[] = "CONCLAVE_DATABASE_URL=postgresql:///conclave?host=/nowhere";
    dumped_refused(away, RESTORE(IN_FOLDER("good")), 4, "no socket of PostgreSQL");
    dumped_refused(away, ARGS("backup", "--output", IN_FOLDER("none")), 4,
                   "no socket of PostgreSQL");
    file_sql(&dumped_world, "CREATE DATABASE bare");
    dumped_refused(dumped_url("bare"), ARGS("backup", "--output", IN_FOLDER("none")), 4,
                   "the database is empty");
    assert_false(dumped_exists("none"));
}

static void restore__while_a_server_runs__changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(world_restart_server(&dumped_world, 0, NULL), OK);
    dumped_expect(NULL, RESTORE(IN_FOLDER("good")), 1, "a server runs on this database");
    assert_int_equal(world_wait_ready(&dumped_world, 0, 1000), OK);
    assert_int_equal(world_stop_server(&dumped_world, 0), 0);
    dumped_refused(NULL, ARGS("check"), 0, "in order");
}

static void program__of_the_right_version__is_found_or_named(void **state)
{
    (void)state;
    struct pg_program p;
    char path[DUMPED_PATH_BYTES * 2];
    struct dumped_path folder = dumped_path("bin");
    assert_false(pg_program_find("pg_dump", 99, &p));
    assert_int_equal(mkdir(folder.s, 0700), 0);
    dumped_write("bin/pg_dump", SPAN("#!/bin/sh\necho 'pg_dump (PostgreSQL) 99.1 (of a test)'\n"));
    assert_int_equal(chmod(IN_FOLDER("bin/pg_dump"), 0700), 0);
    (void)snprintf(path, sizeof(path), "%s:/usr/bin:/bin", folder.s);
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_true(pg_program_find("pg_dump", 99, &p));
    assert_string_equal(p.path, "pg_dump");
    assert_false(pg_program_find("pg_dump", 98, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restore__of_what_is_no_backup__says_so),
        cmocka_unit_test(restore__of_another_program_s_dump__changes_nothing),
        cmocka_unit_test(restore__with_other_keys__changes_nothing),
        cmocka_unit_test(restore__into_a_database_that_holds_something__wants_to_be_told),
        cmocka_unit_test(restore__of_a_newer_or_foreign_schema__changes_nothing),
        cmocka_unit_test(restore__whose_numbers_would_not_fit__changes_nothing),
        cmocka_unit_test(restore__of_an_older_schema__migrates_it),
        cmocka_unit_test(commands__whose_database_is_away__say_so),
        cmocka_unit_test(restore__while_a_server_runs__changes_nothing),
        cmocka_unit_test(program__of_the_right_version__is_found_or_named),
    };
    return cmocka_run_group_tests(tests, dumped_open, dumped_close);
}
