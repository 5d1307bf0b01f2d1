/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The X-SOGS-* headers: the lines of the input are method, endpoint, pubkey, nonce, timestamp and
 * signature; the rest is the body. Server key and time are those of tests/vectors/sogs-auth.json,
 * so that its requests pass.
 */
#include "fuzz/fuzz.h"

#include "auth/fs_headers.h"
#include "auth/identity.h"
#include "base/arena.h"
#include "base/hex.h"

#define VECTOR_SERVER "5ef4fd55472728ff3588d7c80c651ccec0066fa28bcd9ada8f90fff7b5590146"
enum { VECTOR_NOW_S = 1735689600, RECALL_LOG2 = 6 };

static bool is_banned(void *arg, const struct session_id *id)
{
    (void)arg;
    return id->b[1] == 0;
}

static void check(struct arena *mem, const struct request *req, bool blinding,
                  struct recall *seen_keys, struct recall *nonces)
{
    struct x25519_pub server;
    struct reply reply;
    HOLDS(hex_read(SPAN(VECTOR_SERVER), server.b, sizeof(server.b)) == OK);
    const struct identity_rules rules = {.server = &server,
                                         .blinding_required = blinding,
                                         .banned = is_banned,
                                         .keys = seen_keys,
                                         .nonces = nonces};
    reply_init(&reply);
    struct call call = {
        .mem = mem, .req = req, .reply = &reply, .now_ms = (int64_t)VECTOR_NOW_S * 1000};
    if (identity_check(&rules, &call))
        HOLDS(!call.who.known ||
              (call.who.id.b[0] == 0x15 || (!blinding && call.who.id.b[0] == 5)));
    else
        HOLDS(reply.status == 400 || reply.status == 401 || reply.status == 403 ||
              reply.status == 425 || reply.status == 503);
    reply_done(&reply);
}

/* The same values as the three headers of the file server. */
static void check_file_server(const struct request *req, const struct header given[static 4])
{
    const struct header headers[] = {{SPAN("X-FS-Pubkey"), given[0].value},
                                     {SPAN("X-FS-Timestamp"), given[2].value},
                                     {SPAN("X-FS-Signature"), given[3].value}};
    struct request signed_req = *req;
    signed_req.headers = headers;
    signed_req.header_count = COUNT_OF(headers);
    for (int required = 0; required < 2; required++) {
        struct reply reply;
        reply_init(&reply);
        bool passed = fs_headers_check(&signed_req, required != 0, VECTOR_NOW_S, &reply);
        HOLDS(passed || reply.status == 400 || reply.status == 401 || reply.status == 425);
        reply_done(&reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"X-SOGS-Pubkey", "x-sogs-nonce", "X-SOGS-Timestamp",
                                        "X-SOGS-Signature"};
    struct bytes copy = fuzz_copy(data, size);
    struct span rest = span_of_bytes(copy);
    struct header headers[COUNT_OF(names)];
    struct request req = {.headers = headers, .header_count = COUNT_OF(names)};
    struct recall *seen_keys = NULL, *nonces = NULL;
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    HOLDS(mem != NULL);
    HOLDS(recall_new(RECALL_LOG2, &seen_keys) == OK && recall_new(RECALL_LOG2, &nonces) == OK);
    bool usable = request_set_method(&req, mem, fuzz_line(&rest)) == OK;
    usable = request_set_endpoint(&req, mem, fuzz_line(&rest)) == OK && usable;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        headers[i] = (struct header){span_of_text(names[i]), fuzz_line(&rest)};
    req.body = rest;
    if (usable) {
        check(mem, &req, true, seen_keys, nonces);
        check(mem, &req, false, seen_keys, nonces);
        check_file_server(&req, headers);
    }
    recall_free(seen_keys);
    recall_free(nonces);
    free(copy.p);
    return 0;
}
