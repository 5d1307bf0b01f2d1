/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pass walks rows without a MAC in the order of their ids, from the beginning after each end:
 * rows that were locked come in the next one. Those whose key is gone cannot open either, and do
 * not keep MACs from being required.
 */
#include "jobs/macs.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "store/message_mac.h"

enum {
    SLICE = 500,
    SLICES_MAX = 20, /* per turn: 10,000 rows every ten seconds */
    ARENA_BYTES = 1024 * 1024,
};

/* *ret_ended: the pass has come to the last row. */
static enum err pass(struct db *db, struct ring *ring, struct mac_turns *turns, int64_t *ret_filled,
                     bool *ret_ended)
{
    AUTO_ARENA struct arena *mem = arena_new(ARENA_BYTES);
    int64_t read = 1, filled = 0;
    enum err e = mem != NULL ? OK : ERR_NO_MEMORY;
    for (int i = 0; i < SLICES_MAX && e == OK && read > 0; i++) {
        arena_reset(mem);
        e = message_macs_fill(db, ring, mem, SLICE, &turns->after, &read, &filled);
        *ret_filled += e == OK ? filled : 0;
    }
    *ret_ended = e == OK && read == 0;
    if (*ret_ended)
        turns->after = 0;
    return e;
}

static void tell(struct mac_turns *turns, int64_t missing)
{
    log_event(LOG_INFO, "jobs.macs_made", LOG_U64("count", turns->filled),
              LOG_U64("left", missing));
    turns->filled = 0;
}

enum err macs_turn(struct db *db, struct ring *ring, struct metrics *metrics,
                   struct mac_turns *turns, int64_t now_ms)
{
    int64_t filled = 0, missing = 0;
    bool ended = false;
    enum err e = macs_look(db, ring);
    metrics_set(metrics, METRIC_MACS_REQUIRED, ring_macs_required(ring));
    if (e != OK || ring_macs_required(ring))
        return e; /* a row without one is damaged now, and nothing makes it good */
    e = pass(db, ring, turns, &filled, &ended);
    if (e == OK)
        e = message_macs_missing(db, &missing);
    if (e != OK)
        return e;
    metrics_set(metrics, METRIC_MACS_MISSING, missing);
    turns->filled += filled;
    if (filled > 0 || turns->seen_ms == 0)
        turns->seen_ms = now_ms;
    if (turns->filled > 0 && ended)
        tell(turns, missing);
    if (!ended || now_ms - turns->seen_ms < MACS_QUIET_S * (int64_t)SECOND_MS)
        return OK;
    e = ring_require_macs(ring, db);
    if (e == OK)
        log_event(LOG_INFO, "jobs.macs_required", LOG_U64("left", missing));
    return e;
}

enum err macs_look(struct db *db, struct ring *ring)
{
    if (ring_macs_required(ring))
        return OK;
    /* While the storage key is exchanged, the new one may not be known here yet. */
    enum err e = ring_verify(ring, db);
    return e == ERR_SEALED || e == ERR_MISSING ? OK : e;
}
