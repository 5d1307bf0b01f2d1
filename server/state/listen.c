/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The thread that keeps the picture true: waits for a hint (NOTIFY) or half a second, compares
 * versions, writes sightings, and now and then the clocks. A lost connection is reopened for ever;
 * afterwards only what differs is read.
 */
#include "state/listen.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "metrics/metrics.h"
#include "state/picture.h"
#include "store/numbers.h"
#include "store/versions.h"

enum {
    COMPARE_MS = 500, /* rights for reads are at most 1 s stale (docs/design.md, D7) */
    FLUSH_PERIOD_MS = 5 * SECOND_MS,
    /*
     * Rows of strangers who were not seen since the start: identities are free, so they come
     * slowly. Two a second, and so many at once after a quiet time.
     */
    NEWCOMERS_PER_FLUSH = 10,
    NEWCOMERS_MAX = 1000,
    CLOCK_PERIOD_MS = SECOND_MS,
    DOUBT_LOG_PERIOD_MS = MINUTE_MS, /* the counter counts each; the log is for people */
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 2 * SECOND_MS,
    STATEMENT_TIMEOUT_MS = 10 * SECOND_MS,
    LOCK_TIMEOUT_MS = 2 * SECOND_MS,
};

struct refresher {
    struct state *state;
    struct db *refresh, *job; /* two connections: what they do is counted apart */
    pthread_t thread;
    atomic_bool stopping;
    bool listening;
    int64_t flushed_ms, clock_ms; /* monotonic */
    int64_t doubt_logged_ms;      /* monotonic; 0: the clock was trusted last time */
    size_t newcomers_left;        /* whose rows may be made now */
};

static enum err listen_again(struct refresher *r)
{
    if (!db_connected(r->refresh))
        r->listening = false;
    enum err e = db_ensure(r->refresh);
    if (e == OK && !r->listening) {
        e = db_script(r->refresh, "LISTEN " STORE_CHANNEL);
        r->listening = e == OK;
    }
    return e;
}

/* Who was entered by other processes. What fails is read the next time. */
static void learn_known(struct refresher *r)
{
    enum err e = db_ensure(r->job);
    if (e == OK)
        e = known_learn(r->state->known, r->job, clock_wall_ms());
    if (e != OK)
        log_event(LOG_DEBUG, "state.learn_failed", LOG_ERR(e));
}

static void flush_sightings(struct refresher *r)
{
    int64_t now = clock_mono_ms();
    if (now - r->flushed_ms < FLUSH_PERIOD_MS)
        return;
    r->flushed_ms = now;
    r->newcomers_left += NEWCOMERS_PER_FLUSH;
    if (r->newcomers_left > NEWCOMERS_MAX)
        r->newcomers_left = NEWCOMERS_MAX;
    struct sighting *batch = mem_alloc_zero(SIGHTINGS_FLUSH_MAX, sizeof(*batch));
    if (!batch)
        return;
    size_t count =
        sightings_take(r->state->sightings, batch, SIGHTINGS_FLUSH_MAX, &r->newcomers_left);
    enum err e = OK;
    if (count > 0)
        e = db_ensure(r->job);
    if (count > 0 && e == OK)
        e = users_flush_sightings(r->job, batch, count);
    if (e != OK)
        sightings_give_back(r->state->sightings, batch, count);
    mem_free(batch);
    learn_known(r);
}

static void log_doubt(const struct clock_reading *r)
{
    if (r->doubt == CLOCK_APART)
        log_event(LOG_WARN, "clock.skew", LOG_I64("ahead_of_database_ms", r->ahead_ms),
                  LOG_U64("deleting", 0));
    else
        log_event(LOG_WARN, "clock.jumped",
                  LOG_I64("hours_from_last_trusted", (r->now_ms - r->trusted_ms) / HOUR_MS),
                  LOG_U64("deleting", 0));
}

