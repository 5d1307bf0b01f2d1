/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arithmetic modulo p = 2^255 - 19, as much of it as one conversion between curves needs: libsodium
 * exports none. Not constant time by contract: only for public keys. Stateless; any thread.
 */
#ifndef CONCLAVE_CRYPTO_FIELD_H
#define CONCLAVE_CRYPTO_FIELD_H

#include <stdint.h>

/* A value as five limbs of 51 bits, each below 2^52; not unique: field_write makes it so. */
struct field {
    uint64_t limb[5];
};

#define FIELD_ONE ((struct field){{1, 0, 0, 0, 0}})

/* Little-endian; bit 255 is ignored; values from p to 2^255 - 1 are taken modulo p. */
struct field field_read(const uint8_t bytes[static 32]);
/* The one value below p, little-endian. */
void field_write(const struct field *a, uint8_t ret_bytes[static 32]);

struct field field_add(const struct field *a, const struct field *b);
struct field field_sub(const struct field *a, const struct field *b);
struct field field_mul(const struct field *a, const struct field *b);
/* The inverse; of zero: zero (docs/protocol/identity.md, 2.1). */
struct field field_invert(const struct field *a);

#endif
