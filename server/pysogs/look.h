/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of a PySOGS's database before anything is taken from it, or put into it. Each says
 * why not on stderr, and returns ERR_DENIED.
 */
#ifndef CONCLAVE_PYSOGS_LOOK_H
#define CONCLAVE_PYSOGS_LOOK_H

#include "crypto/keys.h"
#include "pysogs/source.h"

/* Has it the tables of PySOGS 0.3.8? */
MUST_USE enum err look_schema(struct source *s);
/*
 * Does it belong to a server of this key? One that does not say so passes, with a warning.
 * ERR_CONFLICT, unsaid: to another.
 */
MUST_USE enum err look_key(struct source *s, const struct x25519_pub *key);
/* Is there nothing in it? */
MUST_USE enum err look_empty(struct source *s);

#endif
