/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The writer's thread and queue: what waits becomes the next batch (no fixed delay). What a batch
 * does to the database is in writer/batch.c; here is who waits for whom, and what happens when
 * the database stumbles.
 */
#include "writer/writer.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "state/state.h"
#include "store/outcome.h"
#include "store/numbers.h"
#include "store/versions.h"
#include "writer/batch.h"

enum {
    QUEUE_MAX =
        4096, /* ops waiting; a post holds its connection, so this is also bounded by connections */
    STRANGERS_MAX = 1024,   /* of them, those of strangers */
    ATTEMPTS_MAX = 5,       /* deadlocks and lock time-outs; each attempt waits a little longer */
    OUTCOME_WAIT_MS = 5000, /* how long to ask for the fate of a commit whose connection was lost */
    OUTCOME_PAUSE_MS = 50,
    /*
     * Between failures to connect: each may take seconds, and whoever waits meanwhile is not to
     * wait for one after another.
     */
    RECONNECT_PAUSE_MS = 500,
    PUT_OFF_PAUSE_MS = 5, /* until posts that were put off are tried again */
    NOTIFY_PAUSE_MS = 20, /* while batches follow one another, NOTIFY at most this often */
    PROBE_PERIOD_MS = SECOND_MS,
    /*
     * No proof for this long: a statement that takes no answer is under way. With a period it stays
     * below 3 s.
     */
    PROVED_FOR_MS = 2500,
};

struct writer {
    pthread_mutex_t lock; /* guards queue, tail, queued, stopping */
    pthread_cond_t more;
    struct write_op *queue, **tail;
    size_t queued, strangers_queued;
    bool stopping;
    pthread_t thread;

    _Atomic int64_t proved_ms; /* monotonic: the database last took a write, or would have */
    _Atomic int reason;        /* enum db_reason: why the last one failed; DB_WORKS: it did not */

    /* The thread's own. */
    struct db *db;
    struct arena *mem;
    struct writer_options options;
    int64_t notified_ms;
    int64_t reconnect_ms; /* not before */
    int64_t probe_ms;     /* when to ask next, if nothing is written before */
    bool doubted;         /* a write failed: only one that succeeds says that all is well */
    bool notify_owed;
    bool put_off; /* some of the last batch's */
};

/*
 * Answers ops; after this call they belong to their owners again. One with a second op behind it is
 * answered by that one's turn, which may come in a later batch.
 */
static void answer(struct write_op **ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct write_op *first = ops[i]->after ? ops[i]->after : ops[i];
        if (!ops[i]->then)
            first->done(first);
    }
}

static void refuse_all(struct write_op **ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ops[i]->result = WRITE_BUSY;
    answer(ops, count);
}

static enum err connect_db(struct writer *w)
{
    if (!db_connected(w->db) && clock_mono_ms() < w->reconnect_ms)
        return ERR_BUSY;
    enum err e = db_ensure(w->db);
    if (e != OK)
        w->reconnect_ms = clock_mono_ms() + RECONNECT_PAUSE_MS;
    return e;
}

/* What the database did with a write, or with the question whether it would. */
static void note(struct writer *w, enum err e)
{
    bool failed = e == ERR_BUSY || e == ERR_RETRY;
    enum db_reason reason = db_reason(w->db);
    if (!failed) /* refused for what it was: the database works */
        atomic_store(&w->proved_ms, clock_mono_ms());
    if (!failed)
        reason = DB_WORKS;
    else if (reason == DB_WORKS)
        reason = DB_OTHER;
    atomic_store(&w->reason, (int)reason);
    w->doubted = failed;
    w->probe_ms = clock_mono_ms() + (failed ? RECONNECT_PAUSE_MS : PROBE_PERIOD_MS);
}

static void probe(struct writer *w)
{
    enum err e = connect_db(w);
    db_count_as(w->db, DB_PROBE);
    if (e == OK)
        e = outcome_probe(w->db, w->doubted);
    db_count_as(w->db, DB_WRITER);
    note(w, e);
}

/*
 * The connection was lost at COMMIT. OK: it did commit. ERR_RETRY: it did not, run it again.
 * ERR_BUSY: cannot be known now; the callers are told "busy" and their nonces keep them from doing
 * it twice.
 */
