/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people saw in a PySOGS, and whether they see the same in ours. Differences are those that
 * tests/vectors/pysogs/README.md names, and no others. Whatever fails here fails the test. One
 * thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_SEEN_H
#define CONCLAVE_TESTS_INTEGRATION_SEEN_H

#include "integration/cast.h"

enum { SEEN_PEOPLE_MAX = 16, SEEN_PATH_MAX = 1024 };

struct seen {
    json_t *all;   /* of seen.json */
    json_t *reads; /* "NAME PATH" or "walk": what came */
    struct cast c; /* its members stand in the order of names */
    const char *names[SEEN_PEOPLE_MAX];
    struct sqlite3 *old; /* the old database, untouched */
    size_t differences;  /* so far; the first ones were printed */
};

void seen_load(struct seen *s, const char *path);
void seen_done(struct seen *s);
/* Gives the world the accounts of the people; before a server starts. */
void seen_accounts(struct seen *s);
/* The people at the server, under a clock that is this many seconds ahead. */
void seen_members(struct seen *s, int64_t offset_s);
/* Repeats every read, and every walk through pages of a room. Returns how many there were. */
size_t seen_compare(struct seen *s);
size_t seen_compare_walks(struct seen *s);

/* One read as a person (NULL: unsigned); its code. And a person's blinded id. */
int seen_ask(struct seen *s, const char *name, const char *path, struct onion_reply *ret_reply);
const char *seen_id(struct seen *s, const char *name);

/* Notes and prints a difference: false. */
bool seen_tell(struct seen *s, const char *read, const char *place, const char *what);
/* Is a value of ours the one that PySOGS had? */
bool seen_same(struct seen *s, const char *read, const char *place, const json_t *expected,
               const json_t *ours);

#endif
