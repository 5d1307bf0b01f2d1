/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every table has in common: reading it to its end, counting, saying how far it is and what cannot be taken; and which
 * users became another row.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pysogs/import.h"

struct import_moved {
    int64_t id, became;
};

enum {
    PROGRESS_EVERY_MS = 5000,
    REFUSED_MAX = 20, /* in a dry run: enough to see what is wrong */
    MOVED_MAX = 1 << 16,
};

/* ---- words ---- */

enum err import_fail(const char *about, const char *why)
{
    (void)fprintf(stderr, "conclave: %s: %s\n", about, why);
    return ERR_DENIED;
}

enum err import_refuse(struct import *im, const char *table, int64_t id, const char *why)
{
    (void)fprintf(stderr, "conclave: %s, id %lld: %s\n", table, (long long)id, why);
    im->refused++;
    return im->dry_run && im->refused < REFUSED_MAX ? ERR_MISSING : ERR_DENIED;
}

void import_progress(struct import *im, const char *table, int64_t number)
{
    int64_t now_ms = clock_mono_ms();
    if (im->said_ms == 0)
        im->said_ms = now_ms;
    if (now_ms - im->said_ms < PROGRESS_EVERY_MS)
        return;
    im->said_ms = now_ms;
    (void)fprintf(stderr, "conclave: %s: %lld so far\n", table, (long long)number);
}

static void count(struct import_counts *counts, const char *what, int64_t number)
{
    size_t i = 0;
    while (i < counts->count && strcmp(counts->items[i].what, what) != 0)
        i++;
    if (i == IMPORT_COUNTS_MAX)
        return;
    if (i == counts->count)
        counts->items[counts->count++] = (struct import_count){what, 0};
    counts->items[i].number += number;
}

void import_took(struct import *im, const char *what, int64_t number)
{
    count(&im->taken, what, number);
}

void import_left(struct import *im, const char *what, int64_t number)
{
    count(&im->left, what, number);
}

enum err import_leave(struct import *im, const char *what)
{
    import_left(im, what, 1);
    return ERR_MISSING;
}

/* ---- a table ---- */

static enum err flush(struct import *im, struct batch *batch)
{
    int64_t name = 0;
    enum err e = batch_flush(batch, im->db, &name);
    if (e != ERR_CONFLICT)
        return e;
    e = import_refuse(
        im, batch->table, name,
        "it breaks a rule of this database (a number that is too large, or twice there)");
    return e == ERR_MISSING ? ERR_DENIED : e; /* what stood behind it in the batch is lost */
}

enum err import_alone(struct import *im, struct batch *out)
{
    enum err e = flush(im, out);
    out->alone = e == OK;
    return e;
}

/* The row that the source stands at. */
static enum err take_row(struct import *im, const struct import_table *table, struct batch *batch,
                         int64_t *left)
{
    int64_t id = source_i64(im->source, 0);
    enum err e = table->row(im, batch);
    if (!source_ok(im->source)) {
        (void)import_refuse(im, table->name, id,
                            "a column has a value of another type, or a time that is none");
        return ERR_DENIED;
    }
    if (e == ERR_MISSING) {
        (*left)++;
        return OK;
    }
    return e == OK && batch_is_full(batch) ? flush(im, batch) : e;
}

enum err import_table(struct import *im, const struct import_table *table)
{
    AUTO_BATCH struct batch batch = {.count = 0};
    int64_t found = 0, left = 0;
    enum err e = batch_open(&batch, table->what, table->letters);
    if (e != OK)
        return e;
    batch.table = table->name;
    if (source_ask(im->source, table->sql) != OK)
        return import_fail(table->name, "the table is not as PySOGS 0.3.8 has it");
    for (;;) {
        enum err more = source_next(im->source);
        if (more == ERR_MISSING)
            break;
        if (more != OK)
            return import_fail(table->name,
                               "it cannot be read further: damaged, a value of more than 32 MB, "
                               "or the connection was lost");
        found++;
        e = take_row(im, table, &batch, &left);
        if (e != OK)
            return e;
        import_progress(im, table->name, found);
    }
    e = flush(im, &batch);
    if (e != OK)
        return e;
    import_took(im, table->name, batch.taken);
    if (found > left + batch.taken)
        import_left(im, "rows that refer to what is not there, or stand there twice",
                    found - left - batch.taken);
    return OK;
}

/* ---- users that became another row ---- */

int64_t import_user(const struct import *im, int64_t id)
{
    size_t low = 0, high = im->moved_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (im->moved[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < im->moved_count && im->moved[low].id == id ? im->moved[low].became : id;
}

enum err import_remember_user(struct import *im, int64_t id, int64_t became)
{
    if (im->moved == NULL)
        im->moved = mem_alloc_zero(MOVED_MAX, sizeof(*im->moved));
    if (im->moved == NULL)
        return ERR_NO_MEMORY;
    if (im->moved_count == MOVED_MAX)
        return import_fail("users", "too many of them stand there in two spellings");
    im->moved[im->moved_count++] = (struct import_moved){id, became};
    return OK;
}

int64_t import_hour(double seconds)
{
    const double latest = 1e11; /* beyond any clock, and still a number that converts */
    return seconds > 0 && seconds < latest ? (int64_t)seconds / 3600 : 0;
}
