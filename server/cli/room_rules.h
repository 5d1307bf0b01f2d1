/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `room set` and `room show` say about a room's files: how much they may take, and of which types they may be.
 */
#ifndef CONCLAVE_CLI_ROOM_RULES_H
#define CONCLAVE_CLI_ROOM_RULES_H

#include "cli/cli.h"

struct room_rules_arguments {
    const char *quota, *types; /* as given; NULL: not given */
};

/* Reads and stores them; nothing given is fine. CLI_USAGE when one of them is not well-formed (then neither is stored). */
MUST_USE int room_rules_set(struct cli *cli, int64_t room, const struct room_rules_arguments *a);
/* One line: what is stored, and the rules if there are any. */
MUST_USE int room_rules_show(struct cli *cli, int64_t room);

#endif
