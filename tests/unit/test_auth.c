/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Authentication against what PySOGS answered (tests/vectors/sogs-auth.json), and the rules of
 * access.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/identity.h"
#include "base/arena.h"
#include "base/hex.h"
#include "crypto/sign.h"

static json_t *load(const char *name)
{
    char path[512];
    const char *folder = getenv("VECTORS");
    (void)snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "tests/vectors", name);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The vectors' one banned user, once the cases come to it. */
struct ban {
    struct session_id id;
    bool active;
};

static bool is_banned(void *arg, const struct session_id *id)
{
    const struct ban *ban = arg;
    return ban->active && session_id_eq(&ban->id, id);
}

struct world {
    struct recall *keys, *nonces;
    struct x25519_pub server;
    struct ban ban;
    int64_t now_ms;
};

static void world_init(struct world *w, const json_t *vectors)
{
    *w = (struct world){.now_ms = 1000 * json_integer_value(json_object_get(vectors, "now"))};
    assert_int_equal(recall_new(10, &w->keys), OK);
    assert_int_equal(recall_new(20, &w->nonces), OK);
    assert_int_equal(hex_read(span_of_text(text_of(vectors, "server_x25519_pk")), w->server.b, 32),
                     OK);
}

static void world_done(struct world *w)
{
    recall_free(w->keys);
    recall_free(w->nonces);
}

static struct identity_rules rules_of(struct world *w, bool blinding)
{
    return (struct identity_rules){.server = &w->server,
                                   .blinding_required = blinding,
                                   .banned = is_banned,
                                   .banned_arg = &w->ban,
                                   .keys = w->keys,
                                   .nonces = w->nonces};
}

static struct request *request_of(struct arena *mem, const json_t *c)
{
    struct request *req = ARENA_NEW(mem, struct request);
    assert_int_equal(request_set_method(req, mem, span_of_text(text_of(c, "method"))), OK);
    assert_int_equal(request_set_endpoint(req, mem, span_of_text(text_of(c, "request_target"))),
                     OK);
    json_t *given = json_object_get(c, "headers");
    struct header *headers = ARENA_ARRAY(mem, json_object_size(given), struct header);
    const char *name;
    json_t *value;
    json_object_foreach(given, name, value)
    {
        headers[req->header_count++] =
            (struct header){span_of_text(name), span_of_text(json_string_value(value))};
    }
    req->headers = headers;
    const char *body = text_of(c, "body");
    if (body != NULL && body[0] != 0) {
        size_t len = strlen(body) / 2;
        uint8_t *bytes = arena_alloc(mem, len);
        assert_int_equal(hex_read(span_of_text(body), bytes, len), OK);
        req->body = span_of(bytes, len);
    }
    return req;
}

/*
 * The cases that the vectors mark `conclave_may_differ`, and our answer where it is not PySOGS's
 * (tests/vectors/differences.md).
 */
static const struct difference {
    const char *name;
    int status;
    const char *text;
} differences[] = {
    {"timestamp with leading zero, signed as sent", 200, NULL},
    {"timestamp with plus, signed as sent", 200, NULL},
    {"timestamp with underscore, signed as sent", 400,
     "Invalid authentication: X-SOGS-Timestamp is not a valid timestamp"},
    {"that nonce again with a good signature", 200, NULL},
};

/* Its place in the table; COUNT_OF(differences) when it is not there. */
static size_t difference_of(const char *name)
{
    size_t i = 0;
    while (i < COUNT_OF(differences) && strcmp(differences[i].name, name) != 0)
        i++;
    return i;
}

static void assert_passed(const struct call *call, const json_t *c, const json_t *expect)
{
    const char *id = text_of(expect, "session_id");
    assert_int_equal(call->reply->status, 0);
    if (difference_of(text_of(c, "name")) < COUNT_OF(differences) && id == NULL)
        id = text_of(json_object_get(c, "headers"), "X-SOGS-Pubkey");
    assert_int_equal(call->who.known, id != NULL);
    if (id == NULL)
        return;
    char written[SESSION_ID_TEXT_LEN];
    session_id_write(&call->who.id, written);
    assert_memory_equal(written, id, sizeof written);
}

