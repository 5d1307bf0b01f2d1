/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one way from a request to its handler: who, which route, may they, how much, once, and only
 * then what. The order is that of docs/protocol/community.md, 2.0, and it is here so that no
 * handler can forget a step. Does not know any route.
 */
#include "router/dispatch.h"

#include <assert.h>

#include "base/arena.h"
#include "base/log.h"
#include "router/path.h"

static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};

/* ---- the check at start ---- */

static bool method_known(const char *method)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (strcmp(method, methods[i]) == 0)
            return true;
    }
    return false;
}

static bool needs_room(enum access access)
{
    switch (access) {
    case ACCESS_ROOM_ACCESSIBLE:
    case ACCESS_ROOM_READ:
    case ACCESS_ROOM_READ_AS_USER:
    case ACCESS_ROOM_WRITE:
    case ACCESS_ROOM_UPLOAD:
    case ACCESS_ROOM_MODERATOR:
    case ACCESS_ROOM_ADMIN:
    case ACCESS_ROOM_SETTINGS:
        return true;
    case ACCESS_UNDECLARED:
    case ACCESS_PUBLIC:
    case ACCESS_USER:
    case ACCESS_BLINDED_USER:
    case ACCESS_GLOBAL_ADMIN:
        break;
    }
    return false;
}

/* A GET never writes: batches of GETs start without a claim and on a thread without SQL. */
static bool route_ok(const struct route *route)
{
    if (route->method == NULL || route->pattern == NULL || route->handler == NULL)
        return false;
    if (!method_known(route->method) || !path_pattern_ok(route->pattern))
        return false;
    if (route->access == ACCESS_UNDECLARED || route->effect == EFFECT_UNDECLARED)
        return false;
    if (needs_room(route->access) && !path_has_room(route->pattern))
        return false;
    return strcmp(route->method, "GET") != 0 || route->effect == EFFECT_READS;
}

enum err dispatch_check(const struct dispatcher *d, const char **ret_bad_pattern)
{
    assert(d->authenticate != NULL && d->claim != NULL && d->admit != NULL && d->release != NULL);
    for (size_t i = 0; i < d->route_count; i++) {
        bool ok = route_ok(&d->routes[i]);
        for (size_t j = 0; ok && j < i; j++)
            ok = strcmp(d->routes[i].method, d->routes[j].method) != 0 ||
                 strcmp(d->routes[i].pattern, d->routes[j].pattern) != 0;
        if (!ok) {
            *ret_bad_pattern = d->routes[i].pattern == NULL ? "" : d->routes[i].pattern;
            return ERR_DEFECT;
        }
    }
    return OK;
}

/* ---- finding the route ---- */

static bool is_head(const struct request *req)
{
    return span_eq_text(req->method_text, "HEAD");
}

enum { ALLOW_MAX_BYTES = 48 }; /* "GET, HEAD, POST, PUT, DELETE, OPTIONS" */

struct allowed {
    uint8_t *text;
    size_t len;
};

static void allow(struct allowed *allowed, const char *method)
{
    struct span name = span_of_text(method);
    if (allowed->text == NULL || allowed->len + name.len + 2 > ALLOW_MAX_BYTES)
        return;
    if (allowed->len > 0) {
        memcpy(allowed->text + allowed->len, ", ", 2);
        allowed->len += 2;
    }
    memcpy(allowed->text + allowed->len, name.p, name.len);
    allowed->len += name.len;
}

/* The header of a reply to a method that this path does not have: those that it has. */
static void add_allow(struct call *call)
{
    const struct dispatcher *d = call->services->dispatcher;
    struct allowed allowed = {.text = arena_alloc(call->mem, ALLOW_MAX_BYTES)};
    for (size_t i = 0; i < d->route_count; i++) {
        const char *method = d->routes[i].method;
        struct params params;
        if (span_eq_text(call->req->method_text, method) ||
            !path_match(d->routes[i].pattern, call->req->path, &params))
            continue;
        allow(&allowed, method);
        if (strcmp(method, "GET") == 0)
            allow(&allowed, "HEAD");
    }
    allow(&allowed, "OPTIONS");
    if (allowed.text != NULL)
        reply_add_header(call->reply, "allow", span_of(allowed.text, allowed.len));
}

/*
 * 405; or for OPTIONS, which asks for nothing else, 200 without a body. Neither asks whether a room
 * is there.
 */
static void refuse_method(struct call *call)
{
    if (span_eq_text(call->req->method_text, "OPTIONS")) {
        reply_reset(call->reply);
        call->reply->status = 200;
    } else {
        reply_text(call->reply, 405, "Method not allowed");
    }
    add_allow(call);
}

/*
 * The route of the request, with call->params filled; or NULL, with the reply written: 404, 405, or
 * that to OPTIONS.
 */
static const struct route *find_route(struct call *call)
{
    const struct dispatcher *d = call->services->dispatcher;
    struct span method = is_head(call->req) ? SPAN("GET") : call->req->method_text;
    for (size_t i = 0; i < d->route_count; i++) {
        const struct route *route = &d->routes[i];
        if (span_eq_text(method, route->method) &&
            path_match(route->pattern, call->req->path, &call->params))
            return route;
    }
    /* Only now the other methods: a poll asks six times, and always finds its routes above. */
    bool path_known = false;
    for (size_t i = 0; i < d->route_count && !path_known; i++)
        path_known = path_match(d->routes[i].pattern, call->req->path, &call->params);
    if (path_known)
        refuse_method(call);
    else
        reply_error(call->reply, ERR_MISSING);
    return NULL;
}

