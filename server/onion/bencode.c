/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Not a general bencode reader: v4 knows lists of one or two strings and nothing else, so nothing
 * else can be nested, counted wrongly or made to recurse.
 */
#include "onion/bencode.h"

#include "base/reader.h"

/*
 * More than any length that fits a body (10,485,760), with room for zeros in front; never overflows
 * 64 bits.
 */
enum { LENGTH_DIGITS_MAX = 12 };

static bool next_is_digit(const struct reader *r)
{
    return r->rest.len > 0 && r->rest.p[0] >= '0' && r->rest.p[0] <= '9';
}

/* "<n>:<n bytes>"; failure is the reader's. */
static struct span take_string(struct reader *r)
{
    uint64_t len = 0;
    size_t digits = 0;
    for (; next_is_digit(r) && digits < LENGTH_DIGITS_MAX; digits++)
        len = 10 * len + (uint64_t)(reader_u8(r) - '0');
    if (digits == 0 || reader_u8(r) != ':' || len > r->rest.len) {
        r->failed = true;
        return (struct span){NULL, 0};
    }
    return reader_take(r, (size_t)len);
}

enum err bencode_read_pair(struct span text, struct bencode_pair *ret_pair)
{
    struct bencode_pair pair = {{NULL, 0}, {NULL, 0}};
    struct reader r = reader_of(text);
    if (reader_u8(&r) != 'l')
        return ERR_MALFORMED;
    pair.first = take_string(&r);
    if (next_is_digit(&r))
        pair.second = take_string(&r);
    if (reader_u8(&r) != BENCODE_END || !reader_ok(&r) || r.rest.len != 0)
        return ERR_MALFORMED;
    *ret_pair = pair;
    return OK;
}

static void write_length(struct buf *out, uint64_t len)
{
    buf_put_u64(out, len);
    buf_put_byte(out, ':');
}

void bencode_write_head(struct buf *out, struct span first, uint64_t second_len)
{
    buf_put_byte(out, 'l');
    write_length(out, first.len);
    buf_put(out, first);
    write_length(out, second_len);
}
