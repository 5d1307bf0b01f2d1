/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hex: lower case when written, either case when read.
 */
#ifndef CONCLAVE_BASE_HEX_H
#define CONCLAVE_BASE_HEX_H

#include "base/span.h"

/* Writes 2 * s.len characters to out, no NUL. */
void hex_write(struct span s, char *out);
/* Exactly 2 * size hex digits into out[size], else ERR_MALFORMED (out untouched). */
MUST_USE enum err hex_read(struct span text, uint8_t *out, size_t size);

#endif
