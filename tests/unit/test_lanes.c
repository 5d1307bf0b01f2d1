/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lanes without a database: every job that was taken is run exactly once, the queue is bounded, and
 * who waited too long is told so. (With a database they are used by every integration test.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "db/db.h"
#include "metrics/metrics.h"
#include "work/lanes.h"

/* A gate that holds running jobs, so that others queue behind them. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int inside;
};

struct test_job {
    struct job job; /* first */
    struct gate *gate;
    atomic_int runs, overdue, with_db;
};

static void gate_init(struct gate *gate)
{
    *gate = (struct gate){.open = false};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_wait_inside(struct gate *gate, int count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->inside < count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void run(struct job *job, struct db *db, bool overdue)
{
    struct test_job *t = (struct test_job *)(void *)job;
    if (t->gate != NULL && !overdue) {
        pthread_mutex_lock(&t->gate->lock);
        t->gate->inside++;
        pthread_cond_broadcast(&t->gate->changed);
        while (!t->gate->open)
            pthread_cond_wait(&t->gate->changed, &t->gate->lock);
        pthread_mutex_unlock(&t->gate->lock);
    }
    if (overdue)
        atomic_fetch_add(&t->overdue, 1);
    if (db != NULL)
        atomic_fetch_add(&t->with_db, 1);
    atomic_fetch_add(&t->runs, 1);
}

static struct lane *lane_of(uint32_t workers, uint32_t queue_max, int64_t age_max_ms,
                            struct metrics *m, const struct db_options *db)
{
    struct lane_options options = {.name = "test",
                                   .workers = workers,
                                   .queue_max = queue_max,
                                   .age_max_ms = age_max_ms,
                                   .db = db,
                                   .metrics = m,
                                   .queue_metric = METRIC_QUEUE_GENERAL};
    struct lane *lane = NULL;
    assert_int_equal(lane_new(&options, &lane), OK);
    return lane;
}

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void lanes__every_job__runs_exactly_once(void **state)
{
    (void)state;
    enum { JOBS = 5000 };
    static struct test_job jobs[JOBS];
    struct metrics *m = metrics_new();
    struct lane *lane = lane_of(4, JOBS, 60 * SECOND_MS, m, NULL);
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i].job.run = run;
        assert_int_equal(lane_submit(lane, &jobs[i].job), OK);
    }
    for (size_t i = 0; i < JOBS; i++)
        while (atomic_load(&jobs[i].runs) == 0)
            pause_ms(1);
    lane_free(lane);
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(atomic_load(&jobs[i].runs), 1);
        assert_int_equal(atomic_load(&jobs[i].with_db), 0);
        assert_int_equal(atomic_load(&jobs[i].overdue), 0);
    }
    assert_int_equal(metrics_get(m, METRIC_QUEUE_GENERAL), 0);
    metrics_free(m);
}

static void lanes__a_full_queue__refuses_and_leaves_the_job_alone(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate);
    struct metrics *m = metrics_new();
    struct lane *lane = lane_of(1, 2, 60 * SECOND_MS, m, NULL);
    struct test_job running = {.job = {.run = run}, .gate = &gate};
    struct test_job waiting[2] = {{.job = {.run = run}}, {.job = {.run = run}}};
    struct test_job refused = {.job = {.run = run}};
    assert_int_equal(lane_submit(lane, &running.job), OK);
    gate_wait_inside(&gate, 1);
    assert_int_equal(lane_submit(lane, &waiting[0].job), OK);
    assert_int_equal(lane_submit(lane, &waiting[1].job), OK);
    assert_int_equal(metrics_get(m, METRIC_QUEUE_GENERAL), 2);
    assert_int_equal(lane_submit(lane, &refused.job), ERR_BUSY);
    gate_open(&gate);
    lane_free(lane);
    assert_int_equal(atomic_load(&running.runs), 1);
    assert_int_equal(atomic_load(&waiting[0].runs), 1);
    assert_int_equal(atomic_load(&waiting[1].runs), 1);
    assert_int_equal(atomic_load(&refused.runs), 0);
    metrics_free(m);
}

