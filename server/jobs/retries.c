/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fingerprints of posts whose ten minutes are over.
 */
#include "store/retries.h"

#include "jobs/jobs.h"

enum { SLICE = 10000, SLICES_MAX = 20 };

enum err jobs_expire_retries(struct db *db, int64_t now_ms)
{
    int64_t removed = SLICE;
    enum err e = OK;
    for (int i = 0; i < SLICES_MAX && e == OK && removed == SLICE; i++)
        e = retries_expire(db, now_ms, SLICE, &removed);
    return e;
}
