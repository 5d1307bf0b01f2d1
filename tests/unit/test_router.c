/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order in which a request is checked, and the methods of a path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "router/dispatch.h"

/*
 * What the hooks and handlers of this test do, and what they were asked: one per call, found
 * through services.
 */
struct world {
    struct services services; /* first: services of a call lead back to the world */
    struct dispatcher dispatcher;
    bool authenticated, claimed;
    enum err admit;
    int asked_authenticate, asked_admit, asked_claim, asked_release, asked_welcome, ran;
    enum err welcome;
    enum err handler_result;
    bool handler_silent, handler_overflows, handler_later;
};

static struct world *world_of(const struct call *call)
{
    return (struct world *)(uintptr_t)call->services;
}

static bool hook_authenticate(struct call *call)
{
    struct world *w = world_of(call);
    w->asked_authenticate++;
    if (!w->authenticated)
        reply_text(call->reply, 425, "early");
    else
        call->who.known = true;
    return w->authenticated;
}

/* Something waits for the caller: with a db it can be moved. */
static enum err hook_welcome(struct call *call)
{
    struct world *w = world_of(call);
    w->asked_welcome++;
    assert_true(call->authenticated);
    if (w->welcome == ERR_DENIED)
        reply_text(call->reply, 403, "banned");
    return w->welcome == ERR_RETRY && call->db != NULL ? OK : w->welcome;
}

static bool hook_claim(struct call *call)
{
    struct world *w = world_of(call);
    w->asked_claim++;
    assert_non_null(call->db);
    if (!w->claimed)
        reply_text(call->reply, 425, "claimed");
    return w->claimed;
}

static enum err hook_admit(struct call *call, enum access access)
{
    struct world *w = world_of(call);
    w->asked_admit++;
    assert_int_not_equal(access, ACCESS_UNDECLARED);
    if (w->admit == ERR_DENIED)
        reply_text(call->reply, 403, "no");
    return w->admit;
}

static void hook_release(struct call *call)
{
    world_of(call)->asked_release++;
}

static void finish_later(struct call *call, void *arg)
{
    (void)arg;
    if (!world_of(call)->handler_silent)
        reply_text(call->reply, 201, "later");
}

static enum err handle(struct call *call)
{
    struct world *w = world_of(call);
    w->ran++;
    if (w->handler_later) {
        call->later.started = true;
        call->later.finish = finish_later;
        return OK;
    }
    if (w->handler_silent)
        return OK;
    struct buf *out = reply_json(call->reply, 200);
    buf_put(out, SPAN("{}"));
    if (w->handler_overflows)
        (void)buf_reserve(out, REPLY_MAX_BYTES);
    return w->handler_result;
}

static enum err handle_nothing(struct call *call)
{
    (void)call;
    return ERR_MALFORMED;
}

static const struct route routes[] = {
    {"GET", "/read", ACCESS_PUBLIC, EFFECT_READS, 0, handle},
    {"POST", "/write", ACCESS_USER, EFFECT_WRITES, 10, handle},
    {"POST", "/later", ACCESS_USER, EFFECT_WRITES_CLAIMED_LATER, 10, handle},
    {"GET", "/room/{room}/thing/{number}", ACCESS_ROOM_READ, EFFECT_READS, 0, handle},
    {"PUT", "/room/{room}/thing/{number}", ACCESS_ROOM_WRITE, EFFECT_WRITES, 10, handle},
    {"GET", "/refuses", ACCESS_PUBLIC, EFFECT_READS, 0, handle_nothing},
};

struct asked {
    struct world *world;
    struct arena *mem;
    struct request req;
    struct reply reply;
    struct call call;
};

static void world_init(struct world *w)
{
    *w = (struct world){.authenticated = true, .claimed = true};
    w->dispatcher = (struct dispatcher){.routes = routes,
                                        .route_count = COUNT_OF(routes),
                                        .authenticate = hook_authenticate,
                                        .claim = hook_claim,
                                        .admit = hook_admit,
                                        .release = hook_release};
    w->services.dispatcher = &w->dispatcher;
}

