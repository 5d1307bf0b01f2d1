/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The picture of a room from a file of the operator's.
 */
#ifndef CONCLAVE_CLI_ROOM_ICON_H
#define CONCLAVE_CLI_ROOM_ICON_H

#include "cli/cli.h"

/*
 * Stores the picture as a file of the room, which goes after an hour unless it becomes the room's image. PNG, JPEG, GIF or
 * WebP, at most [files] max_bytes. Returns the exit code, after a sentence when not 0.
 */
MUST_USE int room_icon_store(struct cli *cli, int64_t room, const char *path, int64_t *ret_file);

#endif
