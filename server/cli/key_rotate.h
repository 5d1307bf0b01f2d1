/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conclave key rotate [--prepare|--status]: exchanges the storage key while servers run.
 */
#ifndef CONCLAVE_CLI_KEY_ROTATE_H
#define CONCLAVE_CLI_KEY_ROTATE_H

#include "cli/cli.h"

enum key_rotate_how { KEY_ROTATE, KEY_ROTATE_PREPARE, KEY_ROTATE_STATUS };

/* Settings are open. The exit code; what was done and what is to be done stands on stdout. */
MUST_USE int key_rotate(struct cli *cli, enum key_rotate_how how);

#endif
