/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The growing buffer: doubling, never above its ceiling, and silent after its first failure.
 */
#include "base/buf.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/mem.h"

enum { FIRST_CAP_BYTES = 256 };

/* A failed append leaves what was complete before it, and nothing of itself. */
static uint8_t *fail(struct buf *b, bool no_memory)
{
    b->failed = true;
    b->no_memory = no_memory;
    return NULL;
}

/*
 * The capacity to have for `need` bytes: the next doubling, but never above the ceiling. need <=
 * max.
 */
static size_t next_cap(const struct buf *b, size_t need)
{
    size_t cap = b->cap == 0 ? FIRST_CAP_BYTES : b->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    return cap > b->max ? b->max : cap;
}

void buf_done(struct buf *b)
{
    mem_free_used(b->p, b->len > b->touched ? b->len : b->touched);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    b->no_memory = false;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (b->len > b->max || n > b->max - b->len)
        return fail(b, false);
    if (b->p == NULL || n > b->cap - b->len) {
        size_t cap = next_cap(b, b->len + n);
        if (cap == 0)
            return fail(b, false); /* a ceiling of 0: there is no address to return */
        uint8_t *p = mem_realloc(b->p, cap);
        if (p == NULL)
            return fail(b, true);
        b->p = p;
        b->cap = cap;
    }
    if (b->len + n > b->touched)
        b->touched = b->len + n;
    return b->p + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
    if (b->failed)
        return;
    if (n > b->cap - b->len) {
        (void)fail(b, false); /* more than was reserved: never step over the end */
        return;
    }
    b->len += n;
}

void buf_put(struct buf *b, struct span s)
{
    if (s.len == 0)
        return;
    uint8_t *to = buf_reserve(b, s.len);
    if (to == NULL)
        return;
    memcpy(to, s.p, s.len);
    b->len += s.len;
}

void buf_put_byte(struct buf *b, uint8_t byte)
{
    uint8_t *to = buf_reserve(b, 1);
    if (to == NULL)
        return;
    *to = byte;
    b->len++;
}

void buf_put_text(struct buf *b, const char *text)
{
    buf_put(b, span_of_text(text));
}

void buf_put_u64(struct buf *b, uint64_t value)
{
    uint8_t digits[20]; /* 2^64 - 1 has 20 */
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    buf_put(b, span_of(digits + at, sizeof digits - at));
}

void buf_put_i64(struct buf *b, int64_t value)
{
    if (value >= 0) {
        buf_put_u64(b, (uint64_t)value);
        return;
    }
    /* Room for sign and digits first, so that a ceiling in between never leaves a lone minus. */
    if (buf_reserve(b, 1) == NULL)
        return;
    size_t before = b->len;
    buf_put_byte(b, '-');
    buf_put_u64(b, 0 - (uint64_t)value);
    if (b->failed)
        b->len = before;
}

void buf_put_u32_le(struct buf *b, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    buf_put(b, span_of(bytes, sizeof bytes));
}

void buf_put_hex(struct buf *b, struct span s)
{
    if (s.len == 0)
        return;
    uint8_t *to = s.len > SIZE_MAX / 2 ? fail(b, false) : buf_reserve(b, 2 * s.len);
    if (to == NULL)
        return;
    hex_write(s, (char *)to);
    b->len += 2 * s.len;
}

void buf_put_base64(struct buf *b, struct span s)
{
    if (s.len == 0)
        return;
    uint8_t *to = s.len > SIZE_MAX / 2 ? fail(b, false) : buf_reserve(b, base64_len(s.len));
    if (to == NULL)
        return;
    base64_write(s, (char *)to);
    b->len += base64_len(s.len);
}

enum err buf_verdict(const struct buf *b)
{
    if (!b->failed)
        return OK;
    return b->no_memory ? ERR_NO_MEMORY : ERR_TOO_LARGE;
}

struct bytes buf_take(struct buf *b)
{
    if (b->failed || b->len == 0) {
        buf_done(b); /* half a text is nobody's */
        return (struct bytes){NULL, 0};
    }
    struct bytes taken = {b->p, b->len};
    *b = (struct buf){.max = b->max};
    return taken;
}
