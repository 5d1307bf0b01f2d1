/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database of a PySOGS, to be filled: an SQLite file that this PySOGS has made itself, with its
 * tables, views and triggers, and nothing in them. One transaction; its triggers, which would draw
 * numbers, are taken away meanwhile and put back as they were. One thread.
 */
#ifndef CONCLAVE_PYSOGS_TARGET_H
#define CONCLAVE_PYSOGS_TARGET_H

#include "base/buf.h"
#include "pysogs/digest.h"

struct target;

/* ERR_DENIED: it cannot be written to. */
MUST_USE enum err target_open(const char *path, struct target **ret_target);
/* One that keeps no rows: they are only added up, into the digest that target_sum names. */
MUST_USE enum err target_open_sum(struct target **ret_target);
void target_sum(struct target *t, struct digest *digest);
/* Without target_commit nothing has changed. NULL is harmless. */
void target_close(struct target *t);

/* Rows of one statement: values in order, then the row. A failure is told at the end of the row. */
MUST_USE enum err target_begin(struct target *t, const char *insert);
void target_i64(struct target *t, int64_t value);
void target_f64(struct target *t, double value);
void target_text(struct target *t, struct span value);
void target_bytes(struct target *t, struct span value);
void target_null(struct target *t);
MUST_USE enum err target_row(struct target *t);
/* Forgets what was given of a row. */
void target_forget(struct target *t);

/* Puts the triggers back and makes it last. */
MUST_USE enum err target_commit(struct target *t);

#endif
