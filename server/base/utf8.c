/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is it UTF-8 (RFC 3629), and how many code points. Says nothing about which of them are sensible.
 */
#include "base/utf8.h"

/* Bytes at the front of s that are plain ASCII, counted in whole words of eight. */
static size_t ascii_words(struct span s)
{
    size_t at = 0;
    while (s.len - at >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s.p + at, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        at += sizeof word;
    }
    return at;
}

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the well-formed sequence at the front of s (not empty), or 0. RFC 3629, section 4. */
static size_t sequence_len(struct span s)
{
    uint8_t lead = s.p[0];
    if (lead < 0x80)
        return 1;
    size_t len = 0;
    uint8_t low =
        0x80; /* bounds of the second byte: they exclude overlong forms, surrogates, too large ones */
    uint8_t high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        len = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        len = 3;
        low = lead == 0xe0 ? 0xa0 : low;
        high = lead == 0xed ? 0x9f : high;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        len = 4;
        low = lead == 0xf0 ? 0x90 : low;
        high = lead == 0xf4 ? 0x8f : high;
    }
    if (len == 0 || s.len < len || s.p[1] < low || s.p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if (!is_continuation(s.p[i]))
            return 0;
    }
    return len;
}

bool utf8_valid(struct span s)
{
    while (s.len > 0) {
        s = span_skip(s, ascii_words(s));
        if (s.len == 0)
            return true;
        size_t n = sequence_len(s);
        if (n == 0)
            return false;
        s = span_skip(s, n);
    }
    return true;
}

uint32_t utf8_next(struct span *rest)
{
    enum { REPLACEMENT = 0xfffd };
    size_t n = sequence_len(*rest);
    const uint8_t *p = rest->p;
    *rest = span_skip(*rest, n == 0 ? 1 : n);
    if (n == 0)
        return REPLACEMENT;
    /* The lead byte holds 7, 5, 4 or 3 bits of the code point, each other byte 6. */
    uint32_t point = n == 1 ? p[0] : p[0] & (0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++)
        point = point << 6 | (p[i] & 0x3fU);
    return point;
}

size_t utf8_count(struct span s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += !is_continuation(s.p[i]);
    return count;
}
