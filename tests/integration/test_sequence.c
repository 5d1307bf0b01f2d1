/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sequence rule between processes (docs/design.md, D3 and D7): two servers on one database,
 * writers and readers on both, and a server that hears no notification.
 *
 * test-timeout-s: 180, test-waits: 38
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "integration/deaf_proxy.h"
#include "integration/world.h"

enum {
    SERVERS = 2,
    WRITERS = 2, /* at each server */
    READERS = 2, /* at each server */
    RUN_MS = 30 * SECOND_MS,
    SEEN_WITHIN_MS = 1000,
    LAST_WITHIN_MS =
        10000, /* the rest, on a busy machine; each is checked for order all the same */
    POSTS_WITHOUT_NOTIFY = 12,
    TEXT_MAX = 64,
};

static const char *const no_post_limit[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};

static int64_t run_ms(void)
{
    const char *divisor = getenv("CONCLAVE_TEST_SHORT");
    int64_t by = divisor != NULL ? strtol(divisor, NULL, 10) : 1;
    return RUN_MS / (by > 1 ? by : 1);
}

/* ---- two processes ---- */

static atomic_bool writing;

struct writer {
    pthread_t thread;
    struct member member;
    size_t number;
    long posts; /* acknowledged */
    bool failed;
};

struct reader {
    pthread_t thread;
    struct member member;
    int64_t seqno;
    _Atomic long seen;
    long last_of[SERVERS * WRITERS]; /* the last post seen of each writer: they come in his order */
    char wrong[128];
};

static struct world world;
static struct writer writers[SERVERS * WRITERS];
static struct reader readers[SERVERS * READERS];
static _Atomic long expected = LONG_MAX;

static void *write_on(void *arg)
{
    struct writer *w = arg;
    while (atomic_load(&writing) && !w->failed) {
        char text[TEXT_MAX];
        json_t *row = NULL;
        (void)snprintf(text, sizeof(text), "%zu %ld", w->number, w->posts + 1);
        w->failed = community_post(&w->member.community, "lobby", text, &row) != OK;
        w->posts += !w->failed;
        json_decref(row);
    }
    return NULL;
}

static void read_row(struct reader *r, const json_t *row)
{
    struct message m AUTO_MESSAGE = {0};
    char text[TEXT_MAX] = {0};
    size_t writer = SIZE_MAX;
    long number = 0;
    int64_t seqno = json_integer_value(json_object_get(row, "seqno"));
    if (seqno != r->seqno + 1) {
        (void)snprintf(r->wrong, sizeof(r->wrong), "number %ld after %ld", (long)seqno,
                       (long)r->seqno);
        return;
    }
    r->seqno = seqno;
    if (message_read(row, &m) == OK && m.verified && m.content.text.len < sizeof(text))
        memcpy(text, m.content.text.p, m.content.text.len);
    if (sscanf(text, "%zu %ld", &writer, &number) != 2 || writer >= COUNT_OF(writers) ||
        number != r->last_of[writer] + 1) {
        (void)snprintf(r->wrong, sizeof(r->wrong), "\"%.60s\" does not follow", text);
        return;
    }
    r->last_of[writer] = number;
    (void)atomic_fetch_add(&r->seen, 1);
}

static void *read_on(void *arg)
{
    struct reader *r = arg;
    while (r->wrong[0] == '\0' && atomic_load(&r->seen) < atomic_load(&expected)) {
        json_t *rows = NULL;
        if (community_since(&r->member.community, "lobby", r->seqno, 7, &rows) != OK)
            (void)snprintf(r->wrong, sizeof(r->wrong), "a poll was refused with %d",
                           r->member.community.refusal.code);
        for (size_t i = 0; r->wrong[0] == '\0' && i < json_array_size(rows); i++)
            read_row(r, json_array_get(rows, i));
        json_decref(rows);
    }
    return NULL;
}

static void open_members(void)
{
    for (size_t i = 0; i < COUNT_OF(writers); i++) {
        writers[i] = (struct writer){.number = i};
        assert_int_equal(member_open(&world, i, i % SERVERS, false, &writers[i].member), OK);
    }
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        readers[i] = (struct reader){0};
        assert_int_equal(
            member_open(&world, COUNT_OF(writers) + i, i % SERVERS, false, &readers[i].member), OK);
    }
}

static void wait_for_all_readers(void)
{
    int64_t deadline_ms = clock_mono_ms() + LAST_WITHIN_MS;
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        while (atomic_load(&readers[i].seen) < atomic_load(&expected) &&
               clock_mono_ms() < deadline_ms)
            (void)poll(NULL, 0, 10);
    }
}

