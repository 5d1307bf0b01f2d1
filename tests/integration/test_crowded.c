/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nearly as many connections as the server may have: the longest idle ones make room, those of
 * strangers before those of members, so that new ones are always served.
 *
 * test-alone: it needs nearly all descriptors that it may have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/group.h"
#include "integration/raw.h"
#include "integration/world.h"

enum {
    DESCRIPTORS = 1500, /* the server's limit, too: 1,244 connections */
    CALM = (DESCRIPTORS - 256) / 100 * 80,
    OLD = 400,
    YOUNG = 750,
    SILENT = 1150,
    WAVES = 6,
    ROOM_MS = 3 * SECOND_MS, /* long before a silent connection is over its time */
    STEP_MS = 600,           /* the ages of connections are told apart by less */
    KNOWN_AFTER_MS = 2 * SECOND_MS,
    ANSWER_MS = 5 * SECOND_MS,
};

static int64_t ask(struct member *m)
{
    const struct community_request request = {
        .method = "GET", .target = "/rooms", .signing = SIGNED_BLINDED};
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    int64_t began = clock_mono_ms();
    assert_int_equal(community_call(&m->community, &request, &reply), OK);
    assert_int_equal(reply.code, 200);
    return clock_mono_ms() - began;
}

static void open_silent(const struct world *w, int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = raw_connect(&w->servers[0].at, 0);
        assert_true(fds[i] >= 0);
    }
}

static void close_silent(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)close(fds[i]);
}

static size_t count_ended(const int *fds, size_t count)
{
    size_t ended = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte;
        ended += recv(fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }
    return ended;
}

static void connections__nearly_all_in_use__the_longest_idle_make_room(void **state)
{
    struct world *w = *state;
    static int old[OLD], young[YOUNG];
    struct member ana;
    assert_int_equal(member_open(w, 0, 0, false, &ana), OK);
    (void)ask(&ana);
    (void)poll(NULL, 0, KNOWN_AFTER_MS + 500);
    (void)ask(&ana); /* as a member now; from here on hers is the longest idle connection */
    open_silent(w, old, OLD);
    (void)poll(NULL, 0, STEP_MS);
    open_silent(w, young, YOUNG);
    int64_t until = clock_mono_ms() + ROOM_MS;
    while (count_ended(old, OLD) < OLD + YOUNG + 1 - CALM && clock_mono_ms() < until)
        (void)poll(NULL, 0, 50);
    assert_in_range(count_ended(old, OLD), OLD + YOUNG + 1 - CALM, OLD - 1);
    assert_int_equal(count_ended(young, YOUNG), 0);
    /* Her connection is still the same: a closed one would cost this request an error. */
    assert_in_range(ask(&ana), 0, ANSWER_MS);
    close_silent(old, OLD);
    close_silent(young, YOUNG);
    member_close(&ana);
}

static void connections__wave_after_wave__members_are_served(void **state)
{
    struct world *w = *state;
    static int fds[SILENT];
    struct member ana;
    for (int i = 0; i < WAVES; i++) {
        open_silent(w, fds, SILENT);
        assert_int_equal(member_open(w, 0, 0, false, &ana), OK); /* on a new connection */
        assert_in_range(ask(&ana), 0, ANSWER_MS);
        member_close(&ana);
        close_silent(fds, SILENT);
    }
}

static int open_world(void **state)
{
    static const char *const env[] = {"CONCLAVE_LIMITS_KNOWN_AFTER=2s", NULL};
    const struct world_options options = {
        .servers = 1, .accounts = 1, .no_fsync = true, .env = env};
    const struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -1;
    return group_open(state, &options);
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections__nearly_all_in_use__the_longest_idle_make_room),
        cmocka_unit_test(connections__wave_after_wave__members_are_served),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
