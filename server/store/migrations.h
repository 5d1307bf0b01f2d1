/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of migrations/, embedded in the binary by the Makefile (build/migrations.c), in the order of their
 * numbers, which are 1, 2, 3 ... without a gap (tests/lint/migrations.sh). Applying them is cli/migrate.c's work.
 */
#ifndef CONCLAVE_STORE_MIGRATIONS_H
#define CONCLAVE_STORE_MIGRATIONS_H

#include <stddef.h>

struct embedded_migration {
    int number;
    const char *name;         /* of the file without ".sql": "0001_rooms" */
    const unsigned char *sql; /* not NUL-terminated */
    size_t len;
};

/* One element more than the count stands at the end, all zero. */
extern const struct embedded_migration embedded_migrations[];
extern const size_t embedded_migrations_count;

#endif
