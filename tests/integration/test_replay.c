/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replays (docs/design.md, D5): what a node on the path saw it may send again, to any server
 * process, also after a crash that took the memory of nonces away. A request that writes runs once;
 * every other time the answer is 425.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "integration/group.h"
#include "integration/world.h"

enum { REPLAYED = 425 };

struct recorded {
    struct buf wrapped;
    struct onion_secret secret;
};

static struct member ana_at(void **state, size_t server)
{
    struct member m;
    assert_int_equal(member_open(*state, 0, server, false, &m), OK);
    return m;
}

static struct recorded record(struct member *m, const char *method, const char *target,
                              json_t *json)
{
    const struct community_request request = {
        .method = method, .target = target, .json = json, .signing = SIGNED_BLINDED};
    struct recorded r = {.wrapped = buf_make(MIB(1))};
    assert_int_equal(community_wrap(&m->community, &request, &r.wrapped, &r.secret), OK);
    json_decref(json);
    return r;
}

/* Through any link: whoever replays needs no key. */
static int send_again(struct member *m, const struct recorded *r)
{
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(server_link_post(m->link, buf_span(&r->wrapped), &r->secret, &reply), OK);
    return reply.code;
}

static void recorded_done(struct recorded *r)
{
    buf_done(&r->wrapped);
    onion_client_done(&r->secret);
}

static size_t rows(struct member *m)
{
    json_t *list = NULL;
    assert_int_equal(community_since(&m->community, "lobby", 0, 0, &list), OK);
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

static void assert_runs_once(void **state, const struct recorded *r, size_t writes)
{
    struct world *w = *state;
    struct member here = ana_at(state, 0), there = ana_at(state, 1);
    size_t before = rows(&here);
    int first = send_again(&here, r);
    assert_in_range(first, 200, 201);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send_again(&here, r), REPLAYED);
        assert_int_equal(send_again(&there, r), REPLAYED);
    }
    world_kill_server(w, 0);
    assert_int_equal(world_restart_server(w, 0, NULL), OK);
    assert_int_equal(send_again(&here, r), REPLAYED);
    assert_int_equal(rows(&here), before + writes);
    member_close(&here);
    member_close(&there);
}

static void replay__of_a_post__is_425_everywhere_and_for_good(void **state)
{
    struct member ana = ana_at(state, 0);
    struct recorded r = record(&ana, "POST", "/room/lobby/message",
                               community_post_body(&ana.community, "said once"));
    assert_runs_once(state, &r, 1);
    recorded_done(&r);
    member_close(&ana);
}

static void replay__of_a_batch_that_writes__is_425_and_nothing_of_it_runs(void **state)
{
    struct member ana = ana_at(state, 0);
    json_t *batch = json_pack("[{s:s,s:s},{s:s,s:s,s:o},{s:s,s:s,s:o}]", "method", "GET", "path",
                              "/rooms", "method", "POST", "path", "/room/lobby/message", "json",
                              community_post_body(&ana.community, "first of two"), "method", "POST",
                              "path", "/room/lobby/message", "json",
                              community_post_body(&ana.community, "second of two"));
    assert_non_null(batch);
    struct recorded r = record(&ana, "POST", "/batch", batch);
    assert_runs_once(state, &r, 2);
    recorded_done(&r);
    member_close(&ana);
}

/*
 * Reads gain whoever replays nothing: the reply is sealed to who asked. The process that saw it
 * says 425 all the same.
 */
static void replay__of_a_read__is_425_where_it_was_seen(void **state)
{
    struct member ana = ana_at(state, 0);
    struct recorded r = record(&ana, "GET", "/room/lobby/messages/since/0", NULL);
    assert_int_equal(send_again(&ana, &r), 200);
    assert_int_equal(send_again(&ana, &r), REPLAYED);
    recorded_done(&r);
    member_close(&ana);
}

static void replay__of_a_request_that_did_not_open__runs_when_it_is_whole(void **state)
{
    struct member ana = ana_at(state, 0);
    struct recorded r = record(&ana, "POST", "/room/lobby/message",
                               community_post_body(&ana.community, "damaged on its way first"));
    size_t before = rows(&ana);
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    r.wrapped.p[40] ^= 1; /* a failed request leaves no trace, so it burns no nonce */
    assert_int_equal(server_link_post(ana.link, buf_span(&r.wrapped), &r.secret, &reply),
                     ERR_DENIED);
    r.wrapped.p[40] ^= 1;
    assert_int_equal(send_again(&ana, &r), 201);
    assert_int_equal(rows(&ana), before + 1);
    recorded_done(&r);
    member_close(&ana);
}

static int open_world(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    const struct world_options options = {
        .servers = 2, .accounts = 1, .env = env, .no_fsync = true};
    return group_open(state, &options);
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replay__of_a_post__is_425_everywhere_and_for_good),
        cmocka_unit_test(replay__of_a_batch_that_writes__is_425_and_nothing_of_it_runs),
        cmocka_unit_test(replay__of_a_read__is_425_where_it_was_seen),
        cmocka_unit_test(replay__of_a_request_that_did_not_open__runs_when_it_is_whole),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
