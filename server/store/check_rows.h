/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening every sealed row, a page at a time: for `conclave check --rows`. Content of files is read
 * through files/ (its rows are listed here).
 */
#ifndef CONCLAVE_STORE_CHECK_ROWS_H
#define CONCLAVE_STORE_CHECK_ROWS_H

#include "store/damage.h"
#include "store/files.h"
#include "store/ring.h"

struct row_check {
    struct db *db;
    struct ring *ring;
    struct arena *mem;     /* reset with every page */
    enum damage_kind kind; /* all but DAMAGED_FILE */
    int64_t after;         /* ids above this one come next; moved on by check_page */
};
struct damaged_row {
    int64_t id;
    struct span room; /* its token, in mem; empty: it belongs to no room */
};
/*
 * What does not open in the next page, in mem. *ret_read: how many rows it had; 0: there are no
 * more.
 */
MUST_USE enum err check_page(struct row_check *c, struct damaged_row **ret_damaged,
                             size_t *ret_count, size_t *ret_read);

/* Stored files that somebody may still fetch, by the id of their content, names sealed. */
MUST_USE enum err check_files(struct db *db, struct arena *mem, int64_t after, double now,
                              struct file_row **ret_files, size_t *ret_count);

#endif
