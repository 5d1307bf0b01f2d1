/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every table has in common: reading it to its end, counting, saying how far it is and what
 * cannot be taken; and which users became another row.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/terminal.h"
#include "pysogs/import.h"

struct import_moved {
    int64_t id, became;
};

enum {
    PROGRESS_FIRST_MS = 500,
    PROGRESS_EVERY_MS = 5000,
    MB = 1000000,
    REFUSED_MAX = 20, /* in a dry run: enough to see what is wrong */
    MOVED_MAX = 1 << 16,
};

/* ---- words ---- */

enum err import_fail(const char *about, const char *why)
{
    (void)fputs("conclave: ", stderr);
    terminal_put(stderr, span_of_text(about));
    (void)fputs(": ", stderr);
    terminal_put(stderr, span_of_text(why));
    (void)fputc('\n', stderr);
    return ERR_DENIED;
}

enum err import_refuse(struct import *im, const char *table, int64_t id, const char *why)
{
    (void)fprintf(stderr, "conclave: %s, id %lld: %s\n", table, (long long)id, why);
    im->refused++;
    return im->dry_run && im->refused < REFUSED_MAX ? ERR_MISSING : ERR_DENIED;
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

/* ---- how far ---- */

/* What a table holds, before it is read; 0: nobody knows, and reading it will tell why. */
static void measure(struct import *im, const struct import_table *table)
{
    AUTO_BUF struct buf sql = buf_make(KIB(4));
    buf_put_text(&sql, "SELECT count(*) FROM (");
    buf_put_text(&sql, table->sql);
    buf_put_text(&sql, ") AS t");
    buf_put_byte(&sql, '\0');
    im->began_ms = clock_mono_ms();
    im->total = im->total_bytes = 0;
    enum err e = buf_verdict(&sql);
    if (e == OK)
        e = source_number(im->source, (const char *)sql.p, &im->total);
    if (e == OK && table->what == TAKING_FILES)
        e = source_number(im->source, "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM files",
                          &im->total_bytes);
    (void)e;
}

/* In rows, or for files in bytes: how many a second, and how long the rest will take. */
static void progress(struct import *im, const char *table, int64_t number)
{
    int64_t now_ms = clock_mono_ms(), took_ms = now_ms - im->began_ms;
    int64_t done = im->total_bytes > 0 ? im->file_bytes : number;
    int64_t total = im->total_bytes > 0 ? im->total_bytes : im->total;
    if (took_ms < PROGRESS_FIRST_MS || done == 0 ||
        (im->said_ms != 0 && now_ms - im->said_ms < PROGRESS_EVERY_MS))
        return;
    im->said_ms = now_ms;
    double a_second = (double)done * SECOND_MS / (double)took_ms;
    double left_s = total > done ? (double)(total - done) / a_second : 0;
    if (im->total_bytes > 0)
        (void)fprintf(stderr,
                      "conclave: %s: %lld of %lld, %lld of %lld MB (%.0f MB a second, about %.0f s "
                      "left)\n",
                      table, (long long)number, (long long)im->total, (long long)(done / MB),
                      (long long)(total / MB), a_second / MB, left_s);
    else
        (void)fprintf(stderr, "conclave: %s: %lld of %lld (%.0f a second, about %.0f s left)\n",
                      table, (long long)number, (long long)total, a_second, left_s);
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
    if (e == OK && table->same != NULL && batch->count > 0) {
        struct digest_row same = {.len = 0};
        table->same(im, &same);
        batch->compared[batch->count - 1] = same.len > 0;
        im->found[table->giving] -= same.len == 0;
        digest_row_end(&same, batch->hashes[batch->count - 1]);
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
    if (table->same != NULL)
        batch.sum = &im->old[table->giving];
    measure(im, table);
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
        progress(im, table->name, found);
    }
    e = flush(im, &batch);
    if (e != OK)
        return e;
    import_took(im, table->name, batch.taken);
    if (batch.sum != NULL)
        im->found[table->giving] += found;
    im->changed += found - left - batch.taken;
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

void import_same_user(const struct import *im, struct digest_row *out, int64_t id)
{
    int64_t row = import_user(im, id);
    digest_i64(out, row == im->system_user ? 0 : row);
}

void import_same_number(struct digest_row *out, int64_t number)
{
    if (number < 0)
        digest_null(out);
    else
        digest_i64(out, number);
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
