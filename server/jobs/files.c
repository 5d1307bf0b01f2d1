/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The turn of the jobs' process over attachments (docs/design.md, D6): expired files go, days that
 * are over are emptied and dropped, and once a day what nobody names is looked for. Each step is
 * short and goes on at the next turn.
 */
#include "base/clock.h"
#include "base/log.h"
#include "jobs/files.h"
#include "metrics/metrics.h"
#include "store/file_jobs.h"

enum {
    SWEEP_SLICE = 200, /* files removed in one transaction */
    MOVE_SLICE = 8,    /* contents copied in one transaction: up to 80 MB */
    SLICES_MAX = 50,   /* per turn: a backlog must not keep the other jobs waiting */
    DAYS_MAX = 8,      /* dropped per turn */
    /* An upload that begins just before midnight of its last day ends long before this is over. */
    DUE_AFTER_MS = HOUR_MS,
};

struct slice {
    int64_t now_ms;
    int64_t day;
    int64_t done;
};

static double seconds(int64_t ms)
{
    return (double)ms / SECOND_MS;
}

/*
 * Runs fn, which does at most `size` and says how many, until there is no more or the turn is used
 * up.
 */
static enum err in_slices(struct db *db, enum err (*fn)(struct db *db, void *arg),
                          struct slice *slice, int64_t size, int64_t *ret_total)
{
    int64_t total = 0;
    enum err e = OK;
    for (int i = 0; i < SLICES_MAX && e == OK; i++) {
        slice->done = 0;
        e = store_tx(db, fn, slice);
        total += e == OK ? slice->done : 0;
        if (slice->done < size)
            break;
    }
    *ret_total = total;
    return e;
}

static enum err sweep_slice(struct db *db, void *arg)
{
    struct slice *s = arg;
    return file_jobs_sweep(db, seconds(s->now_ms), s->now_ms / DAY_MS, SWEEP_SLICE, &s->done);
}

static enum err sweep(struct db *db, int64_t now_ms)
{
    struct slice slice = {.now_ms = now_ms};
    int64_t total = 0;
    enum err e = in_slices(db, sweep_slice, &slice, SWEEP_SLICE, &total);
    if (total > 0)
        log_event(LOG_INFO, "jobs.files_removed", LOG_U64("count", total));
    return e;
}

static enum err move_slice(struct db *db, void *arg)
{
    struct slice *s = arg;
    return file_jobs_move(db, s->day, seconds(s->now_ms), MOVE_SLICE, &s->done);
}

/* One day that is over. ERR_RETRY and ERR_CONFLICT: not now, but nothing is wrong. */
static enum err end_day(struct db *db, int64_t now_ms, int64_t day)
{
    struct slice slice = {.now_ms = now_ms, .day = day};
    int64_t moved = 0;
    enum err e = in_slices(db, move_slice, &slice, MOVE_SLICE, &moved);
    if (moved > 0)
        log_event(LOG_INFO, "jobs.files_moved", LOG_U64("count", moved));
    if (e == OK)
        e = file_jobs_drop(db, day);
    if (e == OK)
        log_event(LOG_INFO, "jobs.file_day_dropped", LOG_I64("day", day));
    return e;
}

static enum err end_days(struct db *db, int64_t now_ms)
{
    enum err e = OK;
    for (int i = 0; i < DAYS_MAX && e == OK; i++) {
        int64_t day = 0;
        e = file_jobs_due_day(db, (now_ms - DUE_AFTER_MS) / DAY_MS, &day);
        if (e == OK)
            e = end_day(db, now_ms, day);
    }
    return e == ERR_MISSING || e == ERR_RETRY || e == ERR_CONFLICT ? OK : e;
}

/* Once a day: orphans, and sums that another version of the program left wrong. */
static enum err look_for_orphans(struct db *db, struct file_turns *turns, int64_t now_ms)
{
    int64_t today = now_ms / DAY_MS, chunks = 0;
    if (turns->orphans_day == today)
        return OK;
    enum err e = file_jobs_orphans(db, today, &chunks);
    if (e == OK)
        e = files_recount(db);
    if (e == OK)
        turns->orphans_day = today;
    if (chunks > 0)
        log_event(LOG_WARN, "jobs.orphan_chunks_removed", LOG_U64("count", chunks));
    return e;
}

enum err file_turn(struct db *db, struct metrics *metrics, struct file_turns *turns, int64_t now_ms)
{
    struct file_usage usage;
    enum err e = sweep(db, now_ms);
    if (e == OK)
        e = end_days(db, now_ms);
    if (e == OK)
        e = look_for_orphans(db, turns, now_ms);
    if (e == OK)
        e = files_usage(db, &usage);
    if (e == OK)
        metrics_set(metrics, METRIC_FILE_BYTES, files_total(&usage));
    return e;
}
