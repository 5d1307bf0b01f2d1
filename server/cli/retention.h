/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of `conclave room set` that say how long a room keeps its messages.
 */
#ifndef CONCLAVE_CLI_RETENTION_H
#define CONCLAVE_CLI_RETENTION_H

#include "cli/cli.h"

struct retention_arguments {
    bool keep_said, bytes_said, dry_run;
    int64_t keep_s, keep_bytes; /* 0: for ever, without bound */
};
void retention_parse_keep(struct retention_arguments *a, const char *text,
                          struct argp_state *state);
void retention_parse_bytes(struct retention_arguments *a, const char *text,
                           struct argp_state *state);

/* Each returns the exit code, after a sentence when not 0. What was not said stays as it is. */
MUST_USE int retention_apply(struct cli *cli, const struct retention_arguments *a, int64_t room);
/* Prints what would go now, and changes nothing. */
MUST_USE int retention_preview_print(struct cli *cli, const struct retention_arguments *a,
                                     int64_t room);
/* One line, if the room does not keep everything. */
MUST_USE int retention_print(struct cli *cli, int64_t room);

#endif
