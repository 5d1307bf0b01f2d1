/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bounds that an operator sets, each with its status and its counter, in both halves; what is not an upload goes on.
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

/* The server, started anew with one more setting or two. */
static void with(const char *setting, const char *other)
{
    const char *env[] = {setting, other, NULL};
    assert_int_equal(world_stop_server(&world, 0), 0);
    assert_int_equal(world_restart_server(&world, 0, env), OK);
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
    assert_codes(upload_both(100), 429, 429);
    assert_int_equal(file_metric(&world, "conclave_uploads_refused_total{reason=\"too_often\"}"),
                     2);
    with("CONCLAVE_FILES_UPLOAD_LIMIT=2/1s", NULL);
    assert_codes(upload_both(100), 200, 201);
    int64_t deadline = clock_mono_ms() + 5000;
    while (upload_both(100).file != 200)
        assert_true(clock_mono_ms() < deadline);
    with("CONCLAVE_FILES_UPLOAD_LIMIT=off", NULL);
    assert_codes(upload_both(100), 200, 201);
}

static void quota__reached__is_507_and_a_known_file_may_come_again(void **state)
{
    (void)state;
    char setting[80];
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    struct buf body AUTO_BUF = file_random(5000);
    struct file_ticket ticket, again;
    int code = 0;
    (void)snprintf(setting, sizeof(setting), "CONCLAVE_FILES_QUOTA_BYTES=%lld",
                   (long long)file_number(&world, "SELECT bytes FROM file_usage") + 6000);
    with(setting, NULL);
    assert_int_equal(server_link_open(&route, &link), OK);
    assert_int_equal(file_client_put(link, buf_span(&body), &ticket, &code), OK);
    int64_t before = files();
    assert_codes(upload_both(1001), 507, 507);
    assert_int_equal(files(), before);
    assert_int_equal(file_metric(&world, "conclave_uploads_refused_total{reason=\"quota\"}"), 2);
    assert_int_equal(file_client_put(link, buf_span(&body), &again, &code), OK);
    assert_string_equal(ticket.id, again.id);
    assert_true(file_metric(&world, "conclave_file_bytes") >= 5000);
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
        cmocka_unit_test(quota__reached__is_507_and_a_known_file_may_come_again),
        cmocka_unit_test(free_space__below_the_floor__is_507),
        cmocka_unit_test(free_space_path__that_is_nowhere__stops_the_start_with_3),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
