/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The figures of docs/hostile-load.md.
 */
#ifndef CONCLAVE_TESTS_ATTACK_FIGURES_H
#define CONCLAVE_TESTS_ATTACK_FIGURES_H

#include <stdbool.h>
#include <stdio.h>

#define FIGURES_PATH "docs/hostile-load.md"

/* What machine this is and how busy, and the head of the table. Rows are written behind it. */
void figures_begin(FILE *table, int seconds);
/*
 * Puts the table in the place of the one that stands in the page. False: it cannot be read or
 * written, and is unchanged.
 */
bool figures_write(FILE *table);

#endif