static void ask(struct asked *a, struct world *w, const char *method, const char *path,
                bool with_db)
{
    static int somewhere; /* dispatch never looks into a db */
    *a = (struct asked){.world = w, .mem = arena_new(1 << 16)};
    assert_int_equal(request_set_method(&a->req, a->mem, span_of_text(method)), OK);
    assert_int_equal(request_set_endpoint(&a->req, a->mem, span_of_text(path)), OK);
    reply_init(&a->reply);
    a->call = (struct call){.mem = a->mem,
                            .services = &w->services,
                            .req = &a->req,
                            .reply = &a->reply,
                            .db = with_db ? (struct db *)(void *)&somewhere : NULL};
}

static void done(struct asked *a)
{
    reply_done(&a->reply);
    arena_free(a->mem);
}

/* Asks once and gives the status, -1 for "run again on a worker". */
static int status_of(struct world *w, const char *method, const char *path, size_t body_len,
                     bool with_db)
{
    static const uint8_t body[64];
    struct asked a;
    ask(&a, w, method, path, with_db);
    a.req.body = span_of(body, body_len);
    enum err e = dispatch_request(&a.call);
    int status = e == ERR_RETRY ? -1 : a.reply.status;
    if (e == ERR_RETRY)
        assert_int_equal(a.reply.status, 0);
    else
        assert_int_equal(e, OK);
    done(&a);
    return status;
}

static void dispatch__unknown_path_and_other_method__are_404_and_405(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_int_equal(status_of(&w, "GET", "/nothing", 0, false), 404);
    assert_int_equal(status_of(&w, "GET", "/room/a b/thing/1", 0, false), 404);
    assert_int_equal(w.asked_admit, 0);
    struct asked a;
    ask(&a, &w, "DELETE", "/room/a/thing/1", false);
    assert_int_equal(dispatch_request(&a.call), OK);
    assert_int_equal(a.reply.status, 405);
    assert_string_equal(a.reply.content_type, CONTENT_TEXT);
    assert_int_equal(a.reply.header_count, 1);
    assert_string_equal(a.reply.headers[0].name, "allow");
    assert_true(span_eq_text(a.reply.headers[0].value, "GET, HEAD, PUT, OPTIONS"));
    done(&a);
    assert_int_equal(w.ran, 0);
}

static void dispatch__options__names_the_methods_and_runs_nothing(void **state)
{
    (void)state;
    struct world w;
    struct asked a;
    world_init(&w);
    ask(&a, &w, "OPTIONS", "/write", false);
    assert_int_equal(dispatch_request(&a.call), OK);
    assert_int_equal(a.reply.status, 200);
    assert_null(a.reply.content_type);
    assert_int_equal(a.reply.body.len, 0);
    assert_int_equal(a.reply.header_count, 1);
    assert_true(span_eq_text(a.reply.headers[0].value, "POST, OPTIONS"));
    done(&a);
    assert_int_equal(status_of(&w, "OPTIONS", "/nothing", 0, false), 404);
    assert_int_equal(w.asked_authenticate, 2);
    assert_int_equal(w.asked_admit + w.ran, 0);
}

static void dispatch__head__is_get_without_a_body(void **state)
{
    (void)state;
    struct world w;
    struct asked get, head;
    world_init(&w);
    ask(&get, &w, "GET", "/read", false);
    ask(&head, &w, "HEAD", "/read", false);
    assert_int_equal(dispatch_request(&get.call), OK);
    assert_int_equal(dispatch_request(&head.call), OK);
    assert_int_equal(w.ran, 2);
    assert_int_equal(head.reply.status, get.reply.status);
    assert_ptr_equal(head.reply.content_type, get.reply.content_type);
    assert_true(get.reply.body.len > 0);
    assert_int_equal(head.reply.body.len, 0);
    done(&get);
    done(&head);
    assert_int_equal(status_of(&w, "HEAD", "/write", 0, true), 405);
    assert_int_equal(status_of(&w, "HEAD", "/nothing", 0, true), 404);
}

static void dispatch__authentication__comes_before_the_path(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.authenticated = false;
    assert_int_equal(status_of(&w, "GET", "/nothing", 0, false), 425);
    assert_int_equal(status_of(&w, "POST", "/write", 0, true), 425);
    assert_int_equal(w.asked_claim + w.asked_admit + w.ran, 0);
}

static void dispatch__access__comes_before_the_body_and_the_claim(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.admit = ERR_DENIED;
    assert_int_equal(status_of(&w, "POST", "/write", 11, true), 403);
    w.admit = OK;
    assert_int_equal(status_of(&w, "POST", "/write", 11, true), 413);
    assert_int_equal(w.asked_claim, 0);
    assert_int_equal(status_of(&w, "POST", "/write", 10, true), 200);
    assert_int_equal(w.asked_claim, 1);
    assert_int_equal(w.asked_release, 3);
    /* No body wanted: whatever came is ignored. */
    assert_int_equal(status_of(&w, "GET", "/read", 64, false), 200);
}

