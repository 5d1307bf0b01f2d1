/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A two-message protobuf writer and a reader that walks any protobuf.
 */
#include "client/content.h"

#include "base/reader.h"

enum { CONTENT_DATA_MESSAGE = 1, CONTENT_SIG_TIMESTAMP = 15, DATA_BODY = 1, DATA_TIMESTAMP = 7 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { VARINT_MAX_BYTES = 10, CONTENT_MAX_BYTES = 1 << 20 };

struct field {
    uint64_t number;
    int wire;
    uint64_t value;   /* of a varint */
    struct span data; /* of a byte string */
};

static void put_varint(struct buf *out, uint64_t value)
{
    while (value >= 0x80) {
        buf_put_byte(out, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    buf_put_byte(out, (uint8_t)value);
}

static void put_bytes(struct buf *out, unsigned number, struct span s)
{
    put_varint(out, number << 3 | WIRE_BYTES);
    put_varint(out, s.len);
    buf_put(out, s);
}

void content_put(struct buf *out, const struct content *c)
{
    struct buf data AUTO_BUF = buf_make(CONTENT_MAX_BYTES);
    put_bytes(&data, DATA_BODY, c->text);
    put_varint(&data, DATA_TIMESTAMP << 3 | WIRE_VARINT);
    put_varint(&data, c->timestamp_ms);
    if (buf_verdict(&data) != OK)
        out->failed = true;
    put_bytes(out, CONTENT_DATA_MESSAGE, buf_span(&data));
    put_varint(out, CONTENT_SIG_TIMESTAMP << 3 | WIRE_VARINT);
    put_varint(out, c->timestamp_ms);
}

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

static struct field take_field(struct reader *r)
{
    uint64_t head = take_varint(r);
    struct field f = {.number = head >> 3, .wire = (int)(head & 7)};
    switch (f.wire) {
    case WIRE_VARINT:
        f.value = take_varint(r);
        break;
    case WIRE_64:
        (void)reader_take(r, 8);
        break;
    case WIRE_BYTES: {
        uint64_t len = take_varint(r);
        f.data = reader_take(r, len);
        break;
    }
    case WIRE_32:
        (void)reader_take(r, 4);
        break;
    default:
        r->failed = true;
    }
    if (f.number == 0)
        r->failed = true;
    return f;
}

enum err content_read(struct span bytes, struct content *ret_content)
{
    struct content c = {0};
    struct span data = {0};
    bool found = false;
    struct reader outer = reader_of(bytes);
    while (reader_ok(&outer) && outer.rest.len > 0) {
        struct field f = take_field(&outer);
        if (f.number == CONTENT_DATA_MESSAGE && f.wire == WIRE_BYTES) {
            data = f.data;
            found = true;
        }
    }
    struct reader inner = reader_of(data);
    while (reader_ok(&inner) && inner.rest.len > 0) {
        struct field f = take_field(&inner);
        if (f.number == DATA_BODY && f.wire == WIRE_BYTES)
            c.text = f.data;
        else if (f.number == DATA_TIMESTAMP && f.wire == WIRE_VARINT)
            c.timestamp_ms = f.value;
    }
    if (!reader_ok(&outer) || !reader_ok(&inner))
        return ERR_MALFORMED;
    if (!found)
        return ERR_MISSING;
    *ret_content = c;
    return OK;
}
