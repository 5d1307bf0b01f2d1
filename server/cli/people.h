/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * People as an operator knows them: by an id, 66 hex digits that begin with 05 or 15. A 05 id means
 * the blinded id that the same account uses on this server; until it has connected, what is decided
 * waits (store/pending.h). cli->keys must be open. Those that return a number return the exit code,
 * after a sentence when it is not 0.
 */
#ifndef CONCLAVE_CLI_PEOPLE_H
#define CONCLAVE_CLI_PEOPLE_H

#include "cli/cli.h"
#include "store/person.h"
#include "store/roles.h"

MUST_USE int people_read(struct cli *cli, const char *text, struct person *ret_person);

/* The role for one person; room 0: global. */
MUST_USE int people_appoint(struct cli *cli, int64_t room, const char *text, struct role role);
/* Global admin, hidden, unless that is so already: for the setting [server] admin. */
MUST_USE int people_ensure_admin(struct cli *cli, const char *text);
/* Takes a role away, from the blinded id and from the 05 id itself. */
MUST_USE int people_dismiss(struct cli *cli, int64_t room, const char *text);

/* Records for whom something waits and is not recorded yet, as after an import. */
MUST_USE int people_record_pending(struct cli *cli);

#endif
