/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The times of messages: each millisecond once in the whole server, whatever is written, wherever,
 * by whichever process, and whatever the clock does. Android shows only the first of two messages
 * of one millisecond.
 *
 * test-timeout-s: 300, test-waits: 14
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "client/community_dms.h"
#include "integration/fake_clock.h"
#include "integration/stamps.h"
#include "integration/talk.h"

enum {
    PEOPLE = 60,
    POSTS_EACH = 10,
    SERVERS = 2,
    AHEAD_MAX_MS = 2 * SECOND_MS,
    KILLS = 5,
    PEOPLE_AT_A_KILL = 20,
    ROW_MAX = 2000,
    HOUR_S = 3600,
    FLOOD_EACH = 50,
};

static const char *const rooms[] = {"lobby", "second"};
static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                  "CONCLAVE_LIMITS_DIRECT_MESSAGES=off", NULL};

static struct talk talk;
static struct stamps stamps = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_size_t failures;

static int open_world(void **state)
{
    (void)state;
    talk_open(&talk, SERVERS, PEOPLE, env);
    talk_room(&talk, rooms[1]);
    talk_appoint(&talk, 0, NULL, NULL);
    talk_appoint(&talk, 1, NULL, NULL);
    for (size_t i = 1; i < PEOPLE; i += 2)
        talk_move(&talk, i, 1);
    for (size_t i = 0; i < PEOPLE; i++) /* has shown up, and can be written to */
        assert_int_equal(talk_sequence(&talk, i, rooms[1]), 0);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

/* What is promised holds below a thousand messages a second: the clock catches up with the last. */
static void wait_for_the_clock(void)
{
    int64_t newest = 0, deadline_ms = clock_mono_ms() + 2 * AHEAD_MAX_MS;
    for (size_t i = 0; i < stamps.count; i++)
        newest = stamps.ms[i] > newest ? stamps.ms[i] : newest;
    while (clock_wall_ms() < newest && clock_mono_ms() < deadline_ms)
        (void)poll(NULL, 0, 10);
    assert_true(clock_wall_ms() >= newest);
}

static void begin(void)
{
    wait_for_the_clock();
    stamps.count = 0;
    atomic_store(&failures, 0);
}

/* No second of anything, and none further ahead than it may be. */
static void assert_good_times(size_t expected)
{
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(stamps.count, expected);
    assert_int_equal(stamps_shared(&stamps), 0);
    assert_true(stamps.ms[stamps.count - 1] <= clock_wall_ms() + AHEAD_MAX_MS);
}

static void keep(enum err e, json_t *row, const char *key)
{
    if (e == OK)
        stamps_add(&stamps, stamp_of(row, key));
    else
        (void)atomic_fetch_add(&failures, 1);
    json_decref(row);
}

static void post(size_t member, size_t room)
{
    json_t *row = NULL;
    enum err e = community_post(&talk.members[member].community, rooms[room], "tick", &row);
    keep(e, row, "posted");
}

static void whisper(size_t member, size_t room)
{
    struct community *c = &talk.members[member].community;
    struct id_text id;
    char target[64];
    json_t *row = NULL;
    json_auto_t *body = community_post_body(c, "psst");
    (void)json_object_set_new(body, "whisper_to", json_string(talk_id(&talk, 5, &id)));
    (void)json_object_set_new(body, "whisper_mods", json_true());
    (void)snprintf(target, sizeof(target), "/room/%s/message", rooms[room]);
    enum err e = community_send(c, "POST", target, body, &row);
    keep(e, row, "posted");
}

static void write_to(size_t member, size_t other)
{
    json_t *sent = NULL;
    enum err e = community_dm(&talk.members[member].community,
                              &talk.members[other].community.blinded.id, "hello", &sent);
    keep(e, sent, "posted_at");
}

static void *talk_a_lot(void *arg)
{
    size_t member = *(size_t *)arg;
    for (size_t i = 0; i < POSTS_EACH; i++) {
        if (member < 2 && i % 2 == 0)
            whisper(member, i % 4 / 2);
        else
            post(member, (member / 2 + i) % 2);
        if (i % 5 == 0)
            write_to(member,
                     (member + 2) % PEOPLE); /* at the same server, which knows of him at once */
    }
    return NULL;
}

static void all_at_once(void *(*what)(void *), size_t people)
{
    pthread_t threads[PEOPLE];
    size_t members[PEOPLE];
    for (size_t i = 0; i < people; i++) {
        members[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, what, &members[i]), 0);
    }
    for (size_t i = 0; i < people; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/*
 * As a moderator reads them: in the order of their numbers, times only grow; all of it is what the
 * authors were answered.
 */
static void assert_rooms_grow(size_t posts)
{
    size_t seen = 0;
    for (size_t r = 0; r < COUNT_OF(rooms); r++) {
        int64_t since = 0, last_ms = 0;
        for (size_t got = 1; got > 0;) {
            json_auto_t *rows = talk_since(&talk, 0, rooms[r], since, "?limit=256");
            got = json_array_size(rows);
            for (size_t i = 0; i < got; i++) {
                const json_t *row = json_array_get(rows, i);
                assert_true(stamp_of(row, "posted") > last_ms);
                last_ms = stamp_of(row, "posted");
                since = talk_int(row, "seqno");
                seen++;
            }
        }
    }
    assert_int_equal(seen, posts);
}

static void posted__sixty_people_on_two_servers__no_millisecond_twice(void **state)
{
    (void)state;
    begin();
    all_at_once(talk_a_lot, PEOPLE);
    assert_good_times((size_t)PEOPLE * (POSTS_EACH + 2));
    assert_rooms_grow((size_t)PEOPLE * POSTS_EACH);
}

static void posted__server_killed_and_started_again__goes_on_behind(void **state)
{
    (void)state;
    begin();
    for (int kill = 0; kill < KILLS; kill++) {
        all_at_once(talk_a_lot, PEOPLE_AT_A_KILL);
        world_kill_server(&talk.w, 0);
        post(1, 0); /* the other one goes on */
        assert_int_equal(world_restart_server(&talk.w, 0, NULL), OK);
        wait_for_the_clock();
    }
    all_at_once(talk_a_lot, PEOPLE_AT_A_KILL);
    assert_good_times((size_t)(KILLS + 1) * PEOPLE_AT_A_KILL * (POSTS_EACH + 2) + KILLS);
}

static void *flood(void *arg)
{
    size_t member = *(size_t *)arg;
    for (size_t i = 0; i < FLOOD_EACH; i++)
        post(member, 0);
    return NULL;
}

/*
 * More than a room has milliseconds for: they wait, but each has its own, and none is from the
 * future.
 */
static void posted__more_than_a_thousand_a_second_in_a_room__waits(void **state)
{
    (void)state;
    begin();
    all_at_once(flood, PEOPLE);
    assert_good_times((size_t)PEOPLE * FLOOD_EACH);
}

/* ---- a clock that is set back, in a world of its own ---- */

static int64_t tick(struct member *m, const char *room)
{
    json_t *row = NULL;
    assert_int_equal(community_post(&m->community, room, "tick", &row), OK);
    int64_t ms = stamp_of(row, "posted");
    json_decref(row);
    return ms;
}

static void posted__clock_set_back_and_server_killed__never_runs_back(void **state)
{
    (void)state;
    if (!fake_clock_possible())
        return;
    struct fake_clock clock;
    struct world w;
    struct member ana, ben;
    const struct world_options options = {.servers = 0, .accounts = 2, .env = env};
    assert_true(fake_clock_open(&clock, "posted"));
    assert_int_equal(world_prepare(&w, &options), OK);
    assert_int_equal(world_start_database(&w), OK);
    if (world_start_server(&w, clock.env, NULL) != OK)
        fail_msg("%s", w.trouble);
    if (world_start_server(&w, NULL, NULL) != OK) /* its clock is right */
        fail_msg("%s", w.trouble);
    assert_int_equal(member_open(&w, 0, 0, false, &ana), OK);
    assert_int_equal(member_open(&w, 1, 1, false, &ben), OK);
    begin();
    assert_true(fake_clock_set(&clock, HOUR_S));
    ana.community.clock_offset_s = HOUR_S;
    int64_t last_ms = tick(&ana, "lobby");
    assert_true(last_ms > clock_wall_ms() + (HOUR_S - 60) * (int64_t)SECOND_MS);
    stamps_add(&stamps, last_ms);
    assert_true(fake_clock_set(&clock, 0));
    ana.community.clock_offset_s = 0;
    for (int i = 0; i < 20; i++) {
        if (i == 10) {
            world_kill_server(&w, 0);
            assert_int_equal(world_restart_server(&w, 0, clock.env), OK);
        }
        struct member *m = i % 3 == 0 ? &ben : &ana;
        int64_t ms = tick(m, "lobby");
        assert_true(ms > last_ms);
        last_ms = ms;
        stamps_add(&stamps, ms);
    }
    assert_int_equal(stamps_shared(&stamps), 0);
    member_close(&ana);
    member_close(&ben);
    assert_true(world_close(&w));
    fake_clock_close(&clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posted__sixty_people_on_two_servers__no_millisecond_twice),
        cmocka_unit_test(posted__server_killed_and_started_again__goes_on_behind),
        cmocka_unit_test(posted__more_than_a_thousand_a_second_in_a_room__waits),
        cmocka_unit_test(posted__clock_set_back_and_server_killed__never_runs_back),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
