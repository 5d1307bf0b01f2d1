/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Five limbs of 51 bits and 128-bit products, the usual way on 64-bit machines. OpenSSL's big
 * numbers would do too, but they allocate and can fail, and the conversion of a key cannot.
 */
#include "crypto/field.h"

#include <stddef.h>

__extension__ typedef unsigned __int128 u128;

enum { LIMBS = 5, LIMB_BITS = 51 };

static const uint64_t LIMB_MASK = (UINT64_C(1) << LIMB_BITS) - 1;

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t v = 0;
    for (size_t i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static void store_le64(uint8_t *p, uint64_t v)
{
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/*
 * Moves what exceeds 51 bits of each limb into the next; what leaves the top comes back times 19
 * (2^255 = 19 mod p).
 */
static struct field carried(struct field a)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        a.limb[i] += carry;
        carry = a.limb[i] >> LIMB_BITS;
        a.limb[i] &= LIMB_MASK;
    }
    a.limb[0] += 19 * carry;
    return a;
}

struct field field_read(const uint8_t bytes[static 32])
{
    return (struct field){{
        load_le64(bytes) & LIMB_MASK,
        (load_le64(bytes + 6) >> 3) & LIMB_MASK,
        (load_le64(bytes + 12) >> 6) & LIMB_MASK,
        (load_le64(bytes + 19) >> 1) & LIMB_MASK,
        (load_le64(bytes + 24) >> 12) & LIMB_MASK,
    }};
}

void field_write(const struct field *a, uint8_t ret_bytes[static 32])
{
    struct field t = carried(carried(*a));          /* now below 2^255 + a few */
    uint64_t above = (t.limb[0] + 19) >> LIMB_BITS; /* becomes 1 exactly when t >= p */
    for (size_t i = 1; i < LIMBS; i++)
        above = (t.limb[i] + above) >> LIMB_BITS;
    t.limb[0] += 19 * above; /* t - p = t + 19 - 2^255: add 19, drop bit 255 */
    for (size_t i = 0; i + 1 < LIMBS; i++) {
        t.limb[i + 1] += t.limb[i] >> LIMB_BITS;
        t.limb[i] &= LIMB_MASK;
    }
    t.limb[4] &= LIMB_MASK;
    store_le64(ret_bytes, t.limb[0] | t.limb[1] << 51);
    store_le64(ret_bytes + 8, t.limb[1] >> 13 | t.limb[2] << 38);
    store_le64(ret_bytes + 16, t.limb[2] >> 26 | t.limb[3] << 25);
    store_le64(ret_bytes + 24, t.limb[3] >> 39 | t.limb[4] << 12);
}

struct field field_add(const struct field *a, const struct field *b)
{
    struct field sum = {{0}};
    for (size_t i = 0; i < LIMBS; i++)
        sum.limb[i] = a->limb[i] + b->limb[i];
    return carried(sum);
}

struct field field_sub(const struct field *a, const struct field *b)
{
    /* 4p, limb by limb, is added first so that no limb goes below zero. */
    const uint64_t four_p_low = 4 * (LIMB_MASK - 18);
    const uint64_t four_p = 4 * LIMB_MASK;
    struct field difference = {{0}};
    for (size_t i = 0; i < LIMBS; i++)
        difference.limb[i] = a->limb[i] + (i == 0 ? four_p_low : four_p) - b->limb[i];
    return carried(difference);
}

struct field field_mul(const struct field *a, const struct field *b)
{
    u128 sum[LIMBS] = {0};
    for (size_t i = 0; i < LIMBS; i++) {
        for (size_t j = 0; j < LIMBS; j++) {
            u128 product = (u128)a->limb[i] * b->limb[j];
            if (i + j < LIMBS)
                sum[i + j] += product;
            else
                sum[i + j - LIMBS] += product * 19; /* 2^255 = 19 mod p */
        }
    }
    struct field r = {{0}};
    u128 carry = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        sum[i] += carry;
        r.limb[i] = (uint64_t)sum[i] & LIMB_MASK;
        carry = sum[i] >> LIMB_BITS;
    }
    u128 low = r.limb[0] + carry * 19;
    r.limb[0] = (uint64_t)low & LIMB_MASK;
    r.limb[1] += (uint64_t)(low >> LIMB_BITS);
    return r;
}

/* a^(2^times) * b: appends `times` zero bits to the exponent, then adds b's. */
static struct field shifted_times(const struct field *a, int times, const struct field *b)
{
    struct field r = *a;
    for (int i = 0; i < times; i++)
        r = field_mul(&r, &r);
    return field_mul(&r, b);
}

struct field field_invert(const struct field *a)
{
    /*
     * Fermat: a^(p-2), p - 2 = 2^255 - 21: 250 bits that are set, then 01011. A name tells how many
     * set bits the exponent has; doubling them saves half of the multiplications of the plain way.
     */
    struct field a2 = field_mul(a, a);
    struct field a9 = shifted_times(&a2, 2, a);
    struct field a11 = field_mul(&a9, &a2);
    struct field ones5 = shifted_times(&a11, 1, &a9);
    struct field ones10 = shifted_times(&ones5, 5, &ones5);
    struct field ones20 = shifted_times(&ones10, 10, &ones10);
    struct field ones40 = shifted_times(&ones20, 20, &ones20);
    struct field ones50 = shifted_times(&ones40, 10, &ones10);
    struct field ones100 = shifted_times(&ones50, 50, &ones50);
    struct field ones200 = shifted_times(&ones100, 100, &ones100);
    struct field ones250 = shifted_times(&ones200, 50, &ones50);
    return shifted_times(&ones250, 5, &a11);
}