/* ---- running it ---- */

/*
 * Nobody may leave without an answer, and nobody sends half a one. To HEAD goes what GET answers,
 * without its body.
 */
static void settle(struct call *call, enum err e)
{
    if (e == OK && call->reply->status == 0) {
        log_event(LOG_ERROR, "router.no_reply");
        e = ERR_DEFECT;
    }
    if (e == OK)
        e = buf_verdict(&call->reply->body);
    if (e != OK)
        reply_error(call->reply, e);
    if (is_head(call->req))
        reply_drop_body(call->reply);
}

enum err dispatch_claim(struct call *call)
{
    if (call->nonce_claimed || !call->who.known)
        return OK; /* an anonymous caller has nothing to replay */
    if (!call->services->dispatcher->claim(call))
        return ERR_DENIED;
    call->nonce_claimed = true;
    return OK;
}

static enum err run_handler(struct call *call, const struct route *route)
{
    switch (route->effect) {
    case EFFECT_WRITES: {
        if (call->db == NULL)
            return ERR_RETRY;
        enum err e = dispatch_claim(call);
        if (e != OK)
            return e;
        break;
    }
    case EFFECT_BY_ELEMENTS:
        if (call->depth > 0) {
            reply_text(call->reply, 400, "Batches do not nest");
            return ERR_DENIED;
        }
        break;
    case EFFECT_READS:
    case EFFECT_WRITES_CLAIMED_LATER:
        break;
    case EFFECT_WRITES_IF_NEEDED:
        if (call->db == NULL)
            return ERR_RETRY;
        break;
    case EFFECT_UNDECLARED:
        return ERR_DEFECT; /* dispatch_check refuses to start with it */
    }
    enum err e = route->handler(call);
    if (e == ERR_DENIED)
        reply_error(call->reply,
                    e); /* its own: below, ERR_DENIED means that a refusal is written */
    return e;
}

/* ERR_DENIED: refusal written. */
static enum err admit_and_run(struct call *call, const struct route *route)
{
    enum err e = call->services->dispatcher->admit(call, route->access);
    if (e == ERR_DENIED && route->access == ACCESS_ROOM_SETTINGS && call->reply->status == 404)
        refuse_method(call);
    if (e != OK)
        return e;
    if (route->body_max > 0 && call->req->body.len > route->body_max)
        return ERR_TOO_LARGE;
    return run_handler(call, route);
}

/* What follows authentication, for the outermost request and for elements alike. */
static enum err run(struct call *call)
{
    const struct route *route = find_route(call);
    if (route == NULL)
        return OK;
    enum err e = admit_and_run(call, route);
    if (e == OK && call->later.started)
        return OK; /* the room is released by dispatch_finish */
    call->services->dispatcher->release(call);
    if (e == ERR_RETRY && call->db == NULL) {
        reply_reset(call->reply);
        return ERR_RETRY;
    }
    settle(call, e == ERR_DENIED ? OK : e);
    return OK;
}

enum err dispatch_request(struct call *call)
{
    const struct dispatcher *d = call->services->dispatcher;
    if (!call->authenticated) {
        if (!d->authenticate(call))
            return OK;
        call->authenticated = true;
    }
    if (d->welcome != NULL && call->who.known) {
        enum err e = d->welcome(call);
        if (e != OK)
            return e == ERR_DENIED ? OK : e;
    }
    return run(call);
}

static struct call element_of(const struct call *outer, const struct request *req,
                              struct reply *reply)
{
    struct call call = *outer;
    call.req = req;
    call.reply = reply;
    call.depth = outer->depth + 1;
    call.params = (struct params){.number = 0};
    call.room = NULL;
    call.rights = (struct rights){.banned = false};
    call.later.started = false;
    return call;
}

enum err dispatch_element(const struct call *outer, const struct request *req, struct reply *reply)
{
    struct call call = element_of(outer, req, reply);
    call.later.allowed = false;
    return run(&call);
}

enum err dispatch_element_start(const struct call *outer, const struct request *req,
                                struct reply *reply, struct call **ret_started)
{
    struct call *call = ARENA_NEW(outer->mem, struct call);
    if (call == NULL)
        return ERR_NO_MEMORY;
    *call = element_of(outer, req, reply);
    enum err e = run(call);
    if (e == OK)
        *ret_started = call->later.started ? call : NULL;
    return e;
}

bool dispatch_may_finish_later(const struct dispatcher *d, const struct request *req)
{
    struct params params;
    for (size_t i = 0; i < d->route_count; i++) {
        const struct route *route = &d->routes[i];
        if (route->effect == EFFECT_WRITES_CLAIMED_LATER &&
            span_eq_text(req->method_text, route->method) &&
            path_match(route->pattern, req->path, &params))
            return true;
    }
    return false;
}

void dispatch_finish(struct call *call)
{
    call->later.finish(call, call->later.arg);
    call->services->dispatcher->release(call);
    settle(call, OK);
}

void dispatch_forget(struct call *call)
{
    const struct dispatcher *d = call->services->dispatcher;
    if (call->who.known && d->forget != NULL)
        d->forget(call);
}