static void two_processes__writers_and_readers_on_both__every_message_once_in_order(void **state)
{
    (void)state;
    struct world_options options = {.servers = SERVERS,
                                    .accounts = COUNT_OF(writers) + COUNT_OF(readers),
                                    .env = no_post_limit,
                                    .no_fsync = true};
    assert_int_equal(world_open(&world, &options), OK);
    open_members();
    atomic_store(&writing, true);
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    (void)poll(NULL, 0, (int)run_ms());
    atomic_store(&writing, false);
    long posts = 0;
    for (size_t i = 0; i < COUNT_OF(writers); i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_false(writers[i].failed);
        posts += writers[i].posts;
    }
    atomic_store(&expected, posts);
    wait_for_all_readers();
    atomic_store(&expected, 0); /* whoever misses some does not wait for ever */
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        if (readers[i].wrong[0] != '\0')
            fail_msg("reader %zu: %s", i, readers[i].wrong);
        assert_int_equal(readers[i].seen, posts);
        member_close(&readers[i].member);
    }
    print_message("%ld posts, each seen by %zu readers\n", posts, COUNT_OF(readers));
    assert_true(posts > 20); /* something happened, however busy the machine */
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        member_close(&writers[i].member);
    assert_true(world_close(&world));
}

/* ---- lost notifications ---- */

/* How long after the answer to a post another member sees it. */
static int64_t time_until_seen(struct member *ana, struct member *ben, int64_t *seqno)
{
    json_t *posted = NULL;
    assert_int_equal(community_post(&ana->community, "lobby", "unannounced", &posted), OK);
    int64_t from_ms = clock_mono_ms();
    int64_t wanted = json_integer_value(json_object_get(posted, "seqno"));
    json_decref(posted);
    while (*seqno < wanted && clock_mono_ms() < from_ms + LAST_WITHIN_MS) {
        json_t *rows = NULL;
        assert_int_equal(community_since(&ben->community, "lobby", *seqno, 0, &rows), OK);
        for (size_t i = 0; i < json_array_size(rows); i++)
            *seqno = json_integer_value(json_object_get(json_array_get(rows, i), "seqno"));
        json_decref(rows);
    }
    assert_int_equal(*seqno, wanted);
    return clock_mono_ms() - from_ms;
}

static void post__of_another_process_without_notifications__is_seen_within_a_second(void **state)
{
    (void)state;
    static struct deaf_proxy proxy;
    struct world_options options = {
        .servers = 1, .accounts = 2, .env = no_post_limit, .no_fsync = true};
    char folder[WORLD_PATH_MAX + 8];
    char url[DEAF_URL_MAX + 32];
    const char *deaf[] = {url, NULL};
    struct member ana;
    struct member ben;
    size_t second = 0;
    int64_t seqno = 0;
    int64_t longest_ms = 0;
    double heard = -1;
    assert_int_equal(world_open(&world, &options), OK);
    (void)snprintf(folder, sizeof(folder), "%s/p", world.folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(deaf_proxy_open(&proxy, folder, world.database_url), OK);
    (void)snprintf(url, sizeof(url), "CONCLAVE_DATABASE_URL=%s", proxy.url);
    assert_int_equal(world_start_server(&world, deaf, &second), OK);
    assert_int_equal(member_open(&world, 0, 0, false, &ana), OK);
    assert_int_equal(member_open(&world, 1, second, false, &ben), OK);
    for (int i = 0; i < POSTS_WITHOUT_NOTIFY; i++) {
        int64_t ms = time_until_seen(&ana, &ben, &seqno);
        longest_ms = ms > longest_ms ? ms : longest_ms;
        (void)poll(NULL, 0, i * 61 % 250); /* at every phase of the comparison */
    }
    print_message("seen after at most %ld ms, %ld notifications dropped\n", (long)longest_ms,
                  atomic_load(&proxy.dropped));
    assert_in_range(longest_ms, 0, SEEN_WITHIN_MS);
    assert_true(atomic_load(&proxy.dropped) > 0);
    assert_int_equal(world_metric(&world, second, "conclave_notify_received_total", &heard), OK);
    assert_true(heard <= 0);
    member_close(&ana);
    member_close(&ben);
    assert_true(world_close(&world));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processes__writers_and_readers_on_both__every_message_once_in_order),
        cmocka_unit_test(post__of_another_process_without_notifications__is_seen_within_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
