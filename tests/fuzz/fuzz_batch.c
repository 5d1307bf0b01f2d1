/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bodies of /batch and /sequence: the scanner, and a whole run through a dispatcher whose handlers
 * echo. Whatever the body, the answer is 400 or 413 with nothing run, or an array with one
 * well-formed element for each that ran.
 */
#include "fuzz/fuzz.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/base64.h"
#include "router/batch_scan.h"
#include "router/dispatch.h"
#include "router/json_out.h"

static size_t ran;

static bool authenticate(struct call *call)
{
    call->who.known = true;
    return true;
}

static bool claim(struct call *call)
{
    (void)call;
    return true;
}

static enum err admit(struct call *call, enum access access)
{
    (void)call;
    (void)access;
    return OK;
}

static void release(struct call *call)
{
    (void)call;
}

static enum err echo(struct call *call)
{
    ran++;
    HOLDS(call->depth == 1);
    fuzz_request(call->mem, call->req);
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '{');
    json_out_key(out, "path");
    json_out_text(out, call->req->path);
    json_out_key(out, "body");
    json_out_base64(out, call->req->body);
    json_out_close(out, '}');
    return OK;
}

static const struct route routes[] = {
    {"POST", "/batch", ACCESS_PUBLIC, EFFECT_BY_ELEMENTS, REPLY_MAX_BYTES, batch_run},
    {"POST", "/sequence", ACCESS_PUBLIC, EFFECT_BY_ELEMENTS, REPLY_MAX_BYTES, sequence_run},
    {"GET", "/{rest}", ACCESS_PUBLIC, EFFECT_READS, 0, echo},
    {"POST", "/{rest}", ACCESS_USER, EFFECT_WRITES, REPLY_MAX_BYTES, echo},
    {"PUT", "/{rest}", ACCESS_USER, EFFECT_WRITES, REPLY_MAX_BYTES, echo},
    {"DELETE", "/{rest}", ACCESS_USER, EFFECT_WRITES, 0, echo},
};

static const struct dispatcher dispatcher = {.routes = routes,
                                             .route_count = COUNT_OF(routes),
                                             .authenticate = authenticate,
                                             .claim = claim,
                                             .admit = admit,
                                             .release = release};

static void assert_answer(const struct reply *reply)
{
    if (reply->status != 200) {
        HOLDS(reply->status == 400 || reply->status == 413);
        HOLDS(ran == 0);
        return;
    }
    HOLDS(reply->body.len <= REPLY_MAX_BYTES);
    json_t *array = json_loadb((const char *)reply->body.p, reply->body.len,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    HOLDS(json_is_array(array));
    HOLDS(json_array_size(array) >= ran && json_array_size(array) <= BATCH_MAX_ELEMENTS);
    size_t i;
    const json_t *e;
    json_array_foreach(array, i, e)
        HOLDS(json_is_integer(json_object_get(e, "code")) &&
              json_is_object(json_object_get(e, "headers")) && json_object_get(e, "body") != NULL);
    json_decref(array);
}

static void run(const char *path, struct span body)
{
    static int database; /* nobody looks into it */
    const struct header type = {SPAN("content-type"), SPAN("application/json")};
    const struct services services = {.dispatcher = &dispatcher};
    struct request req = {.headers = &type, .header_count = 1, .body = body};
    struct reply reply;
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    HOLDS(mem != NULL);
    HOLDS(request_set_method(&req, mem, SPAN("POST")) == OK);
    HOLDS(request_set_endpoint(&req, mem, span_of_text(path)) == OK);
    reply_init(&reply);
    struct call call = {.mem = mem,
                        .services = &services,
                        .req = &req,
                        .reply = &reply,
                        .db = (struct db *)(void *)&database};
    ran = 0;
    HOLDS(dispatch_request(&call) == OK);
    assert_answer(&reply);
    reply_done(&reply);
}

static void scan(struct span body)
{
    static struct batch_item items[BATCH_MAX_ELEMENTS];
    size_t count = 0;
    if (batch_scan(body, items, &count) != OK)
        return;
    HOLDS(count <= batch_scan_most(body) && batch_scan_most(body) <= BATCH_MAX_ELEMENTS);
    for (size_t i = 0; i < count; i++) {
        HOLDS(fuzz_within(items[i].text, body) && items[i].text.len >= 2);
        HOLDS(fuzz_within(items[i].b64, items[i].text));
        if (items[i].b64.p == NULL)
            continue;
        size_t len = 0, room = base64_max_decoded(items[i].b64.len);
        uint8_t *out = malloc(room > 0 ? room : 1);
        HOLDS(out != NULL);
        if (batch_scan_decode(items[i].b64, out, &len) == OK)
            HOLDS(len <= room);
        free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes body = fuzz_copy(data, size);
    scan(span_of_bytes(body));
    run("/batch", span_of_bytes(body));
    run("/sequence", span_of_bytes(body));
    free(body.p);
    return 0;
}
