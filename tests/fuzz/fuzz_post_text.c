/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A post, from which filters take the words, as an Envelope and as a Content: parts lie inside the
 * post, whatever either reader finds is found with padding around it too, and what the server
 * writes for its own answers reads back in both forms.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/unpad.h"
#include "community/post_text.h"

static void same(const struct post_text *a, const struct post_text *b)
{
    HOLDS(span_eq(a->body, b->body) && span_eq(a->name, b->name));
}

static void read_as_one(const struct post_text *text, struct span post)
{
    struct post_text texts[POST_TEXT_READINGS_MAX];
    size_t count = 0;
    HOLDS(post_text_readings(post, texts, &count));
    same(&texts[0], text);
}

static void put_varint(struct buf *out, size_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_put_byte(out, (uint8_t)(value | 0x80));
    buf_put_byte(out, (uint8_t)value);
}

/* As the server writes it, padded; and the same in an Envelope. */
static void write_back(const struct post_text *text, size_t size)
{
    AUTO_BUF struct buf content = buf_make(size + 256);
    AUTO_BUF struct buf envelope = buf_make(size + 512);
    post_text_write(&content, text, 1735689600000);
    buf_put(&content, SPAN("\x80\0"));
    HOLDS(buf_verdict(&content) == OK);
    read_as_one(text, buf_span(&content));
    buf_put(&envelope, SPAN("\x08\x06\x28\x01\x42"));
    put_varint(&envelope, content.len);
    buf_put(&envelope, buf_span(&content));
    HOLDS(buf_verdict(&envelope) == OK);
    read_as_one(text, buf_span(&envelope));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes copy = fuzz_copy(data, size);
    struct span post = span_of_bytes(copy);
    struct post_text texts[POST_TEXT_READINGS_MAX], content;
    size_t count = 0;
    if (post_text_readings(post, texts, &count)) {
        HOLDS(count >= 1 && count <= POST_TEXT_READINGS_MAX);
        for (size_t i = 0; i < count; i++) {
            HOLDS(fuzz_within(texts[i].body, post) && fuzz_within(texts[i].name, post));
            write_back(&texts[i], size);
        }
        if (post_text_read(unpad_data(post), &content))
            same(&texts[count - 1], &content);
    }
    (void)post_text_is_timed(span_of_bytes(copy)); /* any bytes */
    free(copy.p);
    return 0;
}
