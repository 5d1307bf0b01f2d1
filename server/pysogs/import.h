/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PySOGS comes into this database: everything, with the ids and numbers that clients remember, in
 * one transaction of the caller (docs/protocol/community.md, 5). Memory does not grow with what
 * there is to take. Says on stderr how far it is, and what it cannot take, by table and id: that is
 * the operator's terminal, not a log. One thread.
 */
#ifndef CONCLAVE_PYSOGS_IMPORT_H
#define CONCLAVE_PYSOGS_IMPORT_H

#include "crypto/keys.h"
#include "pysogs/batch.h"
#include "pysogs/source.h"
#include "store/giving.h"
#include "store/ring.h"

enum { IMPORT_COUNTS_MAX = 32 };

struct import_count {
    const char *what; /* static */
    int64_t number;
};
struct import_counts {
    struct import_count items[IMPORT_COUNTS_MAX];
    size_t count;
};

struct import {
    /* Given, borrowed. */
    struct db *db; /* with store's statements, in a transaction */
    struct ring *ring;
    struct source *source;
    const struct x25519_pub *key; /* of the server that takes */
    int folder;                   /* paths of files begin here, and end below it */
    int uploads;                  /* or below this one; -1: none */
    int64_t now_ms;
    bool dry_run;      /* contents of files are not copied; goes on behind rows that it refuses */
    bool skip_missing; /* files that are not in the folder are left out */

    /* What came, and what did not. */
    struct import_counts taken, left;
    int64_t refused;
    /*
     * Of each table: rows that the old server has, those that were taken, and what is in our
     * database in the end.
     */
    int64_t found[GIVING_COUNT];
    struct digest old[GIVING_COUNT], ours[GIVING_COUNT];
    int64_t
        changed;   /* rows that are not here as they were there: second spellings, lost pictures */
    int64_t state; /* of the source, before anything was read (source_state) */

    /* Users whose row is another one's now, ascending; owned. */
    struct import_moved *moved;
    size_t moved_count;
    int64_t system_user;     /* the row of the old server itself; 0: none */
    struct taking_last last; /* the highest ids of the old server */

    /* Where the tables stand. */
    int64_t said_ms;            /* the last line of progress; 0: none yet */
    int64_t began_ms;           /* the table that is being read */
    int64_t total, total_bytes; /* of that table; bytes: only of files */
    int64_t last_day;           /* of chunks, whose partition is known to be there */
    int64_t last_reaction, reactors;
    int64_t tombstones, file_bytes, file_sizes;
    int64_t content_size; /* of the file that was taken last */
    uint8_t content[DIGEST_BYTES];
};

/*
 * Looks at the source without changing anything: is it a PySOGS's of this key, up to date, with its
 * files? ERR_DENIED: a sentence was said.
 */
MUST_USE enum err import_look(struct import *im);
/*
 * ERR_DENIED: said, and nothing may be committed. ERR_CONFLICT: our database is not empty. Else
 * errors of our database. With OK the caller may commit, unless it is a dry run: all that was taken
 * has been read back and is the same, and the old server has written nothing meanwhile.
 */
MUST_USE enum err import_run(struct import *im);
void import_done(struct import *im);

/* ---- for the files of this room ---- */

/* A table of the old server. */
struct import_table {
    const char *name;
    const char *sql; /* its first column names a row when it is refused */
    enum taking what;
    const char *letters;
    /*
     * Puts the row that the source stands at into the batch. ERR_MISSING: it is left out (count it
     * with import_leave).
     */
    enum err (*row)(struct import *im, struct batch *out);
    /*
     * The same row as an export will write it (export.c), to compare; nothing for one that it will
     * not. NULL: not compared.
     */
    void (*same)(struct import *im, struct digest_row *out);
    enum giving giving; /* as which it comes back; with same */
};
/* Reads a table to its end; what was taken counts under its name. */
MUST_USE enum err import_table(struct import *im, const struct import_table *table);
/* The rows in it first, then the next one by itself: it may be the same as one of them. */
MUST_USE enum err import_alone(struct import *im, struct batch *out);

void import_took(struct import *im, const char *what, int64_t number);
void import_left(struct import *im, const char *what, int64_t number);
/* Counts one that is left out: ERR_MISSING, for a row to return. */
enum err import_leave(struct import *im, const char *what);
/* Says why a row cannot be taken. ERR_DENIED; in a dry run ERR_MISSING, some times. */
enum err import_refuse(struct import *im, const char *table, int64_t id, const char *why);
/* A sentence about the whole; ERR_DENIED. */
enum err import_fail(const char *about, const char *why);

/* The row that stands for a user of the old server. */
int64_t import_user(const struct import *im, int64_t id);
/* Values of a row to compare: what is -1 in the source is NULL. */
void import_same_user(const struct import *im, struct digest_row *out, int64_t id);
void import_same_number(struct digest_row *out, int64_t number);
MUST_USE enum err import_remember_user(struct import *im, int64_t id, int64_t became);
/* Seconds to hours; 0 for what is no time. */
int64_t import_hour(double seconds);

MUST_USE enum err import_rooms(struct import *im);
MUST_USE enum err import_images(struct import *im);
MUST_USE enum err import_people(struct import *im);
MUST_USE enum err import_rights(struct import *im);
MUST_USE enum err import_messages(struct import *im);
MUST_USE enum err import_reactions(struct import *im);
MUST_USE enum err import_files(struct import *im);
/* Is every file there that has to be, of the size that is noted? In a dry run it is only said. */
MUST_USE enum err import_look_at_files(struct import *im);
MUST_USE enum err import_dms(struct import *im);

#endif
