/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Remembering that something was seen lately: nonces (docs/design.md, D5) and keys whose point
 * check passed (docs/design.md, D2). Holds keyed fingerprints of 64 bits, never the things
 * themselves; bounded, the newest stay. Best effort: an old entry may be forgotten, but what was
 * never added is never found (short of a 64-bit collision under a secret key).
 */
#ifndef CONCLAVE_AUTH_RECALL_H
#define CONCLAVE_AUTH_RECALL_H

#include "base/span.h"

struct recall;

/*
 * Room for about 2^entries_log2 items (8 bytes each; pages are touched as they fill).
 * ERR_NO_MEMORY.
 */
MUST_USE enum err recall_new(unsigned entries_log2, struct recall **ret_recall);
void recall_free(struct recall *r);
/* These: any thread. */
bool recall_has(struct recall *r, struct span item);
/* True if it was new. Of several threads adding the same item at once exactly one is told so. */
bool recall_add(struct recall *r, struct span item);
/* Harmless when it is not there. */
void recall_remove(struct recall *r, struct span item);

#endif
