/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readers with pages of many sizes walk a room while it is posted to, edited, reacted to and
 * deleted from: in the end each reader's picture is the room's, wherever its pages were cut
 * (docs/design.md, D17).
 *
 * test-timeout-s: 240, test-seconds: 19
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "integration/talk.h"

enum {
    READERS = 10,
    WRITERS = 3,
    MEMBERS = READERS + WRITERS,
    SERVERS = 2,
    WRITE_MS = 15000,
    SHORT_WRITE_MS = 5000,
    WALK_MS = 120000,
    BEHIND_MS = 50,
    KNOWN_MAX = 64, /* messages that the writers still act on */
};
static const int limits[READERS] = {1, 2, 3, 4, 7, 10, 25, 50, 99, 100};

static struct talk talk;
static _Atomic bool writing;
static _Atomic int64_t written; /* the room's counter when writing had ended; 0: not yet */

/* Threads cannot fail a cmocka test: they say what is wrong, and the test's own thread fails. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static char trouble[256];
static int64_t known[KNOWN_MAX];
static size_t known_count;

static void say_trouble(const char *who, const char *what, enum err e)
{
    (void)pthread_mutex_lock(&lock);
    if (trouble[0] == '\0')
        (void)snprintf(trouble, sizeof(trouble), "%s: %s (%s)", who, what, err_name(e));
    (void)pthread_mutex_unlock(&lock);
}

/* ---- writers ---- */

static void remember(int64_t id)
{
    (void)pthread_mutex_lock(&lock);
    known[known_count++ % KNOWN_MAX] = id;
    (void)pthread_mutex_unlock(&lock);
}

static int64_t some_known(unsigned *random)
{
    (void)pthread_mutex_lock(&lock);
    size_t count = known_count < KNOWN_MAX ? known_count : KNOWN_MAX;
    int64_t id = count > 0 ? known[(unsigned)rand_r(random) % count] : 0;
    (void)pthread_mutex_unlock(&lock);
    return id;
}

/* Refusals are part of it: another writer's message is not ours to edit. */
static enum err act(struct community *c, unsigned *random)
{
    static const char *const texts[] = {"👍", "👎", "🍍"};
    unsigned draw = (unsigned)rand_r(random) % 100;
    int64_t id = some_known(random);
    const char *text = texts[(unsigned)rand_r(random) % COUNT_OF(texts)];
    if (draw < 30 || id == 0) {
        json_auto_t *row = NULL;
        enum err e = community_post(c, "lobby", "something new", &row);
        if (e == OK)
            remember(json_integer_value(json_object_get(row, "id")));
        return e;
    }
    if (draw < 45)
        return community_edit(c, "lobby", id, "something else");
    if (draw < 80)
        return community_react(c, "lobby", id, text, NULL);
    if (draw < 93)
        return community_unreact(c, "lobby", id, text, NULL);
    return community_delete(c, "lobby", id);
}

static void *write_on(void *arg)
{
    size_t member = *(size_t *)arg;
    unsigned random = (unsigned)member;
    struct community *c = &talk.members[member].community;
    while (atomic_load(&writing)) {
        enum err e = act(c, &random);
        if (e != OK && !(e == ERR_DENIED && (c->refusal.code == 403 || c->refusal.code == 404)))
            say_trouble("writer", c->refusal.text, e);
        (void)poll(NULL, 0, 2);
    }
    return NULL;
}

/* ---- readers ---- */

/* What a reader knows: {"<id>": row}, tombstones included. */
struct reader {
    size_t member;
    int limit;
    int64_t seqno;
    json_t *picture;
    size_t pages;
};

/* As clients do: three keys are reactions to what one has; anything else replaces it. */
static void take_row(struct reader *r, json_t *row)
{
    char key[24];
    (void)snprintf(key, sizeof(key), "%lld",
                   (long long)json_integer_value(json_object_get(row, "id")));
    int64_t seqno = json_integer_value(json_object_get(row, "seqno"));
    if (seqno <= r->seqno)
        say_trouble("reader", "a row does not move on", ERR_MALFORMED);
    r->seqno = seqno;
    json_t *had = json_object_get(r->picture, key);
    if (json_object_size(row) != 3)
        (void)json_object_set(r->picture, key, row);
    else if (had != NULL)
        (void)json_object_set(had, "reactions", json_object_get(row, "reactions"));
}

static enum err read_page(struct reader *r, size_t *ret_count)
{
    json_auto_t *rows = NULL;
    size_t i;
    json_t *row;
    enum err e =
        community_since(&talk.members[r->member].community, "lobby", r->seqno, r->limit, &rows);
    if (e != OK)
        return e;
    json_array_foreach(rows, i, row) take_row(r, row);
    r->pages++;
    *ret_count = json_array_size(rows);
    return OK;
}