static enum err find_outcome(struct writer *w, const struct outcome_mark *mark)
{
    int64_t deadline = clock_mono_ms() + OUTCOME_WAIT_MS;
    while (clock_mono_ms() < deadline) {
        bool committed = false;
        enum err e = db_ensure(w->db);
        if (e == OK)
            e = outcome_find(w->db, mark, &committed);
        if (e == OK)
            return committed ? OK : ERR_RETRY;
        if (e == ERR_DEFECT)
            return ERR_BUSY;
        clock_sleep_ms(OUTCOME_PAUSE_MS);
    }
    return ERR_BUSY;
}

/*
 * One transaction. OK: committed, results are in ops. *ret_unknown: it may have been, or may still
 * be.
 */
static enum err attempt(struct writer *w, struct write_batch *batch, bool *ret_unknown)
{
    struct outcome_mark mark;
    int64_t now_ms = clock_wall_ms();
    enum err e = write_batch_prepare(batch, w->db, now_ms);
    if (e == OK)
        e = db_begin(w->db);
    if (e == OK)
        e = outcome_mark(w->db, &mark);
    if (e == OK)
        e = write_batch_run(batch, w->db, now_ms);
    if (e != OK) {
        db_rollback(w->db);
        return e;
    }
    e = db_commit(w->db);
    if (e == ERR_BUSY) {
        e = find_outcome(w, &mark);
        *ret_unknown = e == ERR_BUSY;
    }
    return e;
}

/* With the lock held. */
static void enqueue(struct writer *w, struct write_op *op)
{
    op->next = NULL;
    *w->tail = op;
    w->tail = &op->next;
    w->queued++;
    w->strangers_queued += op->stranger;
}

/* Ops for which there is no time yet go to the end of the queue. How many are left. */
static size_t put_off(struct writer *w, struct write_op **ops, size_t count)
{
    size_t left = 0;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < count; i++) {
        if (ops[i]->put_off)
            enqueue(w, ops[i]);
        else
            ops[left++] = ops[i];
    }
    pthread_mutex_unlock(&w->lock);
    w->put_off = true;
    return left;
}

/*
 * Pins are no messages, so the step above leaves them to the next comparison of versions. Whoever
 * deleted a pinned message must not find the pin there afterwards: the comparison happens now,
 * before the deletion is answered. Few batches have one.
 */
static void show_unpinned(struct writer *w, const struct write_batch *batch)
{
    if (write_batch_has_unpinned(batch) && state_refresh(w->options.state, w->db) != OK)
        log_event(LOG_DEBUG, "writer.refresh_failed");
}

/*
 * Runs ops until each is answered: retries what may be retried, halves a batch that one row
 * poisons.
 */
static void run(struct writer *w, struct write_op **ops, size_t count)
{
    const struct write_batch_options options = {w->mem, w->options.ring, w->options.conf,
                                                w->options.timestamps};
    enum err e = ERR_BUSY;
    bool unknown = false;
    for (int tries = 0; tries < ATTEMPTS_MAX && count > 0; tries++) {
        arena_reset(w->mem);
        struct write_batch *batch = write_batch_new(&options, ops, count);
        e = batch ? connect_db(w) : ERR_NO_MEMORY;
        if (e == OK)
            e = attempt(w, batch, &unknown);
        if (e == OK) {
            note(w, OK);
            write_batch_apply(batch, w->options.state, w->options.metrics);
            show_unpinned(w, batch);
            w->notify_owed = true;
            answer(ops, count);
            return;
        }
        if (e == ERR_TOO_EARLY) {
            count = put_off(w, ops, count);
            tries--; /* there are fewer each time */
            continue;
        }
        if (e != ERR_RETRY)
            break;
        clock_sleep_ms(5 << tries);
    }
    if (count == 0)
        return;
    /* What may yet commit must not be run a second time, whole or in halves. */
    if (count > 1 && !unknown && db_connected(w->db)) {
        run(w, ops, count / 2);
        run(w, ops + count / 2, count - count / 2);
        return;
    }
    note(w, e);
    log_event(LOG_WARN, "writer.refused", LOG_U64("ops", count), LOG_ERR(e));
    refuse_all(ops, count);
}

/* NOTIFY only accelerates; when it fails, the others find out by comparing versions. */
static void notify(struct writer *w)
{
    if (!w->notify_owed || !db_connected(w->db))
        return;
    w->notify_owed = false;
    w->notified_ms = clock_mono_ms();
    if (versions_notify(w->db) != OK)
        log_event(LOG_DEBUG, "writer.notify_failed");
}

/*
 * With the lock held. Until something waits, or it is time to ask whether the database would write
 * it.
 */
static void wait_for_more(struct writer *w)
{
    while (!w->queue && !w->stopping && clock_mono_ms() < w->probe_ms)
        clock_wait(&w->more, &w->lock, w->probe_ms);
}

