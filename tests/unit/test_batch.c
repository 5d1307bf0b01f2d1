/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /batch and /sequence: the rules of protocol 02, 1.9, against a dispatcher with routes of this test.
 */
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
    size_t largest_room; /* the ceiling that handlers saw */
};

static struct world *world_of(const struct call *call)
{
    return (struct world *)(uintptr_t)call->services;
}

static bool hook_authenticate(struct call *call)
{
    world_of(call)->authenticated++;
    call->who.known = true;
    call->who.id.b[0] = 0x15;
    return true;
}

static bool hook_claim(struct call *call)
{
    struct world *w = world_of(call);
    w->claimed++;
    assert_int_equal(w->ran, 0); /* before the first element */
    if (w->claim_lost)
        reply_text(call->reply, 425, "claimed");
    return !w->claim_lost;
}

static enum err hook_admit(struct call *call, enum access access)
{
    (void)access;
    assert_true(call->who.known); /* elements run as the outer caller */
    return OK;
}

static void hook_release(struct call *call)
{
    (void)call;
}

/* Tells what the element looked like from inside. */
static enum err echo(struct call *call)
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
static enum err sized(struct call *call)
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
static enum err status(struct call *call)
{
    world_of(call)->ran++;
    if (call->params.number == 304) {
        call->reply->status = 304;
        return OK;
    }
    reply_text(call->reply, (int)call->params.number, "words");
    return OK;
}

struct pieces {
    struct body_source source;
    struct world *world;
    uint64_t given;
    uint8_t piece[SOURCE_PIECE_BYTES];
};

static enum err next_piece(struct body_source *source, struct db *db, struct span *ret_piece)
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

static void close_pieces(struct body_source *source)
{
    struct pieces *p = (struct pieces *)(void *)source;
    p->world->sources_closed++;
    mem_free(p);
}

/* /file/N: N bytes that come in pieces. */
static enum err file(struct call *call)
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
static void ask_bytes(struct asked *a, const char *path, struct span body, bool with_db)
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
                        .db = with_db ? (struct db *)(void *)&somewhere : NULL};
    a->result = dispatch_request(&call);
    a->json = a->reply.status == 200 ? json_loadb((const char *)a->reply.body.p, a->reply.body.len,
                                                  JSON_REJECT_DUPLICATES, NULL)
                                     : NULL;
}

static void ask(struct asked *a, const char *path, const char *body, bool with_db)
{
    ask_bytes(a, path, span_of_text(body), with_db);
}

static void forget(struct asked *a)
{
    json_decref(a->json);
    reply_done(&a->reply);
    arena_free(a->mem);
    *a = (struct asked){.mem = NULL};
}

static const json_t *element(const struct asked *a, size_t i)
{
    const json_t *e = json_array_get(a->json, i);
    assert_true(json_is_object(e));
    /* Android fails the whole batch when one of the three is absent. */
    assert_true(json_is_integer(json_object_get(e, "code")));
    assert_true(json_is_object(json_object_get(e, "headers")));
    assert_non_null(json_object_get(e, "body"));
    return e;
}

static int code_of(const struct asked *a, size_t i)
{
    return (int)json_integer_value(json_object_get(element(a, i), "code"));
}

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static const json_t *body_of(const struct asked *a, size_t i)
{
    return json_object_get(element(a, i), "body");
}

/* ---- replies ---- */

static void batch__of_nothing__is_an_empty_array(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch", " [ \n] ", false);
    assert_int_equal(a.reply.status, 200);
    assert_string_equal(a.reply.content_type, CONTENT_JSON);
    assert_true(span_eq_text(buf_span(&a.reply.body), "[]"));
    forget(&a);
}

