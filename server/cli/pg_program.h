/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Running one of PostgreSQL's own programs, pg_dump or pg_restore, without a shell. Its words to
 * people go to our stderr. One thread.
 */
#ifndef CONCLAVE_CLI_PG_PROGRAM_H
#define CONCLAVE_CLI_PG_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/span.h"

struct pg_program {
    char path[64]; /* as found, or a bare name for the PATH */
    pid_t pid;     /* 0: does not run */
    int out;       /* read end of its standard output */
};

/*
 * The program of this name and major version: Debian's place for it, else what the PATH has, if
 * that is of the version. False: a sentence on stderr says what to install.
 */
MUST_USE bool pg_program_find(const char *name, int major, struct pg_program *ret_program);
/*
 * argv[0] is ignored. environment: "NAME=value" with NULs, on top of ours without CONCLAVE_*; in:
 * its standard input, or -1 for none. The child has no signals blocked, and dies of a closed pipe.
 * False: it does not start.
 */
MUST_USE bool pg_program_start(struct pg_program *p, const char *const *argv,
                               struct span environment, int in);
/* Asks it to end before its time; pg_program_end waits for it. */
void pg_program_stop(const struct pg_program *p);
/*
 * At once, so that it cannot complain any more; pg_program_end waits for it. Any thread before
 * that.
 */
void pg_program_kill(const struct pg_program *p);
/* Closes our end, which ends a program that still writes, and waits for it. True: it ended well. */
bool pg_program_end(struct pg_program *p);

#endif
