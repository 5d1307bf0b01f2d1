/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The account of a run, for people.
 */
#ifndef CONCLAVE_TESTS_TORTURE_REPORT_H
#define CONCLAVE_TESTS_TORTURE_REPORT_H

#include "torture/torture.h"

void report_write(FILE *out, const struct torture_options *options,
                  const struct torture_result *result, const struct ledger *ledger);

#endif
