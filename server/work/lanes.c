/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounded queue and the threads that empty it, each with a database connection of its own. What a job does is not
 * known here; a connection that a job leaves inside a transaction is.
 */
#include "work/lanes.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db.h"
#include "metrics/metrics.h"

enum { RETRY_FIRST_MS = 100, RETRY_MAX_MS = 2000 };

struct worker {
    struct lane *lane;
    pthread_t thread;
    struct db *db; /* NULL: none wanted, or no memory for it yet */
    int64_t retry_at_ms;
    int64_t retry_wait_ms;
};

struct lane {
    struct lane_options options;
    struct db_options db; /* what options.db points to */
    pthread_mutex_t lock; /* guards the queue and stopping */
    pthread_cond_t changed;
    struct job *first, *last;
    uint32_t depth;
    bool stopping;
    uint32_t started; /* workers whose thread runs */
    struct worker workers[];
};

/* ---- the connection of one worker ---- */

static bool worker_wants_db(const struct worker *w)
{
    return w->lane->options.db != NULL;
}

/*
 * The connection, opened again when it was lost; NULL while the database is away. Failures are spaced out, so that a
 * database that comes back is not met by every worker at once for every job.
 */
static struct db *worker_db(struct worker *w)
{
    if (!worker_wants_db(w))
        return NULL;
    /* Asked again each time: a connection that ended while it was idle would cost this job its answer. */
    if (w->db != NULL && db_connected(w->db) && db_ensure(w->db) == OK)
        return w->db;
    if (clock_mono_ms() < w->retry_at_ms)
        return NULL;
    enum err e = OK;
    if (w->db == NULL)
        e = db_new(w->lane->options.db, &w->db);
    if (e == OK)
        e = db_ensure(w->db);
    if (e == OK) {
        w->retry_wait_ms = 0;
        return w->db;
    }
    w->retry_wait_ms = w->retry_wait_ms == 0 ? RETRY_FIRST_MS : 2 * w->retry_wait_ms;
    if (w->retry_wait_ms > RETRY_MAX_MS)
        w->retry_wait_ms = RETRY_MAX_MS;
    w->retry_at_ms = clock_mono_ms() + w->retry_wait_ms;
    return NULL;
}

/* A transaction left open is our bug; its locks would be held until the next job of this worker, so it ends here. */
static void worker_check_transaction(struct worker *w)
{
    if (w->db == NULL || !db_in_transaction(w->db))
        return;
    log_event(LOG_ERROR, "work.transaction_left_open", LOG_ERR(ERR_DEFECT));
    db_free(w->db);
    w->db = NULL;
}

/* ---- the thread ---- */

/* Lock held. Until a job, the end, or the time to try the database again. */
static void worker_wait(struct worker *w)
{
    struct lane *lane = w->lane;
    if (!worker_wants_db(w) || (w->db != NULL && db_connected(w->db))) {
        (void)pthread_cond_wait(&lane->changed, &lane->lock);
        return;
    }
    struct timespec until = {.tv_sec = w->retry_at_ms / SECOND_MS,
                             .tv_nsec = w->retry_at_ms % SECOND_MS * 1000000};
    (void)pthread_cond_timedwait(&lane->changed, &lane->lock, &until);
}

/* Lock held. */
static struct job *lane_pop(struct lane *lane)
{
    struct job *job = lane->first;
    if (job == NULL)
        return NULL;
    lane->first = job->next;
    if (lane->first == NULL)
        lane->last = NULL;
    job->next = NULL;
    lane->depth--;
    if (lane->options.metrics != NULL)
        metrics_add(lane->options.metrics, (enum metric)lane->options.queue_metric, -1);
    return job;
}

static void worker_run(struct worker *w, struct job *job)
{
    bool overdue = clock_mono_ms() - job->queued_mono_ms > w->lane->options.age_max_ms;
    job->run(job, overdue ? NULL : worker_db(w), overdue);
    worker_check_transaction(w); /* job may be gone by now */
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct lane *lane = w->lane;
    (void)worker_db(w); /* so that the first request need not wait for it */
    (void)pthread_mutex_lock(&lane->lock);
    while (!lane->stopping) {
        struct job *job = lane_pop(lane);
        if (job == NULL) {
            worker_wait(w);
            if (lane->first != NULL || lane->stopping)
                continue;
        }
        (void)pthread_mutex_unlock(&lane->lock);
        if (job != NULL)
            worker_run(w, job);
        else
            (void)worker_db(w);
        (void)pthread_mutex_lock(&lane->lock);
    }
    (void)pthread_mutex_unlock(&lane->lock);
    db_free(w->db);
    w->db = NULL;
    return NULL;
}

/* ---- the lane ---- */

static void lane_init(struct lane *lane, const struct lane_options *options)
{
    lane->options = *options;
    if (options->db != NULL) {
        lane->db = *options->db;
        lane->options.db = &lane->db;
    }
    (void)pthread_mutex_init(&lane->lock, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lane->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

enum err lane_new(const struct lane_options *options, struct lane **ret_lane)
{
    struct lane *lane =
        (struct lane *)mem_alloc_zero(1, sizeof *lane + options->workers * sizeof(struct worker));
    if (lane == NULL)
        return ERR_NO_MEMORY;
    lane_init(lane, options);
    for (uint32_t i = 0; i < options->workers; i++) {
        struct worker *w = &lane->workers[i];
        w->lane = lane;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            lane_free(lane);
            return ERR_NO_MEMORY;
        }
        lane->started++;
    }
    *ret_lane = lane;
    return OK;
}

void lane_free(struct lane *lane)
{
    if (lane == NULL)
        return;
    (void)pthread_mutex_lock(&lane->lock);
    lane->stopping = true;
    (void)pthread_cond_broadcast(&lane->changed);
    (void)pthread_mutex_unlock(&lane->lock);
    for (uint32_t i = 0; i < lane->started; i++)
        (void)pthread_join(lane->workers[i].thread, NULL);
    /* Alone now: stopping refuses new jobs. */
    struct job *job;
    while ((job = lane_pop(lane)) != NULL)
        job->run(job, NULL, true);
    (void)pthread_cond_destroy(&lane->changed);
    (void)pthread_mutex_destroy(&lane->lock);
    mem_free(lane);
}

enum err lane_submit(struct lane *lane, struct job *job)
{
    enum err e = ERR_BUSY;
    (void)pthread_mutex_lock(&lane->lock);
    if (!lane->stopping && lane->depth < lane->options.queue_max) {
        job->next = NULL;
        job->queued_mono_ms = clock_mono_ms();
        if (lane->last != NULL)
            lane->last->next = job;
        else
            lane->first = job;
        lane->last = job;
        lane->depth++;
        if (lane->options.metrics != NULL)
            metrics_add(lane->options.metrics, (enum metric)lane->options.queue_metric, 1);
        (void)pthread_cond_signal(&lane->changed);
        e = OK;
    }
    (void)pthread_mutex_unlock(&lane->lock);
    return e;
}
