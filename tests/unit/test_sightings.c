/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sightings: each person, room and hour is handed out once, newcomers slowly, and a full table
 * loses sightings rather than growing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/span.h"
#include "state/sightings.h"

enum { CAPACITY = 1024, MANY = 4096 };

static struct session_id person(uint32_t n)
{
    struct session_id s = {{0x15, 0}};
    memcpy(s.b + 1, &n, sizeof(n));
    return s;
}

static struct sightings *make(void)
{
    struct sightings *s = NULL;
    assert_int_equal(sightings_new(CAPACITY, &s), OK);
    return s;
}

static void add(struct sightings *s, uint32_t n, int64_t room, int64_t hour)
{
    struct session_id id = person(n);
    sightings_add(s, &id, room, hour, true);
}

static size_t take(struct sightings *s, struct sighting *out, size_t max, size_t max_new)
{
    return sightings_take(s, out, max, &max_new);
}

static size_t take_all(struct sightings *s, struct sighting *out)
{
    return take(s, out, MANY, MANY);
}

static void sightings__same_hour__is_handed_out_once(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    struct sightings *s = make();
    const struct session_id one = person(1);
    for (int i = 0; i < 5; i++)
        add(s, 1, 7, 100);
    assert_int_equal(take_all(s, out), 1);
    assert_true(session_id_eq(&out[0].session, &one));
    assert_int_equal(out[0].room, 7);
    assert_int_equal(out[0].hour, 100);
    add(s, 1, 7, 100);
    add(s, 1, 7, 99); /* a clock that went back */
    assert_int_equal(take_all(s, out), 0);
    add(s, 1, 7, 101);
    assert_int_equal(take_all(s, out), 1);
    assert_int_equal(out[0].hour, 101);
    sightings_free(s);
}

static void sightings__people_and_rooms__are_told_apart(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    static const struct {
        uint32_t person;
        int64_t room;
    } seen[] = {{1, 0}, {1, 7}, {1, 8}, {2, 0}, {2, 7}};
    struct sightings *s = make();
    for (size_t i = 0; i < COUNT_OF(seen); i++)
        add(s, seen[i].person, seen[i].room, 5);
    size_t count = take_all(s, out);
    assert_int_equal(count, COUNT_OF(seen));
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        struct session_id id = person(seen[i].person);
        size_t found = 0;
        for (size_t k = 0; k < count; k++)
            found += session_id_eq(&out[k].session, &id) && out[k].room == seen[i].room;
        assert_int_equal(found, 1);
    }
    sightings_free(s);
}

static void sightings__later_hour_before_the_flush__is_the_one_written(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    struct sightings *s = make();
    add(s, 1, 0, 10);
    add(s, 1, 0, 11);
    assert_int_equal(take_all(s, out), 1);
    assert_int_equal(out[0].hour, 11);
    sightings_free(s);
}

static void sightings__given_back__come_again_unless_newer_came(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    static struct sighting again[MANY];
    struct sightings *s = make();
    add(s, 1, 0, 10);
    add(s, 2, 0, 10);
    assert_int_equal(take_all(s, out), 2);
    add(s, 2, 0, 11);
    sightings_give_back(s, out, 2);
    assert_int_equal(take_all(s, again), 2);
    for (size_t i = 0; i < 2; i++) {
        struct session_id two = person(2);
        assert_int_equal(again[i].hour, session_id_eq(&again[i].session, &two) ? 11 : 10);
    }
    assert_int_equal(take_all(s, again), 0);
    sightings_free(s);
}

static void sightings__given_back__concern_only_what_was_taken(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    struct sightings *s = make();
    add(s, 1, 0, 10);
    assert_int_equal(take_all(s, out), 1);
    const struct sighting other_hour = {.session = out[0].session, .hour = 9};
    const struct sighting stranger = {.session = person(2), .hour = 10};
    sightings_give_back(s, &other_hour, 1);
    sightings_give_back(s, &stranger, 1);
    assert_int_equal(take_all(s, out), 0);
    sightings_give_back(s, out, 1);
    sightings_give_back(s, out, 1); /* twice is once */
    assert_int_equal(take(s, out, MANY, MANY), 1);
    assert_int_equal(take_all(s, out), 0);
    sightings_free(s);
}

