/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decrypted v4 payloads: to a request, and everything that handlers ask of it.
 */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "onion/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes plain = fuzz_copy(data, size);
    struct request *req = NULL;
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    HOLDS(mem != NULL);
    if (envelope_parse(mem, ENVELOPE_V4, span_of_bytes(plain), &req) == OK)
        fuzz_request(mem, req);
    free(plain.p);
    return 0;
}
