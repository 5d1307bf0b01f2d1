/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A real asynchronous standby is promoted behind the server's back while it lacks what was written
 * last. What was lost is lost, which is why only synchronous standbys are supported; but no number
 * is given out a second time for something else, clients miss nothing that comes afterwards, and
 * the operator was warned.
 *
 * test-waits: 27
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/room_file.h"
#include "integration/command.h"
#include "integration/file_fixture.h"

enum {
    STANDBY_MS = 60 * SECOND_MS,
    BACK_MAX_MS = 30 * SECOND_MS,
    NOTICED_MAX_MS = 10 * SECOND_MS,
    STEP_MS = 100,
    URL_MAX = 400,
    LOST = 40
};

static void standby(const struct world *w, const char *command)
{
    const char *argv[] = {"tests/standby.sh", command, w->folder, NULL};
    const struct process_spec spec = {.argv = argv};
    AUTO_BUF struct buf out = buf_make(KIB(16));
    int status = 0;
    assert_int_equal(process_run(&spec, STANDBY_MS, &out, &status), OK);
    assert_int_equal(status, 0);
}

struct posted {
    int64_t id, seqno;
};

static enum err try_post(struct member *m, const char *text, struct posted *ret_posted)
{
    json_auto_t *message = NULL;
    enum err e = community_post(&m->community, "lobby", text, &message);
    if (e == OK)
        *ret_posted = (struct posted){json_integer_value(json_object_get(message, "id")),
                                      json_integer_value(json_object_get(message, "seqno"))};
    return e;
}

static struct posted post(struct member *m, const char *text)
{
    struct posted posted = {0};
    assert_int_equal(try_post(m, text, &posted), OK);
    return posted;
}

static int64_t upload(struct member *m, const char *content)
{
    int64_t id = 0;
    assert_int_equal(room_file_put(&m->community, "lobby", span_of_text(content), NULL, &id), OK);
    return id;
}

static struct posted post_when_back(struct member *m)
{
    struct posted posted = {0};
    int64_t deadline_ms = clock_mono_ms() + BACK_MAX_MS;
    while (try_post(m, "after", &posted) != OK) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, STEP_MS);
    }
    return posted;
}

static int code_of(struct member *m, const char *target)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    const struct community_request request = {
        .method = "GET", .target = target, .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&m->community, &request, &reply), OK);
    return reply.code;
}

static void failover__to_a_standby_that_lacks_the_last_commits__gives_no_number_twice(void **state)
{
    (void)state;
    static struct said said;
    static struct world w;
    struct member ana;
    char url[URL_MAX], target[64];
    const struct world_options options = {.servers = 0, .accounts = 1};
    assert_int_equal(world_prepare(&w, &options), OK);
    assert_int_equal(world_start_database(&w), OK);
    (void)snprintf(url, sizeof(url),
                   "CONCLAVE_DATABASE_URL=postgresql://postgres@/conclave?host=%s/s,%s/t"
                   "&target_session_attrs=read-write",
                   w.folder, w.folder);
    const char *const env[] = {url, "CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_UPLOADS=off",
                               NULL};
    if (world_start_server(&w, env, NULL) != OK)
        fail_msg("%s", w.trouble);
    assert_int_equal(member_open(&w, 0, 0, false, &ana), OK);
    (void)post(&ana, "one");
    (void)upload(&ana, "first content");

    standby(&w, "attach");
    command_expect(&w, env, ARGS("check"), 0, "standby that is not synchronous", &said);
    struct posted kept = post(&ana, "two");
    (void)poll(NULL, 0, SECOND_MS); /* nothing keeps it back */
    standby(&w, "detach");
    struct posted last = {0};
    int64_t lost_file = 0;
    /* More than the 32 ids by which PostgreSQL's sequences run ahead on a standby. */
    for (int i = 0; i < LOST; i++) {
        last = post(&ana, "lost");
        lost_file = upload(&ana, "lost content");
    }
    assert_true(kept.id < last.id);

    /* Nobody remembers. */
    world_kill_server(&w, 0);
    assert_int_equal(world_crash_database(&w), OK);
    standby(&w, "promote");
    assert_int_equal(world_restart_server(&w, 0, env), OK);
    struct posted after = post_when_back(&ana);
    assert_true(after.id > last.id);
    assert_true(after.seqno > last.seqno);
    assert_true(upload(&ana, "other content") > lost_file);
    (void)snprintf(target, sizeof(target), "/room/lobby/file/%lld", (long long)lost_file);
    assert_int_equal(code_of(&ana, target), 404);
    (void)snprintf(target, sizeof(target), "/room/lobby/message/%lld", (long long)last.id);
    assert_int_equal(code_of(&ana, target), 404);
    (void)snprintf(target, sizeof(target), "/room/lobby/message/%lld", (long long)kept.id);
    assert_int_equal(code_of(&ana, target), 200);

    /* A reader who has seen all that was lost misses nothing. */
    json_auto_t *rows = NULL;
    assert_int_equal(community_since(&ana.community, "lobby", last.seqno, 100, &rows), OK);
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "id")), after.id);

    AUTO_BUF struct buf log = buf_make(MIB(4));
    assert_int_equal(world_log(&w, 0, &log), OK);
    assert_non_null(memmem(log.p, log.len, "warn event=database.promoted", 28));
    member_close(&ana);
    (void)world_stop_server(&w, 0);
    standby(&w, "detach");
    (void)world_close(&w);
}

