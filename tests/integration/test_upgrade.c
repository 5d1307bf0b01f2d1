/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 180
 *
 * An upgrade while people use the server: a later version (build/conclave-expand: one migration
 * more) migrates the database and then serves it beside this one. A later version that takes
 * something away (build/conclave-contract) is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "db/db.h"
#include "integration/command.h"
#include "integration/talk.h"
#include "integration/world_settings.h"

enum { ANA, BEN, PEOPLE };
/*
 * A backup holds its locks as long as this; a request may wait for the migration's quarter of a
 * second, and a slow machine.
 */
enum { LOCKED_MS = 4000, REQUEST_MAX_MS = 2000, MIGRATED_MAX_MS = 30000, PATIENT_POSTS = 20 };

static const char *const settings[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
static struct talk talk;
static struct said said;

static int open_talk(void **state)
{
    (void)state;
    talk_open(&talk, 1, PEOPLE, settings);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

/* One post and what others see of it; each within its time. */
static void post_and_poll(size_t writer, size_t reader)
{
    int64_t began_ms = clock_mono_ms();
    int64_t id = talk_post(&talk, writer, "lobby", "during the upgrade");
    assert_true(clock_mono_ms() - began_ms < REQUEST_MAX_MS);
    bool seen = false;
    /* Another process learns of it within half a second. */
    while (!seen && clock_mono_ms() - began_ms < 2 * REQUEST_MAX_MS) {
        json_auto_t *rows = talk_get(&talk, reader, "/room/lobby/messages/recent?limit=10");
        seen = talk_row(rows, id) != NULL;
    }
    assert_true(seen);
}

static void start_command(const char *command, struct process *ret_process)
{
    static char program[WORLD_PROGRAM_MAX];
    static struct world_settings env;
    world_program(&talk.w, program);
    const char *argv[] = {program, command, NULL};
    assert_int_equal(world_settings(&talk.w, 0, NULL, &env), OK);
    const struct process_spec spec = {.argv = argv, .env = env.env, .out_path = "/dev/null"};
    assert_int_equal(process_start(&spec, ret_process), OK);
}

/* What a backup does: it reads every table in one long transaction. */
static struct db *lock_as_a_backup(void)
{
    struct db *db = talk_database(&talk);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(
        db_script(db, "LOCK TABLE conclave.messages, conclave.rooms IN ACCESS SHARE MODE"), OK);
    return db;
}

static void migrate__by_a_later_version__fails_no_request_of_this_one(void **state)
{
    (void)state;
    struct process migrate;
    int status = 0;
    size_t before = 0, after = 0;
    struct db *lock = lock_as_a_backup();
    talk.w.program = "conclave-expand";
    start_command("migrate", &migrate);
    talk.w.program = NULL;
    int64_t began_ms = clock_mono_ms();
    while (clock_mono_ms() - began_ms < LOCKED_MS) {
        post_and_poll(ANA, BEN);
        before++;
        assert_true(process_running(&migrate, &status)); /* it waits for the lock */
    }
    db_rollback(lock);
    db_free(lock);
    while (process_running(&migrate, &status)) {
        post_and_poll(BEN, ANA);
        after++;
        assert_true(clock_mono_ms() - began_ms < MIGRATED_MAX_MS);
    }
    assert_int_equal(status, 0);
    print_message("%zu posts while migrate waited, %zu while it worked\n", before, after);
    assert_true(before > PATIENT_POSTS);
    for (int i = 0; i < PATIENT_POSTS; i++)
        post_and_poll(ANA, BEN);
    command_expect(&talk.w, NULL, ARGS("migrate", "--check"), 0, "of a newer program", &said);
    command_expect(&talk.w, NULL, ARGS("room", "list"), 0, "lobby", &said);
}

static void both_versions__on_one_database__see_what_the_other_writes(void **state)
{
    (void)state;
    size_t later = 0;
    talk.w.program = "conclave-expand";
    assert_int_equal(world_start_server(&talk.w, NULL, &later), OK);
    talk_move(&talk, BEN, later);
    for (int i = 0; i < PATIENT_POSTS; i++) {
        post_and_poll(ANA, BEN);
        post_and_poll(BEN, ANA);
    }
    int64_t id = talk_post(&talk, ANA, "lobby", "first words");
    talk_edit(&talk, ANA, "lobby", id, "other words");
    (void)talk_react(&talk, BEN, "lobby", id, "\xf0\x9f\x91\x8d");
    talk_delete(&talk, ANA, "lobby", id);

    /*
     * This version starts on the later schema, too, as after a crash in the middle of an upgrade.
     */
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
    talk.w.program = NULL;
    assert_int_equal(world_restart_server(&talk.w, 0, NULL), OK);
    talk_move(&talk, ANA, 0);
    for (int i = 0; i < PATIENT_POSTS; i++) {
        post_and_poll(ANA, BEN);
        post_and_poll(BEN, ANA);
    }
    AUTO_BUF struct buf log = buf_make(MIB(4));
    assert_int_equal(world_log(&talk.w, 0, &log), OK);
    assert_non_null(memmem(log.p, log.len, "event=schema.ahead", 18));
    assert_int_equal(world_stop_server(&talk.w, later), 0);
}

/* Another database of the cluster, which no server of this version uses. */
static void use_database(const char *name)
{
    char sql[64];
    struct db *db = talk_database(&talk);
    (void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
    assert_int_equal(db_script(db, sql), OK);
    db_free(db);
    char *at = strstr(talk.w.database_url, "/conclave?");
    assert_non_null(at);
    (void)memmove(at + 1 + strlen(name), at + strlen("/conclave"),
                  strlen(at + strlen("/conclave")) + 1);
    (void)memcpy(at + 1, name, strlen(name));
}

static void
migration__that_takes_away_what_this_version_uses__is_refused_in_a_sentence(void **state)
{
    static const char words[] = "the database's schema is newer than this program can serve";
    (void)state;
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
    use_database("later");
    command_expect(&talk.w, NULL, ARGS("migrate"), 0, "up to date", &said);
    talk.w.program = "conclave-contract";
    command_expect(&talk.w, NULL, ARGS("migrate"), 0, "applied contract", &said);
    command_expect(&talk.w, NULL, ARGS("migrate", "--check"), 0, "up to date", &said);
    talk.w.program = NULL;
    command_expect(&talk.w, NULL, ARGS("serve"), 4, words, &said);
    command_expect(&talk.w, NULL, ARGS("serve", "--init"), 4, words, &said);
    command_expect(&talk.w, NULL, ARGS("room", "list"), 4, words, &said);
    command_expect(&talk.w, NULL, ARGS("migrate"), 4, "nothing was changed", &said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrate__by_a_later_version__fails_no_request_of_this_one),
        cmocka_unit_test(both_versions__on_one_database__see_what_the_other_writes),
        cmocka_unit_test(
            migration__that_takes_away_what_this_version_uses__is_refused_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
