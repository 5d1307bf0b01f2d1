/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server can know about blinded ids: from a public id to its blinded forms, never back.
 * Signing with a blinded key is the client's business.
 */
#include "crypto/blind.h"

#include <assert.h>

#include <sodium.h>

#include "crypto/field.h"
#include "crypto/sign.h"

enum { SIGN_BIT = 0x80 }; /* of the last byte of an Ed25519 key */

void blind_to_ed25519(const struct x25519_pub *x, struct ed25519_pub *ret_ed)
{
    struct field u = field_read(x->b);
    struct field one = FIELD_ONE;
    struct field above = field_sub(&u, &one);
    struct field below = field_add(&u, &one);
    struct field inverse = field_invert(&below);
    struct field y = field_mul(&above, &inverse);
    field_write(&y, ret_ed->b); /* below p, so the sign bit is 0 */
}

enum err blind_to_x25519(const struct ed25519_pub *ed, struct x25519_pub *ret_x)
{
    struct x25519_pub x;
    if (!sign_point_ok(ed) || crypto_sign_ed25519_pk_to_curve25519(x.b, ed->b) != 0)
        return ERR_MALFORMED;
    *ret_x = x;
    return OK;
}

/* k of both generations: a 64-byte BLAKE2b reduced mod L. */
static void hash_to_scalar(struct span data, struct scalar *ret_k)
{
    uint8_t digest[crypto_core_ed25519_NONREDUCEDSCALARBYTES];
    hash_blake2b(digest, sizeof(digest), data);
    crypto_core_ed25519_scalar_reduce(ret_k->b, digest);
}

void blind15_factor(const struct x25519_pub *server, struct scalar *ret_k)
{
    hash_to_scalar(SPAN_OF_KEY(server), ret_k);
}

/* k times the Ed25519 form of an 05 id, with the given prefix before it. */
static enum err multiplied(const struct scalar *k, const struct session_id *account, uint8_t prefix,
                           struct session_id *ret_blinded)
{
    if (account->b[0] != ID_UNBLINDED)
        return ERR_MALFORMED;
    struct x25519_pub x;
    struct ed25519_pub ed;
    struct session_id id;
    memcpy(x.b, account->b + 1, sizeof(x.b));
    blind_to_ed25519(&x, &ed);
    /* Checks the point as sign_point_ok does, and that the result is not the identity. */
    if (crypto_scalarmult_ed25519_noclamp(id.b + 1, k->b, ed.b) != 0)
        return ERR_MALFORMED;
    id.b[0] = prefix;
    *ret_blinded = id;
    return OK;
}

enum err blind15_absolute(const struct scalar *k, const struct session_id *account,
                          struct session_id *ret_blinded)
{
    struct session_id id;
    enum err e = multiplied(k, account, ID_BLINDED15, &id);
    if (e != OK)
        return e;
    *ret_blinded = blind15_absolute_form(&id);
    return OK;
}

struct session_id blind15_absolute_form(const struct session_id *blinded)
{
    struct session_id absolute = *blinded;
    absolute.b[sizeof(absolute.b) - 1] &= (uint8_t)~SIGN_BIT;
    return absolute;
}

size_t blind15_candidates(const struct scalar *k, const struct session_id *account,
                          struct session_id ret_candidates[static 2])
{
    if (blind15_absolute(k, account, &ret_candidates[0]) != OK)
        return 0;
    ret_candidates[1] = blind15_negate(&ret_candidates[0]);
    return 2;
}

struct session_id blind15_negate(const struct session_id *blinded)
{
    struct session_id other = *blinded;
    other.b[sizeof(other.b) - 1] ^= SIGN_BIT;
    return other;
}

enum err blind25_id(const struct x25519_pub *server, const struct session_id *account,
                    struct session_id *ret_blinded)
{
    uint8_t both[sizeof(account->b) + sizeof(server->b)];
    memcpy(both, account->b, sizeof(account->b));
    memcpy(both + sizeof(account->b), server->b, sizeof(server->b));
    struct scalar k;
    hash_to_scalar(span_of(both, sizeof(both)), &k);
    return multiplied(&k, account, ID_BLINDED25, ret_blinded);
}
