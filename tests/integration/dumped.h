/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of backups that fail share: a world without a server, whose database holds a
 * message and two files, and its backup, in the file "good" and in memory. What fails here fails
 * the test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_DUMPED_H
#define CONCLAVE_TESTS_INTEGRATION_DUMPED_H

#include "integration/command.h"
#include "integration/file_fixture.h"

enum { DUMPED_WAIT_MS = 20000, DUMPED_PATH_BYTES = 160, DUMPED_URL_BYTES = 400 };

extern struct world dumped_world;
extern struct buf dumped;       /* the backup */
extern struct said dumped_said; /* of the last command */

/* Set-up and tear-down of a group. */
int dumped_open(void **state);
int dumped_close(void **state);

struct dumped_path {
    char s[DUMPED_PATH_BYTES];
};
/* In the world's folder. */
struct dumped_path dumped_path(const char *name);
#define IN_FOLDER(name) (dumped_path(name).s)
bool dumped_exists(const char *name);
void dumped_write(const char *name, struct span bytes);

/* "CONCLAVE_DATABASE_URL=..." of another database of the cluster; until the next call. */
const char *dumped_url(const char *database);
/* Every row of every table, as one number. */
int64_t dumped_fingerprint(void);
/* Whoever ended has left the database, so that nobody is taken for a server. */
void dumped_wait_for_silence(void);

/* A copy of the world's database, in which something is different. */
void dumped_copy(const char *name, const char *change);
/*
 * What pg_dump itself writes of a database of the cluster, into a file: a backup as older versions
 * made it.
 */
void dumped_raw(const char *file, const char *database);

/* A command, with one more setting or NULL: its code and words, and the database is as before. */
void dumped_refused(const char *more, const char *const *args, int status, const char *words);
/* The same for one that may change it. */
void dumped_expect(const char *more, const char *const *args, int status, const char *words);
#define RESTORE(...) ARGS("restore", "--replace", "--yes", __VA_ARGS__)

#endif
