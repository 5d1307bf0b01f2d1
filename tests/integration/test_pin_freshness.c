/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pinned message that is deleted takes its pin along: whoever asks right after the deletion was
 * answered, at the same process, finds neither pin nor the old info_updates. Asked a thousand times
 * while others post, in that room and elsewhere.
 *
 * test-timeout-s: 300, test-waits: 42
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "integration/talk.h"

enum { BOSS, BUSY_FIRST, BUSY_COUNT = 3, PEOPLE = BUSY_FIRST + BUSY_COUNT, ROUNDS = 1000 };

static struct talk t;

static int open_talk(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                      "CONCLAVE_LIMITS_STRANGERS_SHARE=100", NULL};
    talk_open(&t, 1, PEOPLE, env);
    talk_room(&t, "other");
    talk_appoint(&t, BOSS, NULL, "--admin");
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&t);
    return 0;
}

/* ---- the load: posts in two rooms, as fast as they are answered ---- */

struct poster {
    pthread_t thread;
    struct member *member;
    const char *room;
    atomic_bool *stop;
    long posts;
};

static void *post_on(void *arg)
{
    struct poster *p = arg;
    while (!atomic_load(p->stop)) {
        json_t *row = NULL;
        p->posts += community_post(&p->member->community, p->room, "busy", &row) == OK;
        json_decref(row);
    }
    return NULL;
}

static int rounds(void)
{
    return getenv("CONCLAVE_TEST_SHORT") != NULL ? ROUNDS / 4 : ROUNDS;
}

/* One deletion; true if the room still showed something of the pin afterwards. */
static bool is_stale_after_deletion(bool all_of_author)
{
    int64_t id = talk_post(&t, BOSS, "lobby", "to be pinned");
    json_decref(talk_do(&t, BOSS, "POST", "/room/lobby/pin/%lld", (long long)id));
    json_auto_t *pinned = talk_get(&t, BOSS, "/room/lobby");
    int64_t before = talk_int(pinned, "info_updates");
    assert_int_equal(json_array_size(json_object_get(pinned, "pinned_messages")), 1);
    struct id_text boss;
    if (all_of_author)
        json_decref(talk_do(&t, BOSS, "DELETE", "/room/lobby/all/%s", talk_id(&t, BOSS, &boss)));
    else
        talk_delete(&t, BOSS, "lobby", id);
    json_auto_t *room = talk_get(&t, BOSS, "/room/lobby");
    json_auto_t *poll = talk_get(&t, BOSS, "/room/lobby/pollInfo/%lld", (long long)before);
    return json_object_get(room, "pinned_messages") != NULL ||
           talk_int(room, "info_updates") != before + 1 || json_object_get(poll, "details") == NULL;
}

static void pin__of_a_deleted_message__is_gone_when_the_deletion_is_answered(void **state)
{
    (void)state;
    struct poster posters[BUSY_COUNT];
    atomic_bool stop;
    long posts = 0;
    int stale = 0;
    atomic_init(&stop, false);
    for (size_t i = 0; i < BUSY_COUNT; i++) {
        posters[i] = (struct poster){.member = &t.members[BUSY_FIRST + i],
                                     .room = i == 0 ? "other" : "lobby",
                                     .stop = &stop};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_on, &posters[i]), 0);
    }
    for (int i = 0; i < rounds(); i++)
        stale += is_stale_after_deletion(i % 4 == 0);
    atomic_store(&stop, true);
    for (size_t i = 0; i < BUSY_COUNT; i++) {
        assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
        posts += posters[i].posts;
    }
    print_message("%d of %d were stale; %ld posts meanwhile\n", stale, rounds(), posts);
    assert_int_equal(stale, 0);
    assert_true(posts > rounds());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pin__of_a_deleted_message__is_gone_when_the_deletion_is_answered),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