static void batch__each_kind_of_reply__has_its_form(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/echo/a%20b?x=%20\"},{\"method\":\"GET\",\"path\":\"/"
        "status/404\"},"
        "{\"method\":\"GET\",\"path\":\"/status/304\"},{\"method\":\"GET\",\"path\":\"/unknown\"}]",
        false);
    assert_int_equal(json_array_size(a.json), 4);
    assert_int_equal(code_of(&a, 0), 200);
    assert_string_equal(text_in(body_of(&a, 0), "path"), "/echo/a b");
    assert_string_equal(text_in(body_of(&a, 0), "query"), "x=%20");
    assert_int_equal(json_integer_value(json_object_get(body_of(&a, 0), "depth")), 1);
    assert_string_equal(text_in(json_object_get(element(&a, 0), "headers"), "content-type"),
                        CONTENT_JSON);
    assert_int_equal(code_of(&a, 1), 404);
    assert_string_equal(json_string_value(body_of(&a, 1)), "d29yZHM=");
    assert_string_equal(text_in(json_object_get(element(&a, 1), "headers"), "content-type"),
                        CONTENT_TEXT);
    assert_int_equal(code_of(&a, 2), 304);
    assert_int_equal(json_object_size(json_object_get(element(&a, 2), "headers")), 0);
    assert_string_equal(json_string_value(body_of(&a, 2)), "");
    assert_int_equal(code_of(&a, 3), 404);
    assert_int_equal(a.world.authenticated, 1);
    assert_int_equal(a.world.claimed, 0);
    forget(&a);
}

static void batch__bodies__arrive_as_the_form_says(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    static const struct {
        const char *form, *type, *body;
    } cases[] = {
        {"\"json\":{\"a\" : [1, \"\\u00e9\"]}", "application/json", "eyJhIjpbMSwiw6kiXX0="},
        {"\"json\":null", "application/json", ""},
        {"\"json\":5", "application/json", "NQ=="},
        {"\"b64\":\"AAEC\"", "application/octet-stream", "AAEC"},
        {"\"b64\":\"AA\"", "application/octet-stream", "AA=="},
        {"\"b64\":\"\"", "application/octet-stream", ""},
        {"\"b64\":null", "application/octet-stream", ""},
        {"\"b64\" : \"\\/\\u002f\\u002B\\/AA\\u003d\\u003d\"", "application/octet-stream",
         "//+/AA=="},
        {"\"b\\u0036\\u0034\":\"AAEC\"", "application/octet-stream", "AAEC"},
        {"\"bytes\":\"\\u00e9\"", "application/octet-stream", "w6k="},
        {"\"bytes\":null", "application/octet-stream", ""},
        {"\"b64\":\"e30=\",\"headers\":{\"CONTENT-type\":\"application/json\"}", "application/json",
         "e30="},
        {"\"json\":{},\"other\":{\"b64\":1,\"json\":[]}", "application/json", "e30="},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[512];
        (void)snprintf(body, sizeof body, "[{\"method\":\"%s\",\"path\":\"/echo/x\",%s}]",
                       i % 2 ? "PUT" : "POST", cases[i].form);
        ask(&a, "/batch", body, true);
        assert_int_equal(code_of(&a, 0), 200);
        assert_string_equal(text_in(body_of(&a, 0), "type"), cases[i].type);
        assert_string_equal(text_in(body_of(&a, 0), "body"), cases[i].body);
        forget(&a);
    }
}

static void batch__signed_headers_of_elements__are_dropped(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/echo/"
        "x\",\"headers\":{\"X-SOGS-PubKey\":\"00\",\"x-sogs-nonce\":\"\","
        "\"Content-Length\":\"9\",\"Room\":\"a\"}}]",
        false);
    assert_int_equal(code_of(&a, 0), 200);
    assert_int_equal(json_integer_value(json_object_get(body_of(&a, 0), "headers")), 1);
    assert_int_equal(a.world.authenticated, 1);
    forget(&a);
}

/* ---- violations ---- */

