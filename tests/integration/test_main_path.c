/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What conclave exists for, against real processes: posts and files survive, polls cost no SQL,
 * nothing lies in clear in the database, and two processes show one picture.
 *
 * test-seconds: 28
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/usage.h"
#include "integration/world.h"
#include "store/store.h"

enum { SEEN_WITHIN_MS = 1000, POSTS_EACH = 100, RSS_MAX_KB = 32 * 1024 };

static const char *const no_post_limit[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};

static void open_world(struct world *w, size_t servers)
{
    struct world_options options = {
        .servers = servers, .accounts = 2, .env = no_post_limit, .no_fsync = true};
    enum err e = world_open(w, &options);
    if (e != OK)
        fail_msg("%s", w->trouble);
}

static double metric(struct world *w, const char *name)
{
    double value = 0;
    assert_int_equal(world_metric(w, 0, name, &value), OK);
    return value;
}

static struct room_view lobby(void)
{
    return (struct room_view){.token = "lobby"};
}

static void poll_once(struct member *m, enum poll_style style, struct room_view *view)
{
    json_t *batch = NULL;
    assert_int_equal(community_poll(&m->community, style, view, 1, &batch), OK);
    json_decref(batch);
}

static void post(struct member *m, const char *text)
{
    json_t *message = NULL;
    assert_int_equal(community_post(&m->community, "lobby", text, &message), OK);
    json_decref(message);
}

static void poll__with_nothing_new__touches_no_sql(void **state)
{
    (void)state;
    struct world w = {0};
    struct member ana;
    open_world(&w, 1);
    assert_int_equal(member_open(&w, 0, 0, false, &ana), OK);
    post(&ana, "something to poll");
    struct room_view desktop = lobby(), phone = lobby();
    poll_once(&ana, POLL_DESKTOP, &desktop); /* fills the windows */
    poll_once(&ana, POLL_IOS, &phone);
    double request = metric(&w, "conclave_sql_statements_total{origin=\"request\"}");
    double writer = metric(&w, "conclave_sql_statements_total{origin=\"writer\"}");
    for (int i = 0; i < 20; i++) {
        poll_once(&ana, POLL_DESKTOP, &desktop); /* asks pollInfo/0 */
        poll_once(&ana, POLL_IOS, &phone);       /* asks with its counter */
    }
    assert_true(metric(&w, "conclave_sql_statements_total{origin=\"request\"}") <= request);
    assert_true(metric(&w, "conclave_sql_statements_total{origin=\"writer\"}") <= writer);
    member_close(&ana);
    assert_true(world_close(&w));
}

static void post__acknowledged__survives_kill_9(void **state)
{
    (void)state;
    struct world w = {0};
    struct member ana;
    json_t *rows = NULL;
    open_world(&w, 1);
    assert_int_equal(member_open(&w, 0, 0, false, &ana), OK);
    post(&ana, "before the end");
    world_kill_server(&w, 0);
    assert_int_equal(world_restart_server(&w, 0, NULL), OK);
    member_close(&ana);
    assert_int_equal(member_open(&w, 1, 0, false, &ana), OK);
    assert_int_equal(community_since(&ana.community, "lobby", 0, 0, &rows), OK);
    assert_int_equal(json_array_size(rows), 1);
    json_decref(rows);
    member_close(&ana);
    assert_true(world_close(&w));
}

/* Rows by since/N, checked for order and gaps; returns how many were new. */
static size_t read_on(struct member *m, int64_t *seqno)
{
    json_t *rows = NULL;
    assert_int_equal(community_since(&m->community, "lobby", *seqno, 0, &rows), OK);
    size_t count = json_array_size(rows);
    for (size_t i = 0; i < count; i++) {
        int64_t next = json_integer_value(json_object_get(json_array_get(rows, i), "seqno"));
        assert_int_equal(next, *seqno + 1);
        *seqno = next;
    }
    json_decref(rows);
    return count;
}

static void two_processes__posting_by_turns__show_every_message_once_in_order(void **state)
{
    (void)state;
    struct world w = {0};
    struct member ana, ben;
    open_world(&w, 2);
    assert_int_equal(member_open(&w, 0, 0, false, &ana), OK);
    assert_int_equal(member_open(&w, 1, 1, false, &ben), OK);
    int64_t ana_seqno = 0, ben_seqno = 0;
    size_t seen_by_ana = 0, seen_by_ben = 0;
    for (int i = 0; i < POSTS_EACH; i++) {
        post(&ana, "from the first process");
        post(&ben, "from the second process");
        seen_by_ana += read_on(&ana, &ana_seqno);
        seen_by_ben += read_on(&ben, &ben_seqno);
    }
    int64_t deadline = clock_mono_ms() + SEEN_WITHIN_MS;
    while ((seen_by_ana < 2 * POSTS_EACH || seen_by_ben < 2 * POSTS_EACH) &&
           clock_mono_ms() < deadline) {
        seen_by_ana += read_on(&ana, &ana_seqno);
        seen_by_ben += read_on(&ben, &ben_seqno);
    }
    assert_int_equal(seen_by_ana, 2 * POSTS_EACH);
    assert_int_equal(seen_by_ben, 2 * POSTS_EACH);
    member_close(&ana);
    member_close(&ben);
    assert_true(world_close(&w));
}

static void message__at_rest__is_not_in_clear(void **state)
{
    (void)state;
    static const char text[] = "marked words that must not rest in clear";
    struct world w = {0};
    struct member ana;
    open_world(&w, 1);
    assert_int_equal(member_open(&w, 0, 0, false, &ana), OK);
    post(&ana, text);
    struct db_options options = {
        .url = w.database_url, .statement_timeout_ms = 10000, .lock_timeout_ms = 1000};
    struct db *db = NULL;
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    assert_int_equal(
        DB_QUERY(db,
                 "SELECT count(*), count(*) FILTER (WHERE position($1::bytea IN body) > 0)"
                 "  FROM conclave.messages",
                 &rows, PARAM_BYTES(SPAN("marked words"))),
        OK);
    assert_true(rows_next(&rows, &row));
    assert_int_equal(row_i64(&row, 0), 1);
    assert_int_equal(row_i64(&row, 1), 0);
    db_free(db);
    AUTO_BUF struct buf log = buf_make(MIB(16));
    assert_int_equal(world_log(&w, 0, &log), OK);
    assert_null(memmem(log.p, log.len, "marked words", 12));
    assert_null(memmem(log.p, log.len, "lobby", 5));
    member_close(&ana);
    assert_true(world_close(&w));
}

static void server__ten_seconds_after_start__is_small(void **state)
{
    (void)state;
    if (!usage_is_ours())
        return;
    struct world w = {0};
    open_world(&w, 1);
    sleep(10);
    char path[64], line[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)w.servers[0].process.pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    long rss_kb = 0;
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "VmRSS: %ld", &rss_kb) == 1)
            break;
    (void)fclose(f);
    print_message("resident: %ld KB\n", rss_kb);
    assert_in_range(rss_kb, 1, RSS_MAX_KB);
    assert_true(world_close(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poll__with_nothing_new__touches_no_sql),
        cmocka_unit_test(post__acknowledged__survives_kill_9),
        cmocka_unit_test(two_processes__posting_by_turns__show_every_message_once_in_order),
        cmocka_unit_test(message__at_rest__is_not_in_clear),
        cmocka_unit_test(server__ten_seconds_after_start__is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
