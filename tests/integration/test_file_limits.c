/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bounds that an operator sets, each with its status and its counter, in both halves; what is
 * not an upload goes on.
 *
 * test-waits: 70
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "integration/file_fixture.h"
#include "store/files.h"

static struct world world;

static int open_all(void **state)
{
    (void)state;
    struct world_options options = {.servers = 1, .accounts = 1, .no_fsync = true};
    file_world_open(&world, &options);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    return world_close(&world) ? 0 : -1;
}

/* The server, started anew with these settings besides; NULL-ended. */
static void with_all(const char *const *env)
{
    assert_int_equal(world_stop_server(&world, 0), 0);
    assert_int_equal(world_restart_server(&world, 0, env), OK);
}

static void with(const char *setting, const char *other)
{
    with_all((const char *[]){setting, other, NULL});
}

/* The codes of an upload to each half: the file server's, and the room's. */
struct codes {
    int file, room;
};

static struct codes upload_both(size_t size)
{
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    struct member m = file_world_member(&world, 0);
    struct buf body AUTO_BUF = file_random(size);
    struct file_ticket ticket;
    struct codes codes = {0, 201};
    int64_t id = 0;
    assert_int_equal(server_link_open(&route, &link), OK);
    enum err e = file_client_put(link, buf_span(&body), &ticket, &codes.file);
    assert_true(e == OK || e == ERR_DENIED);
    e = room_file_put(&m.community, "lobby", buf_span(&body), NULL, &id);
    assert_true(e == OK || e == ERR_DENIED);
    if (e == ERR_DENIED)
        codes.room = m.community.refusal.code;
    member_close(&m);
    return codes;
}

static void assert_codes(struct codes codes, int file, int room)
{
    assert_int_equal(codes.file, file);
    assert_int_equal(codes.room, room);
}

static int64_t files(void)
{
    return file_number(&world, "SELECT count(*) FROM files");
}

static void uploads_off__are_503_and_everything_else_goes_on(void **state)
{
    (void)state;
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    struct buf body AUTO_BUF = file_random(1000), out AUTO_BUF = buf_make(2000);
    struct file_ticket ticket;
    int code = 0;
    assert_int_equal(server_link_open(&route, &link), OK);
    assert_int_equal(file_client_put(link, buf_span(&body), &ticket, &code), OK);
    int64_t before = files();
    with("CONCLAVE_FILES_UPLOADS=off", NULL);
    assert_codes(upload_both(100), 503, 503);
    assert_int_equal(files(), before);
    assert_int_equal(file_metric(&world, "conclave_uploads_refused_total{reason=\"off\"}"), 2);
    struct server_link *again AUTO_LINK = NULL;
    double expires = 0;
    json_t *message = NULL;
    struct member m = file_world_member(&world, 0);
    assert_int_equal(server_link_open(&route, &again), OK);
    assert_int_equal(file_client_get(again, ticket.id, &out, &code), OK);
    assert_int_equal(file_client_extend(again, ticket.id, &expires, &code), OK);
    assert_int_equal(community_post(&m.community, "lobby", "still here", &message), OK);
    json_decref(message);
    member_close(&m);
}

static void upload_limit__reached__is_429_until_time_has_passed(void **state)
{
    (void)state;
    with("CONCLAVE_FILES_UPLOAD_LIMIT=2/1h", NULL);
    assert_codes(upload_both(100), 200, 201);
    assert_codes(upload_both(100), 200, 201);
    assert_codes(upload_both(100), 429, 429);
    assert_int_equal(file_metric(&world, "conclave_uploads_refused_total{reason=\"too_often\"}"),
                     2);
    with("CONCLAVE_FILES_UPLOAD_LIMIT=1/1s", NULL);
    assert_codes(upload_both(100), 200, 201);
    int64_t deadline = clock_mono_ms() + 5000;
    while (upload_both(100).file != 200)
        assert_true(clock_mono_ms() < deadline);
    with("CONCLAVE_FILES_UPLOAD_LIMIT=off", NULL);
    assert_codes(upload_both(100), 200, 201);
}

