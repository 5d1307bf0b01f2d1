/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking bytes from the front of a span. The one length check that every parser stands on is in
 * reader_take.
 */
#include "base/reader.h"

struct span reader_take(struct reader *r, size_t n)
{
    if (r->failed || n > r->rest.len) {
        r->failed = true;
        return (struct span){NULL, 0};
    }
    struct span taken = span_first(r->rest, n);
    r->rest = span_skip(r->rest, n);
    return taken;
}

uint8_t reader_u8(struct reader *r)
{
    struct span s = reader_take(r, 1);
    return s.len == 1 ? s.p[0] : 0;
}

uint32_t reader_u32_le(struct reader *r)
{
    struct span s = reader_take(r, 4);
    if (s.len != 4)
        return 0;
    return (uint32_t)s.p[0] | (uint32_t)s.p[1] << 8 | (uint32_t)s.p[2] << 16 |
           (uint32_t)s.p[3] << 24;
}

struct span reader_rest(struct reader *r)
{
    return reader_take(r, r->failed ? 0 : r->rest.len);
}
