/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounded queue and the threads that empty it, each with a database connection of its own. What a
 * job does is not known here; a connection that a job leaves inside a transaction is.
 */
#include "work/lanes.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db.h"
#include "metrics/metrics.h"
#include "work/shares.h"
#include "work/turns.h"

/* Between attempts to connect. Each may itself take seconds. */
enum { RETRY_FIRST_MS = 100, RETRY_MAX_MS = 1000 };
/* How soon to look again when strangers wait for their share of the next moment. */
enum { LOOK_AGAIN_MS = 20 };

struct worker {
    struct lane *lane;
    pthread_t thread;
    struct db *db;  /* NULL: none wanted, or no memory for it yet */
    bool connected; /* as counted in the lane, whose lock guards it */
    int64_t retry_at_ms;
    int64_t retry_wait_ms;
};

struct line {
    struct job *first, *last;
    uint32_t depth;
};

struct lane {
    struct lane_options options;
    struct db_options db;   /* what options.db points to */
    pthread_mutex_t lock;   /* guards the queue, stopping and connected */
    pthread_cond_t changed; /* for workers that may take jobs */
    pthread_cond_t apart;   /* for those without a connection, while others have one */
    uint32_t connected;     /* workers that have one, or do not want one */
    struct line members, strangers;
    struct turns turns;
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
 * The connection, opened again when it was lost; NULL while the database is away. Failures are
 * spaced out, so that a database that comes back is not met by every worker at once for every job.
 */
static struct db *worker_db(struct worker *w)
{
    if (!worker_wants_db(w))
        return NULL;
    /*
     * Asked again each time: a connection that ended while it was idle would cost this job its
     * answer.
     */
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

/*
 * Lock held. Counts whether this worker has its connection. With the first one and without the
 * last, it is for other workers to take jobs: all look again where they have to wait.
 */
static void count_connected(struct worker *w)
{
    struct lane *lane = w->lane;
    bool connected = !worker_wants_db(w) || (w->db != NULL && db_connected(w->db));
    if (connected == w->connected)
        return;
    w->connected = connected;
    if (connected && lane->connected++ == 0)
        (void)pthread_cond_broadcast(&lane->changed);
    if (!connected && --lane->connected == 0)
        (void)pthread_cond_broadcast(&lane->apart);
}

/*
 * Lock held: jobs are left to those who can do them, and taken by anybody (to be refused) when
 * nobody can.
 */
static bool may_take(const struct worker *w)
{
    return w->connected || w->lane->connected == 0;
}

/*
 * A transaction left open is our bug; its locks would be held until the next job of this worker, so
 * it ends here.
 */
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
    if (!may_take(w))
        clock_wait(&lane->apart, &lane->lock, w->retry_at_ms);
    else if (lane->strangers.first != NULL)
        clock_wait(&lane->changed, &lane->lock, clock_mono_ms() + LOOK_AGAIN_MS);
    else if (w->connected)
        (void)pthread_cond_wait(&lane->changed, &lane->lock);
    else
        clock_wait(&lane->changed, &lane->lock, w->retry_at_ms);
}

static void line_append(struct line *line, struct job *job)
{
    job->next = NULL;
    if (line->last != NULL)
        line->last->next = job;
    else
        line->first = job;
    line->last = job;
    line->depth++;
}

static void line_put_back(struct line *line, struct job *job)
{
    job->next = line->first;
    line->first = job;
    if (line->last == NULL)
        line->last = job;
    line->depth++;
}

static struct job *line_pop(struct line *line)
{
    struct job *job = line->first;
    if (job == NULL)
        return NULL;
    line->first = job->next;
    if (line->first == NULL)
        line->last = NULL;
    job->next = NULL;
    line->depth--;
    return job;
}

static void count_waiting(const struct lane *lane, int64_t n)
{
    if (lane->options.metrics != NULL)
        metrics_add(lane->options.metrics, (enum metric)lane->options.queue_metric, n);
}

/* Lock held. Whoever's turn it is, or NULL. */
static struct job *lane_pop(struct lane *lane, enum turn turn)
{
    struct job *job = NULL;
    if (turn == TURN_MEMBER)
        job = line_pop(&lane->members);
    else if (turn == TURN_STRANGER)
        job = line_pop(&lane->strangers);
    if (job != NULL)
        count_waiting(lane, -1);
    return job;
}

/* Lock held. */
static enum turn lane_turn(struct lane *lane)
{
    bool strangers = lane->strangers.first != NULL;
    bool spent = strangers && lane->options.shares != NULL &&
                 shares_spent(lane->options.shares, clock_mono_us());
    return turns_next(&lane->turns, lane->members.first != NULL, strangers, spent);
}

/* What this thread has used of the processor. */
static int64_t thread_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Its connection turned out to be lost: others may still have theirs. False: nobody has. */
static bool hand_over(struct worker *w, struct job *job, enum turn turn)
{
    struct lane *lane = w->lane;
    (void)pthread_mutex_lock(&lane->lock);
    count_connected(w);
    bool others = lane->connected > 0 && !lane->stopping;
    if (others) {
        line_put_back(turn == TURN_STRANGER ? &lane->strangers : &lane->members, job);
        count_waiting(lane, 1);
        (void)pthread_cond_signal(&lane->changed);
    }
    (void)pthread_mutex_unlock(&lane->lock);
    return others;
}

static void worker_run(struct worker *w, struct job *job, enum turn turn)
{
    struct shares *shares = w->lane->options.shares;
    int64_t began_us = shares != NULL ? thread_us() : 0;
    bool overdue = clock_mono_ms() - job->queued_mono_ms > w->lane->options.age_max_ms;
    struct db *db = overdue ? NULL : worker_db(w);
    if (!overdue && db == NULL && worker_wants_db(w) && hand_over(w, job, turn))
        return;
    job->run(job, db, overdue);
    worker_check_transaction(w); /* job may be gone by now */
    if (shares != NULL)
        shares_charge(shares, turn == TURN_STRANGER, thread_us() - began_us, clock_mono_us());
}

/*
 * Lock held, released meanwhile. Does one thing: a job, an attempt to connect, or waiting for
 * either.
 */
static void worker_step(struct worker *w)
{
    struct lane *lane = w->lane;
    bool may = may_take(w);
    enum turn turn = may ? lane_turn(lane) : TURN_NOBODY;
    struct job *job = may ? lane_pop(lane, turn) : NULL;
    if (job == NULL && (w->connected || clock_mono_ms() < w->retry_at_ms)) {
        worker_wait(w);
        return;
    }
    turns_begin(&lane->turns, turn);
    (void)pthread_mutex_unlock(&lane->lock);
    if (job != NULL)
        worker_run(w, job, turn);
    else
        (void)worker_db(w);
    (void)pthread_mutex_lock(&lane->lock);
    turns_end(&lane->turns, turn);
    count_connected(w);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct lane *lane = w->lane;
    (void)worker_db(w); /* so that the first request need not wait for it */
    (void)pthread_mutex_lock(&lane->lock);
    count_connected(w);
    while (!lane->stopping)
        worker_step(w);
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
    lane->turns = (struct turns){.workers = options->workers,
                                 .share_percent = options->share_percent,
                                 .keep_one = options->keep_one};
    (void)pthread_mutex_init(&lane->lock, NULL);
    (void)pthread_cond_init(&lane->changed, NULL);
    (void)pthread_cond_init(&lane->apart, NULL);
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
    (void)pthread_cond_broadcast(&lane->apart);
    (void)pthread_mutex_unlock(&lane->lock);
    for (uint32_t i = 0; i < lane->started; i++)
        (void)pthread_join(lane->workers[i].thread, NULL);
    /* Alone now: stopping refuses new jobs. */
    struct job *job;
    while ((job = lane_pop(lane, TURN_MEMBER)) != NULL ||
           (job = lane_pop(lane, TURN_STRANGER)) != NULL)
        job->run(job, NULL, true);
    (void)pthread_cond_destroy(&lane->changed);
    (void)pthread_cond_destroy(&lane->apart);
    (void)pthread_mutex_destroy(&lane->lock);
    mem_free(lane);
}

/* Lock held. The line for a job, or NULL when it is full. */
static struct line *line_for(struct lane *lane, const struct job *job)
{
    const struct lane_options *o = &lane->options;
    bool two_lines = o->share_percent > 0 && o->share_percent < 100;
    bool apart = job->stranger && two_lines;
    uint32_t of_strangers = two_lines ? o->strangers_max : 0;
    if (lane->members.depth + lane->strangers.depth >= o->queue_max)
        return NULL;
    if (apart && of_strangers > 0 && lane->strangers.depth >= of_strangers)
        return NULL;
    if (!apart && lane->members.depth >= o->queue_max - of_strangers)
        return NULL;
    return apart ? &lane->strangers : &lane->members;
}

/* Lock held. */
static void enter(struct lane *lane, struct line *line, struct job *job)
{
    line_append(line, job);
    count_waiting(lane, 1);
    (void)pthread_cond_signal(&lane->changed);
}

enum err lane_submit(struct lane *lane, struct job *job)
{
    enum err e = ERR_BUSY;
    (void)pthread_mutex_lock(&lane->lock);
    struct line *line = lane->stopping ? NULL : line_for(lane, job);
    if (line != NULL) {
        job->queued_mono_ms = clock_mono_ms();
        enter(lane, line, job);
        e = OK;
    }
    (void)pthread_mutex_unlock(&lane->lock);
    return e;
}

enum err lane_step_back(struct lane *lane, struct job *job)
{
    enum err e = ERR_MISSING;
    (void)pthread_mutex_lock(&lane->lock);
    struct line *line = lane->stopping ? NULL : line_for(lane, job);
    if (line == &lane->strangers && lane->members.first != NULL) {
        enter(lane, line, job);
        e = OK;
    }
    (void)pthread_mutex_unlock(&lane->lock);
    return e;
}

bool lane_serves(struct lane *lane)
{
    (void)pthread_mutex_lock(&lane->lock);
    bool serves = lane->connected > 0;
    (void)pthread_mutex_unlock(&lane->lock);
    return serves;
}
