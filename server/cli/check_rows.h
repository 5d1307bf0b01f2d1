/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave check --rows: reads everything that is sealed and names what does not open.
 */
#ifndef CONCLAVE_CLI_CHECK_ROWS_H
#define CONCLAVE_CLI_CHECK_ROWS_H

#include "cli/cli.h"

/*
 * With the database open and the ring checked. The exit code; 1 (with a list on stdout): something
 * is damaged.
 */
MUST_USE int check_rows(struct cli *cli, struct ring *ring);

#endif
