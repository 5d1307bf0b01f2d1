/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Borrowed bytes. A span owns nothing and is never NUL-terminated; who made the bytes says how long
 * they live.
 */
#ifndef CONCLAVE_BASE_SPAN_H
#define CONCLAVE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"

struct span {
    const uint8_t *p;
    size_t len;
};

/* Bytes that may be changed in place (a body that is opened where it lies). */
struct bytes {
    uint8_t *p;
    size_t len;
};

/* A span over a string literal. */
#define SPAN(literal) ((struct span){(const uint8_t *)("" literal), sizeof(literal) - 1})
/* A span over a typed key or id (a struct with a byte array b). */
#define SPAN_OF_KEY(key) ((struct span){(key)->b, sizeof((key)->b)})

static inline struct span span_of(const void *p, size_t len)
{
    return (struct span){(const uint8_t *)p, len};
}

/* Only for text that we made ourselves: nothing from the network is NUL-terminated. */
static inline struct span span_of_text(const char *text)
{
    return (struct span){(const uint8_t *)text, strlen(text)};
}

static inline struct span span_of_bytes(struct bytes b)
{
    return (struct span){b.p, b.len};
}

static inline bool span_eq(struct span a, struct span b)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a span with a length has bytes */
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool span_eq_text(struct span a, const char *text)
{
    return span_eq(a, span_of_text(text));
}

/* The part after the first n bytes; empty when there are fewer. */
static inline struct span span_skip(struct span s, size_t n)
{
    if (s.p == NULL)
        return (struct span){NULL, 0}; /* NULL + 0 is undefined in C */
    return n >= s.len ? (struct span){s.p + s.len, 0} : (struct span){s.p + n, s.len - n};
}

/* The first n bytes, or all when there are fewer. */
static inline struct span span_first(struct span s, size_t n)
{
    return (struct span){s.p, n < s.len ? n : s.len};
}

static inline bool span_starts_with(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_eq(span_first(s, prefix.len), prefix);
}

/* ASCII case-insensitive comparison (header names). Any thread. */
bool span_eq_nocase(struct span a, struct span b);

/* Index of the first byte c, or s.len. */
size_t span_find(struct span s, uint8_t c);

/*
 * Decimal digits only, no sign, whole span, leading zeros allowed.
 * ERR_MALFORMED: empty or another character. ERR_TOO_LARGE: past INT64_MAX.
 */
MUST_USE enum err span_to_i64(struct span s, int64_t *ret_value);

#endif