static void batch__one_violation__refuses_all_and_runs_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "5",
        "\"x\"",
        "[]",
        "null",
        "{}",
        "{\"path\":\"/echo/x\"}",
        "{\"method\":\"GET\"}",
        "{\"method\":\"get\",\"path\":\"/echo/x\"}",
        "{\"method\":\"PATCH\",\"path\":\"/echo/x\"}",
        "{\"method\":\"HEAD\",\"path\":\"/echo/x\"}",
        "{\"method\":5,\"path\":\"/echo/x\"}",
        "{\"method\":\"GET\",\"path\":\"echo/x\"}",
        "{\"method\":\"GET\",\"path\":\"\"}",
        "{\"method\":\"GET\",\"path\":5}",
        "{\"method\":\"GET\",\"path\":null}",
        "{\"method\":\"GET\",\"path\":\"/echo/%ff\"}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"json\":{}}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"json\":null}",
        "{\"method\":\"DELETE\",\"path\":\"/echo/x\",\"b64\":\"\"}",
        "{\"method\":\"DELETE\",\"path\":\"/echo/x\",\"bytes\":\"\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\"}",
        "{\"method\":\"PUT\",\"path\":\"/echo/x\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"json\":{},\"b64\":\"\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"json\":null,\"bytes\":null}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"A-_A\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"A\\nAA\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"A\\u0141AA\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":5}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"AAEC\",\"b64\":\"AAEC\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"AAEC\",\"b\\u00364\":\"AAEC\"}",
        "{\"method\":\"POST\",\"path\":\"/echo/x\",\"bytes\":[1,2]}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"headers\":[]}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"headers\":{\"a\":1}}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\",\"headers\":{\"X-SOGS-Nonce\":1}}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\"]",
        "{\"method\":\"GET\",\"path\":\"/echo/x\"}}",
        "{\"method\":\"GET\",\"path\":\"/echo/x\"} x",
        "{\"method\":\"GET\",\"path\":\"/echo/x\"},",
        "{\"method\":\"GET\" \"path\":\"/echo/x\"}",
        "{\"method\":\"GET\",\"path\":\"/echo/\xff\"}",
        "{\"x\":\"b64\":\"AAAA\",\"method\":\"GET\",\"path\":\"/echo/x\"}",
    };
    struct asked a = {.mem = NULL};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        for (int first = 0; first < 2; first++) {
            char body[1024];
            const char *good = "{\"method\":\"GET\",\"path\":\"/echo/x\"}";
            (void)snprintf(body, sizeof body, "[%s,%s]", first ? bad[i] : good,
                           first ? good : bad[i]);
            ask(&a, "/batch", body, true);
            if (a.result != OK || a.reply.status != 400)
                fail_msg("%s: status %d", body, a.reply.status);
            assert_int_equal(a.world.ran, 0);
            assert_int_equal(a.world.claimed, 0);
            forget(&a);
        }
    }
    static const char *const bad_bodies[] = {"", " ", "{}", "null", "[", "]", "[,]", "[]x", "[][]"};
    for (size_t i = 0; i < COUNT_OF(bad_bodies); i++) {
        ask(&a, "/batch", bad_bodies[i], true);
        assert_int_equal(a.reply.status, 400);
        forget(&a);
    }
}

static void batch__every_truncation__is_refused(void **state)
{
    (void)state;
    static const char whole[] =
        "[{\"method\":\"GET\",\"path\":\"/echo/x\",\"headers\":{\"a\\\\\":\"\\\"]}\"}},\n"
        "{\"method\":\"POST\",\"path\":\"/echo/y\",\"b64\":\"AAEC\\/w==\"},"
        "{\"json\":[{},[\"\\u00e9\"]],\"method\":\"PUT\",\"path\":\"/echo/z\"}]";
    struct asked a = {.mem = NULL};
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        /* A copy of exactly that size, so that a step past its end is seen by the sanitizer. */
        uint8_t *copy = mem_alloc(len + (len == 0));
        memcpy(copy, whole, len);
        ask_bytes(&a, "/batch", span_of(copy, len), true);
        assert_int_equal(a.reply.status, 400);
        assert_int_equal(a.world.ran, 0);
        forget(&a);
        mem_free(copy);
    }
    ask(&a, "/batch", whole, true);
    assert_int_equal(a.reply.status, 200);
    assert_int_equal(a.world.ran, 3);
    forget(&a);
}

