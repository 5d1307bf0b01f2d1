/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A start of the server that is expected to fail: `serve --init` on the database and keys of a
 * world, until it ends by itself; what it said and how it ended. Whatever else fails here fails the
 * test.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_ATTEMPT_H
#define CONCLAVE_TESTS_INTEGRATION_ATTEMPT_H

#include "integration/world.h"

enum { ATTEMPT_SAID_MAX = 4096 };

struct attempt {
    int status;                  /* exit code */
    char said[ATTEMPT_SAID_MAX]; /* its stderr */
};

/* env: as in world_start_server, which afterwards is the way to start it well. */
void attempt_serve(struct world *w, const char *const *env, struct attempt *ret_attempt);
/* It ended with this exit code and exactly one sentence, in which these words stand. */
void attempt_refused(const struct attempt *attempt, int status, const char *words);

/* Keys of the world: is the file there; take it away (to NAME.away), and put it back. */
bool key_exists(const struct world *w, const char *name);
void key_take_away(const struct world *w, const char *name);
void key_put_back(const struct world *w, const char *name);

#endif
