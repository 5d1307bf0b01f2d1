/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one identity may do in a time, and what all new ones may do together: refused with 429 and nothing done, counted,
 * and forgotten by nobody's restart who is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "integration/world.h"

enum { MEMBERS_POSTS = 5, KNOWN_AFTER_MS = 3 * SECOND_MS, ANA = 0, BEN = 1, CID = 2, DAN = 3 };

static void open_world(struct world *w, const char *const *env)
{
    const struct world_options options = {.servers = 1, .accounts = 4, .env = env};
    if (world_open(w, &options) != OK)
        fail_msg("%s", w->trouble);
}

/* The code of a signed request; id: of the message or file in its answer, may be NULL. */
static int call(struct member *m, const struct community_request *request, int64_t *ret_id)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    assert_int_equal(community_call(&m->community, request, &reply), OK);
    json_auto_t *json = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    if (ret_id != NULL)
        *ret_id = json_integer_value(json_object_get(json, "id"));
    return reply.code;
}

static int post(struct member *m, int64_t *ret_id)
{
    json_auto_t *body = community_post_body(&m->community, "hello");
    const struct community_request request = {
        .method = "POST", .target = "/room/lobby/message", .json = body, .signing = SIGNED_BLINDED};
    return call(m, &request, ret_id);
}

static void open_member(const struct world *w, size_t account, struct member *ret_member)
{
    json_t *room = NULL;
    assert_int_equal(member_open(w, account, 0, false, ret_member), OK);
    assert_int_equal(community_join(&ret_member->community, "lobby", &room), OK);
    json_decref(room);
}

static double limited(struct world *w, const char *action)
{
    char name[80];
    double value = 0;
    (void)snprintf(name, sizeof(name), "conclave_limited_total{action=\"%s\"}", action);
    assert_int_equal(world_metric(w, 0, name, &value), OK);
    return value;
}

static void strangers__in_one_room__share_a_budget_that_members_do_not(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_LIMITS_KNOWN_AFTER=3s",
                                      "CONCLAVE_LIMITS_STRANGERS_TOGETHER=2/60s",
                                      "CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    struct world w = {0};
    struct member ana, ben, cid, dan;
    open_world(&w, env);
    open_member(&w, ANA, &ana);
    (void)poll(NULL, 0, KNOWN_AFTER_MS + SECOND_MS);
    open_member(&w, BEN, &ben);
    open_member(&w, CID, &cid);
    for (int i = 0; i < MEMBERS_POSTS; i++)
        assert_int_equal(post(&ana, NULL), 201);
    assert_int_equal(post(&ben, NULL), 201);
    assert_int_equal(post(&cid, NULL), 201);
    assert_int_equal(post(&cid, NULL), 429);
    assert_int_equal(post(&ben, NULL), 429);
    assert_int_equal(post(&ana, NULL), 201);
    assert_true(limited(&w, "post") > 1);

    /* A new process knows whom the old one knew. */
    world_kill_server(&w, 0);
    assert_int_equal(world_restart_server(&w, 0, NULL), OK);
    for (int i = 0; i < MEMBERS_POSTS; i++)
        assert_int_equal(post(&ana, NULL), 201);
    open_member(&w, DAN, &dan);
    assert_int_equal(post(&dan, NULL), 201);
    assert_int_equal(post(&dan, NULL), 201);
    assert_int_equal(post(&dan, NULL), 429);
    member_close(&ana);
    member_close(&ben);
    member_close(&cid);
    member_close(&dan);
    assert_true(world_close(&w));
}

static int react(struct member *m, int64_t message, int which)
{
    char target[80];
    (void)snprintf(target, sizeof(target), "/room/lobby/reaction/%lld/r%d", (long long)message,
                   which);
    json_auto_t *nothing = json_object();
    const struct community_request request = {
        .method = "PUT", .target = target, .json = nothing, .signing = SIGNED_BLINDED};
    return call(m, &request, NULL);
}

static int write_to(struct member *m, const struct member *to)
{
    char target[100];
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&to->community.blinded.id).s);
    json_auto_t *body = json_pack("{s:s}", "message",
                                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    const struct community_request request = {
        .method = "POST", .target = target, .json = body, .signing = SIGNED_BLINDED};
    return call(m, &request, NULL);
}

static int upload(struct member *m, uint8_t fill)
{
    const uint8_t content[] = {fill, 1, 2, 3};
    const struct community_request request = {.method = "POST",
                                              .target = "/room/lobby/file",
                                              .body = span_of(content, sizeof(content)),
                                              .content_type = "application/octet-stream",
                                              .signing = SIGNED_BLINDED};
    return call(m, &request, NULL);
}

static void identity__beyond_its_own_limits__is_refused_and_nobody_else(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_LIMITS_REACTIONS=3/60s",
                                      "CONCLAVE_LIMITS_DIRECT_MESSAGES=2/60s",
                                      "CONCLAVE_LIMITS_UPLOADS=2/60s", NULL};
    struct world w = {0};
    struct member ana, ben;
    int64_t message = 0;
    open_world(&w, env);
    open_member(&w, ANA, &ana);
    open_member(&w, BEN, &ben);
    assert_int_equal(post(&ana, &message), 201);
    for (int i = 0; i < 3; i++)
        assert_int_equal(react(&ana, message, i), 200);
    assert_int_equal(react(&ana, message, 3), 429);
    assert_int_equal(react(&ben, message, 3), 200);
    for (uint8_t i = 0; i < 2; i++)
        assert_int_equal(upload(&ana, i), 201);
    assert_int_equal(upload(&ana, 2), 429);
    assert_int_equal(upload(&ben, 2), 201);
    for (int i = 0; i < 2; i++)
        assert_int_equal(write_to(&ana, &ben), 201);
    assert_int_equal(write_to(&ana, &ben), 429);
    assert_int_equal(write_to(&ben, &ana), 201);
    assert_true(limited(&w, "reaction") > 0);
    assert_true(limited(&w, "upload") > 0);
    assert_true(limited(&w, "direct_message") > 0);
    member_close(&ana);
    member_close(&ben);
    assert_true(world_close(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers__in_one_room__share_a_budget_that_members_do_not),
        cmocka_unit_test(identity__beyond_its_own_limits__is_refused_and_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