static void lanes__who_waited_past_the_age_limit__is_told_overdue(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate);
    struct lane *lane = lane_of(1, 10, 20, NULL, NULL);
    struct test_job running = {.job = {.run = run}, .gate = &gate};
    struct test_job old = {.job = {.run = run}};
    struct test_job fresh = {.job = {.run = run}};
    assert_int_equal(lane_submit(lane, &running.job), OK);
    gate_wait_inside(&gate, 1);
    assert_int_equal(lane_submit(lane, &old.job), OK);
    pause_ms(50);
    gate_open(&gate);
    while (atomic_load(&old.runs) == 0)
        pause_ms(1);
    assert_int_equal(atomic_load(&old.overdue), 1);
    assert_int_equal(lane_submit(lane, &fresh.job), OK);
    while (atomic_load(&fresh.runs) == 0)
        pause_ms(1);
    assert_int_equal(atomic_load(&fresh.overdue), 0);
    lane_free(lane);
}

static void lanes__at_the_end__waiting_jobs_are_told_overdue(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate);
    struct lane *lane = lane_of(0, 10, 60 * SECOND_MS, NULL, NULL); /* nobody takes them */
    struct test_job waiting[3] = {
        {.job = {.run = run}}, {.job = {.run = run}}, {.job = {.run = run}}};
    for (size_t i = 0; i < COUNT_OF(waiting); i++)
        assert_int_equal(lane_submit(lane, &waiting[i].job), OK);
    lane_free(lane);
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        assert_int_equal(atomic_load(&waiting[i].runs), 1);
        assert_int_equal(atomic_load(&waiting[i].overdue), 1);
    }
}

static void lanes__while_the_database_is_away__jobs_run_without_it_at_once(void **state)
{
    (void)state;
    /* A folder without a socket in it: refused at once, as when the database is down. */
    struct db_options away = {.url = "postgresql:///none?host=/nonexistent",
                              .origin = DB_REQUEST,
                              .statement_timeout_ms = 1000,
                              .lock_timeout_ms = 1000};
    struct lane *lane = lane_of(2, 100, 60 * SECOND_MS, NULL, &away);
    int64_t began = clock_mono_ms();
    for (int i = 0; i < 50; i++) {
        struct test_job job = {.job = {.run = run}};
        assert_int_equal(lane_submit(lane, &job.job), OK);
        while (atomic_load(&job.runs) == 0)
            pause_ms(1);
        assert_int_equal(atomic_load(&job.with_db), 0);
        assert_int_equal(atomic_load(&job.overdue), 0);
    }
    assert_true(clock_mono_ms() - began < 5 * SECOND_MS);
    lane_free(lane);
}

/* ---- members and strangers ---- */

static atomic_int turn_number;

struct ordered_job {
    struct job job; /* first */
    atomic_int at;  /* 0: not yet; else its turn */
};

static void run_ordered(struct job *job, struct db *db, bool overdue)
{
    (void)db;
    (void)overdue;
    struct ordered_job *o = (struct ordered_job *)(void *)job;
    atomic_store(&o->at, atomic_fetch_add(&turn_number, 1) + 1);
}

static void lane__with_strangers_waiting_longer__runs_members_first(void **state)
{
    (void)state;
    enum { EACH = 12, SHARE = 25 };
    static struct ordered_job strangers[EACH], members[EACH];
    struct gate gate;
    struct test_job first = {.job.run = run, .gate = &gate};
    struct lane *lane = NULL;
    const struct lane_options options = {.name = "test",
                                         .workers = 1,
                                         .queue_max = 2 * EACH + 1,
                                         .strangers_max = EACH,
                                         .share_percent = SHARE,
                                         .age_max_ms = 60 * SECOND_MS};
    gate_init(&gate);
    assert_int_equal(lane_new(&options, &lane), OK);
    assert_int_equal(lane_submit(lane, &first.job), OK);
    gate_wait_inside(&gate, 1);
    for (size_t i = 0; i < EACH; i++) {
        strangers[i].job = (struct job){.run = run_ordered, .stranger = true};
        assert_int_equal(lane_submit(lane, &strangers[i].job), OK);
    }
    struct ordered_job one_more = {.job = {.run = run_ordered, .stranger = true}};
    assert_int_equal(lane_submit(lane, &one_more.job),
                     ERR_BUSY); /* their line is full, the lane is not */
    for (size_t i = 0; i < EACH; i++) {
        members[i].job.run = run_ordered;
        assert_int_equal(lane_submit(lane, &members[i].job), OK);
    }
    gate_open(&gate);
    for (size_t i = 0; i < EACH; i++)
        while (atomic_load(&strangers[i].at) == 0 || atomic_load(&members[i].at) == 0)
            pause_ms(1);
    int early = 0;
    for (size_t i = 0; i < EACH; i++) {
        early += atomic_load(&strangers[i].at) <= EACH;
        assert_true(i == 0 || atomic_load(&members[i].at) > atomic_load(&members[i - 1].at));
    }
    assert_int_equal(early, EACH * SHARE / 100); /* their share, and no more */
    lane_free(lane);
}

