/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the times of messages come from, without a server around it: several processes' sources on
 * one database, lost connections, clocks that are wrong.
 *
 * test-alone: its sources draw by one moment, which must not be long ago.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>

#include "base/clock.h"
#include "integration/database.h"
#include "integration/stamps.h"
#include "store/residues.h"
#include "work/timestamps.h"

enum {
    A_LOT = 1000,
    SOME = 150, /* two sources of half the milliseconds draw as many less than a second ahead */
    ROUNDS = 500,
    GONE_WITHIN_MS = 5000,
    PAUSE_MS = 5,
    ATTEMPTS_MAX = 5,
    HOUR = 60 * 60 * 1000,
    STEP_MS = 100, /* reserved beyond what is needed */
};

static struct database database;
static struct stamps stamps = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One process. */
struct source {
    struct db *db;
    struct timestamps *times;
};

static int open_database(void **state)
{
    (void)state;
    database_start(&database);
    return 0;
}

static int close_database(void **state)
{
    (void)state;
    database_stop(&database);
    return 0;
}

/* PostgreSQL takes a moment to notice that a connection was closed. */
static void wait_for_locks(int64_t expected)
{
    struct db *db = database_connect_bare(&database);
    int64_t deadline_ms = clock_mono_ms() + GONE_WITHIN_MS;
    while (database_number(db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") !=
           expected) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, PAUSE_MS);
    }
    db_free(db);
}

static int renew(void **state)
{
    (void)state;
    wait_for_locks(0);
    database_renew(&database);
    stamps.count = 0;
    return 0;
}

static void source_open(struct source *s)
{
    s->db = database_connect(&database);
    assert_int_equal(timestamps_new(&s->times), OK);
}

/* As a process that is killed: nothing is given back. */
static void source_close(struct source *s)
{
    db_free(s->db);
    timestamps_free(s->times);
}

static int64_t draw(struct source *s, int64_t after_ms, int64_t now_ms)
{
    int64_t ms = 0;
    enum err e = ERR_RETRY;
    for (int i = 0; i < ATTEMPTS_MAX && e == ERR_RETRY; i++) {
        e = timestamps_prepare(s->times, s->db, now_ms, 1);
        if (e == OK)
            e = timestamps_draw(s->times, after_ms, now_ms, &ms);
    }
    assert_int_equal(e, OK);
    return ms;
}

/* Returns the last one. */
static int64_t draw_many(struct source *s, size_t count, int64_t now_ms)
{
    int64_t ms = 0;
    for (size_t i = 0; i < count; i++) {
        ms = draw(s, 0, now_ms);
        stamps_add(&stamps, ms);
    }
    return ms;
}

static int64_t held_by_somebody(void)
{
    struct db *db = database_connect_bare(&database);
    int64_t held =
        database_number(db, "SELECT count(*) FROM conclave.posted_residues WHERE holder <> 0");
    int64_t most = database_number(db, "SELECT max(n) FROM (SELECT count(*) AS n"
                                       "  FROM conclave.posted_residues GROUP BY holder) x");
    db_free(db);
    assert_int_equal(held, RESIDUES);
    return most;
}

static void one_process__alone__has_every_millisecond(void **state)
{
    (void)state;
    struct source a;
    int64_t now_ms = clock_wall_ms();
    source_open(&a);
    assert_int_equal(draw_many(&a, A_LOT, now_ms), now_ms + A_LOT - 1);
    assert_int_equal(stamps_shared(&stamps), 0);
    source_close(&a);
}

static void processes__together__share_none_and_have_equal_parts(void **state)
{
    (void)state;
    struct source s[4];
    int64_t now_ms = clock_wall_ms();
    source_open(&s[0]);
    (void)draw_many(&s[0], SOME, now_ms);
    for (size_t i = 1; i < COUNT_OF(s); i++)
        source_open(&s[i]);
    for (size_t round = 0; round < ROUNDS; round++) {
        now_ms += (int64_t)COUNT_OF(s) + 1; /* a little fewer than a thousand a second */
        for (size_t i = 0; i < COUNT_OF(s); i++)
            (void)draw_many(&s[i], 1, now_ms);
    }
    assert_int_equal(stamps_shared(&stamps), 0);
    assert_int_equal(held_by_somebody(), RESIDUES / (int64_t)COUNT_OF(s));
    for (size_t i = 0; i < COUNT_OF(s); i++)
        source_close(&s[i]);
}

static void more_processes__than_residues__still_draw(void **state)
{
    (void)state;
    struct source s[RESIDUES + 2];
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < COUNT_OF(s); i++) {
        source_open(&s[i]);
        assert_true(draw(&s[i], now_ms + 10, now_ms) > now_ms + 10);
    }
    for (size_t i = 0; i < COUNT_OF(s); i++)
        source_close(&s[i]);
}

/* Its lock ends with its connection, and another takes all it had; it does not know that yet. */
static void process__whose_connection_is_lost__shares_none_with_who_took_its_residues(void **state)
{
    (void)state;
    struct source a, b;
    int64_t now_ms = clock_wall_ms();
    source_open(&a);
    source_open(&b);
    (void)draw_many(&a, 1, now_ms);
    db_free(a.db);
    wait_for_locks(0);
    (void)draw_many(&b, SOME, now_ms);
    assert_int_equal(held_by_somebody(), RESIDUES);
    /* What it has reserved, it may still draw. */
    for (int64_t ms = 0; timestamps_draw(a.times, 0, now_ms, &ms) == OK;)
        stamps_add(&stamps, ms);
    assert_true(stamps.count > SOME + STEP_MS / 2);
    a.db = database_connect(&database);
    for (size_t i = 0; i < SOME; i++) {
        (void)draw_many(&a, 1, now_ms);
        (void)draw_many(&b, 1, now_ms);
    }
    assert_int_equal(stamps_shared(&stamps), 0);
    assert_int_equal(held_by_somebody(), RESIDUES / 2);
    source_close(&a);
    source_close(&b);
}

