/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of words that an operator does not want to read, and finding one in a text: whole words,
 * in any case, with the usual stand-ins for letters (4 for a, $ for s). The list is the operator's
 * own; none comes with the program. Immutable once made; any thread.
 */
#ifndef CONCLAVE_CONF_WORDS_H
#define CONCLAVE_CONF_WORDS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

struct words;

enum { WORDS_FILE_MAX_BYTES = 1 << 20, WORD_MAX_CHARACTERS = 64 };

/*
 * One word a line, in UTF-8; empty lines and those that begin with # are passed over.
 * ERR_MALFORMED: line *ret_line is not one word of at most WORD_MAX_CHARACTERS.
 */
MUST_USE enum err words_new(struct span text, struct words **ret_words, size_t *ret_line);
/* The same from a file. ERR_MISSING: it cannot be read. ERR_TOO_LARGE. */
MUST_USE enum err words_load(const char *path, struct words **ret_words, size_t *ret_line);
void words_free(struct words *w);

/* Does any of them stand in text? False for w == NULL. */
bool words_found(const struct words *w, struct span text);

#endif
