/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The picture of a room from a file of the operator's.
 */
#ifndef CONCLAVE_CLI_ROOM_ICON_H
#define CONCLAVE_CLI_ROOM_ICON_H

#include "cli/cli.h"
#include "files/blob.h"

/*
 * Reads the picture into body, and its type: PNG, JPEG, GIF or WebP, at most [files] max_bytes.
 * Returns the exit code, after a sentence when not 0.
 */
MUST_USE int room_icon_read(const struct cli *cli, const char *path, struct buf *body);
/*
 * Stores it as a file of the room, in the caller's transaction; it goes after an hour unless it
 * becomes the room's image. *ret_why is set on failure, for room_icon_refused.
 */
MUST_USE enum err room_icon_put(const struct cli *cli, struct ring *ring, int64_t room,
                                struct span body, int64_t *ret_file, enum blob_refusal *ret_why);
/* The exit code after the sentence. */
int room_icon_refused(enum err e, enum blob_refusal why);

#endif
