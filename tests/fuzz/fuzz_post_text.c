/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The protobuf of a post, from which filters take the words: parts lie inside the post, and what the server writes of them
 * for its own answers reads back.
 */
#include "fuzz/fuzz.h"

#include "base/unpad.h"
#include "community/post_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes copy = fuzz_copy(data, size);
    struct span post = unpad_data(span_of_bytes(copy));
    struct post_text text = {0}, again = {0};
    if (post_text_read(post, &text)) {
        HOLDS(fuzz_within(text.body, post) && fuzz_within(text.name, post));
        AUTO_BUF struct buf out = buf_make(size + 256);
        post_text_write(&out, &text, 1735689600000);
        HOLDS(buf_verdict(&out) == OK);
        HOLDS(post_text_read(buf_span(&out), &again));
        HOLDS(span_eq(text.body, again.body) && span_eq(text.name, again.name));
    }
    (void)post_text_is_timed(span_of_bytes(copy)); /* any bytes */
    free(copy.p);
    return 0;
}
