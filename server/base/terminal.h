/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text that came from outside, on an operator's terminal. Names and descriptions are anybody's: one
 * could move the cursor, begin a line that looks like ours, or turn the direction of what follows.
 */
#ifndef CONCLAVE_BASE_TERMINAL_H
#define CONCLAVE_BASE_TERMINAL_H

#include <stdio.h>

#include "base/span.h"

/*
 * Prints it in one line. Control characters (C0, DEL, C1), separators of lines and paragraphs, and
 * what turns directions are written as \u{202e}, bytes that are no UTF-8 as \x9b.
 */
void terminal_put(FILE *out, struct span text);
/* The same for text of several lines: a newline is one. */
void terminal_put_lines(FILE *out, struct span text);

#endif