/* A disk that was put back: the same timeline, earlier numbers. The server remembers. */
static void database__that_went_back__is_noticed_by_what_memory_knows(void **state)
{
    (void)state;
    static struct world w;
    const struct world_options options = {.servers = 1, .accounts = 1};
    struct member ana;
    file_world_open(&w, &options);
    ana = file_world_member(&w, 0);
    struct posted last = {0};
    for (int i = 0; i < 4; i++)
        last = post(&ana, "seen");
    (void)poll(NULL, 0, 2 * SECOND_MS); /* the versions are compared twice a second */
    file_sql(&w, "UPDATE rooms SET message_sequence = 1;"
                 "UPDATE versions SET value = 1 WHERE scope = 2;"
                 "DELETE FROM messages WHERE seqno > 1;"
                 "SELECT setval(pg_get_serial_sequence('conclave.messages', 'id'), 1)");
    assert_true(file_wait_number(&w, "SELECT count(*) FROM rooms WHERE message_sequence > 1000000",
                                 1, NOTICED_MAX_MS));
    struct posted next = post(&ana, "new");
    assert_true(next.seqno > last.seqno && next.id > last.id);
    AUTO_BUF struct buf log = buf_make(MIB(4));
    assert_int_equal(world_log(&w, 0, &log), OK);
    assert_non_null(memmem(log.p, log.len, "event=database.went_back", 24));
    member_close(&ana);
    assert_true(world_close(&w));
}

/* And when no server remembers: members do. One alone is not believed. */
static void database__that_went_back__is_noticed_by_what_members_know(void **state)
{
    (void)state;
    static struct world w;
    static const char *const settings[] = {"CONCLAVE_LIMITS_KNOWN_AFTER=1s", NULL};
    const struct world_options options = {.servers = 1, .accounts = 2, .env = settings};
    static const char raised[] = "SELECT count(*) FROM rooms WHERE message_sequence > 1000000";
    struct member members[2];
    file_world_open(&w, &options);
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        members[i] = file_world_member(&w, i);
        (void)post(&members[i], "hello");
    }
    (void)poll(NULL, 0, 3 * SECOND_MS); /* they are members now */
    for (int64_t i = 0; i < 2; i++) {
        json_auto_t *rows = NULL;
        assert_int_equal(community_since(&members[i].community, "lobby", 500 + i, 100, &rows), OK);
        (void)poll(NULL, 0, 2 * SECOND_MS);
        assert_int_equal(file_number(&w, raised), i);
    }
    /* A second time on the same day nobody is believed. */
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        json_auto_t *rows = NULL;
        assert_int_equal(
            community_since(&members[i].community, "lobby", INT64_C(5000000000), 100, &rows), OK);
    }
    (void)poll(NULL, 0, 2 * SECOND_MS);
    assert_int_equal(
        file_number(&w, "SELECT count(*) FROM rooms WHERE message_sequence > 150000000"), 0);
    for (size_t i = 0; i < COUNT_OF(members); i++)
        member_close(&members[i]);
    assert_true(world_close(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failover__to_a_standby_that_lacks_the_last_commits__gives_no_number_twice),
        cmocka_unit_test(database__that_went_back__is_noticed_by_what_memory_knows),
        cmocka_unit_test(database__that_went_back__is_noticed_by_what_members_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