/* Fills the file server with new files of two bytes until it refuses; its code. */
static int flood(size_t count)
{
    static unsigned made = 0;
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    struct file_ticket ticket;
    int code = 200;
    assert_int_equal(server_link_open(&route, &link), OK);
    for (size_t i = 0; i < count && code == 200; i++) {
        uint8_t body[2] = {(uint8_t)(made >> 8), (uint8_t)made};
        made++;
        enum err e = file_client_put(link, span_of(body, sizeof(body)), &ticket, &code);
        assert_true(e == OK || e == ERR_DENIED);
    }
    return code;
}

static int upload_to_room(size_t size)
{
    struct member m = file_world_member(&world, 0);
    struct buf body AUTO_BUF = file_random(size);
    int64_t id = 0;
    enum err e = room_file_put(&m.community, "lobby", buf_span(&body), NULL, &id);
    assert_true(e == OK || e == ERR_DENIED);
    int code = e == OK ? 201 : m.community.refusal.code;
    member_close(&m);
    return code;
}

static void anonymous_flood__leaves_members_and_strangers_their_uploads(void **state)
{
    (void)state;
    enum { RATE = 20 };
    with("CONCLAVE_FILES_UPLOAD_LIMIT=20/1h", "CONCLAVE_LIMITS_KNOWN_AFTER=0s");
    assert_int_equal(upload_to_room(100), 201);
    assert_int_equal(flood(RATE + 1), 429);
    for (int i = 1; i < RATE; i++)
        assert_int_equal(upload_to_room(100), 201);
    assert_int_equal(upload_to_room(100), 429);
    /* A stranger has a budget of its own again. */
    with("CONCLAVE_FILES_UPLOAD_LIMIT=1/1h", "CONCLAVE_LIMITS_KNOWN_AFTER=1d");
    assert_int_equal(flood(2), 429);
    assert_int_equal(upload_to_room(100), 201);
    assert_int_equal(upload_to_room(100), 429);
}

/* A file of two bytes takes a whole block of the bytes of a day, and of the share of the quota. */
static void tiny_files__use_up_a_block_each_of_their_own_share_only(void **state)
{
    (void)state;
    char quota[80];
    int64_t stored = file_number(&world, "SELECT bytes FROM file_usage");
    int64_t anonymous = file_number(&world, "SELECT anonymous_bytes FROM file_usage");
    /* Half of the quota is theirs, with room for five blocks. */
    (void)snprintf(quota, sizeof(quota), "CONCLAVE_FILES_QUOTA_BYTES=%lld",
                   (long long)(2 * (anonymous + 5 * FILE_BLOCK_BYTES + 100)));
    with_all((const char *[]){quota, "CONCLAVE_FILES_ANONYMOUS_SHARE=50",
                              "CONCLAVE_FILES_STRANGERS_SHARE=0", "CONCLAVE_LIMITS_KNOWN_AFTER=0s",
                              NULL});
    assert_int_equal(flood(6), 507);
    assert_int_equal(file_number(&world, "SELECT anonymous_bytes FROM file_usage"),
                     anonymous + 5 * FILE_BLOCK_BYTES);
    assert_int_equal(upload_to_room(2), 201);
    assert_int_equal(file_number(&world, "SELECT bytes FROM file_usage"),
                     stored + 6 * FILE_BLOCK_BYTES);
    with_all((const char *[]){"CONCLAVE_FILES_STRANGERS_SHARE=0", "CONCLAVE_LIMITS_KNOWN_AFTER=1d",
                              NULL});
    assert_int_equal(upload_to_room(2), 507);
}

static void bytes_of_a_day__are_counted_for_each_kind_and_for_extensions(void **state)
{
    (void)state;
    enum { FILE_BYTES = 40000 };
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    struct buf body AUTO_BUF = file_random(FILE_BYTES);
    struct file_ticket ticket;
    double expires = 0;
    int code = 0;
    with_all((const char *[]){"CONCLAVE_FILES_MAX_BYTES=40000",
                              "CONCLAVE_FILES_ANONYMOUS_BYTES=100000",
                              "CONCLAVE_LIMITS_KNOWN_AFTER=0s", NULL});
    assert_int_equal(server_link_open(&route, &link), OK);
    assert_int_equal(file_client_put(link, buf_span(&body), &ticket, &code), OK);
    assert_int_equal(file_client_extend(link, ticket.id, &expires, &code), OK);
    assert_int_equal(file_client_extend(link, ticket.id, &expires, &code), ERR_DENIED);
    assert_int_equal(code, 429);
    assert_int_equal(upload_both(FILE_BYTES).file, 429);
    /* Two bytes still fit twice, and not ten thousand times. */
    assert_int_equal(flood(3), 429);
    assert_int_equal(upload_to_room(FILE_BYTES), 201);
}

