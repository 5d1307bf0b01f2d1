/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom an id on the command line means.
 */
#ifndef CONCLAVE_CLI_PEOPLE_H
#define CONCLAVE_CLI_PEOPLE_H

#include "cli/cli.h"
#include "store/users.h"

enum { PEOPLE_MAX = 2 };

/* The rows that an id stands for. */
struct people {
    int64_t users[PEOPLE_MAX];
    size_t count;
};

/*
 * text: 66 hex digits, 05... or 15.... A 05 id means the blinded id that the same account uses on this server. Which of
 * the two signs that is only shows when the account connects (protocol 01, 2.2), so until one is known both stand for it:
 * nobody else can sign for either. cli->keys must be open. Makes missing rows. ERR_MALFORMED: not an id.
 */
MUST_USE enum err people_resolve(struct cli *cli, const char *text, struct people *ret_people);
/* The role for everybody whom text stands for; room 0: global. Returns the exit code, after a sentence when not 0. */
MUST_USE int people_appoint(struct cli *cli, int64_t room, const char *text, struct role role);

#endif