static void batch__another_content_type__is_refused(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    /* By way of an element, whose b64 defaults to octet-stream: nesting is refused before the type is looked at. */
    ask(&a, "/batch", "[{\"method\":\"POST\",\"path\":\"/batch\",\"b64\":\"W10=\"}]", true);
    assert_int_equal(code_of(&a, 0), 400);
    forget(&a);
    struct reply reply;
    reply_init(&reply);
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    struct request req = {.body = SPAN("[]")};
    struct call call = {.mem = mem, .req = &req, .reply = &reply};
    assert_int_equal(batch_run(&call), ERR_MALFORMED);
    reply_done(&reply);
}

static void batch__nested__is_400_for_that_element_alone(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"POST\",\"path\":\"/batch\",\"json\":[]},{\"method\":\"POST\",\"path\":\"/"
        "sequence\",\"json\":[]},"
        "{\"method\":\"GET\",\"path\":\"/echo/x\"}]",
        true);
    assert_int_equal(json_array_size(a.json), 3);
    assert_int_equal(code_of(&a, 0), 400);
    assert_int_equal(code_of(&a, 1), 400);
    assert_int_equal(code_of(&a, 2), 200);
    forget(&a);
}

/* ---- order, memory pass, claim ---- */

static void sequence__stops_after_the_first_failure(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        size_t answered;
    } cases[] = {{"200", 3}, {"201", 3}, {"299", 3}, {"304", 2}, {"404", 2}, {"199", 2}};
    struct asked a = {.mem = NULL};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[512];
        (void)snprintf(body, sizeof body,
                       "[{\"method\":\"GET\",\"path\":\"/echo/a\"},{\"method\":\"GET\",\"path\":\"/"
                       "status/%s\"},"
                       "{\"method\":\"GET\",\"path\":\"/echo/b\"}]",
                       cases[i].status);
        ask(&a, "/sequence", body, false);
        assert_int_equal(json_array_size(a.json), cases[i].answered);
        assert_int_equal(a.world.ran, cases[i].answered);
        forget(&a);
        ask(&a, "/batch", body, false);
        assert_int_equal(json_array_size(a.json), 3);
        forget(&a);
    }
}

static void batch__without_sql__runs_gets_only(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/echo/a\"},{\"method\":\"DELETE\",\"path\":\"/echo/b\"}]",
        false);
    assert_int_equal(a.result, ERR_RETRY);
    assert_int_equal(a.world.ran, 0);
    forget(&a);
    /* One that memory cannot answer sends the whole back, half-written replies dropped. */
    a.world.needs_sql = true;
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/status/200\"},{\"method\":\"GET\",\"path\":\"/echo/a\"},"
        "{\"method\":\"GET\",\"path\":\"/status/200\"}]",
        false);
    assert_int_equal(a.result, ERR_RETRY);
    assert_int_equal(a.world.ran, 2);
    assert_int_equal(a.reply.body.len, 0);
    forget(&a);
    /* A violation is known without SQL. */
    ask(&a, "/batch", "[{\"method\":\"DELETE\",\"path\":\"/echo/b\"},{}]", false);
    assert_int_equal(a.result, OK);
    assert_int_equal(a.reply.status, 400);
    forget(&a);
}

static void batch__that_writes__is_claimed_once_before_its_first_element(void **state)
{
    (void)state;
    static const char body[] =
        "[{\"method\":\"GET\",\"path\":\"/echo/a\"},{\"method\":\"DELETE\",\"path\":\"/echo/b\"},"
        "{\"method\":\"POST\",\"path\":\"/echo/c\",\"json\":1}]";
    struct asked a = {.mem = NULL};
    ask(&a, "/batch", body, true);
    assert_int_equal(a.world.claimed, 1);
    assert_int_equal(a.world.ran, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(code_of(&a, i), 200);
    forget(&a);
    a.world.claim_lost = true;
    ask(&a, "/batch", body, true);
    assert_int_equal(a.reply.status, 425);
    assert_int_equal(a.world.ran, 0);
    forget(&a);
}

/* ---- limits ---- */

/* "[" count times one "]"; each element is `one`. */
static struct span repeated(struct arena *mem, const char *one, size_t count)
{
    size_t len = strlen(one);
    char *text = arena_alloc(mem, count * (len + 1) + 2);
    assert_non_null(text);
    char *to = text;
    *to++ = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(to, one, len);
        to[len] = ',';
        to += len + 1;
    }
    to[-1] = ']';
    return span_of(text, (size_t)(to - text));
}

