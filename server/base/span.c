/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is too long to be inline in span.h: searching, comparing without case, reading numbers.
 * ASCII only and independent of the locale; text in other scripts is compared by its bytes.
 */
#include "base/span.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool span_eq_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    }
    return true;
}

size_t span_find(struct span s, uint8_t c)
{
    if (s.len == 0)
        return 0; /* memchr must not be given NULL, not even for no bytes */
    const uint8_t *hit = memchr(s.p, c, s.len);
    return hit == NULL ? s.len : (size_t)(hit - s.p);
}

enum err span_to_i64(struct span s, int64_t *ret_value)
{
    if (s.len == 0)
        return ERR_MALFORMED;
    int64_t value = 0;
    bool too_large = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_MALFORMED;
        /* Goes on after an overflow: 99999999999999999999x is malformed, not too large. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, s.p[i] - '0', &value)) {
            too_large = true;
            value = 0;
        }
    }
    if (too_large)
        return ERR_TOO_LARGE;
    *ret_value = value;
    return OK;
}