/* Until everything is written and there is nothing more to read. */
static void *walk(void *arg)
{
    struct reader *r = arg;
    int64_t deadline_ms = clock_mono_ms() + WALK_MS;
    while (clock_mono_ms() < deadline_ms) {
        size_t count = 0;
        int64_t end = atomic_load(&written);
        enum err e = read_page(r, &count);
        if (e != OK) {
            say_trouble("reader", talk.members[r->member].community.refusal.text, e);
            return NULL;
        }
        if (count == 0 && end > 0 && r->seqno >= end)
            return NULL;
        if (end == 0) /* who falls behind has pages that are cut */
            (void)poll(NULL, 0, BEHIND_MS);
        else if (count == 0)
            (void)poll(NULL, 0, 3);
    }
    say_trouble("reader", "does not come to the end", ERR_BUSY);
    return NULL;
}

/* ---- the room in the end ---- */

/*
 * The picture of one who begins now and reads with the largest pages: nothing is cut between two
 * events of a message.
 */
static json_t *room_now(int64_t *ret_last)
{
    struct reader r = {.member = 0, .limit = 256, .picture = json_object()};
    for (size_t count = 1; count > 0;)
        assert_int_equal(read_page(&r, &count), OK);
    *ret_last = r.seqno;
    return r.picture;
}

static void tell_difference(const struct reader *r, const char *id, const json_t *mine,
                            const json_t *row)
{
    char *had = mine != NULL ? json_dumps(mine, JSON_COMPACT) : NULL;
    char *is = json_dumps(row, JSON_COMPACT);
    print_message("has %s\nis  %s\n", had != NULL ? had : "nothing", is != NULL ? is : "");
    fail_msg("the reader with pages of %d does not have message %s as it is", r->limit, id);
}

/* A deleted message may be unknown, or known as deleted. */
static void compare(const struct reader *r, const json_t *room)
{
    const char *key;
    const json_t *row;
    json_object_foreach((json_t *)(uintptr_t)room, key, row)
    {
        const json_t *mine = json_object_get(r->picture, key);
        if (json_is_true(json_object_get(row, "deleted")))
            continue;
        if (mine == NULL ||
            !json_equal(json_object_get(mine, "data"), json_object_get(row, "data")) ||
            !json_equal(json_object_get(mine, "reactions"), json_object_get(row, "reactions")))
            tell_difference(r, key, mine, row);
    }
    json_object_foreach(r->picture, key, row)
    {
        const json_t *now = json_object_get(room, key);
        bool gone = now == NULL || json_is_true(json_object_get(now, "deleted"));
        if (gone && !json_is_true(json_object_get(row, "deleted")))
            fail_msg("the reader with pages of %d still shows the deleted message %s", r->limit,
                     key);
    }
}

static void readers__of_many_page_sizes__end_with_the_picture_of_the_room(void **state)
{
    (void)state;
    struct reader readers[READERS];
    size_t writers[WRITERS];
    pthread_t threads[MEMBERS];
    atomic_store(&writing, true);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.member = i, .limit = limits[i], .picture = json_object()};
        assert_int_equal(pthread_create(&threads[i], NULL, walk, &readers[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = READERS + i;
        assert_int_equal(pthread_create(&threads[READERS + i], NULL, write_on, &writers[i]), 0);
    }
    (void)poll(NULL, 0, getenv("CONCLAVE_TEST_SHORT") != NULL ? SHORT_WRITE_MS : WRITE_MS);
    atomic_store(&writing, false);
    for (size_t i = 0; i < WRITERS; i++)
        (void)pthread_join(threads[READERS + i], NULL);
    /* The last event of all is a message that everybody has to reach. */
    json_auto_t *last = talk_say(&talk, READERS, "lobby", "the end");
    atomic_store(&written, talk_int(last, "seqno"));
    for (size_t i = 0; i < READERS; i++)
        (void)pthread_join(threads[i], NULL);
    if (trouble[0] != '\0')
        fail_msg("%s", trouble);
    int64_t end = 0;
    json_auto_t *room = room_now(&end);
    assert_int_equal(end, talk_int(last, "seqno"));
    for (size_t i = 0; i < READERS; i++) {
        compare(&readers[i], room);
        json_decref(readers[i].picture);
    }
    print_message("%zu messages, %lld events, %zu pages by the reader of one row\n",
                  json_object_size(room), (long long)end, readers[0].pages);
}

static int set_up(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off", NULL};
    (void)state;
    talk_open(&talk, SERVERS, MEMBERS, env);
    for (size_t i = 0; i < MEMBERS; i++)
        talk_move(&talk, i, i % SERVERS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers__of_many_page_sizes__end_with_the_picture_of_the_room),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
