/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of `conclave room` that say how long a room keeps its messages.
 */
#ifndef CONCLAVE_CLI_RETENTION_H
#define CONCLAVE_CLI_RETENTION_H

#include "cli/cli.h"

struct retention_options {
    bool keep_said, bytes_said;
    int64_t keep_s, keep_bytes; /* 0: for ever, without bound */
};
/* command_readers of a struct retention_options: --keep, --keep-bytes. */
const char *retention_read_keep(const char *text, void *options);
const char *retention_read_bytes(const char *text, void *options);

/* What was not said stays as it is. In the caller's transaction. */
MUST_USE enum err retention_apply(struct db *db, const struct retention_options *o, int64_t room);

/* Both return the exit code, after a sentence when not 0. */
/* Prints what would go now, and changes nothing. */
MUST_USE int retention_preview_print(struct cli *cli, const struct retention_options *o,
                                     int64_t room);
/* One line, if the room does not keep everything. */
MUST_USE int retention_print(struct cli *cli, int64_t room);

#endif
