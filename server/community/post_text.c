/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reader that walks any protobuf and a writer of three fields. Being strict matters in one direction only: what an app
 * can read, this reads too (groups and unknown fields included), or a filter could be walked around.
 */
#include "community/post_text.h"

#include "base/reader.h"
#include "base/unpad.h"

enum {
    CONTENT_DATA_MESSAGE = 1,
    DATA_BODY = 1,
    DATA_TIMESTAMP = 7,
    DATA_PROFILE = 101,
    PROFILE_DISPLAY_NAME = 1,
};
enum wire {
    WIRE_VARINT = 0,
    WIRE_64 = 1,
    WIRE_BYTES = 2,
    WIRE_GROUP = 3,
    WIRE_GROUP_END = 4,
    WIRE_32 = 5,
};
/* GROUPS_MAX: as deep as the readers of apps go. */
enum { VARINT_MAX_BYTES = 10, GROUPS_MAX = 100, MESSAGE_MAX_BYTES = 64 * 1024 };

static uint64_t take_varint(struct reader *r)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX_BYTES; i++) {
        uint8_t byte = reader_u8(r);
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0)
            return value;
    }
    r->failed = true;
    return 0;
}

/* Keys and lengths: readers in Java and JavaScript take the low 32 bits of whatever stands there. */
static uint32_t take_u32(struct reader *r)
{
    return (uint32_t)take_varint(r);
}

static struct span take_bytes(struct reader *r)
{
    uint64_t len = take_u32(r);
    if (len > r->rest.len)
        r->failed = true;
    return reader_take(r, r->failed ? 0 : (size_t)len);
}

static void skip_value(struct reader *r, unsigned wire)
{
    switch (wire) {
    case WIRE_VARINT:
        (void)take_varint(r);
        return;
    case WIRE_64:
        (void)reader_take(r, 8);
        return;
    case WIRE_BYTES:
        (void)take_bytes(r);
        return;
    case WIRE_32:
        (void)reader_take(r, 4);
        return;
    default:
        r->failed = true;
    }
}

/* Everything up to the end of a group of that number, whose beginning was read; groups nest. */
static void skip_group(struct reader *r, uint64_t number)
{
    uint64_t open[GROUPS_MAX] = {number};
    size_t depth = 1;
    while (depth > 0 && !r->failed) {
        uint64_t key = take_u32(r);
        unsigned wire = key & 7;
        if (wire == WIRE_GROUP) {
            if (depth == GROUPS_MAX)
                r->failed = true;
            else
                open[depth++] = key >> 3;
        } else if (wire == WIRE_GROUP_END) {
            r->failed |= open[--depth] != key >> 3;
        } else {
            skip_value(r, wire);
        }
    }
}

/* The next byte string with that number, over whatever else there is. False: the end, or a failure. */
static bool next_bytes(struct reader *r, uint64_t wanted, uint64_t also, uint64_t *ret_number,
                       struct span *ret_bytes)
{
    while (r->rest.len > 0 && !r->failed) {
        uint64_t key = take_u32(r);
        uint64_t number = key >> 3;
        unsigned wire = key & 7;
        if (number == 0)
            r->failed = true;
        if (wire == WIRE_BYTES && (number == wanted || number == also)) {
            *ret_bytes = take_bytes(r);
            *ret_number = number;
            return !r->failed;
        }
        if (wire == WIRE_GROUP)
            skip_group(r, number);
        else
            skip_value(r, wire);
    }
    return false;
}

static bool read_profile(struct span bytes, struct post_text *text)
{
    struct reader r = reader_of(bytes);
    struct span value;
    uint64_t number;
    while (next_bytes(&r, PROFILE_DISPLAY_NAME, PROFILE_DISPLAY_NAME, &number, &value))
        text->name = value;
    return reader_ok(&r);
}

static bool read_data_message(struct span bytes, struct post_text *text)
{
    struct reader r = reader_of(bytes);
    struct span value;
    uint64_t number;
    while (next_bytes(&r, DATA_BODY, DATA_PROFILE, &number, &value)) {
        if (number == DATA_BODY)
            text->body = value;
        else if (!read_profile(value, text))
            return false;
    }
    return reader_ok(&r);
}

bool post_text_read(struct span data, struct post_text *ret_text)
{
    struct post_text text = {{NULL, 0}, {NULL, 0}};
    struct reader r = reader_of(data);
    struct span value;
    uint64_t number;
    while (next_bytes(&r, CONTENT_DATA_MESSAGE, CONTENT_DATA_MESSAGE, &number, &value))
        if (!read_data_message(value, &text))
            return false;
    if (!reader_ok(&r))
        return false;
    *ret_text = text;
    return true;
}

static void put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_put_byte(out, (uint8_t)(value | 0x80));
    buf_put_byte(out, (uint8_t)value);
}

static void put_bytes(struct buf *out, unsigned number, struct span s)
{
    put_varint(out, (uint64_t)number << 3 | WIRE_BYTES);
    put_varint(out, s.len);
    buf_put(out, s);
}

/* An inner message must be whole before its length can be written. */
static void put_message(struct buf *out, unsigned number, const struct buf *inner)
{
    if (buf_verdict(inner) != OK)
        out->failed = true;
    put_bytes(out, number, buf_span(inner));
}

void post_text_write(struct buf *out, const struct post_text *text, int64_t timestamp_ms)
{
    AUTO_BUF struct buf profile = buf_make(MESSAGE_MAX_BYTES);
    AUTO_BUF struct buf data = buf_make(MESSAGE_MAX_BYTES);
    put_bytes(&profile, PROFILE_DISPLAY_NAME, text->name);
    put_bytes(&data, DATA_BODY, text->body);
    put_varint(&data, DATA_TIMESTAMP << 3 | WIRE_VARINT);
    put_varint(&data, (uint64_t)timestamp_ms);
    put_message(&data, DATA_PROFILE, &profile);
    put_message(out, CONTENT_DATA_MESSAGE, &data);
}

/* ---- the author's time ---- */

enum { CONTENT_SIG_TIMESTAMP = 15, OUTER_TIMESTAMP = 5, OUTER_CONTENT = 8 };

/* The last varint of that number, and the last byte string of the other; 0 and nothing where there is none. */
static void find_fields(struct span message, uint32_t varint, uint64_t *ret_value, uint32_t bytes,
                        struct span *ret_bytes)
{
    struct reader r = reader_of(message);
    uint64_t value = 0;
    struct span found = {NULL, 0};
    while (r.rest.len > 0 && !r.failed) {
        uint32_t key = take_u32(&r);
        unsigned wire = key & 7;
        if (wire == WIRE_VARINT && key >> 3 == varint)
            value = take_varint(&r);
        else if (wire == WIRE_BYTES && key >> 3 == bytes)
            found = take_bytes(&r);
        else if (wire == WIRE_GROUP)
            skip_group(&r, key >> 3);
        else
            skip_value(&r, wire);
    }
    bool ok = reader_ok(&r);
    *ret_value = ok ? value : 0;
    *ret_bytes = ok ? found : (struct span){NULL, 0};
}

bool post_text_is_timed(struct span data)
{
    uint64_t time;
    struct span content, none;
    find_fields(unpad_data(data), OUTER_TIMESTAMP, &time, OUTER_CONTENT, &content);
    if (content.len > 0 && time != 0)
        return true; /* the same time as the content's own */
    find_fields(unpad_data(data), CONTENT_SIG_TIMESTAMP, &time, 0, &none);
    return time != 0;
}
