/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server whose database went away in real time: memory answers for a minute and then for nobody
 * (docs/design.md, D7), and serves again when the database is back. It takes more than a minute, so
 * only the full lane runs it (CONCLAVE_TEST_FULL); the arithmetic of the minute is in test_state.c.
 *
 * test-timeout-s: 200
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "integration/world.h"

enum { STILL_MS = 50 * SECOND_MS, OVER_MS = 62 * SECOND_MS, BACK_WITHIN_MS = 20 * SECOND_MS };

/* Everything that memory answers. */
static const char *const from_memory[] = {"/rooms", "/room/lobby", "/room/lobby/pollInfo/0",
                                          "/room/lobby/messages/since/0",
                                          "/room/lobby/messages/recent"};

static int code_of(struct member *m, const char *target)
{
    const struct community_request request = {
        .method = "GET", .target = target, .signing = SIGNED_BLINDED};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    assert_int_equal(community_call(&m->community, &request, &reply), OK);
    return reply.code;
}

static void assert_all(struct member *m, int code)
{
    for (size_t i = 0; i < COUNT_OF(from_memory); i++) {
        int found = code_of(m, from_memory[i]);
        if (found != code)
            fail_msg("%s answers %d instead of %d", from_memory[i], found, code);
    }
}

static void wait_until(int64_t mono_ms)
{
    while (clock_mono_ms() < mono_ms)
        (void)poll(NULL, 0, 100);
}

static void memory__without_its_database__answers_for_a_minute_and_no_longer(void **state)
{
    (void)state;
    if (getenv("CONCLAVE_TEST_FULL") == NULL)
        return;
    static struct world w;
    const struct world_options options = {.servers = 1, .accounts = 1, .no_fsync = true};
    struct member ana;
    json_t *row = NULL;
    assert_int_equal(world_open(&w, &options), OK);
    assert_int_equal(member_open(&w, 0, 0, false, &ana), OK);
    assert_int_equal(community_post(&ana.community, "lobby", "before", &row), OK);
    json_decref(row);
    assert_all(&ana, 200); /* and the windows are filled */
    assert_int_equal(world_crash_database(&w), OK);
    int64_t from_ms = clock_mono_ms();
    wait_until(from_ms + STILL_MS);
    assert_all(&ana, 200);
    wait_until(from_ms + OVER_MS);
    assert_all(&ana, 503);
    assert_int_equal(world_restart_database(&w), OK);
    int64_t deadline_ms = clock_mono_ms() + BACK_WITHIN_MS;
    while (code_of(&ana, "/rooms") != 200 && clock_mono_ms() < deadline_ms)
        (void)poll(NULL, 0, 100);
    assert_all(&ana, 200);
    member_close(&ana);
    assert_true(world_close(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory__without_its_database__answers_for_a_minute_and_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
