/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must hold in the database itself after all the killing, whatever clients were told.
 */
#ifndef CONCLAVE_TESTS_TORTURE_CHECK_H
#define CONCLAVE_TESTS_TORTURE_CHECK_H

#include "torture/ledger.h"

/* Each rule that does not hold becomes a complaint. ERR_BUSY: the database cannot be asked. */
MUST_USE enum err check_database(const char *url, bool clock_jumped, struct ledger *ledger);
/*
 * Waits until the jobs have removed every file that lives less than a minute. ERR_BUSY: not in
 * time.
 */
MUST_USE enum err check_swept(const char *url, int timeout_ms);
/* One number that a query of ours answers; -1: it cannot be asked. */
int64_t check_number(const char *url, const char *sql);

#endif
