/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A dispatcher with routes of its own, and how to ask it for a batch: shared by test_batch.c and
 * test_batch_limits.c.
 */
#ifndef CONCLAVE_TESTS_BATCH_FIXTURE_H
#define CONCLAVE_TESTS_BATCH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/mem.h"
#include "router/batch_scan.h"
#include "router/dispatch.h"
#include "router/json_in.h"
#include "router/json_out.h"

enum { SOURCE_PIECE_BYTES = 1000 };

/* What the hooks and handlers of this test do and count; services of a call lead back to it. */
struct world {
    struct services services; /* first */
    struct dispatcher dispatcher;
    int authenticated, claimed, ran;
    bool claim_lost, needs_sql, source_fails;
    int sources_closed;
    int64_t begin_until_ms; /* of the calls */
    size_t largest_room;    /* the ceiling that handlers saw */
};

static UNUSED struct world *world_of(const struct call *call)
{
    return (struct world *)(uintptr_t)call->services;
}

static UNUSED bool hook_authenticate(struct call *call)
{
    world_of(call)->authenticated++;
    call->who.known = true;
    call->who.id.b[0] = 0x15;
    return true;
}

static UNUSED bool hook_claim(struct call *call)
{
    struct world *w = world_of(call);
    w->claimed++;
    assert_int_equal(w->ran, 0); /* before the first element */
    if (w->claim_lost)
        reply_text(call->reply, 425, "claimed");
    return !w->claim_lost;
}

static UNUSED enum err hook_admit(struct call *call, enum access access)
{
    (void)access;
    assert_true(call->who.known); /* elements run as the outer caller */
    return OK;
}

static UNUSED void hook_release(struct call *call)
{
    (void)call;
}

/* Tells what the element looked like from inside. */
static UNUSED enum err echo(struct call *call)
{
    struct world *w = world_of(call);
    w->ran++;
    w->largest_room =
        call->reply->body.max > w->largest_room ? call->reply->body.max : w->largest_room;
    if (w->needs_sql && call->db == NULL)
        return ERR_RETRY;
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '{');
    json_out_key(out, "method");
    json_out_text(out, call->req->method_text);
    json_out_key(out, "path");
    json_out_text(out, call->req->path);
    json_out_key(out, "query");
    json_out_text(out, call->req->query);
    json_out_key(out, "type");
    json_out_text(out, request_header(call->req, "content-type"));
    json_out_key(out, "headers");
    buf_put_u64(out, call->req->header_count);
    json_out_key(out, "body");
    json_out_base64(out, call->req->body);
    json_out_key(out, "depth");
    buf_put_i64(out, call->depth);
    json_out_close(out, '}');
    return OK;
}

/* /size/N: a JSON string of N bytes with its quotes. */
static UNUSED enum err sized(struct call *call)
{
    struct buf *out = reply_json(call->reply, 200);
    size_t n = (size_t)call->params.number;
    uint8_t *to = buf_reserve(out, n);
    if (to == NULL)
        return ERR_TOO_LARGE;
    memset(to, 'x', n);
    to[0] = to[n - 1] = '"';
    buf_commit(out, n);
    return OK;
}

/* /status/N */
static UNUSED enum err status(struct call *call)
{
    world_of(call)->ran++;
    if (call->params.number == 304) {
        call->reply->status = 304;
        return OK;
    }
    reply_text(call->reply, (int)call->params.number, "words");
    return OK;
}

/* Ends when nothing more may begin. */
static UNUSED enum err slow(struct call *call)
{
    world_of(call)->ran++;
    while (clock_mono_ms() <= call->begin_until_ms)
        ;
    reply_text(call->reply, 200, "slow");
    return OK;
}

struct pieces {
    struct body_source source;
    struct world *world;
    uint64_t given;
    uint8_t piece[SOURCE_PIECE_BYTES];
};

static UNUSED enum err next_piece(struct body_source *source, struct db *db, struct span *ret_piece)
{
    struct pieces *p = (struct pieces *)(void *)source;
    assert_non_null(db);
    uint64_t left = source->length - p->given;
    size_t len = left < SOURCE_PIECE_BYTES ? (size_t)left : SOURCE_PIECE_BYTES;
    assert_true(len > 0);
    if (p->world->source_fails && p->given > 0)
        return ERR_BUSY;
    for (size_t i = 0; i < len; i++)
        p->piece[i] = (uint8_t)((p->given + i) % 251);
    p->given += len;
    *ret_piece = span_of(p->piece, len);
    return OK;
}

