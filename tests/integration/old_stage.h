/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For tests of what an import refuses or puts up with: one old server in SQLite with one room, one
 * member, one message and its file, and our empty database; both are as new again in no time.
 * Whatever fails here fails the test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_OLD_STAGE_H
#define CONCLAVE_TESTS_INTEGRATION_OLD_STAGE_H

#include <sys/types.h>

#include "integration/cast.h"
#include "integration/old_server.h"

/* The room's sequence is 9; the message was its number 3. */
enum { STAGE_ACCOUNT = 0, STAGE_USER = 1, STAGE_ROOM = 1, STAGE_MESSAGE = 5, STAGE_FILE = 8 };

struct old_stage {
    struct cast c; /* without members; its db sees ours */
    struct old_server old;
    struct said said;
    char pristine[2 * WORLD_PATH_MAX]; /* the old database as it was */
};

void old_stage_open(struct old_stage *s);
void old_stage_close(struct old_stage *s);
/* The old database as it was, and ours empty. */
void old_stage_reset(struct old_stage *s);

/* Nothing is in our database. */
void old_stage_empty(struct old_stage *s);
/* An import is refused with these words, and leaves nothing. */
void old_stage_refused(struct old_stage *s, const char *words);
/* An import works, and brings the message and the file. */
void old_stage_works(struct old_stage *s);

/* At most limit bytes. */
void old_copy(const char *from, const char *to, off_t limit);

#endif
