/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which rows were met already: a table of fixed size with linear probing, never emptied. Every read
 * of a damaged row comes here, so finding it again must cost little.
 */
#include "store/damage.h"

#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"

enum { SLOTS = 8192, ROWS_MAX = SLOTS / 2 };

struct damage {
    pthread_mutex_t lock; /* guards all below */
    struct metrics *metrics;
    size_t count;
    int64_t of_kind[DAMAGE_KINDS];
    struct {
        int64_t id;
        bool used;
        uint8_t kind;
    } slots[SLOTS];
};

static const char *const names[DAMAGE_KINDS] = {
    [DAMAGED_MESSAGE] = "message", [DAMAGED_REACTION] = "reaction", [DAMAGED_DM] = "direct_message",
    [DAMAGED_FILE] = "file",       [DAMAGED_KEY] = "key",
};
static const enum metric metric_of[DAMAGE_KINDS] = {
    [DAMAGED_MESSAGE] = METRIC_DAMAGED_MESSAGES, [DAMAGED_REACTION] = METRIC_DAMAGED_REACTIONS,
    [DAMAGED_DM] = METRIC_DAMAGED_DMS,           [DAMAGED_FILE] = METRIC_DAMAGED_FILES,
    [DAMAGED_KEY] = METRIC_DAMAGED_KEYS,
};

const char *damage_name(enum damage_kind kind)
{
    return names[kind];
}

struct damage *damage_new(void)
{
    struct damage *d = MEM_NEW(struct damage);
    if (d != NULL)
        (void)pthread_mutex_init(&d->lock, NULL);
    return d;
}

void damage_free(struct damage *d)
{
    if (d == NULL)
        return;
    (void)pthread_mutex_destroy(&d->lock);
    mem_free(d);
}

void damage_report_to(struct damage *d, struct metrics *metrics)
{
    d->metrics = metrics;
}

/* With the lock held. False: it was met before, or there is no room to remember it. */
static bool remember(struct damage *d, enum damage_kind kind, int64_t id)
{
    /* Fibonacci hashing: ids are dense, and kinds must not meet in the same slots. */
    uint64_t mixed = ((uint64_t)id * DAMAGE_KINDS + (uint64_t)kind) * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(mixed >> 32) % SLOTS;
    for (; d->slots[at].used; at = (at + 1) % SLOTS)
        if (d->slots[at].id == id && d->slots[at].kind == (uint8_t)kind)
            return false;
    if (d->count == ROWS_MAX)
        return false;
    d->slots[at].id = id;
    d->slots[at].used = true;
    d->slots[at].kind = (uint8_t)kind;
    d->count++;
    return true;
}

void damage_note(struct damage *d, enum damage_kind kind, int64_t id)
{
    (void)pthread_mutex_lock(&d->lock);
    bool is_new = remember(d, kind, id);
    int64_t rows = is_new ? ++d->of_kind[kind] : 0;
    (void)pthread_mutex_unlock(&d->lock);
    if (!is_new || d->metrics == NULL)
        return;
    metrics_add(d->metrics, metric_of[kind], 1);
    const struct log_field fields[] = {{"kind", names[kind], 0}, LOG_I64("rows", rows)};
    log_write(LOG_ERROR, "store.damaged", fields, COUNT_OF(fields));
}
