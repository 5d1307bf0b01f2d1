/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hex of ids and public keys. By table, so not for secrets: those are printed by nobody.
 */
#include "base/hex.h"

void hex_write(struct span s, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < s.len; i++) {
        out[2 * i] = digits[s.p[i] >> 4];
        out[2 * i + 1] = digits[s.p[i] & 0x0f];
    }
}

enum { NO_DIGIT = 16 };

static unsigned digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    unsigned lower = c | 0x20U;
    if (lower >= 'a' && lower <= 'f')
        return lower - 'a' + 10;
    return NO_DIGIT;
}

enum err hex_read(struct span text, uint8_t *out, size_t size)
{
    if (text.len % 2 != 0 || text.len / 2 != size)
        return ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        if (digit_value(text.p[i]) == NO_DIGIT)
            return ERR_MALFORMED; /* judged as a whole first: out stays untouched */
    }
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(digit_value(text.p[2 * i]) << 4 | digit_value(text.p[2 * i + 1]));
    return OK;
}