static void batch__of_500__runs_and_of_501__does_not(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(4 << 20);
    const char *one = "{\"method\":\"GET\",\"path\":\"/echo/a\"}";
    struct asked a = {.mem = NULL};
    ask_bytes(&a, "/batch", repeated(mem, one, 500), false);
    assert_int_equal(json_array_size(a.json), 500);
    assert_int_equal(a.world.ran, 500);
    forget(&a);
    ask_bytes(&a, "/batch", repeated(mem, one, 501), false);
    assert_int_equal(a.reply.status, 400);
    assert_int_equal(a.world.ran, 0);
    forget(&a);
}

/* The pure cost of a body made to hurt; milliseconds of CPU. */
static double cost_ms(struct span body, int expected_status)
{
    struct asked a = {.mem = NULL};
    clock_t before = clock();
    ask_bytes(&a, "/batch", body, false);
    double ms = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
    assert_int_equal(a.result, OK);
    assert_int_equal(a.reply.status, expected_status);
    assert_true(arena_used(a.mem) < MIB(1));
    forget(&a);
    return ms;
}

static void batch__bombs__are_cheap_to_refuse(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(64 << 20);
    const size_t big = 10 << 20;
    assert_true(cost_ms(repeated(mem, "{}", big / 3), 400) < 50);
    uint8_t *bomb = arena_alloc(mem, big);
    memset(bomb, '[', big);
    assert_true(cost_ms(span_of(bomb, big), 400) < 50);
    memcpy(bomb, "[{\"a\":", 6);
    assert_true(cost_ms(span_of(bomb, big), 400) < 50);
    for (size_t i = 1; i + 5 <= big; i += 5)
        memcpy(bomb + i, "{\"a\":", 5);
    assert_true(cost_ms(span_of(bomb, big), 400) < 50);
    /* One element that is not base64 and too large for a tree. */
    memset(bomb, ',', big);
    memcpy(bomb, "[{\"x\":[", 7);
    assert_true(cost_ms(span_of(bomb, big), 413) < 50);
    /* Just below what Jansson may see, made of what costs it most. */
    struct span small = repeated(mem, "{}", (JSON_MAX_BYTES - 100) / 3);
    uint8_t *whole = arena_alloc(mem, small.len + 8);
    memcpy(whole, "[{\"x\":", 6);
    memcpy(whole + 6, small.p, small.len);
    memcpy(whole + 6 + small.len, "}]", 2);
    assert_true(cost_ms(span_of(whole, small.len + 8), 400) < 150);
}

static void batch__small_json__ends_at_its_limit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(8 << 20);
    struct asked a = {.mem = NULL};
    static const char head[] = "[{\"method\":\"GET\",\"path\":\"/echo/x\",\"x\":\"";
    for (size_t over = 0; over < 2; over++) {
        size_t element_bytes = JSON_MAX_BYTES + over;
        uint8_t *body = arena_alloc(mem, element_bytes + 2);
        memset(body, 'x', element_bytes + 2);
        memcpy(body, head, sizeof head - 1);
        memcpy(body + element_bytes + 2 - 3, "\"}]", 3);
        ask_bytes(&a, "/batch", span_of(body, element_bytes + 2), false);
        assert_int_equal(a.reply.status, over == 0 ? 200 : 413);
        forget(&a);
    }
}

