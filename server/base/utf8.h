/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UTF-8 validity and counting.
 */
#ifndef CONCLAVE_BASE_UTF8_H
#define CONCLAVE_BASE_UTF8_H

#include "base/span.h"

/* Well-formed UTF-8 (no surrogates, no overlong forms, nothing past U+10FFFF). NUL is allowed. */
bool utf8_valid(struct span s);
/*
 * Takes one code point from the front of *rest (not empty), whether well-formed or not: what is not
 * is taken byte by byte, each as U+FFFD.
 */
uint32_t utf8_next(struct span *rest);
/* Code points of well-formed s. */
size_t utf8_count(struct span s);

#endif