static void assert_refused(const struct call *call, int status, const char *text)
{
    const struct reply *reply = call->reply;
    assert_int_equal(reply->status, status);
    assert_string_equal(reply->content_type, CONTENT_TEXT);
    assert_int_equal(reply->body.len, strlen(text));
    assert_memory_equal(reply->body.p, text, reply->body.len);
    assert_false(call->who.known);
}

static void run_case(struct world *w, const json_t *c)
{
    AUTO_ARENA struct arena *mem = arena_new(4 << 20);
    const char *name = text_of(c, "name");
    const json_t *expect = json_object_get(c, "expect");
    struct reply reply;
    reply_init(&reply);
    struct call call = {
        .mem = mem, .req = request_of(mem, c), .reply = &reply, .now_ms = w->now_ms};
    struct identity_rules rules =
        rules_of(w, json_is_true(json_object_get(c, "require_blinded_ids")));
    int status = (int)json_integer_value(json_object_get(expect, "status"));
    const char *text = text_of(expect, "body");
    size_t ours = difference_of(name);
    assert_int_equal(ours < COUNT_OF(differences),
                     json_object_get(c, "conclave_may_differ") != NULL);
    if (ours < COUNT_OF(differences)) {
        status = differences[ours].status;
        text = differences[ours].text;
    }
    bool passed = identity_check(&rules, &call);
    if (passed != (status == 200))
        fail_msg("case '%s': status %d, expected %d", name, reply.status, status);
    if (passed)
        assert_passed(&call, c, expect);
    else
        assert_refused(&call, status, text);
    reply_done(&reply);
}

static void sogs_auth__every_vector_in_order__answers_as_recorded(void **state)
{
    (void)state;
    json_t *vectors = load("sogs-auth.json");
    struct world w;
    world_init(&w, vectors);
    /* Nothing of a case may linger: with warm memories of the keys the answers must not change. */
    for (int round = 0; round < 2; round++) {
        size_t i;
        const json_t *c;
        size_t count = 0;
        w.ban.active = false;
        recall_free(w.nonces);
        assert_int_equal(recall_new(20, &w.nonces), OK);
        json_array_foreach(json_object_get(vectors, "cases"), i, c)
        {
            const char *note = text_of(c, "note");
            if (note != NULL && strcmp(note, "user banned before this request") == 0) {
                w.ban.active = true;
                assert_int_equal(session_id_read(span_of_text(text_of(json_object_get(c, "headers"),
                                                                      "X-SOGS-Pubkey")),
                                                 &w.ban.id),
                                 OK);
            }
            run_case(&w, c);
            count++;
        }
        assert_int_equal(count, 92);
    }
    world_done(&w);
    json_decref(vectors);
}

/* One good case of the vectors, by name. */
static const json_t *case_named(const json_t *vectors, const char *name)
{
    size_t i;
    const json_t *c;
    json_array_foreach(json_object_get(vectors, "cases"), i, c)
    {
        if (strcmp(text_of(c, "name"), name) == 0)
            return c;
    }
    fail_msg("no case '%s'", name);
    return NULL;
}

static void sogs_auth__the_nonce_of_a_verified_request__is_kept_for_the_claim(void **state)
{
    (void)state;
    json_t *vectors = load("sogs-auth.json");
    struct world w;
    world_init(&w, vectors);
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    struct reply reply;
    reply_init(&reply);
    struct call call = {.mem = mem,
                        .req = request_of(mem, case_named(vectors, "nonce hex")),
                        .reply = &reply,
                        .now_ms = w.now_ms};
    struct identity_rules rules = rules_of(&w, true);
    assert_true(identity_check(&rules, &call));
    uint8_t nonce[16];
    assert_int_equal(hex_read(SPAN("7f4df485e29a618710a6c294202a821c"), nonce, 16), OK);
    assert_memory_equal(call.nonce.b, nonce, 16);
    assert_int_equal(call.nonce.signed_s, 1735689600);
    reply_done(&reply);
    world_done(&w);
    json_decref(vectors);
}