static void batch__a_file_as_b64__never_meets_the_small_limit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(64 << 20);
    static const char head[] = "[{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"";
    size_t text_len = base64_len(7 << 20);
    uint8_t *raw = arena_alloc(mem, 7 << 20);
    for (size_t i = 0; i < (7 << 20); i++)
        raw[i] = (uint8_t)(i * 7 % 253);
    char *body = arena_alloc(mem, sizeof head + text_len + 3);
    memcpy(body, head, sizeof head - 1);
    base64_write(span_of(raw, 7 << 20), body + sizeof head - 1);
    memcpy(body + sizeof head - 1 + text_len, "\"}]", 3);
    struct asked a = {.mem = NULL};
    ask_bytes(&a, "/batch", span_of(body, sizeof head - 1 + text_len + 3), true);
    assert_int_equal(code_of(&a, 0), 200);
    const char *echoed = text_in(body_of(&a, 0), "body");
    assert_int_equal(strlen(echoed), text_len);
    assert_memory_equal(echoed, body + sizeof head - 1, text_len);
    forget(&a);
}

/* ---- the ceiling of the reply ---- */

static void batch__replies_past_the_ceiling__are_413_elements(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/size/6000000\"},{\"method\":\"GET\",\"path\":\"/size/"
        "6000000\"},"
        "{\"method\":\"GET\",\"path\":\"/size/4000000\"},{\"method\":\"GET\",\"path\":\"/size/"
        "10485760\"},"
        "{\"method\":\"GET\",\"path\":\"/size/100\"}]",
        false);
    assert_int_equal(a.reply.status, 200);
    assert_true(a.reply.body.len + 200 <= REPLY_MAX_BYTES);
    const int expected[] = {200, 413, 200, 413, 200};
    assert_int_equal(json_array_size(a.json), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(code_of(&a, i), expected[i]);
    forget(&a);
}

static void batch__of_500_that_all_want_the_rest__stays_below_the_ceiling(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *mem = arena_new(4 << 20);
    struct asked a = {.mem = NULL};
    for (int i = 0; i < 2; i++) {
        /* As text (base64 grows by a third) and as JSON. */
        const char *one = i == 0 ? "{\"method\":\"GET\",\"path\":\"/size/100000\"}"
                                 : "{\"method\":\"GET\",\"path\":\"/size/30000\"}";
        ask_bytes(&a, "/batch", repeated(mem, one, 500), false);
        assert_int_equal(a.reply.status, 200);
        assert_true(a.reply.body.len + 200 <= REPLY_MAX_BYTES);
        assert_int_equal(json_array_size(a.json), 500);
        assert_int_equal(code_of(&a, 0), 200);
        assert_int_equal(code_of(&a, 499), 413);
        forget(&a);
    }
}

static void batch__a_lone_element__may_use_nearly_all(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch", "[{\"method\":\"GET\",\"path\":\"/echo/x\"}]", false);
    assert_in_range(a.world.largest_room, REPLY_MAX_BYTES - 4096, REPLY_MAX_BYTES - 1024);
    forget(&a);
}

/* ---- bodies that come in pieces ---- */

static void batch__a_file__is_gathered_into_base64(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 999, 1000, 1001, 123457};
    struct asked a = {.mem = NULL};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        char body[128];
        (void)snprintf(body, sizeof body, "[{\"method\":\"GET\",\"path\":\"/file/%lld\"}]",
                       (long long)sizes[s]);
        ask(&a, "/batch", body, true);
        assert_int_equal(code_of(&a, 0), 200);
        const json_t *headers = json_object_get(element(&a, 0), "headers");
        assert_string_equal(text_in(headers, "content-type"), CONTENT_BINARY);
        assert_string_equal(text_in(headers, "content-disposition"), "attachment; filename=\"a\"");
        struct span text =
            span_of(json_string_value(body_of(&a, 0)), json_string_length(body_of(&a, 0)));
        uint8_t *bytes = arena_alloc(a.mem, base64_max_decoded(text.len));
        size_t len = 0;
        assert_int_equal(base64_read(text, bytes, &len), OK);
        assert_int_equal(len, sizes[s]);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(bytes[i], i % 251);
        assert_int_equal(a.world.sources_closed, 1);
        forget(&a);
    }
}

