/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The jobs' thread: becomes the one that works when it gets the advisory lock, and starts over when
 * its connection is lost. A job that fails is tried again at the next turn.
 */
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "jobs/agreed_time.h"
#include "jobs/files.h"
#include "jobs/jobs.h"
#include "jobs/macs.h"
#include "jobs/people.h"
#include "jobs/retention.h"
#include "store/numbers.h"
#include "store/server.h"
#include "store/users.h"

enum {
    PERIOD_MS = 10 * SECOND_MS,
    ACTIVE_USERS_PERIOD_MS = 10 * MINUTE_MS,
    STATEMENT_TIMEOUT_MS = 60 * SECOND_MS,
    LOCK_TIMEOUT_MS = 500,
};

struct jobs {
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t changed;
    bool stopping;
    pthread_t thread;
    const struct conf *conf;
    struct metrics *metrics;
    struct ring *ring;
    struct db *db;
    bool leading;       /* holds the advisory lock, on this connection */
    int64_t counted_ms; /* monotonic */
    struct agreed_time agreed;
    struct file_turns files;
    struct jobs_retention retention;
    struct people_turns people;
    struct mac_turns macs;
};

static enum err count_active(struct jobs *j, int64_t now_ms)
{
    int64_t mono = clock_mono_ms();
    if (j->counted_ms != 0 && mono - j->counted_ms < ACTIVE_USERS_PERIOD_MS)
        return OK;
    enum err e = users_count_active(j->db, now_ms / HOUR_MS);
    if (e == OK)
        j->counted_ms = mono;
    return e;
}

/*
 * Requests need partitions around the clock of their process; marks of the writer around that of
 * the database. At every turn: those that exist cost two look-ups.
 */
static enum err make_partitions(struct jobs *j, const struct clock_reading *clock)
{
    enum err e = jobs_make_partitions(j->conf, j->db, clock->now_ms);
    if (e == OK && clock->database_ms / DAY_MS != clock->now_ms / DAY_MS)
        e = jobs_make_partitions(j->conf, j->db, clock->database_ms);
    return e;
}

/* A process whose own clock is wrong leaves the work to one whose clock is right. */
static enum err stand_back(struct jobs *j, const struct clock_reading *clock)
{
    enum err e = OK;
    j->agreed = (struct agreed_time){.doubted_mono_ms = 0};
    if (j->leading)
        e = advisory_release(j->db, ADVISORY_JOBS);
    j->leading = false;
    if (e == OK)
        e = make_partitions(j, clock);
    return e == OK ? ERR_DENIED : e;
}

/*
 * OK: this process works, and may delete by *ret_now_ms. ERR_CONFLICT: another one works.
 * ERR_DENIED: nothing may go.
 */
static enum err take_lead(struct jobs *j, int64_t *ret_now_ms)
{
    struct clock_reading clock;
    enum err e = db_ensure(j->db);
    if (e == OK)
        e = clock_read(j->db, &clock);
    if (e != OK)
        return e;
    if (clock.doubt == CLOCK_APART)
        return stand_back(j, &clock);
    if (!j->leading) {
        e = advisory_try(j->db, ADVISORY_JOBS);
        j->leading = e == OK;
    }
    if (e == OK)
        e = make_partitions(j, &clock);
    return e == OK ? agreed_time(&j->agreed, j->db, ret_now_ms) : e;
}

static enum err turn(struct jobs *j)
{
    int64_t now_ms = 0;
    enum err e = take_lead(j, &now_ms);
    if (e == ERR_CONFLICT) /* the process that works may have made it so */
        e = macs_look(j->db, j->ring) == OK ? ERR_CONFLICT : ERR_RETRY;
    if (e == ERR_CONFLICT || e == ERR_DENIED)
        return OK;
    if (e != OK)
        return e;
    /* One that fails keeps no other from its turn. */
    const enum err outcomes[] = {jobs_drop_nonces(j->db, now_ms),
                                 jobs_apply_futures(j->db, now_ms),
                                 count_active(j, now_ms),
                                 file_turn(j->db, j->metrics, &j->files, now_ms),
                                 jobs_expire_dms(j->db, now_ms),
                                 jobs_expire_retries(j->db, now_ms),
                                 jobs_purge(&j->retention, j->db, now_ms),
                                 people_turn(j->db, &j->people, now_ms),
                                 macs_turn(j->db, j->ring, j->metrics, &j->macs, now_ms)};
    for (size_t i = 0; i < COUNT_OF(outcomes) && e == OK; i++)
        e = outcomes[i];
    return e;
}

/* Sleeps a period; false: stopping. */
static bool rest(struct jobs *j)
{
    int64_t until_ms = clock_mono_ms() + PERIOD_MS;
    pthread_mutex_lock(&j->lock);
    while (!j->stopping && clock_mono_ms() < until_ms)
        clock_wait(&j->changed, &j->lock, until_ms);
    bool go_on = !j->stopping;
    pthread_mutex_unlock(&j->lock);
    return go_on;
}

static void *jobs_main(void *arg)
{
    struct jobs *j = arg;
    do {
        enum err e = turn(j);
        if (!db_connected(j->db))
            j->leading = false; /* the lock went with the connection */
        if (e != OK)
            log_event(LOG_WARN, "jobs.failed", LOG_ERR(e));
    } while (rest(j));
    return NULL;
}

enum err jobs_start(const struct conf *conf, struct metrics *metrics, struct ring *ring,
                    int stop_fd, struct jobs **ret_jobs)
{
    struct jobs *j = MEM_NEW(struct jobs);
    if (!j)
        return ERR_NO_MEMORY;
    j->conf = conf;
    j->metrics = metrics;
    j->ring = ring;
    j->files = (struct file_turns){-1};
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->changed, NULL);
    struct db_options db = {.url = conf->database.url,
                            .origin = DB_JOB,
                            .metrics = metrics,
                            .tables = store_statements,
                            .table_count = store_statement_count,
                            .opened = numbers_on_open,
                            .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
                            .lock_timeout_ms = LOCK_TIMEOUT_MS,
                            .stop_fd = stop_fd};
    enum err e = db_new(&db, &j->db);
    if (e == OK && pthread_create(&j->thread, NULL, jobs_main, j) != 0)
        e = ERR_NO_MEMORY;
    if (e != OK) {
        db_free(j->db);
        mem_free(j);
        return e;
    }
    *ret_jobs = j;
    return OK;
}

void jobs_stop(struct jobs *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    j->stopping = true;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
    pthread_join(j->thread, NULL);
    db_free(j->db);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    mem_free(j);
}
