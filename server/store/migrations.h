/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of migrations/, compiled in: the Makefile writes build/migrations.c. In order of their
 * numbers, 1 first, without gaps.
 */
#ifndef CONCLAVE_STORE_MIGRATIONS_H
#define CONCLAVE_STORE_MIGRATIONS_H

#include <stddef.h>

struct embedded_migration {
    int number;
    const char *name;         /* of the file, without ".sql": "0001_server" */
    const unsigned char *sql; /* not NUL-terminated */
    size_t len;
    /*
     * The fewest migrations a program must know to go on serving the schema after this one, as its
     * line "-- oldest program: NUMBER" says; 0 for "any": it takes nothing away that an older
     * program uses. Files without the line (0001 to 0007) get their own number.
     */
    int oldest_program;
};
extern const struct embedded_migration embedded_migrations[];
extern const size_t embedded_migrations_count;

#endif
