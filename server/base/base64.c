/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base64 by table, four characters at a time: bodies of 10 MB pass here. One encoder and one
 * decoder serve both alphabets.
 */
#include "base/base64.h"

/*
 * Every character of an alphabet has this bit in its table entry, so "all four are valid" is one
 * AND.
 */
enum { VALID = 0x40, VALUE = 0x3f };

/* The 62 characters that the two alphabets share. */
/* clang-format off */
#define SHARED_VALUES \
    ['A'] = VALID | 0, ['B'] = VALID | 1, ['C'] = VALID | 2, ['D'] = VALID | 3, \
    ['E'] = VALID | 4, ['F'] = VALID | 5, ['G'] = VALID | 6, ['H'] = VALID | 7, \
    ['I'] = VALID | 8, ['J'] = VALID | 9, ['K'] = VALID | 10, ['L'] = VALID | 11, \
    ['M'] = VALID | 12, ['N'] = VALID | 13, ['O'] = VALID | 14, ['P'] = VALID | 15, \
    ['Q'] = VALID | 16, ['R'] = VALID | 17, ['S'] = VALID | 18, ['T'] = VALID | 19, \
    ['U'] = VALID | 20, ['V'] = VALID | 21, ['W'] = VALID | 22, ['X'] = VALID | 23, \
    ['Y'] = VALID | 24, ['Z'] = VALID | 25, ['a'] = VALID | 26, ['b'] = VALID | 27, \
    ['c'] = VALID | 28, ['d'] = VALID | 29, ['e'] = VALID | 30, ['f'] = VALID | 31, \
    ['g'] = VALID | 32, ['h'] = VALID | 33, ['i'] = VALID | 34, ['j'] = VALID | 35, \
    ['k'] = VALID | 36, ['l'] = VALID | 37, ['m'] = VALID | 38, ['n'] = VALID | 39, \
    ['o'] = VALID | 40, ['p'] = VALID | 41, ['q'] = VALID | 42, ['r'] = VALID | 43, \
    ['s'] = VALID | 44, ['t'] = VALID | 45, ['u'] = VALID | 46, ['v'] = VALID | 47, \
    ['w'] = VALID | 48, ['x'] = VALID | 49, ['y'] = VALID | 50, ['z'] = VALID | 51, \
    ['0'] = VALID | 52, ['1'] = VALID | 53, ['2'] = VALID | 54, ['3'] = VALID | 55, \
    ['4'] = VALID | 56, ['5'] = VALID | 57, ['6'] = VALID | 58, ['7'] = VALID | 59, \
    ['8'] = VALID | 60, ['9'] = VALID | 61
/* clang-format on */

static const uint8_t standard_values[256] = {SHARED_VALUES, ['+'] = VALID | 62, ['/'] = VALID | 63};
static const uint8_t url_values[256] = {SHARED_VALUES, ['-'] = VALID | 62, ['_'] = VALID | 63};

static const char standard_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Without padding; returns how many characters were written. */
static size_t encode(struct span s, const char alphabet[static 64], char *out)
{
    const uint8_t *p = s.p;
    size_t left = s.len;
    char *to = out;
    for (; left >= 3; left -= 3, p += 3, to += 4) {
        uint32_t group = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        to[0] = alphabet[group >> 18];
        to[1] = alphabet[group >> 12 & VALUE];
        to[2] = alphabet[group >> 6 & VALUE];
        to[3] = alphabet[group & VALUE];
    }
    if (left > 0) {
        uint32_t group = (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0);
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & VALUE];
        if (left == 2)
            *to++ = alphabet[group >> 6 & VALUE];
    }
    return (size_t)(to - out);
}

/* text without padding. */
static enum err decode(struct span text, const uint8_t values[static 256], uint8_t *out,
                       size_t *ret_len)
{
    const uint8_t *p = text.p;
    size_t left = text.len;
    uint8_t *to = out;
    if (left % 4 == 1)
        return ERR_MALFORMED; /* six bits are no byte */
    for (; left >= 4; left -= 4, p += 4, to += 3) {
        uint8_t a = values[p[0]];
        uint8_t b = values[p[1]];
        uint8_t c = values[p[2]];
        uint8_t d = values[p[3]];
        if ((a & b & c & d & VALID) == 0)
            return ERR_MALFORMED;
        uint32_t group = (uint32_t)(a & VALUE) << 18 | (uint32_t)(b & VALUE) << 12 |
                         (uint32_t)(c & VALUE) << 6 | (uint32_t)(d & VALUE);
        to[0] = (uint8_t)(group >> 16);
        to[1] = (uint8_t)(group >> 8);
        to[2] = (uint8_t)group;
    }
    if (left > 0) {
        uint8_t a = values[p[0]];
        uint8_t b = values[p[1]];
        uint8_t c = left == 3 ? values[p[2]] : VALID;
        if ((a & b & c & VALID) == 0)
            return ERR_MALFORMED;
        *to++ = (uint8_t)((a & VALUE) << 2 | (b & VALUE) >> 4);
        if (left == 3)
            *to++ = (uint8_t)((b & VALUE) << 4 | (c & VALUE) >> 2);
    }
    *ret_len = (size_t)(to - out);
    return OK;
}

void base64_write(struct span s, char *out)
{
    size_t written = encode(s, standard_alphabet, out);
    while (written < base64_len(s.len))
        out[written++] = '=';
}

size_t base64url_write(struct span s, char *out)
{
    return encode(s, url_alphabet, out);
}

enum err base64_read(struct span text, uint8_t *out, size_t *ret_len)
{
    /* Padding is there in full or not at all: what has any has whole groups of four. */
    if (text.len > 0 && text.len % 4 == 0 && text.p[text.len - 1] == '=')
        text.len -= text.p[text.len - 2] == '=' ? 2 : 1;
    return decode(text, standard_values, out, ret_len);
}

enum err base64url_read(struct span text, uint8_t *out, size_t *ret_len)
{
    return decode(text, url_values, out, ret_len);
}
