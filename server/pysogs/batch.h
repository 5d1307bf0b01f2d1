/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows on their way into our database, some hundred at a time: one array per column, as
 * store/taking.h wants them. A row is begun, filled from its first column to its last, and ended;
 * what fails meanwhile is told at its end.
 */
#ifndef CONCLAVE_PYSOGS_BATCH_H
#define CONCLAVE_PYSOGS_BATCH_H

#include "base/arena.h"
#include "pysogs/digest.h"
#include "store/taking.h"

enum { BATCH_ROWS = 500, BATCH_COLUMNS = 13 };

struct batch {
    enum taking what;
    const char *table;         /* of the old server, for words; set by whoever wants to */
    const char *letters;       /* a column each: i number, d time, s small number, b bytes */
    struct arena *columns_mem; /* the arrays */
    struct arena *bytes_mem;   /* what spans point to; emptied with the rows */
    void *items[BATCH_COLUMNS];
    int64_t names[BATCH_ROWS]; /* what a row is called when it is refused */
    size_t column, count;
    int64_t taken; /* rows added so far, over all flushes */
    /*
     * What each row was in the old server's words, and where those that are added are summed up;
     * NULL: nowhere.
     */
    uint8_t hashes[BATCH_ROWS][DIGEST_BYTES];
    bool compared[BATCH_ROWS];
    struct digest *sum;
    bool alone; /* the row in it goes by itself */
    bool failed;
};

MUST_USE enum err batch_open(struct batch *b, enum taking what, const char *letters);
void batch_close(struct batch *b); /* harmless on a zeroed one */
#define AUTO_BATCH CLEANUP(batch_close)

void batch_begin(struct batch *b, int64_t name);
void batch_i64(struct batch *b, int64_t value);
void batch_f64(struct batch *b, double value);
void batch_i16(struct batch *b, int64_t value);
void batch_bytes(struct batch *b, struct span value); /* copied; p == NULL: NULL */
/* ERR_NO_MEMORY. */
MUST_USE enum err batch_end(struct batch *b);

bool batch_is_full(const struct batch *b);
/*
 * Adds the rows to the database, without those that refer to what is not there. ERR_CONFLICT: the
 * row of *ret_name breaks a rule of it. The batch is empty afterwards.
 */
MUST_USE enum err batch_flush(struct batch *b, struct db *db, int64_t *ret_name);
/* Rows as parameters, for a statement of another kind. Returns how many. */
size_t batch_params(const struct batch *b, size_t from, size_t count,
                    struct param ret_params[static BATCH_COLUMNS]);
void batch_empty(struct batch *b);

#endif