static void sogs_auth__a_failed_request__leaves_no_memory(void **state)
{
    (void)state;
    json_t *vectors = load("sogs-auth.json");
    struct world w;
    world_init(&w, vectors);
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    struct reply reply;
    reply_init(&reply);
    const json_t *c = case_named(vectors, "signature bit flipped");
    struct call call = {.mem = mem, .req = request_of(mem, c), .reply = &reply, .now_ms = w.now_ms};
    struct identity_rules rules = rules_of(&w, true);
    assert_false(identity_check(&rules, &call));
    uint8_t id[33];
    const char *pubkey = text_of(json_object_get(c, "headers"), "X-SOGS-Pubkey");
    assert_int_equal(hex_read(span_of_text(pubkey), id, 33), OK);
    assert_false(recall_has(w.keys, span_of(id + 1, 32)));
    reply_done(&reply);
    world_done(&w);
    json_decref(vectors);
}

static void sogs_auth__no_memory_for_the_message__is_busy_and_not_a_pass(void **state)
{
    (void)state;
    json_t *vectors = load("sogs-auth.json");
    struct world w;
    world_init(&w, vectors);
    AUTO_ARENA struct arena *mem = arena_new(1 << 20);
    struct reply reply;
    reply_init(&reply);
    struct call call = {.mem = mem,
                        .req = request_of(mem, case_named(vectors, "blinded GET")),
                        .reply = &reply,
                        .now_ms = w.now_ms};
    while (arena_alloc(mem, 16) != NULL)
        ; /* to the ceiling */
    struct identity_rules rules = rules_of(&w, true);
    assert_false(identity_check(&rules, &call));
    assert_int_equal(reply.status, 503);
    reply_done(&reply);
    world_done(&w);
    json_decref(vectors);
}

/* ---- recall ---- */

static void recall__what_was_added__is_found_and_nothing_else(void **state)
{
    (void)state;
    struct recall *r;
    assert_int_equal(recall_new(16, &r), OK);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_false(recall_has(r, span_of(&i, sizeof i)));
        assert_true(recall_add(r, span_of(&i, sizeof i)));
        assert_false(recall_add(r, span_of(&i, sizeof i)));
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(recall_has(r, span_of(&i, sizeof i)));
    recall_free(r);
    recall_free(NULL);
}

static void recall__what_was_removed__is_new_again_and_nothing_else(void **state)
{
    (void)state;
    enum { ITEMS = 500, STEP = 3 }; /* in sets of eight that hold several of them */
    struct recall *r;
    assert_int_equal(recall_new(10, &r), OK);
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_true(recall_add(r, span_of(&i, sizeof i)));
    uint32_t held = 0;
    for (uint32_t i = 0; i < ITEMS; i++)
        held += recall_has(r, span_of(&i, sizeof i)) && i % STEP != 0;
    for (uint32_t i = 0; i < ITEMS; i += STEP) {
        recall_remove(r, span_of(&i, sizeof i));
        recall_remove(r, span_of(&i, sizeof i));
        assert_false(recall_has(r, span_of(&i, sizeof i)));
    }
    for (uint32_t i = 0; i < ITEMS; i++)
        held -= recall_has(r, span_of(&i, sizeof i));
    assert_int_equal(held, 0);
    for (uint32_t i = 0; i < ITEMS; i += STEP)
        assert_true(recall_add(r, span_of(&i, sizeof i)));
    recall_free(r);
}

static void recall__when_full__keeps_the_newest(void **state)
{
    (void)state;
    struct recall *r;
    assert_int_equal(recall_new(10, &r), OK);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(recall_add(r, span_of(&i, sizeof i)));
    for (uint32_t i = 100000 - 256; i < 100000; i++)
        kept += recall_has(r, span_of(&i, sizeof i));
    assert_in_range(kept, 250, 256); /* a quarter full: a set of eight hardly overflows */
    kept = 0;
    for (uint32_t i = 0; i < 90000; i++)
        kept += recall_has(r, span_of(&i, sizeof i));
    assert_int_equal(kept, 0);
    recall_free(r);
}

