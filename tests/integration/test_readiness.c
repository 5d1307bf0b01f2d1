/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 240, test-waits: 8
 *
 * "Ready" means that a write would be done now. It turns within three seconds both ways, whatever
 * happened to the database, and says which part is not ready.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "integration/command.h"
#include "integration/database.h"

enum {
    TURNS_WITHIN_MS = 3 * SECOND_MS,
    STEP_MS = 20,
    SAYS_MAX = 1024,
    /*
     * Of one server: two for the state, the writer, four and two workers, the jobs. And one of
     * ours.
     */
    ALL_CONNECTIONS = 11,
};

static struct world world;

/* Until it is ready, or is not and says these words. How long it took. */
static int64_t wait_turned(bool ready, const char *words)
{
    AUTO_BUF struct buf says = buf_make(SAYS_MAX);
    int64_t began_ms = clock_mono_ms();
    for (;;) {
        int status = world_ask_ready(&world, 0, &says);
        int64_t took_ms = clock_mono_ms() - began_ms;
        buf_put_byte(&says, '\0');
        const char *said = says.len > 0 ? (const char *)says.p : "";
        if (status == (ready ? 200 : 503) && (words == NULL || strstr(said, words) != NULL))
            return took_ms;
        if (took_ms > 2 * TURNS_WITHIN_MS)
            fail_msg("still %d after %lld ms: %s", status, (long long)took_ms, said);
        (void)poll(NULL, 0, STEP_MS);
    }
}

static void expect_turned(const char *what, bool ready, const char *words)
{
    int64_t took_ms = wait_turned(ready, words);
    print_message("%s: %s after %lld ms\n", what, ready ? "ready" : "not ready",
                  (long long)took_ms);
    assert_true(took_ms < TURNS_WITHIN_MS);
}

static void ready__with_the_database_killed__turns_both_ways(void **state)
{
    (void)state;
    static struct said said;
    expect_turned("before", true, NULL);
    command_expect(&world, NULL, ARGS("status", "--ready"), 0, "ok", &said);
    assert_int_equal(world_crash_database(&world), OK);
    expect_turned("killed", false, "not ready: database (refused)\n");
    command_expect(&world, NULL, ARGS("status", "--ready"), 1, "not ready: database (", &said);
    command_expect(&world, NULL, ARGS("status", "--live"), 0, "ok", &said);
    assert_int_equal(world_restart_database(&world), OK);
    expect_turned("started again", true, NULL);
}

static void ready__with_the_database_frozen__turns_both_ways(void **state)
{
    (void)state;
    assert_int_equal(world_freeze_database(&world), OK);
    expect_turned("frozen", false, "database (no_answer)");
    assert_int_equal(world_thaw_database(&world), OK);
    expect_turned("thawed", true, NULL);
}

static void ready__with_a_database_that_only_reads__turns_both_ways(void **state)
{
    (void)state;
    AUTO_BUF struct buf says = buf_make(SAYS_MAX);
    assert_int_equal(world_standby_database(&world), OK);
    expect_turned("standby", false, "database (read_only)");
    /* It stays so: that it can be connected to changes nothing. */
    for (int i = 0; i < 20; i++) {
        assert_int_equal(world_ask_ready(&world, 0, &says), 503);
        (void)poll(NULL, 0, 5 * STEP_MS);
    }
    assert_int_equal(world_promote_database(&world), OK);
    expect_turned("promoted", true, NULL);
}

/* ---- connections ---- */

static void restart_with_connections(int count)
{
    struct database d = {0};
    char sql[64];
    (void)snprintf(d.url, sizeof d.url, "%.159s", world.database_url);
    struct db *db = database_connect_bare(&d);
    database_run(db, "ALTER SYSTEM SET superuser_reserved_connections = 0");
    (void)snprintf(sql, sizeof sql, "ALTER SYSTEM SET max_connections = %d", count);
    database_run(db, sql);
    db_free(db);
    assert_int_equal(world_stop_server(&world, 0), 0);
    assert_int_equal(world_crash_database(&world), OK);
    assert_int_equal(world_restart_database(&world), OK);
}

/* Ends what the server has, and takes it before it can have it again. */
static size_t take_all_connections(struct db *held[static ALL_CONNECTIONS])
{
    const struct db_options options = {.url = world.database_url, .statement_timeout_ms = 5000};
    size_t count = 0;
    for (int64_t until_ms = clock_mono_ms() + 10 * SECOND_MS;
         count < ALL_CONNECTIONS && clock_mono_ms() < until_ms;) {
        if (count > 0)
            database_run(held[0], "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE pid <> pg_backend_pid() AND query NOT LIKE 'SET search%'"
                                  "   AND backend_type = 'client backend'");
        assert_int_equal(db_new(&options, &held[count]), OK);
        if (db_ensure(held[count]) == OK)
            count++;
        else
            db_free(held[count]);
    }
    return count;
}

static void ready__without_a_connection_for_the_writer__is_not(void **state)
{
    (void)state;
    struct db *held[ALL_CONNECTIONS] = {NULL};
    restart_with_connections(ALL_CONNECTIONS);
    assert_int_equal(world_restart_server(&world, 0, NULL), OK);
    size_t count = take_all_connections(held);
    assert_int_equal(count, ALL_CONNECTIONS);
    expect_turned("no connection left", false, "database (connections_full)");
    for (size_t i = 0; i < count; i++)
        db_free(held[i]);
    expect_turned("connections again", true, NULL);
}

static int open_world(void **state)
{
    (void)state;
    const struct world_options options = {.servers = 1, .no_fsync = true};
    return world_open(&world, &options) == OK ? 0 : -1;
}

static int close_world(void **state)
{
    (void)state;
    return world_close(&world) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready__with_the_database_killed__turns_both_ways),
        cmocka_unit_test(ready__with_the_database_frozen__turns_both_ways),
        cmocka_unit_test(ready__with_a_database_that_only_reads__turns_both_ways),
        cmocka_unit_test(ready__without_a_connection_for_the_writer__is_not),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