static void batch__a_file_without_sql_or_too_large_or_failing__is_closed(void **state)
{
    (void)state;
    struct asked a = {.mem = NULL};
    ask(&a, "/batch", "[{\"method\":\"GET\",\"path\":\"/file/5\"}]", false);
    assert_int_equal(a.result, ERR_RETRY);
    assert_int_equal(a.world.sources_closed, 1);
    forget(&a);
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/file/8000000\"},{\"method\":\"GET\",\"path\":\"/file/"
        "5\"}]",
        true);
    assert_int_equal(code_of(&a, 0), 413);
    assert_int_equal(code_of(&a, 1), 200);
    assert_int_equal(a.world.sources_closed, 2);
    forget(&a);
    a.world.source_fails = true;
    ask(&a, "/batch",
        "[{\"method\":\"GET\",\"path\":\"/file/5000\"},{\"method\":\"GET\",\"path\":\"/echo/x\"}]",
        true);
    assert_int_equal(code_of(&a, 0), 503);
    assert_int_equal(code_of(&a, 1), 200);
    assert_int_equal(a.world.sources_closed, 1);
    forget(&a);
}

/* ---- memory ---- */

static void batch__each_allocation_failing__is_an_error_and_no_crash(void **state)
{
    (void)state;
    bool whole = false;
    struct asked a = {.mem = NULL};
    for (int64_t n = 2; !whole && n < 400; n++) { /* the first two are this test's own arena */
        (void)mem_fail_after(n);
        ask(&a, "/batch",
            "[{\"method\":\"POST\",\"path\":\"/echo/"
            "x\",\"json\":{\"a\":[1,2]},\"headers\":{\"a\":\"b\"}},"
            "{\"method\":\"POST\",\"path\":\"/echo/x\",\"b64\":\"AAE\\/"
            "\"},{\"method\":\"GET\",\"path\":\"/file/2000\"}]",
            true);
        (void)mem_fail_after(-1);
        assert_int_equal(a.result, OK);
        whole = a.json != NULL && json_array_size(a.json) == 3 && code_of(&a, 0) == 200 &&
                code_of(&a, 1) == 200 && code_of(&a, 2) == 200;
        if (a.json == NULL && a.reply.status == 200)
            fail_msg("half a reply when allocation %lld fails", (long long)n);
        forget(&a);
    }
    assert_true(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch__of_nothing__is_an_empty_array),
        cmocka_unit_test(batch__each_kind_of_reply__has_its_form),
        cmocka_unit_test(batch__bodies__arrive_as_the_form_says),
        cmocka_unit_test(batch__signed_headers_of_elements__are_dropped),
        cmocka_unit_test(batch__one_violation__refuses_all_and_runs_nothing),
        cmocka_unit_test(batch__every_truncation__is_refused),
        cmocka_unit_test(batch__another_content_type__is_refused),
        cmocka_unit_test(batch__nested__is_400_for_that_element_alone),
        cmocka_unit_test(sequence__stops_after_the_first_failure),
        cmocka_unit_test(batch__without_sql__runs_gets_only),
        cmocka_unit_test(batch__that_writes__is_claimed_once_before_its_first_element),
        cmocka_unit_test(batch__of_500__runs_and_of_501__does_not),
        cmocka_unit_test(batch__bombs__are_cheap_to_refuse),
        cmocka_unit_test(batch__small_json__ends_at_its_limit),
        cmocka_unit_test(batch__a_file_as_b64__never_meets_the_small_limit),
        cmocka_unit_test(batch__replies_past_the_ceiling__are_413_elements),
        cmocka_unit_test(batch__of_500_that_all_want_the_rest__stays_below_the_ceiling),
        cmocka_unit_test(batch__a_lone_element__may_use_nearly_all),
        cmocka_unit_test(batch__a_file__is_gathered_into_base64),
        cmocka_unit_test(batch__a_file_without_sql_or_too_large_or_failing__is_closed),
        cmocka_unit_test(batch__each_allocation_failing__is_an_error_and_no_crash),
    };
    json_in_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
