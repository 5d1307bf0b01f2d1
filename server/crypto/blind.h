/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blinded ids and the conversions between curves (docs/protocol/identity.md, 2). Inputs are public
 * keys, so constant time is not needed. Stateless; any thread. A blinding costs 115-130 us: callers
 * cache.
 */
#ifndef CONCLAVE_CRYPTO_BLIND_H
#define CONCLAVE_CRYPTO_BLIND_H

#include "crypto/keys.h"

/* 2.1: the Ed25519 form of an X25519 key, sign bit 0. */
void blind_to_ed25519(const struct x25519_pub *x, struct ed25519_pub *ret_ed);
/* The X25519 form of an Ed25519 key. ERR_MALFORMED: not a valid point. */
MUST_USE enum err blind_to_x25519(const struct ed25519_pub *ed, struct x25519_pub *ret_x);

/* 2.2: k = reduce(BLAKE2b-64(server key)). */
void blind15_factor(const struct x25519_pub *server, struct scalar *ret_k);
/*
 * 2.2: the blinded id of an 05 id, in its absolute form (top bit of the last byte clear). The
 * account's true id is this or blind15_negate() of it. ERR_MALFORMED: account is not an 05 id or
 * its key is not a usable point.
 */
MUST_USE enum err blind15_absolute(const struct scalar *k, const struct session_id *account,
                                   struct session_id *ret_blinded);
/* The other sign. */
struct session_id blind15_negate(const struct session_id *blinded);
/* Of either sign, the absolute form. */
struct session_id blind15_absolute_form(const struct session_id *blinded);
/*
 * The ids that an account given by its 05 id may have here: the absolute form, then the other sign.
 * How many: 2, or 0 for any other id, and for a 05 id that is no usable key (nobody can ever sign
 * for it).
 */
size_t blind15_candidates(const struct scalar *k, const struct session_id *account,
                          struct session_id ret_candidates[static 2]);
/* 2.3: the one 25 id of an account on a server. */
MUST_USE enum err blind25_id(const struct x25519_pub *server, const struct session_id *account,
                             struct session_id *ret_blinded);

#endif
