/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts and prints. An array of atomics: threads never wait for each other here, and the few dozen
 * numbers are not worth a copy per thread.
 */
#include "metrics/metrics.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

enum kind { COUNTER, GAUGE };

struct row {
    const char *name;
    enum kind kind;
    const char *label;
    const char *help;
};

#define METRIC_ROW(constant, name, kind, label, help) [constant] = {name, kind, label, help},
static const struct row rows[METRIC_COUNT] = {METRIC_TABLE(METRIC_ROW)};

struct metrics {
    _Atomic int64_t value[METRIC_COUNT];
};

struct metrics *metrics_new(void)
{
    return MEM_NEW(struct metrics);
}

void metrics_free(struct metrics *m)
{
    mem_free(m);
}

void metrics_add(struct metrics *m, enum metric which, int64_t n)
{
    (void)atomic_fetch_add_explicit(&m->value[which], n, memory_order_relaxed);
}

void metrics_set(struct metrics *m, enum metric which, int64_t value)
{
    atomic_store_explicit(&m->value[which], value, memory_order_relaxed);
}

int64_t metrics_get(const struct metrics *m, enum metric which)
{
    return atomic_load_explicit(&m->value[which], memory_order_relaxed);
}

/* HELP and TYPE stand once before all samples of a name. */
static void put_head(struct buf *out, const struct row *r)
{
    buf_put_text(out, "# HELP ");
    buf_put_text(out, r->name);
    buf_put_byte(out, ' ');
    buf_put_text(out, r->help);
    buf_put_text(out, "\n# TYPE ");
    buf_put_text(out, r->name);
    buf_put_text(out, r->kind == COUNTER ? " counter\n" : " gauge\n");
}

void metrics_write(const struct metrics *m, struct buf *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct row *r = &rows[i];
        if (i == 0 || strcmp(rows[i - 1].name, r->name) != 0)
            put_head(out, r);
        buf_put_text(out, r->name);
        if (r->label[0] != '\0') {
            buf_put_byte(out, '{');
            buf_put_text(out, r->label);
            buf_put_byte(out, '}');
        }
        buf_put_byte(out, ' ');
        buf_put_i64(out, metrics_get(m, (enum metric)i));
        buf_put_byte(out, '\n');
    }
}