enum { RACERS = 4, RACE_ITEMS = 20000 };

struct racer {
    struct recall *recall;
    pthread_barrier_t *start;
    uint32_t won;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    for (uint32_t i = 0; i < RACE_ITEMS; i++)
        racer->won += recall_add(racer->recall, span_of(&i, sizeof i));
    return NULL;
}

static void recall__of_threads_that_add_the_same__one_is_told_it_was_new(void **state)
{
    (void)state;
    struct recall *r;
    pthread_barrier_t start;
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    uint32_t won = 0;
    assert_int_equal(recall_new(20, &r), OK);
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.recall = r, .start = &start};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        won += racers[i].won;
    }
    assert_int_equal(won, RACE_ITEMS); /* 2^20 places: no set of eight overflows */
    (void)pthread_barrier_destroy(&start);
    recall_free(r);
}

/* ---- access ---- */

enum who { ANYONE, USER, UNBLINDED_USER };

static int asked(enum access access, enum who who, const struct rights *rights)
{
    struct identity id = {.known = who != ANYONE};
    id.id.b[0] = who == UNBLINDED_USER ? ID_UNBLINDED : ID_BLINDED15;
    struct reply reply;
    reply_init(&reply);
    bool ok = access_check(access, &id, rights, &reply);
    int status = ok ? 200 : reply.status;
    assert_int_equal(ok, reply.status == 0);
    if (!ok)
        assert_string_equal(reply.content_type, CONTENT_TEXT);
    reply_done(&reply);
    return status;
}

static const enum access room_kinds[] = {
    ACCESS_ROOM_ACCESSIBLE, ACCESS_ROOM_READ,     ACCESS_ROOM_READ_AS_USER,
    ACCESS_ROOM_WRITE,      ACCESS_ROOM_UPLOAD,   ACCESS_ROOM_MODERATOR,
    ACCESS_ROOM_ADMIN,      ACCESS_ROOM_SETTINGS, ACCESS_USER,
};
enum { ROOM_KINDS = 9 };

static void assert_statuses(enum who who, struct rights rights, const int expected[ROOM_KINDS])
{
    assert_int_equal(COUNT_OF(room_kinds), ROOM_KINDS);
    for (size_t i = 0; i < COUNT_OF(room_kinds); i++)
        assert_int_equal(asked(room_kinds[i], who, &rights), expected[i]);
}

static void access__by_rights__follows_the_table(void **state)
{
    (void)state;
    /*
     * Neither accessible nor read: the room is not there, whatever else was granted
     * (docs/design.md, D11).
     */
    const int hidden[] = {404, 404, 404, 404, 404, 404, 404, 404, 404};
    assert_statuses(ANYONE, (struct rights){.write = true}, hidden);
    assert_statuses(USER, (struct rights){.write = true, .upload = true}, hidden);
    assert_statuses(USER, (struct rights){.accessible = true},
                    (const int[]){200, 403, 403, 403, 403, 403, 403, 403, 200});
    /* Pins tell an anonymous caller 403, as in PySOGS. */
    assert_statuses(ANYONE, (struct rights){.accessible = true},
                    (const int[]){200, 403, 401, 401, 401, 401, 403, 401, 401});
    assert_statuses(ANYONE, (struct rights){.read = true, .write = true, .upload = true},
                    (const int[]){200, 200, 401, 401, 401, 401, 403, 401, 401});
    assert_statuses(USER, (struct rights){.read = true},
                    (const int[]){200, 200, 200, 403, 403, 403, 403, 403, 200});
    assert_statuses(USER, (struct rights){.read = true, .write = true},
                    (const int[]){200, 200, 200, 200, 403, 403, 403, 403, 200});
    assert_statuses(USER, (struct rights){.read = true, .upload = true},
                    (const int[]){200, 200, 200, 403, 403, 403, 403, 403, 200});
    assert_statuses(USER, (struct rights){.accessible = true, .write = true, .upload = true},
                    (const int[]){200, 403, 403, 200, 200, 403, 403, 403, 200});
    assert_statuses(USER, (struct rights){.moderator = true},
                    (const int[]){200, 200, 200, 200, 200, 200, 403, 403, 200});
    assert_statuses(USER, (struct rights){.admin = true, .moderator = true},
                    (const int[]){200, 200, 200, 200, 200, 200, 200, 200, 200});
    /*
     * A global moderator passes a room ban (docs/protocol/community.md, 3.8); an ordinary banned
     * user gets 403, but 404 on /room.
     */
    assert_statuses(USER,
                    (struct rights){.banned = true, .moderator = true, .global_moderator = true},
                    (const int[]){200, 200, 200, 200, 200, 200, 403, 403, 200});
    assert_statuses(
        USER, (struct rights){.banned = true, .read = true, .accessible = true, .write = true},
        (const int[]){404, 403, 403, 403, 403, 403, 403, 403, 403});
    assert_statuses(USER, (struct rights){.banned = true},
                    (const int[]){404, 403, 403, 403, 403, 403, 403, 403, 403});
}

