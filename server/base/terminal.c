/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See terminal.h for what is escaped, and why.
 */
#include "base/terminal.h"

#include "base/utf8.h"

enum { REPLACEMENT = 0xFFFD, REPLACEMENT_BYTES = 3 };

/* Steers a terminal: by itself, by where a line ends, or by the direction of what is beside it. */
static bool steers(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0, 0x1F},        {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200E, 0x200F},   {0x2028, 0x202E},
        {0x2066, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

static void put(FILE *out, struct span text, bool lines)
{
    while (text.len > 0) {
        const uint8_t *from = text.p;
        uint32_t c = utf8_next(&text);
        size_t bytes = (size_t)(text.p - from);
        if (c == REPLACEMENT && bytes < REPLACEMENT_BYTES)
            (void)fprintf(out, "\\x%02x", (unsigned)*from);
        else if (steers(c) && !(lines && c == '\n'))
            (void)fprintf(out, "\\u{%x}", (unsigned)c);
        else
            (void)fwrite(from, 1, bytes, out);
    }
}

void terminal_put(FILE *out, struct span text)
{
    put(out, text, false);
}

void terminal_put_lines(FILE *out, struct span text)
{
    put(out, text, true);
}
