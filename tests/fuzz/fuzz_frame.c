/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames as they arrive, for v4 and for v3: parsed, opened with the test-only key of
 * tests/vectors/onion-v4.json, and whatever opens is parsed as a request. What is behind the
 * encryption has fuzzers of its own, since no mutation opens.
 */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/hex.h"
#include "onion/envelope.h"
#include "onion/frame.h"

#define VECTOR_SECRET "fbe4cc710aa0a07156f7ae8b24d31d92722e6f4bb30b8e9d85c0efe1cf904f75"
#define VECTOR_PUBLIC "5ef4fd55472728ff3588d7c80c651ccec0066fa28bcd9ada8f90fff7b5590146"

static const struct server_keys *keys(void)
{
    static struct server_keys made;
    static struct x25519_secret secret;
    if (made.secret == NULL) {
        HOLDS(hex_read(SPAN(VECTOR_SECRET), secret.b, sizeof(secret.b)) == OK);
        HOLDS(hex_read(SPAN(VECTOR_PUBLIC), made.pub.b, sizeof(made.pub.b)) == OK);
        made.secret = &secret;
    }
    return &made;
}

static void open_as(enum envelope_kind kind, const uint8_t *data, size_t size)
{
    struct bytes frame = fuzz_copy(data, size), plain = {NULL, 0};
    struct reply_key key;
    struct request *req = NULL;
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    HOLDS(mem != NULL);
    if (envelope_open(mem, keys(), kind, frame, &plain, &key) == OK) {
        HOLDS(fuzz_within(span_of_bytes(plain), span_of_bytes(frame)));
        if (envelope_parse(mem, kind, span_of_bytes(plain), &req) == OK)
            fuzz_request(mem, req);
        envelope_forget(&key);
    }
    free(frame.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes raw = fuzz_copy(data, size);
    struct frame parts;
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    HOLDS(mem != NULL);
    if (frame_parse(mem, raw, &parts) == OK)
        HOLDS(fuzz_within(span_of_bytes(parts.ciphertext), span_of_bytes(raw)) &&
              parts.ciphertext.len + 4 + 2 <= raw.len);
    free(raw.p);
    open_as(ENVELOPE_V4, data, size);
    open_as(ENVELOPE_V3, data, size);
    return 0;
}
