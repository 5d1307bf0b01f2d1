/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Puts padding on and takes it off; both client generations, one reader.
 */
#include "client/padding.h"

enum { PADDING_BLOCK_BYTES = 160, PADDING_MARK = 0x80 };

void padding_put(struct buf *out, struct span message, enum padding_style style)
{
    size_t used = (message.len + 1) % PADDING_BLOCK_BYTES;
    size_t zeros = PADDING_BLOCK_BYTES - used;
    if (style == PADDING_OLDER && used == 0)
        zeros = 0;
    buf_put(out, message);
    buf_put_byte(out, PADDING_MARK);
    for (size_t i = 0; i < zeros; i++)
        buf_put_byte(out, 0);
}

struct span padding_strip(struct span padded)
{
    size_t len = padded.len;
    while (len > 0 && padded.p[len - 1] == 0)
        len--;
    if (len == 0 || padded.p[len - 1] != PADDING_MARK)
        return padded;
    return span_first(padded, len - 1);
}
