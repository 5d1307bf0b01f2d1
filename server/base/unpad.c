/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two messages are the same when they are equal without their padding.
 */
#include "base/unpad.h"

enum { PAD_FIRST = 0x80 };

struct span unpad_data(struct span data)
{
    size_t len = data.len;
    while (len > 0 && data.p[len - 1] == 0)
        len--;
    return len > 0 && data.p[len - 1] == PAD_FIRST ? span_first(data, len - 1) : data;
}
