/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 240, test-waits: 19
 *
 * SIGTERM is heeded at every moment: while the database is waited for, while it accepts connections
 * and says nothing, and under load on a database that stands still. SIGHUP ends nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/world.h"

enum {
    STOPS_WITHIN_MS = 35 * SECOND_MS, /* what compose and systemd give is 40 s */
    WAITING_STOPS_WITHIN_MS = 3 * SECOND_MS,
    LOG_WITHIN_MS = 20 * SECOND_MS,
    POSTERS = 3,
    FROZEN_FOR_MS = 3 * SECOND_MS, /* so that jobs and statements are under way */
};

static struct world world;

static bool logged(const char *words)
{
    AUTO_BUF struct buf log = buf_make(PROCESS_OUTPUT_MAX_BYTES);
    if (world_log(&world, 0, &log) != OK)
        return false;
    buf_put_byte(&log, '\0');
    return strstr((const char *)log.p, words) != NULL;
}

static void wait_logged(const char *words)
{
    for (int64_t until_ms = clock_mono_ms() + LOG_WITHIN_MS; !logged(words);) {
        if (clock_mono_ms() > until_ms)
            fail_msg("not logged: %s", words);
        (void)poll(NULL, 0, 20);
    }
}

/* SIGTERM; how long until it ended with 0. */
static int64_t stop_within(int64_t limit_ms)
{
    struct process *server = &world.servers[0].process;
    int status = -1;
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(kill(server->pid, SIGTERM), 0);
    assert_int_equal(process_wait(server, (int)limit_ms, &status), OK);
    assert_int_equal(status, 0);
    return clock_mono_ms() - began_ms;
}

/* Starts it without waiting until it is ready, which it will not be. */
static void start_only(void)
{
    struct world_server *s = &world.servers[0];
    (void)unlink(s->log_path);
    assert_int_equal(world_launch_server(&world, 0, NULL), OK);
}

static void start__waiting_for_the_database__stops_at_once(void **state)
{
    (void)state;
    assert_int_equal(world_stop_server(&world, 0), 0);
    assert_int_equal(world_crash_database(&world), OK);
    start_only();
    wait_logged("event=db.waiting reason=refused");
    int64_t took_ms = stop_within(WAITING_STOPS_WITHIN_MS);
    print_message("waiting: stopped after %lld ms\n", (long long)took_ms);
    assert_int_equal(world_restart_database(&world), OK);
}

static void start__on_a_database_that_stands_still__stops_at_once(void **state)
{
    (void)state;
    assert_int_equal(world_freeze_database(&world), OK);
    start_only();
    (void)poll(NULL, 0, SECOND_MS); /* it connects, and nobody answers */
    int64_t took_ms = stop_within(WAITING_STOPS_WITHIN_MS);
    print_message("frozen at start: stopped after %lld ms\n", (long long)took_ms);
    assert_int_equal(world_thaw_database(&world), OK);
    assert_int_equal(world_restart_server(&world, 0, NULL), OK);
}

static void hangup__while_serving__is_ignored(void **state)
{
    (void)state;
    AUTO_BUF struct buf says = buf_make(1024);
    assert_int_equal(kill(world.servers[0].process.pid, SIGHUP), 0);
    wait_logged("event=server.hangup_ignored");
    assert_int_equal(world_ask_ready(&world, 0, &says), 200);
}

static void *post_once(void *arg)
{
    struct member *m = arg;
    json_t *message = NULL;
    enum err e = community_post(&m->community, "lobby", "words", &message);
    json_decref(message);
    (void)e; /* refused, or cut off */
    return NULL;
}

static void serving__on_a_database_that_stands_still__stops_in_time(void **state)
{
    (void)state;
    static struct member members[POSTERS];
    pthread_t threads[POSTERS];
    for (size_t i = 0; i < POSTERS; i++) {
        assert_int_equal(member_open(&world, i, 0, false, &members[i]), OK);
        (void)post_once(&members[i]);
    }
    assert_int_equal(world_freeze_database(&world), OK);
    for (size_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_once, &members[i]), 0);
    (void)poll(NULL, 0, 4 * FROZEN_FOR_MS); /* a turn of the jobs falls into it */
    for (size_t i = 0; i < POSTERS; i++)
        (void)pthread_join(threads[i], NULL);
    for (size_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_once, &members[i]), 0);
    (void)poll(NULL, 0, SECOND_MS);
    int64_t took_ms = stop_within(STOPS_WITHIN_MS);
    print_message("frozen while serving: stopped after %lld ms\n", (long long)took_ms);
    for (size_t i = 0; i < POSTERS; i++) {
        (void)pthread_join(threads[i], NULL);
        member_close(&members[i]);
    }
    assert_int_equal(world_thaw_database(&world), OK);
}

static int open_world(void **state)
{
    (void)state;
    const struct world_options options = {.servers = 1, .accounts = POSTERS, .no_fsync = true};
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
        cmocka_unit_test(hangup__while_serving__is_ignored),
        cmocka_unit_test(start__waiting_for_the_database__stops_at_once),
        cmocka_unit_test(start__on_a_database_that_stands_still__stops_at_once),
        cmocka_unit_test(serving__on_a_database_that_stands_still__stops_in_time),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
