/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 240, test-waits: 44
 *
 * The database is away for a while: whoever only polls does not notice, whoever writes is told so
 * under seal, and when it is back everything goes on without anybody's help.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client/file_client.h"
#include "integration/world.h"

enum {
    AWAY_FULL_MS = 30 * SECOND_MS,
    AWAY_MS = 10 * SECOND_MS,
    POLL_PAUSE_MS = 250,
    ANSWER_MAX_MS = 2 * SECOND_MS, /* a neighbour may have the processor for a while */
    REFUSAL_MAX_MS = 5 * SECOND_MS,
    BACK_MAX_MS = 15 * SECOND_MS,
    /*
     * A statement's own limit and a margin, then attempts to connect; the last hop gives up at 25
     * s.
     */
    FROZEN_REFUSAL_MAX_MS = 22 * SECOND_MS,
    POSTERS = 3,
    UPLOADS = 12, /* more than there are workers, so that each gets one */
};

static void open_world(struct world *w, struct member *ret_ana)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                      "CONCLAVE_FILES_TYPE_CHECK=off", NULL};
    const struct world_options options = {.servers = 1, .accounts = 1 + POSTERS, .env = env};
    if (world_open(w, &options) != OK)
        fail_msg("%s", w->trouble);
    assert_int_equal(member_open(w, 0, 0, false, ret_ana), OK);
}

static int64_t away_ms(void)
{
    return getenv("CONCLAVE_TEST_FULL") != NULL ? AWAY_FULL_MS : AWAY_MS;
}

/* The code of a post. */
static int post(struct member *m)
{
    json_t *message = NULL;
    enum err e = community_post(&m->community, "lobby", "words", &message);
    json_decref(message);
    assert_true(e == OK ||
                e == ERR_DENIED); /* ERR_DENIED: see refusal; 0 would be no sealed answer */
    return e == OK ? 201 : m->community.refusal.code;
}

static int upload(struct member *m, uint8_t fill)
{
    const uint8_t content[] = {fill, 1, 2, 3};
    struct file_ticket ticket;
    int code = 0;
    enum err e = file_client_put(m->link, span_of(content, sizeof(content)), &ticket, &code);
    assert_true(e == OK || e == ERR_DENIED);
    return code;
}

/* The standard poll, answered in time and whole. */
static void poll_room(struct member *m, enum poll_style style, struct room_view *view)
{
    json_auto_t *batch = NULL;
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(community_poll(&m->community, style, view, 1, &batch), OK);
    assert_true(clock_mono_ms() - began_ms < ANSWER_MAX_MS);
    for (size_t i = 0; i < json_array_size(batch); i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(batch, i), "code")),
                         200);
}

static void expect_refusals(struct member *m)
{
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(post(m), 503);
    assert_int_equal(upload(m, 0), 503);
    assert_true(clock_mono_ms() - began_ms < REFUSAL_MAX_MS);
}

static void wait_back(struct member *m)
{
    int64_t deadline_ms = clock_mono_ms() + BACK_MAX_MS;
    while (post(m) != 201) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, POLL_PAUSE_MS);
    }
    while (upload(m, 2) != 200) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, POLL_PAUSE_MS);
    }
}

static void database__away__polls_go_on_and_writes_wait_for_it(void **state)
{
    (void)state;
    struct world w = {0};
    struct member ana;
    struct room_view desktop = {.token = "lobby"}, phone = {.token = "lobby"};
    open_world(&w, &ana);
    assert_int_equal(post(&ana), 201);
    assert_int_equal(upload(&ana, 1), 200);
    poll_room(&ana, POLL_DESKTOP, &desktop); /* fills the windows */
    poll_room(&ana, POLL_IOS, &phone);
    int64_t known = desktop.seqno;

    assert_int_equal(world_crash_database(&w), OK);
    int64_t until_ms = clock_mono_ms() + away_ms();
    for (int i = 0; clock_mono_ms() < until_ms; i++) {
        poll_room(&ana, POLL_DESKTOP, &desktop);
        poll_room(&ana, POLL_IOS, &phone);
        if (i % 8 == 0)
            expect_refusals(&ana);
        (void)poll(NULL, 0, POLL_PAUSE_MS);
    }
    assert_int_equal(desktop.seqno, known); /* nothing was shown that was refused */

    assert_int_equal(world_restart_database(&w), OK);
    wait_back(&ana);
    poll_room(&ana, POLL_DESKTOP, &desktop);
    assert_int_equal(desktop.seqno, known + 1);
    member_close(&ana);
    assert_true(world_close(&w));
}