/* Two people in many rooms: with any seed, some share their places in the table. */
static void sightings__crowd__keeps_people_and_rooms_apart(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    static bool found[2][128];
    struct sightings *s = make();
    for (uint32_t p = 0; p < 2; p++)
        for (int64_t room = 0; room < 128; room++)
            add(s, p, room, 1);
    size_t count = take_all(s, out);
    memset(found, 0, sizeof(found));
    for (size_t i = 0; i < count; i++) {
        uint32_t p = 0;
        memcpy(&p, out[i].session.b + 1, sizeof(p));
        assert_false(found[p][out[i].room]);
        found[p][out[i].room] = true;
    }
    assert_int_equal(count, 256);
    sightings_free(s);
}

static void sightings__newcomers__are_admitted_so_many_at_a_time(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    struct sightings *s = make();
    for (uint32_t i = 0; i < 20; i++)
        add(s, i, 0, 1);
    assert_int_equal(take(s, out, MANY, 5), 5);
    for (size_t i = 0; i < 5; i++)
        sightings_add(s, &out[i].session, 0, 2, true);
    /* Those five are known now and need no admission; five more are new. */
    assert_int_equal(take(s, out, MANY, 5), 10);
    assert_int_equal(take(s, out, MANY, 0), 0);
    assert_int_equal(take(s, out, 3, MANY), 3); /* max holds too */
    assert_int_equal(take(s, out, MANY, MANY), 7);
    sightings_free(s);
}

static void sightings__full_table__forgets_what_is_written_first(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    struct sightings *s = make();
    /*
     * A few find no place within reach of a crowded one; without forgetting, half of the second
     * would find none.
     */
    for (uint32_t i = 0; i < CAPACITY / 2; i++)
        add(s, i, 0, 1);
    assert_in_range(take_all(s, out), CAPACITY / 20 * 9, CAPACITY / 2);
    for (uint32_t i = CAPACITY; i < CAPACITY + CAPACITY / 2; i++)
        add(s, i, 0, 1);
    assert_in_range(take_all(s, out), CAPACITY / 20 * 9, CAPACITY / 2);
    sightings_free(s);
}

static void sightings__flood_between_two_flushes__stays_within_the_table(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    struct sightings *s = make();
    for (uint32_t i = 0; i < 20 * CAPACITY; i++)
        add(s, i, 0, 1);
    size_t kept = take_all(s, out);
    assert_in_range(kept, CAPACITY / 2, CAPACITY / 2 + 1);
    assert_int_equal(take_all(s, out), 0);
    /* And it goes on afterwards. */
    add(s, 30 * CAPACITY, 0, 1);
    assert_int_equal(take_all(s, out), 1);
    sightings_free(s);
}

static void sightings__of_members__find_room_in_a_flood_of_strangers(void **state)
{
    (void)state;
    enum { MEMBERS = CAPACITY / 5 };
    static struct sighting out[MANY];
    struct sightings *s = make();
    size_t kept = 0;
    for (uint32_t i = 0; i < 20 * CAPACITY; i++)
        add(s, i, 0, 1);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct session_id id = person(1000000 + i);
        sightings_add(s, &id, 0, 1, false);
        kept += sightings_has(s, &id, 0);
    }
    assert_in_range(kept, MEMBERS / 100 * 95, MEMBERS); /* a few find no place within reach */
    /* No stranger may be written, all members are. */
    assert_int_equal(take(s, out, MANY, 0), kept);
    sightings_free(s);
}

static void *add_many(void *arg)
{
    for (int round = 0; round < 50; round++)
        for (uint32_t i = 0; i < 200; i++)
            add(arg, i, 3, 1);
    return NULL;
}

static void sightings__several_threads__hand_each_out_once(void **state)
{
    (void)state;
    static struct sighting out[MANY];
    pthread_t threads[4];
    size_t taken = 0;
    struct sightings *s = make();
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, s), 0);
    for (int i = 0; i < 100; i++)
        taken += take_all(s, out);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    taken += take_all(s, out);
    assert_int_equal(taken, 200);
    sightings_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sightings__same_hour__is_handed_out_once),
        cmocka_unit_test(sightings__people_and_rooms__are_told_apart),
        cmocka_unit_test(sightings__later_hour_before_the_flush__is_the_one_written),
        cmocka_unit_test(sightings__given_back__come_again_unless_newer_came),
        cmocka_unit_test(sightings__given_back__concern_only_what_was_taken),
        cmocka_unit_test(sightings__crowd__keeps_people_and_rooms_apart),
        cmocka_unit_test(sightings__newcomers__are_admitted_so_many_at_a_time),
        cmocka_unit_test(sightings__full_table__forgets_what_is_written_first),
        cmocka_unit_test(sightings__of_members__find_room_in_a_flood_of_strangers),
        cmocka_unit_test(sightings__flood_between_two_flushes__stays_within_the_table),
        cmocka_unit_test(sightings__several_threads__hand_each_out_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