static void dispatch__a_write__waits_for_sql_and_is_claimed_once(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct asked a;
    ask(&a, &w, "POST", "/write", false);
    assert_int_equal(dispatch_request(&a.call), ERR_RETRY);
    assert_int_equal(w.ran + w.asked_claim, 0);
    int somewhere = 0;
    a.call.db = (struct db *)(void *)&somewhere;
    assert_int_equal(dispatch_request(&a.call), OK);
    assert_int_equal(a.reply.status, 200);
    assert_int_equal(w.asked_authenticate, 1); /* it survives the restart */
    assert_int_equal(w.asked_claim, 1);
    assert_true(a.call.nonce_claimed);
    assert_int_equal(w.asked_release, w.asked_admit);
    done(&a);
}

static void dispatch__a_lost_claim__runs_nothing(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.claimed = false;
    assert_int_equal(status_of(&w, "POST", "/write", 0, true), 425);
    assert_int_equal(w.ran, 0);
    /* What claims later by itself is not claimed here. */
    assert_int_equal(status_of(&w, "POST", "/later", 0, true), 200);
    assert_int_equal(w.asked_claim, 1);
}

static void dispatch__errors_of_handlers__become_replies(void **state)
{
    (void)state;
    static const struct {
        enum err e;
        int status;
    } cases[] = {
        {OK, 200},
        {ERR_MALFORMED, 400},
        {ERR_SEALED, 400},
        {ERR_UNKNOWN_CALLER, 401},
        {ERR_DENIED, 403},
        {ERR_MISSING, 404},
        {ERR_CONFLICT, 409},
        {ERR_TOO_LARGE, 413},
        {ERR_TOO_EARLY, 425},
        {ERR_RETRY, 503},
        {ERR_BUSY, 503},
        {ERR_NO_MEMORY, 503},
        {ERR_DEFECT, 500},
    };
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        w.handler_result = cases[i].e;
        assert_int_equal(status_of(&w, "GET", "/read", 0, true), cases[i].status);
    }
    w.handler_result = ERR_RETRY;
    assert_int_equal(status_of(&w, "GET", "/read", 0, false), -1);
    assert_int_equal(status_of(&w, "GET", "/refuses", 0, false), 400);
    w.handler_result = OK;
    w.admit = ERR_RETRY;
    assert_int_equal(status_of(&w, "GET", "/read", 0, false), -1);
    assert_int_equal(w.asked_release, w.asked_admit);
}

static void dispatch__no_reply_or_half_a_reply__is_never_sent(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.handler_silent = true;
    assert_int_equal(status_of(&w, "GET", "/read", 0, false), 500);
    w.handler_silent = false;
    w.handler_overflows = true;
    assert_int_equal(status_of(&w, "GET", "/read", 0, false), 413);
}

static void dispatch__work_that_ends_later__keeps_its_room_until_then(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct world w;
        world_init(&w);
        w.handler_later = true;
        w.handler_silent = silent != 0;
        struct asked a;
        ask(&a, &w, "POST", "/later", false);
        a.call.later.allowed = true;
        assert_int_equal(dispatch_request(&a.call), OK);
        assert_true(a.call.later.started);
        assert_int_equal(w.asked_release, 0);
        dispatch_finish(&a.call);
        assert_int_equal(w.asked_release, 1);
        assert_int_equal(a.reply.status, silent != 0 ? 500 : 201);
        done(&a);
    }
}