/*
 * Takes what waits, at most WRITE_BATCH_WEIGHT_MAX: past this a commit no longer gets cheaper per
 * row. Zero: nothing waits; *ret_stop: nothing will.
 */
static size_t take(struct writer *w, struct write_op **ops, bool *ret_stop)
{
    pthread_mutex_lock(&w->lock);
    if (!w->queue && w->notify_owed) {
        pthread_mutex_unlock(&w->lock);
        notify(w);
        pthread_mutex_lock(&w->lock);
    }
    wait_for_more(w);
    size_t count = 0, weight = 0;
    while (w->queue && weight + write_batch_weight(w->queue) <= WRITE_BATCH_WEIGHT_MAX) {
        weight += write_batch_weight(w->queue);
        w->strangers_queued -= w->queue->stranger;
        ops[count++] = w->queue;
        w->queue = w->queue->next;
    }
    if (!w->queue)
        w->tail = &w->queue;
    w->queued -= count;
    *ret_stop = count == 0 && w->stopping;
    pthread_mutex_unlock(&w->lock);
    return count;
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    struct write_op *ops[WRITE_BATCH_WEIGHT_MAX];
    for (bool stop = false; !stop;) {
        size_t count = take(w, ops, &stop);
        w->put_off = false;
        if (count > 0)
            run(w, ops, count);
        else if (!stop)
            probe(w);
        if (w->put_off)
            clock_sleep_ms(PUT_OFF_PAUSE_MS);
        if (count > 0 && clock_mono_ms() - w->notified_ms >= NOTIFY_PAUSE_MS)
            notify(w);
    }
    return NULL;
}

enum err writer_new(const struct writer_options *options, struct writer **ret_writer)
{
    struct writer *w = MEM_NEW(struct writer);
    if (!w) {
        db_free(options->db);
        return ERR_NO_MEMORY;
    }
    w->options = *options;
    w->db = options->db;
    w->tail = &w->queue;
    atomic_init(&w->proved_ms, 0);
    atomic_init(&w->reason, DB_STARTING);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    w->mem = arena_new(MIB(64)); /* 256 posts of 64 KB, sealed once, with room */
    if (!w->mem || pthread_create(&w->thread, NULL, writer_main, w) != 0) {
        db_free(w->db);
        arena_free(w->mem);
        mem_free(w);
        return ERR_NO_MEMORY;
    }
    *ret_writer = w;
    return OK;
}

bool writer_is_ready(const struct writer *w, int64_t mono_ms, enum db_reason *ret_reason)
{
    enum db_reason reason = (enum db_reason)atomic_load(&w->reason);
    if (reason == DB_WORKS && mono_ms - atomic_load(&w->proved_ms) >= PROVED_FOR_MS)
        reason = DB_NO_ANSWER;
    if (reason != DB_WORKS)
        *ret_reason = reason;
    return reason == DB_WORKS;
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    db_free(w->db);
    arena_free(w->mem);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}

enum err writer_submit(struct writer *w, struct write_op *op)
{
    pthread_mutex_lock(&w->lock);
    bool accepted = w->queued < QUEUE_MAX && !w->stopping &&
                    (!op->stranger || w->strangers_queued < STRANGERS_MAX);
    if (accepted) {
        enqueue(w, op);
        if (op->then) {
            op->then->after = op;
            enqueue(w, op->then);
        }
        pthread_cond_signal(&w->more);
    }
    pthread_mutex_unlock(&w->lock);
    return accepted ? OK : ERR_BUSY;
}

struct waiter {
    pthread_mutex_t lock; /* guards left */
    pthread_cond_t changed;
    size_t left; /* ops that are not done */
};

static void wake(struct write_op *op)
{
    struct waiter *waiter = op->owner;
    pthread_mutex_lock(&waiter->lock);
    if (--waiter->left == 0)
        pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->lock);
}

void writer_run(struct writer *w, struct write_op *const *ops, size_t count)
{
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, count};
    for (size_t i = 0; i < count; i++) {
        ops[i]->done = wake;
        ops[i]->owner = &waiter; /* cppcheck-suppress autoVariables ; we wait until it is done */
        if (writer_submit(w, ops[i]) == OK)
            continue;
        ops[i]->result = WRITE_BUSY;
        wake(ops[i]);
    }
    pthread_mutex_lock(&waiter.lock);
    while (waiter.left > 0)
        pthread_cond_wait(&waiter.changed, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
}
