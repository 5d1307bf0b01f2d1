/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs `conclave ...` with settings of the caller's choice and keeps all it says: for tests of
 * commands and of starts that are to fail.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_COMMAND_H
#define CONCLAVE_TESTS_INTEGRATION_COMMAND_H

#include "integration/world.h"

enum { SAID_MAX = 1 << 16 };

struct said {
    int status;         /* exit code; -1: it did not end in time and was killed */
    char out[SAID_MAX]; /* stdout, NUL-terminated */
    char err[SAID_MAX]; /* stderr, NUL-terminated */
};

/*
 * With the settings of a server of the world and more ("CONCLAVE_X_Y=value", NULL-ended or NULL) on
 * top; args is NULL-ended. A trouble of the test itself fails it.
 */
void command_run(struct world *w, const char *const *more, const char *const *args,
                 struct said *ret_said);
/*
 * The same, and fails the test unless it ended with this code; words, if any, must stand in stdout
 * or stderr.
 */
void command_expect(struct world *w, const char *const *more, const char *const *args, int status,
                    const char *words, struct said *ret_said);
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