static void dispatch__bad_tables__refuse_to_start(void **state)
{
    (void)state;
    static const struct route bad[] = {
        {"GET", "/x", ACCESS_UNDECLARED, EFFECT_READS, 0, handle},
        {"GET", "/x", ACCESS_PUBLIC, EFFECT_UNDECLARED, 0, handle},
        {"GET", "/x", ACCESS_PUBLIC, EFFECT_READS, 0, NULL},
        {"get", "/x", ACCESS_PUBLIC, EFFECT_READS, 0, handle},
        {"GET", "/x/", ACCESS_PUBLIC, EFFECT_READS, 0, handle},
        {"GET", "/x/{y}", ACCESS_PUBLIC, EFFECT_READS, 0, handle},
        {"GET", "/x", ACCESS_ROOM_READ, EFFECT_READS, 0, handle},
        {"GET", "/x", ACCESS_PUBLIC, EFFECT_WRITES, 0, handle},
        {"GET", NULL, ACCESS_PUBLIC, EFFECT_READS, 0, handle},
    };
    struct world w;
    world_init(&w);
    const char *where = NULL;
    assert_int_equal(dispatch_check(&w.dispatcher, &where), OK);
    assert_null(where);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        w.dispatcher.routes = &bad[i];
        w.dispatcher.route_count = 1;
        assert_int_equal(dispatch_check(&w.dispatcher, &where), ERR_DEFECT);
        assert_string_equal(where, bad[i].pattern == NULL ? "" : bad[i].pattern);
    }
    const struct route twice[] = {routes[0], routes[1], routes[0]};
    w.dispatcher.routes = twice;
    w.dispatcher.route_count = 3;
    assert_int_equal(dispatch_check(&w.dispatcher, &where), ERR_DEFECT);
    assert_string_equal(where, "/read");
}

/* ---- replies ---- */

struct counted_source {
    struct body_source source;
    int closed;
};

static void count_close(struct body_source *source)
{
    ((struct counted_source *)(void *)source)->closed++;
}

static void reply__a_source__is_closed_exactly_once(void **state)
{
    (void)state;
    struct counted_source s = {.source = {.length = 1, .close = count_close}};
    struct reply r;
    reply_init(&r);
    r.source = &s.source;
    reply_text(&r, 400, "changed its mind");
    assert_int_equal(s.closed, 1);
    assert_null(r.source);
    reply_done(&r);
    assert_int_equal(s.closed, 1);
}

static void reply__text__replaces_everything(void **state)
{
    (void)state;
    struct reply r;
    reply_init(&r);
    buf_put(reply_json(&r, 200), SPAN("{\"half\":"));
    reply_add_header(&r, "x", SPAN("y"));
    reply_error(&r, ERR_BUSY);
    assert_int_equal(r.status, 503);
    assert_int_equal(r.header_count, 0);
    assert_true(span_eq_text(buf_span(&r.body), "Server busy"));
    reply_done(&r);
}

static void dispatch__somebody_waited_for__is_welcomed_before_any_route(void **state)
{
    (void)state;
    struct world w;
    struct asked a;
    world_init(&w);
    w.dispatcher.welcome = hook_welcome;
    w.welcome = ERR_RETRY;
    ask(&a, &w, "GET", "/nowhere", false);
    assert_int_equal(dispatch_request(&a.call), ERR_RETRY); /* not even a 404 before that */
    assert_int_equal(a.reply.status, 0);
    a.call.db = (struct db *)(void *)&a;
    assert_int_equal(dispatch_request(&a.call), OK);
    assert_int_equal(a.reply.status, 404);
    assert_int_equal(w.asked_authenticate, 1);
    assert_int_equal(w.asked_welcome, 2);
    done(&a);
    w.welcome = ERR_DENIED;
    ask(&a, &w, "GET", "/read", true);
    assert_int_equal(dispatch_request(&a.call), OK);
    assert_int_equal(a.reply.status, 403);
    assert_int_equal(w.ran, 0);
    done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dispatch__unknown_path_and_other_method__are_404_and_405),
        cmocka_unit_test(dispatch__options__names_the_methods_and_runs_nothing),
        cmocka_unit_test(dispatch__head__is_get_without_a_body),
        cmocka_unit_test(dispatch__authentication__comes_before_the_path),
        cmocka_unit_test(dispatch__access__comes_before_the_body_and_the_claim),
        cmocka_unit_test(dispatch__a_write__waits_for_sql_and_is_claimed_once),
        cmocka_unit_test(dispatch__a_lost_claim__runs_nothing),
        cmocka_unit_test(dispatch__errors_of_handlers__become_replies),
        cmocka_unit_test(dispatch__no_reply_or_half_a_reply__is_never_sent),
        cmocka_unit_test(dispatch__work_that_ends_later__keeps_its_room_until_then),
        cmocka_unit_test(dispatch__bad_tables__refuse_to_start),
        cmocka_unit_test(reply__a_source__is_closed_exactly_once),
        cmocka_unit_test(reply__text__replaces_everything),
        cmocka_unit_test(dispatch__somebody_waited_for__is_welcomed_before_any_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
