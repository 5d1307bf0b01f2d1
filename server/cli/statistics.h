/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts for `conclave room show --stats` and `conclave status --stats`: sums, never an id or a
 * name.
 */
#ifndef CONCLAVE_CLI_STATISTICS_H
#define CONCLAVE_CLI_STATISTICS_H

#include "cli/cli.h"

/*
 * Of one room, with its most used reactions; room 0: of all rooms, without. Returns the exit code.
 */
MUST_USE int statistics_print(struct cli *cli, int64_t room);

#endif
