/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recursive descent of depth two over a borrowed text. Strict where it accepts: every text it takes, Jansson takes with
 * the same meaning (tests/unit/test_json_plain.c holds the two against each other).
 */
#include "router/json_plain.h"

enum { NUMBER_DIGITS_MAX = 15 };

static void skip_blanks(struct span *s)
{
    while (s->len > 0 && (s->p[0] == ' ' || s->p[0] == '\t' || s->p[0] == '\n' || s->p[0] == '\r'))
        *s = span_skip(*s, 1);
}

/* A byte after any blanks. */
static bool take(struct span *s, uint8_t byte)
{
    skip_blanks(s);
    if (s->len == 0 || s->p[0] != byte)
        return false;
    *s = span_skip(*s, 1);
    return true;
}

static bool take_text(struct span *s, struct span *ret_text, bool *ret_escaped)
{
    if (!take(s, '"'))
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

/* Digits alone, as one writes them: no sign, no zero in front, far from the end of 64 bits. */
static bool take_number(struct span *s, struct span *ret_number)
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

static bool is_new(const struct json_plain *plain, const struct json_plain_member *member)
{
    for (size_t i = 0; i < plain->count; i++) {
        const struct json_plain_member *other = &plain->members[i];
        if (other->within == member->within && span_eq(other->key, member->key))
            return false;
    }
    return true;
}

static bool take_object(struct span *s, struct json_plain *plain, size_t within);

static bool take_member(struct span *s, struct json_plain *plain, size_t within)
{
    struct json_plain_member member = {.within = within};
    bool escaped_key = false;
    if (plain->count == JSON_PLAIN_MEMBERS_MAX || !take_text(s, &member.key, &escaped_key) ||
        escaped_key || !take(s, ':') || !is_new(plain, &member))
        return false;
    skip_blanks(s);
    uint8_t first = s->len > 0 ? s->p[0] : 0;
    struct json_plain_member *kept = &plain->members[plain->count++];
    if (first == '{') {
        member.kind = JSON_PLAIN_OBJECT;
        *kept = member;
        return within == 0 && take_object(s, plain, plain->count);
    }
    member.kind = first == '"' ? JSON_PLAIN_TEXT : JSON_PLAIN_NUMBER;
    bool taken =
        first == '"' ? take_text(s, &member.value, &member.escaped) : take_number(s, &member.value);
    *kept = member;
    return taken;
}

/* NOLINTNEXTLINE(misc-no-recursion): an object inside an object inside the text is not plain */
static bool take_object(struct span *s, struct json_plain *plain, size_t within)
{
    if (!take(s, '{'))
        return false;
    if (take(s, '}'))
        return true;
    do {
        if (!take_member(s, plain, within))
            return false;
    } while (take(s, ','));
    return take(s, '}');
}

bool json_plain_read(struct span text, struct json_plain *ret_plain)
{
    ret_plain->count = 0;
    if (!take_object(&text, ret_plain, 0))
        return false;
    skip_blanks(&text);
    return text.len == 0;
}

const struct json_plain_member *json_plain_find(const struct json_plain *plain, const char *key)
{
    for (size_t i = 0; i < plain->count; i++) {
        if (plain->members[i].within == 0 && span_eq_text(plain->members[i].key, key))
            return &plain->members[i];
    }
    return NULL;
}

enum err json_plain_value(const struct json_plain_member *member, struct arena *mem,
                          struct span *ret_value)
{
    struct span left = member->value;
    if (!member->escaped) {
        *ret_value = left;
        return OK;
    }
    uint8_t *out = arena_alloc(mem, left.len);
    size_t len = 0;
    if (out == NULL)
        return ERR_NO_MEMORY;
    while (left.len > 0) {
        struct span piece = span_first(left, span_find(left, '\\'));
        memcpy(out + len, piece.p, piece.len);
        len += piece.len;
        left = span_skip(left, piece.len);
        if (left.len > 0) {
            out[len++] = '/'; /* take_text lets no other escape pass */
            left = span_skip(left, 2);
        }
    }
    *ret_value = span_of(out, len);
    return OK;
}
