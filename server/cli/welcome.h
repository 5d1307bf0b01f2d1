/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of the first start: who this server is now, what to copy away, what to do next.
 */
#ifndef CONCLAVE_CLI_WELCOME_H
#define CONCLAVE_CLI_WELCOME_H

#include "crypto/secret.h"

struct conf;

/*
 * Prints them to stdout if this server was never ready before, and notes that in the database. To
 * be called when it serves: what a start that failed had printed would not be seen again. A
 * database that is away just then is no trouble; the next start prints them.
 */
void welcome_once(const struct conf *conf, const struct server_keys *keys);

#endif
