/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a restore takes from the script that pg_restore makes of a backup: the rows of our tables,
 * the last values of our sequences, and in which tablespace a table was. No statement of the script
 * is run: the schema is made by our migrations (restore_prepare), so what somebody added to a
 * backup, a function, a trigger, a constraint, cannot act. What it is called is remembered, to be
 * told. One thread; in the transaction of the restore.
 */
#ifndef CONCLAVE_STORE_RESTORE_SCRIPT_H
#define CONCLAVE_STORE_RESTORE_SCRIPT_H

#include "db/db.h"

enum { RESTORE_WORD_MAX = 64, RESTORE_OBJECT_MAX = 200 };

struct restore_script {
    struct db *db;
    bool tablespaces;                  /* use the backup's */
    char tablespace[RESTORE_WORD_MAX]; /* of the statements that follow; "": the database's */
    struct buf
        objects; /* "TYPE\nNAME\n" of each object that the backup holds, after it is known who made which */
    bool skipping; /* rows of a table that is none of ours */
};

void restore_script_init(struct restore_script *s, struct db *db, bool tablespaces);
void restore_script_done(struct restore_script *s);
/*
 * For db_play. ERR_MISSING: there is no such tablespace here. ERR_MALFORMED: a line that pg_restore
 * does not write.
 */
MUST_USE enum err restore_script_line(void *arg, struct span line, struct buf *copy);

/*
 * After restore_complete: what is in the backup and not in our schema. first is "TYPE NAME" of one
 * of *ret_count.
 */
MUST_USE enum err restore_script_extras(struct restore_script *s, int64_t *ret_count,
                                        char first[static RESTORE_OBJECT_MAX]);

/*
 * The number of the newest migration in a script of the table schema_migrations alone; 0: there is
 * none.
 */
int restore_script_number(FILE *script);

#endif
