/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reader that walks any protobuf and a writer of three fields. Being strict matters in one
 * direction only: what an app can read, this reads too (groups and unknown fields included), or a
 * filter could be walked around.
 */
#include "community/post_text.h"

#include "base/reader.h"
#include "base/unpad.h"

enum {
    ENVELOPE_TYPE = 1,
    ENVELOPE_TIMESTAMP = 5,
    ENVELOPE_CONTENT = 8,
    CONTENT_DATA_MESSAGE = 1,
    CONTENT_SIG_TIMESTAMP = 15,
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

/*
 * Keys and lengths: readers in Java and JavaScript take the low 32 bits of whatever stands there.
 */
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

struct field {
    uint32_t number;
    unsigned wire;
    struct span bytes; /* of WIRE_BYTES */
    uint64_t varint;   /* of WIRE_VARINT */
};

/* False: the end, or a failure. */
static bool next_field(struct reader *r, struct field *ret_field)
{
    if (r->rest.len == 0 || r->failed)
        return false;
    uint32_t key = take_u32(r);
    struct field field = {.number = key >> 3, .wire = key & 7};
    if (field.number == 0)
        r->failed = true;
    if (field.wire == WIRE_BYTES)
        field.bytes = take_bytes(r);
    else if (field.wire == WIRE_VARINT)
        field.varint = take_varint(r);
    else if (field.wire == WIRE_GROUP)
        skip_group(r, field.number);
    else
        skip_value(r, field.wire);
    *ret_field = field;
    return !r->failed;
}

static bool is_bytes(const struct field *field, uint32_t number)
{
    return field->wire == WIRE_BYTES && field->number == number;
}

static bool is_varint(const struct field *field, uint32_t number)
{
    return field->wire == WIRE_VARINT && field->number == number;
}

static bool read_profile(struct span bytes, struct post_text *text)
{
    struct reader r = reader_of(bytes);
    struct field field;
    while (next_field(&r, &field))
        if (is_bytes(&field, PROFILE_DISPLAY_NAME))
            text->name = field.bytes;
    return reader_ok(&r);
}

static bool read_data_message(struct span bytes, struct post_text *text)
{
    struct reader r = reader_of(bytes);
    struct field field;
    while (next_field(&r, &field)) {
        if (is_bytes(&field, DATA_BODY))
            text->body = field.bytes;
        else if (is_bytes(&field, DATA_PROFILE) && !read_profile(field.bytes, text))
            return false;
    }
    return reader_ok(&r);
}

bool post_text_read(struct span content, struct post_text *ret_text)
{
    struct post_text text = {{NULL, 0}, {NULL, 0}};
    struct reader r = reader_of(content);
    struct field field;
    while (next_field(&r, &field))
        if (is_bytes(&field, CONTENT_DATA_MESSAGE) && !read_data_message(field.bytes, &text))
            return false;
    if (!reader_ok(&r))
        return false;
    *ret_text = text;
    return true;
}

/*
 * An Envelope says its type and a time; without them it is none for the apps either. Its content
 * may be missing.
 */
static bool read_envelope(struct span data, struct span *ret_content)
{
    struct span content = {NULL, 0};
    bool has_type = false, has_timestamp = false;
    struct reader r = reader_of(data);
    struct field field;
    while (next_field(&r, &field)) {
        has_type |= is_varint(&field, ENVELOPE_TYPE);
        has_timestamp |= is_varint(&field, ENVELOPE_TIMESTAMP);
        if (is_bytes(&field, ENVELOPE_CONTENT))
            content = field.bytes;
    }
    if (!reader_ok(&r) || !has_type || !has_timestamp)
        return false;
    *ret_content = content;
    return true;
}

bool post_text_readings(struct span data, struct post_text ret_texts[static POST_TEXT_READINGS_MAX],
                        size_t *ret_count)
{
    struct post_text texts[POST_TEXT_READINGS_MAX];
    size_t count = 0;
    struct span content;
    bool is_envelope = read_envelope(data, &content);
    if (is_envelope && !post_text_read(unpad_data(content), &texts[count++]))
        return false;
    count += post_text_read(unpad_data(data), &texts[count]);
    if (count == 0)
        return false;
    memcpy(ret_texts, texts, count * sizeof(*texts));
    *ret_count = count;
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

bool post_text_is_timed(struct span data)
{
    struct span content;
    if ((read_envelope(data, &content) || read_envelope(unpad_data(data), &content)) &&
        content.len > 0)
        return true; /* the same time as the content's own */
    struct reader r = reader_of(unpad_data(data));
    struct field field;
    bool timed = false;
    while (next_field(&r, &field))
        if (is_varint(&field, CONTENT_SIG_TIMESTAMP))
            timed = field.varint != 0;
    return reader_ok(&r) && timed;
}
