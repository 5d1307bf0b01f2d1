/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rooms that do not keep everything: what is too old goes at every turn, what is too much every few
 * minutes.
 */
#ifndef CONCLAVE_JOBS_RETENTION_H
#define CONCLAVE_JOBS_RETENTION_H

#include "base/attr.h"
#include "base/err.h"

#include <stdint.h>

struct db;

/* What it remembers between turns; zero-initialise. */
struct jobs_retention {
    int64_t bytes_checked_mono_ms;
    uint64_t bytes_settings; /* a fingerprint of what was checked then */
};
/*
 * In slices; what is left over comes with the next turn. A room that is busy is passed over until
 * then.
 */
MUST_USE enum err jobs_purge(struct jobs_retention *r, struct db *db, int64_t now_ms);

#endif
