/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `--help` prints, from the tables of command.h.
 */
#ifndef CONCLAVE_CLI_COMMAND_HELP_H
#define CONCLAVE_CLI_COMMAND_HELP_H

#include "cli/command.h"

/* Of a command: its verbs, one a line; of a command without verbs, everything. */
void command_help(FILE *out, const struct command *command);
/* Of one verb: its arguments and options. */
void command_help_verb(FILE *out, const struct command *command, const struct command_verb *verb);

#endif