static void process__that_follows_a_killed_one__goes_on_behind_it(void **state)
{
    (void)state;
    struct source a, b;
    int64_t now_ms = clock_wall_ms();
    source_open(&a);
    int64_t last_ms = draw_many(&a, SOME, now_ms);
    source_close(&a);
    wait_for_locks(0);
    source_open(&b);
    int64_t next_ms = draw_many(&b, 1, now_ms);
    assert_true(next_ms > last_ms && next_ms <= last_ms + 2 * STEP_MS);
    source_close(&b);
}

static void clock__set_back_an_hour__times_go_on(void **state)
{
    (void)state;
    struct source a, b;
    int64_t now_ms = clock_wall_ms();
    source_open(&a);
    int64_t last_ms = draw_many(&a, SOME, now_ms + HOUR);
    for (int i = 0; i < SOME; i++) {
        int64_t ms = draw_many(&a, 1, now_ms);
        assert_int_equal(ms, last_ms + 1); /* no faster than needed: the clock is to catch up */
        last_ms = ms;
    }
    source_close(&a);
    wait_for_locks(0);
    source_open(&b); /* nor after the process has ended */
    assert_true(draw_many(&b, 1, now_ms) > last_ms);
    assert_int_equal(stamps_shared(&stamps), 0);
    source_close(&b);
}

/* Apps drop what is six hours away from their own clock. */
static void clock__set_back_forty_days__times_begin_anew(void **state)
{
    (void)state;
    struct source a, b;
    int64_t now_ms = clock_wall_ms();
    source_open(&a);
    (void)draw_many(&a, SOME, now_ms + 40 * DAY_MS);
    assert_int_equal(draw(&a, 0, now_ms), now_ms);
    source_close(&a);
    wait_for_locks(0);
    source_open(&b);
    assert_true(draw(&b, now_ms + 40 * DAY_MS, now_ms) < now_ms + SECOND_MS);
    source_close(&b);
}

static void room__newer_than_the_clock__goes_on_behind_its_newest(void **state)
{
    (void)state;
    struct source a;
    int64_t now_ms = clock_wall_ms();
    source_open(&a);
    assert_int_equal(draw(&a, now_ms + 3 * HOUR, now_ms), now_ms + 3 * HOUR + 1);
    assert_true(draw(&a, 0, now_ms) < now_ms + SECOND_MS); /* and no other does */
    source_close(&a);
}

static void room__too_far_ahead__goes_on_at_the_clock_of_now(void **state)
{
    (void)state;
    struct source a;
    int64_t now_ms = clock_wall_ms(), far_ms = now_ms + 12 * HOUR, before_ms = now_ms - 3 * HOUR;
    source_open(&a);
    assert_int_equal(draw(&a, far_ms, now_ms), now_ms);
    assert_int_equal(draw(&a, far_ms, now_ms), now_ms + 1);
    (void)draw(&a, 0, now_ms + 3 * HOUR);
    /* Set back by more than what is followed: not behind what was drawn by another clock. */
    assert_true(draw(&a, far_ms, before_ms) < before_ms + SECOND_MS);
    source_close(&a);
}

static void room__that_needs_more_than_there_are__has_each_once_and_none_too_far(void **state)
{
    (void)state;
    struct source a;
    int64_t now_ms = clock_wall_ms();
    int64_t ms = 0, began_ms = clock_mono_ms();
    enum err e = OK;
    source_open(&a);
    while (e == OK) {
        e = timestamps_prepare(a.times, a.db, now_ms, 1);
        if (e == OK)
            e = timestamps_draw(a.times, ms, now_ms, &ms);
        if (e == OK)
            stamps_add(&stamps, ms);
        if (e == ERR_RETRY)
            e = OK;
    }
    assert_int_equal(e, ERR_TOO_EARLY);
    assert_in_range(stamps.count, TIMESTAMPS_ROOM_AHEAD_MS + 1, /* and what has passed meanwhile */
                    TIMESTAMPS_ROOM_AHEAD_MS + 2 + clock_mono_ms() - began_ms);
    assert_int_equal(stamps_shared(&stamps), 0);
    assert_true(draw(&a, 0, now_ms) < ms); /* other rooms go on */
    (void)poll(NULL, 0, PAUSE_MS);
    assert_int_equal(draw(&a, ms, now_ms), ms + 1); /* and this one a moment later */
    source_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_process__alone__has_every_millisecond, renew),
        cmocka_unit_test_setup(processes__together__share_none_and_have_equal_parts, renew),
        cmocka_unit_test_setup(more_processes__than_residues__still_draw, renew),
        cmocka_unit_test_setup(
            process__whose_connection_is_lost__shares_none_with_who_took_its_residues, renew),
        cmocka_unit_test_setup(process__that_follows_a_killed_one__goes_on_behind_it, renew),
        cmocka_unit_test_setup(clock__set_back_an_hour__times_go_on, renew),
        cmocka_unit_test_setup(clock__set_back_forty_days__times_begin_anew, renew),
        cmocka_unit_test_setup(room__newer_than_the_clock__goes_on_behind_its_newest, renew),
        cmocka_unit_test_setup(room__too_far_ahead__goes_on_at_the_clock_of_now, renew),
        cmocka_unit_test_setup(room__that_needs_more_than_there_are__has_each_once_and_none_too_far,
                               renew),
    };
    return cmocka_run_group_tests(tests, open_database, close_database);
}
