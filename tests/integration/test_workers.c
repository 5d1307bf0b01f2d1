/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A lane with fewer connections than workers: whoever has none leaves the jobs to those who have
 * one, so that no job is refused while one worker can do it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "integration/database.h"
#include "work/lanes.h"

enum { WORKERS = 4, JOBS = 400, WAIT_MS = 20 * SECOND_MS };

static struct database database;
static struct db *operator_db;
static char url[200]; /* of a role that may have few connections */

struct counted_job {
    struct job job; /* first */
    atomic_int *done, *with_db;
};

static void run(struct job *job, struct db *db, bool overdue)
{
    struct counted_job *j = (struct counted_job *)(void *)job;
    if (!overdue && db != NULL && database_number(db, "SELECT 1::bigint") == 1)
        atomic_fetch_add(j->with_db, 1);
    atomic_fetch_add(j->done, 1);
}

static struct lane *lane_of_few(void)
{
    const struct db_options db = {.url = url, .statement_timeout_ms = 5000};
    const struct lane_options options = {
        .name = "test", .workers = WORKERS, .queue_max = JOBS, .age_max_ms = MINUTE_MS, .db = &db};
    struct lane *lane = NULL;
    assert_int_equal(lane_new(&options, &lane), OK);
    return lane;
}

static void wait_serving(struct lane *lane, bool serves)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    while (lane_serves(lane) != serves) {
        assert_true(clock_mono_ms() < until_ms);
        (void)poll(NULL, 0, 10);
    }
}

/* How many of these jobs had a connection. */
static int run_jobs(struct lane *lane, size_t count, int pause_ms)
{
    static struct counted_job jobs[JOBS];
    atomic_int done = 0, with_db = 0;
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct counted_job){{.run = run}, &done, &with_db};
        assert_int_equal(lane_submit(lane, &jobs[i].job), OK);
        (void)poll(NULL, 0, pause_ms);
    }
    while (atomic_load(&done) < (int)count) {
        assert_true(clock_mono_ms() < until_ms);
        (void)poll(NULL, 0, 1);
    }
    return atomic_load(&with_db);
}

static void connection_limit(int limit)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "ALTER ROLE few CONNECTION LIMIT %d", limit);
    database_run(operator_db, sql);
}

static void end_connections(void)
{
    database_run(operator_db, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                              " WHERE usename = 'few'");
}

static void workers__with_one_connection_for_four__refuse_nothing(void **state)
{
    (void)state;
    connection_limit(1);
    struct lane *lane = lane_of_few();
    wait_serving(lane, true);
    assert_int_equal(run_jobs(lane, JOBS, 0), JOBS);
    /* One at a time, so that idle workers are woken: none that cannot connect may take them. */
    assert_int_equal(run_jobs(lane, JOBS / 4, 5), JOBS / 4);
    lane_free(lane);
}

static void workers__whose_connections_broke__hand_their_jobs_over(void **state)
{
    (void)state;
    connection_limit(WORKERS);
    struct lane *lane = lane_of_few();
    wait_serving(lane, true);
    assert_int_equal(run_jobs(lane, JOBS, 1), JOBS); /* all are connected by now */
    connection_limit(1);
    end_connections();
    /* All four find theirs closed; one of them gets another. */
    assert_int_equal(run_jobs(lane, JOBS / 4, 5), JOBS / 4);
    lane_free(lane);
}

static void workers__without_any_connection__take_jobs_to_refuse_them(void **state)
{
    (void)state;
    connection_limit(0);
    struct lane *lane = lane_of_few();
    assert_int_equal(run_jobs(lane, WORKERS, 0), 0);
    assert_false(lane_serves(lane));
    connection_limit(1);
    wait_serving(lane, true);                  /* by itself */
    assert_int_equal(run_jobs(lane, 1, 0), 1); /* none of the others is woken instead */
    assert_int_equal(run_jobs(lane, WORKERS, 0), WORKERS);
    lane_free(lane);
}

static int start(void **state)
{
    (void)state;
    database_start(&database);
    operator_db = database_connect_bare(&database);
    database_run(operator_db, "CREATE ROLE few LOGIN");
    const char *user = strstr(database.url, "user=postgres");
    assert_non_null(user);
    (void)snprintf(url, sizeof url, "%.*suser=few", (int)(user - database.url), database.url);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    db_free(operator_db);
    database_stop(&database);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers__with_one_connection_for_four__refuse_nothing),
        cmocka_unit_test(workers__whose_connections_broke__hand_their_jobs_over),
        cmocka_unit_test(workers__without_any_connection__take_jobs_to_refuse_them),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
