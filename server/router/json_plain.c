/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recursive descent of depth two over a borrowed text. Jansson accepts every text that is
 * accepted here, with the same meaning (tests/unit/test_json_plain.c compares the two).
 */
#include "router/json_plain.h"

enum { NUMBER_DIGITS_MAX = 15 };

static void skip_blanks(struct span *s)
{
    while (s->len > 0 && (s->p[0] == ' ' || s->p[0] == '\t' || s->p[0] == '\n' || s->p[0] == '\r'))
        *s = span_skip(*s, 1);
}

/* Reads this byte, after any blanks. */
static bool read_byte(struct span *s, uint8_t byte)
{
    skip_blanks(s);
    if (s->len == 0 || s->p[0] != byte)
        return false;
    *s = span_skip(*s, 1);
    return true;
}

static bool read_text(struct span *s, struct span *ret_text, bool *ret_escaped)
{
    if (!read_byte(s, '"'))
        return false;
    bool escaped = false;
    size_t n = 0;
    while (n < s->len && s->p[n] >= 0x20 && s->p[n] < 0x7f && s->p[n] != '"') {
        if (s->p[n] == '\\') {
            if (++n == s->len || s->p[n] != '/')
                return false;
            escaped = true;
        }
        n++;
    }
    if (n >= s->len || s->p[n] != '"')
        return false;
    *ret_text = span_first(*s, n);
    *ret_escaped = escaped;
    *s = span_skip(*s, n + 1);
    return true;
}

/* Digits only: no sign, no leading zero, and few enough for 64 bits. */
static bool read_number(struct span *s, struct span *ret_number)
{
    size_t n = 0;
    while (n < s->len && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    bool more = n < s->len && (s->p[n] == '.' || s->p[n] == 'e' || s->p[n] == 'E');
    if (n == 0 || n > NUMBER_DIGITS_MAX || (n > 1 && s->p[0] == '0') || more)
        return false;
    *ret_number = span_first(*s, n);
    *s = span_skip(*s, n);
    return true;
}

static bool is_new(const struct json_plain *plain, const struct json_member *member)
{
    for (size_t i = 0; i < plain->count; i++) {
        const struct json_member *other = &plain->members[i];
        if (other->within == member->within && span_eq(other->key, member->key))
            return false;
    }
    return true;
}

static bool read_object(struct span *s, struct json_plain *plain, uint8_t within);

static bool read_member(struct span *s, struct json_plain *plain, uint8_t within)
{
    struct json_member member = {.within = within};
    bool escaped_key = false;
    if (plain->count == JSON_PLAIN_MEMBERS_MAX || !read_text(s, &member.key, &escaped_key) ||
        escaped_key || !read_byte(s, ':') || !is_new(plain, &member))
        return false;
    skip_blanks(s);
    uint8_t first = s->len > 0 ? s->p[0] : 0;
    struct json_member *kept = &plain->members[plain->count++];
    member.number = (uint8_t)plain->count;
    if (first == '{') {
        const uint8_t *start = s->p;
        member.kind = JSON_KIND_OBJECT;
        *kept = member;
        if (within != 0 || !read_object(s, plain, member.number))
            return false;
        kept->value = span_of(start, (size_t)(s->p - start));
        return true;
    }
    member.kind = first == '"' ? JSON_KIND_TEXT : JSON_KIND_NUMBER;
    bool fine =
        first == '"' ? read_text(s, &member.value, &member.escaped) : read_number(s, &member.value);
    *kept = member;
    return fine;
}

/* NOLINTNEXTLINE(misc-no-recursion): an object inside an object inside the text is not plain */
static bool read_object(struct span *s, struct json_plain *plain, uint8_t within)
{
    if (!read_byte(s, '{'))
        return false;
    if (read_byte(s, '}'))
        return true;
    do {
        if (!read_member(s, plain, within))
            return false;
    } while (read_byte(s, ','));
    return read_byte(s, '}');
}

bool json_plain_read(struct span text, struct json_plain *ret_plain)
{
    ret_plain->count = 0;
    if (!read_object(&text, ret_plain, 0))
        return false;
    skip_blanks(&text);
    return text.len == 0;
}