static void lane__whose_line_of_members_is_full__has_places_for_strangers(void **state)
{
    (void)state;
    enum { EACH = 4 };
    static struct ordered_job members[EACH + 1], strangers[EACH + 1];
    struct gate gate;
    struct test_job first = {.job.run = run, .gate = &gate};
    struct lane *lane = NULL;
    const struct lane_options options = {.name = "test",
                                         .workers = 1,
                                         .queue_max = 2 * EACH,
                                         .strangers_max = EACH,
                                         .share_percent = 25,
                                         .age_max_ms = 60 * SECOND_MS};
    gate_init(&gate);
    assert_int_equal(lane_new(&options, &lane), OK);
    assert_int_equal(lane_submit(lane, &first.job), OK);
    gate_wait_inside(&gate, 1);
    for (size_t i = 0; i <= EACH; i++) {
        members[i].job = (struct job){.run = run_ordered};
        assert_int_equal(lane_submit(lane, &members[i].job), i < EACH ? OK : ERR_BUSY);
    }
    for (size_t i = 0; i <= EACH; i++) {
        strangers[i].job = (struct job){.run = run_ordered, .stranger = true};
        assert_int_equal(lane_submit(lane, &strangers[i].job), i < EACH ? OK : ERR_BUSY);
    }
    gate_open(&gate);
    lane_free(lane);
}

static struct lane *stepping_lane;
static enum err stepped[2];

/* Finds out that it is a stranger's only when it runs. */
static void run_stepping(struct job *job, struct db *db, bool overdue)
{
    if (!job->stranger) {
        job->stranger = true;
        stepped[0] = lane_step_back(stepping_lane, job);
        if (stepped[0] == OK)
            return;
    } else {
        stepped[1] = lane_step_back(stepping_lane, job);
    }
    run_ordered(job, db, overdue);
}

static void lane__job_of_a_stranger__steps_back_behind_members_and_only_then(void **state)
{
    (void)state;
    struct gate gate;
    struct test_job first = {.job.run = run, .gate = &gate};
    struct ordered_job stranger = {.job.run = run_stepping}, member = {.job.run = run_ordered};
    const struct lane_options options = {.name = "test",
                                         .workers = 1,
                                         .queue_max = 8,
                                         .share_percent = 25,
                                         .age_max_ms = 60 * SECOND_MS};
    gate_init(&gate);
    assert_int_equal(lane_new(&options, &stepping_lane), OK);
    assert_int_equal(lane_submit(stepping_lane, &first.job), OK);
    gate_wait_inside(&gate, 1);
    assert_int_equal(lane_submit(stepping_lane, &stranger.job), OK);
    assert_int_equal(lane_submit(stepping_lane, &member.job), OK);
    gate_open(&gate);
    while (atomic_load(&stranger.at) == 0)
        pause_ms(1);
    assert_true(atomic_load(&member.at) < atomic_load(&stranger.at));
    assert_int_equal(stepped[0], OK);
    assert_int_equal(stepped[1], ERR_MISSING); /* nobody waits any more: it goes on */
    lane_free(stepping_lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes__every_job__runs_exactly_once),
        cmocka_unit_test(lanes__a_full_queue__refuses_and_leaves_the_job_alone),
        cmocka_unit_test(lanes__who_waited_past_the_age_limit__is_told_overdue),
        cmocka_unit_test(lanes__at_the_end__waiting_jobs_are_told_overdue),
        cmocka_unit_test(lanes__while_the_database_is_away__jobs_run_without_it_at_once),
        cmocka_unit_test(lane__with_strangers_waiting_longer__runs_members_first),
        cmocka_unit_test(lane__whose_line_of_members_is_full__has_places_for_strangers),
        cmocka_unit_test(lane__job_of_a_stranger__steps_back_behind_members_and_only_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