static void compare_clocks(struct refresher *r)
{
    int64_t now = clock_mono_ms();
    struct clock_reading reading;
    if (r->clock_ms != 0 && now - r->clock_ms < CLOCK_PERIOD_MS)
        return;
    r->clock_ms = now;
    if (clock_read(r->refresh, &reading) != OK)
        return;
    state_note_clock(r->state, &reading);
    if (reading.doubt == CLOCK_TRUSTED) {
        r->doubt_logged_ms = 0;
        return;
    }
    if (reading.doubt == CLOCK_APART)
        metrics_add(r->state->metrics, METRIC_CLOCK_SKEW_WARNINGS, 1);
    if (r->doubt_logged_ms != 0 && now - r->doubt_logged_ms < DOUBT_LOG_PERIOD_MS)
        return;
    r->doubt_logged_ms = now;
    log_doubt(&reading);
}

static enum err turn(struct refresher *r)
{
    enum err e = listen_again(r);
    if (e == OK)
        e = state_refresh(r->state, r->refresh);
    if (e != OK)
        return e;
    flush_sightings(r);
    compare_clocks(r);
    e = db_wait_notification(r->refresh, COMPARE_MS);
    if (e == OK)
        metrics_add(r->state->metrics, METRIC_NOTIFY_RECEIVED, 1);
    return e == ERR_MISSING ? OK : e;
}

static void log_lost(const struct refresher *r, enum err e, int64_t pause_ms)
{
    if (stop_asked(r->state->stop_fd))
        return;
    /*
     * The listener's connection broke, or its pair for sightings; what failed is said by its own
     * kind of error.
     */
    enum db_reason reason = db_connected(r->refresh) ? DB_WORKS : db_reason(r->refresh);
    const struct log_field fields[] = {
        LOG_ERR(e), {"reason", db_reason_name(reason), 0}, LOG_I64("retry_in_ms", pause_ms)};
    log_write(pause_ms == RETRY_MIN_MS ? LOG_WARN : LOG_DEBUG, "db.lost", fields, COUNT_OF(fields));
}

static void *refresher_main(void *arg)
{
    struct refresher *r = arg;
    int64_t pause_ms = RETRY_MIN_MS;
    while (!atomic_load(&r->stopping) && !stop_asked(r->state->stop_fd)) {
        enum err e = turn(r);
        if (e == OK) {
            if (pause_ms > RETRY_MIN_MS)
                log_event(LOG_INFO, "db.back");
            pause_ms = RETRY_MIN_MS;
            continue;
        }
        log_lost(r, e, pause_ms);
        (void)stop_wait(r->state->stop_fd, pause_ms);
        pause_ms = pause_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : pause_ms * 2;
    }
    return NULL;
}

static enum err open_connection(const struct state *state, enum db_origin origin,
                                struct db **ret_db)
{
    struct db_options options = {.url = state->url,
                                 .origin = origin,
                                 .metrics = state->metrics,
                                 .tables = store_statements,
                                 .table_count = store_statement_count,
                                 .opened = numbers_on_open,
                                 .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
                                 .lock_timeout_ms = LOCK_TIMEOUT_MS,
                                 .stop_fd = state->stop_fd};
    return db_new(&options, ret_db);
}

static void refresher_free(struct refresher *r)
{
    db_free(r->refresh);
    db_free(r->job);
    mem_free(r);
}

enum err refresher_start(struct state *state, struct refresher **ret_refresher)
{
    struct refresher *r = MEM_NEW(struct refresher);
    if (!r)
        return ERR_NO_MEMORY;
    r->state = state;
    enum err e = open_connection(state, DB_REFRESH, &r->refresh);
    if (e == OK)
        e = open_connection(state, DB_JOB, &r->job);
    if (e == OK && pthread_create(&r->thread, NULL, refresher_main, r) != 0)
        e = ERR_NO_MEMORY;
    if (e != OK) {
        refresher_free(r);
        return e;
    }
    *ret_refresher = r;
    return OK;
}

void refresher_stop(struct refresher *r)
{
    if (!r)
        return;
    atomic_store(&r->stopping, true);
    pthread_join(r->thread, NULL);
    refresher_free(r);
}