static void access__without_a_room__asks_for_the_user_only(void **state)
{
    (void)state;
    assert_int_equal(asked(ACCESS_PUBLIC, ANYONE, NULL), 200);
    assert_int_equal(asked(ACCESS_USER, ANYONE, NULL), 401);
    assert_int_equal(asked(ACCESS_USER, UNBLINDED_USER, NULL), 200);
    assert_int_equal(asked(ACCESS_BLINDED_USER, ANYONE, NULL), 401);
    assert_int_equal(asked(ACCESS_BLINDED_USER, UNBLINDED_USER, NULL), 401);
    assert_int_equal(asked(ACCESS_BLINDED_USER, USER, NULL), 200);
    assert_int_equal(asked(ACCESS_GLOBAL_ADMIN, ANYONE, NULL), 401);
    assert_int_equal(asked(ACCESS_GLOBAL_ADMIN, USER, NULL), 200); /* who is one, auth.c asks */
}

static void access__a_hidden_room__answers_the_bytes_of_an_unknown_path(void **state)
{
    (void)state;
    const struct identity who = {.known = true};
    const struct rights none = {.banned = false};
    struct reply hidden, unknown;
    reply_init(&hidden);
    reply_init(&unknown);
    assert_false(access_check(ACCESS_ROOM_WRITE, &who, &none, &hidden));
    reply_error(&unknown, ERR_MISSING);
    assert_int_equal(hidden.status, unknown.status);
    assert_string_equal(hidden.content_type, unknown.content_type);
    assert_true(span_eq(buf_span(&hidden.body), buf_span(&unknown.body)));
    assert_int_equal(hidden.header_count, unknown.header_count);
    reply_done(&hidden);
    reply_done(&unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sogs_auth__every_vector_in_order__answers_as_recorded),
        cmocka_unit_test(sogs_auth__the_nonce_of_a_verified_request__is_kept_for_the_claim),
        cmocka_unit_test(sogs_auth__a_failed_request__leaves_no_memory),
        cmocka_unit_test(sogs_auth__no_memory_for_the_message__is_busy_and_not_a_pass),
        cmocka_unit_test(recall__what_was_added__is_found_and_nothing_else),
        cmocka_unit_test(recall__what_was_removed__is_new_again_and_nothing_else),
        cmocka_unit_test(recall__when_full__keeps_the_newest),
        cmocka_unit_test(recall__of_threads_that_add_the_same__one_is_told_it_was_new),
        cmocka_unit_test(access__by_rights__follows_the_table),
        cmocka_unit_test(access__without_a_room__asks_for_the_user_only),
        cmocka_unit_test(access__a_hidden_room__answers_the_bytes_of_an_unknown_path),
    };
    if (crypto_start() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