static UNUSED void close_pieces(struct body_source *source)
{
    struct pieces *p = (struct pieces *)(void *)source;
    p->world->sources_closed++;
    mem_free(p);
}

/* /file/N: N bytes that come in pieces. */
static UNUSED enum err file(struct call *call)
{
    struct pieces *p = MEM_NEW(struct pieces);
    assert_non_null(p);
    p->source = (struct body_source){(uint64_t)call->params.number, next_piece, close_pieces};
    p->world = world_of(call);
    call->reply->status = 200;
    call->reply->content_type = CONTENT_BINARY;
    call->reply->source = &p->source;
    reply_add_header(call->reply, "content-disposition", SPAN("attachment; filename=\"a\""));
    return OK;
}

static const struct route routes[] = {
    {"POST", "/batch", ACCESS_PUBLIC, EFFECT_BY_ELEMENTS, MIB(16), batch_run},
    {"POST", "/sequence", ACCESS_PUBLIC, EFFECT_BY_ELEMENTS, MIB(16), sequence_run},
    {"GET", "/echo/{rest}", ACCESS_PUBLIC, EFFECT_READS, 0, echo},
    {"POST", "/echo/{rest}", ACCESS_USER, EFFECT_WRITES, MIB(16), echo},
    {"PUT", "/echo/{rest}", ACCESS_USER, EFFECT_WRITES, MIB(16), echo},
    {"DELETE", "/echo/{rest}", ACCESS_USER, EFFECT_WRITES, 0, echo},
    {"POST", "/slow", ACCESS_USER, EFFECT_WRITES, MIB(16), slow},
    {"GET", "/size/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, sized},
    {"GET", "/status/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, status},
    {"GET", "/file/{number}", ACCESS_PUBLIC, EFFECT_READS, 0, file},
};

struct asked {
    struct world world;
    struct arena *mem;
    struct reply reply;
    enum err result;
    json_t *json; /* the reply's array; NULL when it is no JSON */
};

/* Asks and reads the reply. Release with forget. */
static UNUSED void ask_bytes(struct asked *a, const char *path, struct span body, bool with_db)
{
    static int somewhere; /* nobody looks into it */
    struct request req = {.method = METHOD_OTHER};
    const struct header type = {SPAN("Content-Type"), SPAN("application/json")};
    a->mem = arena_new(40 << 20);
    a->world.dispatcher = (struct dispatcher){.routes = routes,
                                              .route_count = COUNT_OF(routes),
                                              .authenticate = hook_authenticate,
                                              .claim = hook_claim,
                                              .admit = hook_admit,
                                              .release = hook_release};
    a->world.services.dispatcher = &a->world.dispatcher;
    assert_int_equal(request_set_method(&req, a->mem, SPAN("POST")), OK);
    assert_int_equal(request_set_endpoint(&req, a->mem, span_of_text(path)), OK);
    req.headers = &type;
    req.header_count = 1;
    req.body = body;
    reply_init(&a->reply);
    struct call call = {.mem = a->mem,
                        .services = &a->world.services,
                        .req = &req,
                        .reply = &a->reply,
                        .begin_until_ms = a->world.begin_until_ms,
                        .db = with_db ? (struct db *)(void *)&somewhere : NULL};
    a->result = dispatch_request(&call);
    a->json = a->reply.status == 200 ? json_loadb((const char *)a->reply.body.p, a->reply.body.len,
                                                  JSON_REJECT_DUPLICATES, NULL)
                                     : NULL;
}

static UNUSED void ask(struct asked *a, const char *path, const char *body, bool with_db)
{
    ask_bytes(a, path, span_of_text(body), with_db);
}

static UNUSED void forget(struct asked *a)
{
    json_decref(a->json);
    reply_done(&a->reply);
    arena_free(a->mem);
    *a = (struct asked){.mem = NULL};
}

static UNUSED const json_t *element(const struct asked *a, size_t i)
{
    const json_t *e = json_array_get(a->json, i);
    assert_true(json_is_object(e));
    /* Android fails the whole batch when one of the three is absent. */
    assert_true(json_is_integer(json_object_get(e, "code")));
    assert_true(json_is_object(json_object_get(e, "headers")));
    assert_non_null(json_object_get(e, "body"));
    return e;
}

static UNUSED int code_of(const struct asked *a, size_t i)
{
    return (int)json_integer_value(json_object_get(element(a, i), "code"));
}

static UNUSED const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static UNUSED const json_t *body_of(const struct asked *a, size_t i)
{
    return json_object_get(element(a, i), "body");
}

#endif
