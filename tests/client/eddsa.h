/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The second half of every Ed25519-like signature: R = r*G, S = r + H(R || key || M) * scalar. The
 * ways to choose r differ (15, 25, both XEd25519 styles) and stand with their owners. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_EDDSA_H
#define CONCLAVE_TESTS_CLIENT_EDDSA_H

#include "crypto/keys.h"

/* ERR_DEFECT: r is zero, which no caller can produce. */
MUST_USE enum err eddsa_finish(const struct scalar *r, const struct scalar *scalar,
                               const struct ed25519_pub *key, struct span message,
                               struct ed25519_sig *ret_sig);

#endif
