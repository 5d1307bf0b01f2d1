/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scanner behind /batch. It tracks strings and depth and nothing else, so that it can neither
 * be made to recurse nor to allocate. Where it and a real parser could see different things, the
 * parser refuses: the text it is given differs from the scanned one only in that a b64 string is
 * empty, and what was cut out must decode as base64.
 */
#include "router/batch_scan.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/hex.h"
#include "router/json_in.h"

struct scan {
    struct span rest;   /* not yet looked at */
    size_t small_bytes; /* of all elements so far, b64 values not counted */
};

static void skip_blanks(struct scan *s)
{
    size_t n = 0;
    while (n < s->rest.len && (s->rest.p[n] == ' ' || s->rest.p[n] == '\t' ||
                               s->rest.p[n] == '\n' || s->rest.p[n] == '\r'))
        n++;
    s->rest = span_skip(s->rest, n);
}

/* The next byte that is not blank, or 0 at the end; it is not taken. */
static uint8_t peek(struct scan *s)
{
    skip_blanks(s);
    return s->rest.len == 0 ? 0 : s->rest.p[0];
}

static bool take(struct scan *s, uint8_t expected)
{
    if (peek(s) != expected)
        return false;
    s->rest = span_skip(s->rest, 1);
    return true;
}

static bool is_escaped(const uint8_t *start, const uint8_t *quote)
{
    size_t slashes = 0;
    while (quote - slashes > start && quote[-(ptrdiff_t)slashes - 1] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

/*
 * Takes a string; the span is what stands between its quotes. Strings may be megabytes: memchr does
 * the walking.
 */
static bool take_string(struct scan *s, struct span *ret_inside)
{
    if (!take(s, '"'))
        return false;
    size_t at = 0;
    for (;;) {
        struct span left = span_skip(s->rest, at);
        at += span_find(left, '"');
        if (at == s->rest.len)
            return false;
        if (!is_escaped(s->rest.p, s->rest.p + at))
            break;
        at++;
    }
    *ret_inside = span_first(s->rest, at);
    s->rest = span_skip(s->rest, at + 1);
    return true;
}

/* A string directly inside the element: perhaps the name "b64", and then its value too. */
static bool take_member(struct scan *s, struct batch_item *item)
{
    struct span name;
    if (!take_string(s, &name))
        return false;
    if (!span_eq_text(name, "b64") || peek(s) != ':')
        return true;
    s->rest = span_skip(s->rest, 1);
    if (peek(s) != '"')
        return true;
    return item->b64.p == NULL && take_string(s, &item->b64);
}

/* One step inside an element: a bracket, a string, or any other byte. */
static bool take_piece(struct scan *s, struct batch_item *item, size_t *depth)
{
    struct span inside;
    switch (s->rest.p[0]) {
    case '"':
        return *depth == 1 ? take_member(s, item) : take_string(s, &inside);
    case '{':
    case '[':
        ++*depth;
        break;
    case '}':
    case ']':
        --*depth;
        break;
    default:
        break;
    }
    s->rest = span_skip(s->rest, 1);
    return *depth <= JSON_MAX_DEPTH;
}

static enum err take_element(struct scan *s, struct batch_item *ret_item)
{
    if (peek(s) != '{')
        return ERR_MALFORMED;
    struct batch_item item = {.b64 = {NULL, 0}};
    const uint8_t *start = s->rest.p;
    size_t depth = 0;
    size_t small = 0;
    do {
        if (s->rest.len == 0 || !take_piece(s, &item, &depth))
            return ERR_MALFORMED;
        small = (size_t)(s->rest.p - start) - item.b64.len;
        if (small > JSON_MAX_BYTES - s->small_bytes)
            return ERR_TOO_LARGE;
    } while (depth > 0);
    s->small_bytes += small;
    item.text = span_of(start, (size_t)(s->rest.p - start));
    *ret_item = item;
    return OK;
}

size_t batch_scan_most(struct span body)
{
    enum { GLANCE_MAX_BYTES = 16 * 1024 }; /* a larger body is not worth walking twice */
    size_t braces = 0;
    if (body.len > GLANCE_MAX_BYTES)
        return BATCH_MAX_ELEMENTS;
    for (size_t i = 0; i < body.len; i++)
        braces += body.p[i] == '{'; /* an element has one at least */
    if (braces > BATCH_MAX_ELEMENTS)
        return BATCH_MAX_ELEMENTS;
    return braces == 0 ? 1 : braces;
}

enum err batch_scan(struct span body, struct batch_item *items, size_t *ret_count)
{
    struct scan s = {.rest = body};
    size_t count = 0;
    if (!take(&s, '['))
        return ERR_MALFORMED;
    bool more = peek(&s) != ']';
    while (more) {
        if (count == BATCH_MAX_ELEMENTS)
            return ERR_MALFORMED;
        enum err e = take_element(&s, &items[count]);
        if (e != OK)
            return e;
        count++;
        more = take(&s, ',');
    }
    if (!take(&s, ']') || peek(&s) != 0 || s.rest.len > 0)
        return ERR_MALFORMED;
    *ret_count = count;
    return OK;
}

/*
 * The character of one escape at the front of text, and its length. Encoders write '/' as "\/" and
 * some '=' and '+' as "\u003d" and "\u002b"; nothing else can stand in base64. 0: not one of ours.
 */
static uint8_t unescape(struct span text, size_t *ret_len)
{
    uint8_t code[2];
    if (text.len >= 2 && text.p[1] == '/') {
        *ret_len = 2;
        return '/';
    }
    if (text.len < 6 || text.p[1] != 'u' || hex_read(span_of(text.p + 2, 4), code, 2) != OK ||
        code[0] != 0)
        return 0;
    *ret_len = 6;
    return code[1];
}

enum err batch_scan_decode(struct span b64, uint8_t *out, size_t *ret_len)
{
    size_t plain = span_find(b64, '\\');
    if (plain == b64.len)
        return base64_read(b64, out, ret_len);
    AUTO_BUF struct buf text = buf_make(b64.len);
    while (b64.len > 0) {
        buf_put(&text, span_first(b64, plain));
        b64 = span_skip(b64, plain);
        if (b64.len > 0) {
            size_t len = 0;
            uint8_t c = unescape(b64, &len);
            if (c == 0)
                return ERR_MALFORMED;
            buf_put_byte(&text, c);
            b64 = span_skip(b64, len);
        }
        plain = span_find(b64, '\\');
    }
    enum err e = buf_verdict(&text);
    return e != OK ? e : base64_read(buf_span(&text), out, ret_len);
}
