/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The append writer of JSON: replies are text from the start, never a tree (docs/design.md, D8). It
 * keeps no state of its own: whether a comma is due is read from the last byte written. It does not
 * check that brackets match; tests do.
 */
#include "router/json_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"

enum {
    DOUBLE_TEXT_MAX =
        40, /* "-1.7976931348623157e+308" is 24; a locale's point may be some bytes long */
    DIGITS_ALWAYS_KEPT = 15,   /* DBL_DIG: that many decimal digits survive a double */
    DIGITS_ALWAYS_ENOUGH = 17, /* that many tell any two doubles apart */
};
#define WHOLE_MS_BELOW 1e15 /* 15 digits: see put_whole_ms */

/* A string always ends in a quote, so a comma, colon or opening bracket at the end is structure. */
static bool comma_due(const struct buf *b)
{
    if (b->failed || b->len == 0)
        return false;
    uint8_t last = b->p[b->len - 1];
    return last != '{' && last != '[' && last != ':' && last != ',';
}

void json_out_comma(struct buf *b)
{
    if (comma_due(b))
        buf_put_byte(b, ',');
}

void json_out_open(struct buf *b, char bracket)
{
    json_out_comma(b);
    buf_put_byte(b, (uint8_t)bracket);
}

void json_out_close(struct buf *b, char bracket)
{
    buf_put_byte(b, (uint8_t)bracket);
}

void json_out_key(struct buf *b, const char *name)
{
    json_out_comma(b);
    buf_put_byte(b, '"');
    buf_put_text(b, name);
    buf_put(b, SPAN("\":"));
}

/* The short escape of c, or 0 when it has none. */
static char short_escape(uint8_t c)
{
    switch (c) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void put_escaped(struct buf *b, uint8_t c)
{
    char letter = short_escape(c);
    if (letter != 0) {
        buf_put_byte(b, '\\');
        buf_put_byte(b, (uint8_t)letter);
        return;
    }
    buf_put(b, SPAN("\\u00"));
    buf_put_hex(b, span_of(&c, 1));
}

void json_out_text(struct buf *b, struct span text)
{
    buf_put_byte(b, '"');
    size_t from = 0; /* start of the bytes that go out as they are */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_put(b, span_of(text.p + from, i - from));
        put_escaped(b, c);
        from = i + 1;
    }
    buf_put(b, span_skip(text, from));
    buf_put_byte(b, '"');
}

void json_out_bool(struct buf *b, bool value)
{
    buf_put_text(b, value ? "true" : "false");
}

/* Equal as numbers that are neither NaN nor of different sign of zero: what "reads back" means. */
static bool same_bits(double a, double b)
{
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): so meant */
    return memcmp(&a, &b, sizeof a) == 0;
}

/*
 * Times are whole milliseconds nearly always: print these from the integer, ten times faster. Below
 * 10^15 milliseconds the decimal text has at most 15 digits, which survive a double, so it is what
 * the general path finds first.
 */
static bool put_whole_ms(struct buf *b, double value)
{
    double ms = nearbyint(value * 1000);
    if (!(fabs(ms) < WHOLE_MS_BELOW) || !same_bits(ms / 1000, value))
        return false;
    uint64_t whole = (uint64_t)fabs(ms);
    if (signbit(value))
        buf_put_byte(b, '-');
    buf_put_u64(b, whole / 1000);
    unsigned left = (unsigned)(whole % 1000);
    const uint8_t digits[4] = {'.', (uint8_t)('0' + left / 100), (uint8_t)('0' + left / 10 % 10),
                               (uint8_t)('0' + left % 10)};
    size_t len = left % 10 != 0    ? 4
                 : left % 100 != 0 ? 3
                                   : 2; /* no trailing zeros, one digit at least */
    buf_put(b, span_of(digits, len));
    return true;
}

/*
 * printf and strtod agree on the locale's decimal point, so reading back happens before it is
 * replaced.
 */
static int print_shortest(double value, char text[static DOUBLE_TEXT_MAX])
{
    int len = 0;
    for (int digits = DIGITS_ALWAYS_KEPT; digits <= DIGITS_ALWAYS_ENOUGH; digits++) {
        len = snprintf(text, DOUBLE_TEXT_MAX, "%.*g", digits, value);
        if (len <= 0 || len >= DOUBLE_TEXT_MAX)
            return 0;
        if (same_bits(strtod(text, NULL), value))
            break;
    }
    return len;
}

static bool belongs_to_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e';
}

void json_out_double(struct buf *b, double value)
{
    char text[DOUBLE_TEXT_MAX];
    if (!isfinite(value)) {
        b->failed = true; /* JSON has no word for it: no reply rather than an invalid one */
        return;
    }
    if (put_whole_ms(b, value))
        return;
    int len = print_shortest(value, text);
    bool fraction =
        false; /* a point or an exponent: without one, readers may take it for an integer */
    for (int i = 0; i < len; i++) {
        if (belongs_to_number(text[i])) {
            fraction = fraction || text[i] == 'e';
            buf_put_byte(b, (uint8_t)text[i]);
            continue;
        }
        if (!fraction)
            buf_put_byte(b, '.'); /* once, however many bytes the locale's point has */
        fraction = true;
    }
    if (!fraction)
        buf_put(b, SPAN(".0"));
}

void json_out_base64(struct buf *b, struct span bytes)
{
    buf_put_byte(b, '"');
    buf_put_base64(b, bytes);
    buf_put_byte(b, '"');
}

void json_out_hex(struct buf *b, struct span bytes)
{
    buf_put_byte(b, '"');
    buf_put_hex(b, bytes);
    buf_put_byte(b, '"');
}
