/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The start of every fuzzer and what several of them do with what was parsed.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "crypto/keys.h"
#include "router/json_in.h"
#include "router/path.h"
#include "router/request.h"
#include "routes.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    HOLDS(crypto_start() == OK);
    json_in_start();
    return 0;
}

struct bytes fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    HOLDS(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return (struct bytes){copy, size};
}

bool fuzz_within(struct span inner, struct span outer)
{
    return inner.len == 0 || (inner.p >= outer.p && inner.len <= outer.len &&
                              inner.p + inner.len <= outer.p + outer.len);
}

struct span fuzz_line(struct span *rest)
{
    size_t end = span_find(*rest, '\n');
    struct span line = span_first(*rest, end);
    *rest = span_skip(*rest, end + 1);
    return line;
}

static void match_routes(const struct request *req)
{
    for (size_t i = 0; i < inner_route_count; i++) {
        struct params params = {0};
        if (!path_match(inner_routes[i].pattern, req->path, &params))
            continue;
        HOLDS(fuzz_within(params.room, req->path) && fuzz_within(params.text, req->path));
        HOLDS(params.room.len <= 64);
        HOLDS(!path_has_room(inner_routes[i].pattern) || params.room.len > 0);
        HOLDS(params.number >= 0);
    }
}

void fuzz_request(struct arena *mem, const struct request *req)
{
    static const char *const names[] = {"limit", "t", "reactors", "platform", ""};
    const struct int_range range = {.fallback = 100, .min = 1, .max = 256};
    HOLDS(req->path.len > 0 && req->path.p[0] == '/' && utf8_valid(req->path));
    HOLDS(span_find(req->path, '\0') == req->path.len);
    HOLDS(req->header_count <= REQUEST_HEADERS_MAX);
    HOLDS(req->method_text.len > 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct span value = {0};
        bool found = false;
        int64_t number = 0;
        if (request_query(req, mem, names[i], &found, &value) == OK && found)
            HOLDS(value.len <= req->query.len);
        if (request_query_int(req, mem, names[i], range, &number) == OK)
            HOLDS(number >= range.min && number <= range.max);
    }
    (void)request_is_json(req);
    (void)request_header(req, "X-SOGS-Pubkey");
    match_routes(req);
}