static void quota__reached__is_507_and_a_known_file_may_come_again(void **state)
{
    (void)state;
    char setting[80];
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    struct buf body AUTO_BUF = file_random(50000);
    struct file_ticket ticket, again;
    int code = 0;
    (void)snprintf(setting, sizeof(setting), "CONCLAVE_FILES_QUOTA_BYTES=%lld",
                   2 * (long long)file_number(&world, "SELECT greatest(strangers_bytes,"
                                                      " anonymous_bytes, bytes / 2)"
                                                      " FROM file_usage") +
                       120000);
    /* Half for each half, and these are the only two who upload. */
    with_all((const char *[]){setting, "CONCLAVE_FILES_ANONYMOUS_SHARE=50",
                              "CONCLAVE_FILES_STRANGERS_SHARE=50", "CONCLAVE_LIMITS_KNOWN_AFTER=1d",
                              NULL});
    assert_int_equal(server_link_open(&route, &link), OK);
    assert_int_equal(file_client_put(link, buf_span(&body), &ticket, &code), OK);
    int64_t before = files();
    assert_codes(upload_both(400000), 507, 507);
    assert_int_equal(files(), before);
    assert_int_equal(file_metric(&world, "conclave_uploads_refused_total{reason=\"quota\"}"), 2);
    assert_int_equal(file_client_put(link, buf_span(&body), &again, &code), OK);
    assert_string_equal(ticket.id, again.id);
    assert_true(file_metric(&world, "conclave_file_bytes") >= 50000);
    struct codes fits = upload_both(500);
    assert_codes(fits, 200, 201);
}

static void free_space__below_the_floor__is_507(void **state)
{
    (void)state;
    /* Twice what is free: uploads stop, and posts, at a quarter of it, do not. */
    struct statvfs disk;
    char floor[64];
    assert_int_equal(statvfs("/tmp", &disk), 0);
    (void)snprintf(floor, sizeof(floor), "CONCLAVE_FILES_FREE_SPACE=%lluK",
                   (unsigned long long)disk.f_bavail * disk.f_frsize / 512);
    with("CONCLAVE_FILES_FREE_SPACE_PATH=/tmp", floor);
    assert_codes(upload_both(100), 507, 507);
    assert_int_equal(file_metric(&world, "conclave_uploads_refused_total{reason=\"disk_full\"}"),
                     2);
    with("CONCLAVE_FILES_FREE_SPACE_PATH=/tmp", "CONCLAVE_FILES_FREE_SPACE=1");
    assert_codes(upload_both(100), 200, 201);
}

static void free_space_path__that_is_nowhere__stops_the_start_with_3(void **state)
{
    (void)state;
    static const char *const nowhere[] = {"CONCLAVE_FILES_FREE_SPACE_PATH=/nowhere/at/all", NULL};
    int status = 0;
    assert_int_equal(world_stop_server(&world, 0), 0);
    assert_int_not_equal(world_restart_server(&world, 0, nowhere), OK);
    (void)process_running(&world.servers[0].process, &status);
    struct buf log AUTO_BUF = buf_make(MIB(4));
    assert_int_equal(world_log(&world, 0, &log), OK);
    assert_non_null(memmem(log.p, log.len, "free_space_path", 15));
    assert_int_equal(world_restart_server(&world, 0, NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uploads_off__are_503_and_everything_else_goes_on),
        cmocka_unit_test(upload_limit__reached__is_429_until_time_has_passed),
        cmocka_unit_test(anonymous_flood__leaves_members_and_strangers_their_uploads),
        cmocka_unit_test(tiny_files__use_up_a_block_each_of_their_own_share_only),
        cmocka_unit_test(bytes_of_a_day__are_counted_for_each_kind_and_for_extensions),
        cmocka_unit_test(quota__reached__is_507_and_a_known_file_may_come_again),
        cmocka_unit_test(free_space__below_the_floor__is_507),
        cmocka_unit_test(free_space_path__that_is_nowhere__stops_the_start_with_3),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
