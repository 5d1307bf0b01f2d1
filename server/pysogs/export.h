/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything about rooms and people goes into a PySOGS's database and folder, with the ids and
 * numbers that clients remember: the way back, or on. Memory does not grow with what there is. One
 * thread.
 */
#ifndef CONCLAVE_PYSOGS_EXPORT_H
#define CONCLAVE_PYSOGS_EXPORT_H

#include <sys/types.h>

#include "base/arena.h"
#include "pysogs/target.h"
#include "store/giving.h"
#include "store/ring.h"

struct export
{
    /* Given, borrowed. */
    struct db *db; /* with store's statements, after giving_begin */
    struct ring *ring;
    struct target *target;
    int folder;  /* where uploads/ is made; not used with sums */
    uid_t owner; /* of what is made there */
    gid_t group; /* of what is made there */
    double now;  /* seconds */
    struct digest
        *sums; /* one per table: nothing is written, and rows are added up; NULL: written */

    int64_t given[GIVING_COUNT]; /* rows */
    int64_t files_over;          /* files whose time is over: not given */

    int64_t system_user;
    struct arena *mem; /* of one row */
};

/*
 * ERR_CONFLICT: a file of that name is in the folder already. ERR_DENIED: the folder, or the
 * database, does not take it. Else errors of our database. With OK the caller commits the target.
 */
MUST_USE enum err export_run(struct export *ex);
/* What PySOGS calls the table. */
const char *export_name(enum giving what);

#endif
