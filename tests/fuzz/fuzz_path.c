/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Endpoints: the split into path and query, percent-decoding, query parameters, and every pattern
 * of the server's routes.
 */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "router/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes endpoint = fuzz_copy(data, size);
    struct request req = {.method_text = SPAN("GET")};
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    HOLDS(mem != NULL);
    if (request_set_endpoint(&req, mem, span_of_bytes(endpoint)) == OK) {
        HOLDS(size <= REQUEST_PATH_MAX_BYTES);
        fuzz_request(mem, &req);
    }
    struct request method = {0};
    if (request_set_method(&method, mem, span_of_bytes(endpoint)) == OK)
        HOLDS(method.method_text.len == size);
    free(endpoint.p);
    return 0;
}