/*
 * Somebody who writes meanwhile. Threads cannot fail a test: what became of it is looked at
 * afterwards.
 */
struct poster {
    struct member member;
    bool uploads;
    pthread_t thread;
    int code;
    int64_t took_ms;
    atomic_bool done;
};

static void *write_once(void *arg)
{
    struct poster *p = arg;
    int64_t began_ms = clock_mono_ms();
    p->code = p->uploads ? upload(&p->member, 9) : post(&p->member);
    p->took_ms = clock_mono_ms() - began_ms;
    atomic_store(&p->done, true);
    return NULL;
}

static bool all_done(struct poster posters[POSTERS])
{
    bool done = true;
    for (size_t i = 0; i < POSTERS; i++)
        done = atomic_load(&posters[i].done) && done;
    return done;
}

/* It is there and says nothing: worse than away. */
static void database__frozen__polls_go_on_and_writes_are_refused_in_time(void **state)
{
    (void)state;
    struct world w = {0};
    struct member ana;
    static struct poster posters[POSTERS];
    struct room_view desktop = {.token = "lobby"}, phone = {.token = "lobby"};
    open_world(&w, &ana);
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.uploads = i == 0};
        assert_int_equal(member_open(&w, 1 + i, 0, false, &posters[i].member), OK);
        assert_int_equal(post(&posters[i].member), 201);
    }
    poll_room(&ana, POLL_DESKTOP, &desktop);
    poll_room(&ana, POLL_IOS, &phone);
    int64_t known = desktop.seqno;

    assert_int_equal(world_freeze_database(&w), OK);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < POSTERS; i++) {
            atomic_store(&posters[i].done, false);
            assert_int_equal(pthread_create(&posters[i].thread, NULL, write_once, &posters[i]), 0);
        }
        while (!all_done(posters)) {
            poll_room(&ana, POLL_DESKTOP, &desktop);
            poll_room(&ana, POLL_IOS, &phone);
            (void)poll(NULL, 0, POLL_PAUSE_MS);
        }
        for (size_t i = 0; i < POSTERS; i++) {
            (void)pthread_join(posters[i].thread, NULL);
            print_message("round %d: %d after %lld ms\n", round, posters[i].code,
                          (long long)posters[i].took_ms);
            assert_int_equal(posters[i].code, 503);
            assert_true(posters[i].took_ms < FROZEN_REFUSAL_MAX_MS);
        }
    }
    assert_int_equal(desktop.seqno, known);

    assert_int_equal(world_thaw_database(&w), OK);
    wait_back(&ana);
    poll_room(&ana, POLL_DESKTOP, &desktop);
    assert_int_equal(desktop.seqno, known + 1); /* what was refused did not happen */
    for (size_t i = 0; i < POSTERS; i++)
        member_close(&posters[i].member);
    member_close(&ana);
    assert_true(world_close(&w));
}

/* Connections that broke while nobody used them are noticed before they cost somebody an answer. */
static void database__restarted_while_nobody_asks__is_not_noticed(void **state)
{
    (void)state;
    struct world w = {0};
    struct member ana;
    open_world(&w, &ana);
    for (uint8_t i = 0; i < UPLOADS; i++)
        assert_int_equal(upload(&ana, i), 200);
    assert_int_equal(world_crash_database(&w), OK);
    assert_int_equal(world_restart_database(&w), OK);
    for (uint8_t i = 0; i < UPLOADS; i++)
        assert_int_equal(upload(&ana, i), 200);
    assert_int_equal(post(&ana), 201);
    member_close(&ana);
    assert_true(world_close(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(database__away__polls_go_on_and_writes_wait_for_it),
        cmocka_unit_test(database__frozen__polls_go_on_and_writes_are_refused_in_time),
        cmocka_unit_test(database__restarted_while_nobody_asks__is_not_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
