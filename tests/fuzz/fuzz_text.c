/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The readers of small texts that every parser stands on: hex, both base64 alphabets, numbers,
 * session ids, UTF-8.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/unpad.h"
#include "base/utf8.h"
#include "crypto/keys.h"

/* Decoded, encoded and decoded again gives the same bytes. */
static void decode(struct span text, bool url)
{
    size_t len = 0, again = 0, room = base64_max_decoded(text.len) + 1;
    uint8_t *out = malloc(room), *back = malloc(room);
    char *written = malloc(base64_len(room));
    HOLDS(out != NULL && back != NULL && written != NULL);
    if ((url ? base64url_read : base64_read)(text, out, &len) == OK) {
        HOLDS(len < room);
        struct span bytes = span_of(out, len);
        size_t n = base64_len(len);
        if (url)
            n = base64url_write(bytes, written);
        else
            base64_write(bytes, written);
        HOLDS((url ? base64url_read : base64_read)(span_of(written, n), back, &again) == OK);
        HOLDS(again == len && (len == 0 || memcmp(out, back, len) == 0));
    }
    free(out);
    free(back);
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes copy = fuzz_copy(data, size);
    struct span text = span_of_bytes(copy);
    struct session_id id;
    uint8_t key[32];
    int64_t number = 0;
    decode(text, false);
    decode(text, true);
    if (hex_read(text, key, sizeof(key)) == OK)
        HOLDS(size == 2 * sizeof(key));
    if (session_id_read(text, &id) == OK) {
        char written[SESSION_ID_TEXT_LEN];
        session_id_write(&id, written);
        HOLDS(span_eq_nocase(text, span_of(written, sizeof(written))));
    }
    if (span_to_i64(text, &number) == OK)
        HOLDS(size > 0 && number >= 0);
    struct span message = unpad_data(text);
    HOLDS(message.len <= size && (message.len == 0 || message.p == text.p));
    if (utf8_valid(text))
        HOLDS(utf8_count(text) <= size);
    free(copy.p);
    return 0;
}
