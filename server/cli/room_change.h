/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `room add` and `room set` change of a room: all of it in one transaction, so that nobody
 * meets a room half-made.
 */
#ifndef CONCLAVE_CLI_ROOM_CHANGE_H
#define CONCLAVE_CLI_ROOM_CHANGE_H

#include "cli/retention.h"
#include "cli/room_rules.h"

struct room_change_options {
    const char *name, *description, *icon; /* NULL: not said */
    bool no_icon;
    const struct room_preset *preset; /* NULL: none */
    enum tristate read, accessible, write, upload;
    struct room_files_change files;
    struct retention_options retention;
};
#define ROOM_CHANGE_NOTHING                                                                        \
    {                                                                                              \
        .read = TRI_NULL, .accessible = TRI_NULL, .write = TRI_NULL, .upload = TRI_NULL,           \
        .files.quota = FILE_UNLIMITED                                                              \
    }

/* command_readers of these members. */
const char *room_change_read_name(const char *text, void *name);
const char *room_change_read_description(const char *text, void *description);
const char *room_change_read_preset(const char *text, void *preset);

/* Is anything said but how long messages are kept? */
bool room_change_touches_room(const struct room_change_options *o);
/* NULL, or why what was said cannot hold together. */
const char *room_change_check(const struct room_change_options *o);

/*
 * Each returns the exit code, after a sentence when not 0; then nothing was changed. add: the token
 * is well-formed, and there is a name.
 */
MUST_USE int room_change_add(struct cli *cli, struct span token,
                             const struct room_change_options *o);
MUST_USE int room_change_set(struct cli *cli, int64_t room, const struct room_change_options *o);

#endif
