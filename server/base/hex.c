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

/* The value of a digit, plus one; 0: none. */
static const uint8_t digit_plus_one[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

enum err hex_read(struct span text, uint8_t *out, size_t size)
{
    if (text.len % 2 != 0 || text.len / 2 != size)
        return ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        if (digit_plus_one[text.p[i]] == 0)
            return ERR_MALFORMED; /* judged as a whole first: out stays untouched */
    }
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)((digit_plus_one[text.p[2 * i]] - 1) << 4 |
                           (digit_plus_one[text.p[2 * i + 1]] - 1));
    return OK;
}
