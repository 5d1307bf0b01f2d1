/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bencoded pair of v4: parts lie in the text, and what is written of them reads back.
 */
#include "fuzz/fuzz.h"

#include "onion/bencode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes copy = fuzz_copy(data, size);
    struct span text = span_of_bytes(copy);
    struct bencode_pair pair = {0}, again = {0};
    if (bencode_read_pair(text, &pair) == OK) {
        HOLDS(fuzz_within(pair.first, text) && fuzz_within(pair.second, text));
        HOLDS(pair.first.len + pair.second.len + 4 <= text.len);
        AUTO_BUF struct buf out = buf_make(size + 64);
        bencode_write_head(&out, pair.first, pair.second.len);
        buf_put(&out, pair.second);
        buf_put_byte(&out, BENCODE_END);
        HOLDS(buf_verdict(&out) == OK);
        HOLDS(bencode_read_pair(buf_span(&out), &again) == OK);
        HOLDS(span_eq(pair.first, again.first) && span_eq(pair.second, again.second));
    }
    free(copy.p);
    return 0;
}
