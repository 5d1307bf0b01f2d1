/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cleaning what people call a room.
 */
#include "community/room_texts.h"

#include "store/rooms.h"

static struct span clean(struct json_in *in, struct span text, bool keeps_lines, size_t max_bytes)
{
    uint8_t *out = arena_alloc(in->mem, text.len);
    size_t len = 0;
    for (size_t i = 0; out != NULL && i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c >= 0x20 || (keeps_lines && (c == '\t' || c == '\n')))
            out[len++] = c;
    }
    if (out == NULL || len > max_bytes)
        in->failed = true;
    return span_of(out, len);
}

struct span room_texts_name(struct json_in *in, struct span text)
{
    return clean(in, text, false, ROOM_NAME_MAX);
}

struct span room_texts_description(struct json_in *in, struct span text)
{
    return clean(in, text, true, ROOM_DESCRIPTION_MAX);
}
