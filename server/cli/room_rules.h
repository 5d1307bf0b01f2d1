/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `room add`, `room set` and `room show` say about a room's files: how much they may take, and
 * of which types they may be.
 */
#ifndef CONCLAVE_CLI_ROOM_RULES_H
#define CONCLAVE_CLI_ROOM_RULES_H

#include "cli/cli.h"
#include "store/room_files.h"

/*
 * command_readers of a struct room_files_change: --quota, --file-types; "off" and "any" take a rule
 * away.
 */
const char *room_rules_read_quota(const char *text, void *change);
const char *room_rules_read_types(const char *text, void *change);
/* CLI_OK, or the exit code after a sentence. */
/* One line: what is stored, and the rules if there are any. */
MUST_USE int room_rules_show(struct cli *cli, int64_t room);

#endif
