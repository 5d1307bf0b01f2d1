/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole database stands on a small disk of its own, and the settings are the defaults but for
 * the size of the floor: the server finds the disk by itself, stops uploads, then posts, before
 * PostgreSQL has to stop, says so, and goes on when there is space again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/command.h"
#include "integration/file_fixture.h"
#include "integration/small_disk.h"

enum {
    DISK_MB = 400,
    FILE_BYTES = 5000000,
    FILES_MAX = 80,
    TOLD_MAX_MS = 3 * SECOND_MS, /* as docs/operate.md promises */
    STEP_MS = 100,
};

static struct world world;
static struct member ana;
static struct small_disk disk;

static int open_all(void **state)
{
    (void)state;
    static const char *const settings[] = {"CONCLAVE_FILES_UPLOAD_LIMIT=off",
                                           "CONCLAVE_ROOMS_POST_LIMIT=off",
                                           "CONCLAVE_FILES_FREE_SPACE=80M", NULL};
    struct world_options options = {.servers = 1, .accounts = 1, .env = settings};
    if (!small_disk_open(&disk, DISK_MB))
        return -1;
    options.parent = disk.path;
    file_world_open(&world, &options);
    ana = file_world_member(&world, 0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    member_close(&ana);
    bool closed = world_close(&world);
    small_disk_close(&disk);
    return closed ? 0 : -1;
}

static int put(void)
{
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    AUTO_BUF struct buf body = file_random(FILE_BYTES);
    struct file_ticket ticket;
    int code = 0;
    assert_int_equal(server_link_open(&route, &link), OK);
    enum err e = file_client_put(link, buf_span(&body), &ticket, &code);
    assert_true(e == OK || e == ERR_DENIED);
    return code;
}

/* Its status; *ret_id when it was accepted. */
static int post(int64_t *ret_id)
{
    json_auto_t *message = NULL;
    enum err e = community_post(&ana.community, "lobby", "is there space?", &message);
    if (e != OK)
        return ana.community.refusal.code;
    *ret_id = json_integer_value(json_object_get(message, "id"));
    return 201;
}

static void poll_room(void)
{
    struct room_view view = {.token = "lobby"};
    json_auto_t *batch = NULL;
    assert_int_equal(community_poll(&ana.community, POLL_DESKTOP, &view, 1, &batch), OK);
}

static void ballast_path(char out[static 96])
{
    (void)snprintf(out, 96, "%.60s/ballast", disk.path);
}

/* Takes space until so many megabytes are free; 0: gives all of it back. */
static void leave_free(int megabytes)
{
    char path[96];
    ballast_path(path);
    (void)unlink(path);
    if (megabytes == 0)
        return;
    int64_t bytes = (int64_t)file_metric(&world, "conclave_disk_free_bytes");
    (void)poll(NULL, 0, 300); /* what was looked at before the ballast went */
    bytes = (int64_t)file_metric(&world, "conclave_disk_free_bytes");
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)(bytes - (int64_t)megabytes * 1024 * 1024)), 0);
    assert_int_equal(close(fd), 0);
}

static void wait_low(double level)
{
    int64_t deadline_ms = clock_mono_ms() + TOLD_MAX_MS;
    while (file_metric(&world, "conclave_disk_low") < level - 0.5 ||
           file_metric(&world, "conclave_disk_low") > level + 0.5) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, STEP_MS);
    }
}

static void disk__that_fills_up__stops_uploads_then_posts_and_never_the_database(void **state)
{
    (void)state;
    static struct said said;
    int64_t id = 0, other = 0;
    leave_free(60);
    wait_low(1);
    command_expect(&world, NULL, ARGS("status"), 0, "uploads are refused: make space", &said);
    assert_int_equal(put(), 507);
    assert_true(file_metric(&world, "conclave_uploads_refused_total{reason=\"disk_full\"}") > 0);
    assert_int_equal(post(&id), 201);

    leave_free(15);
    wait_low(2);
    command_expect(&world, NULL, ARGS("status"), 1, "posts and uploads are refused", &said);
    assert_int_equal(put(), 507);
    assert_int_equal(post(&other), 503);
    poll_room();
    assert_int_equal(community_delete(&ana.community, "lobby", id), OK);

    leave_free(0);
    wait_low(0);
    assert_int_equal(world_wait_ready(&world, 0, TOLD_MAX_MS), OK);
    assert_int_equal(post(&other), 201);
    assert_int_equal(put(), 200);
}

static void quota__by_default__is_half_of_what_is_free(void **state)
{
    (void)state;
    double quota = file_metric(&world, "conclave_file_quota_bytes");
    assert_true(quota > 50e6 && quota < DISK_MB * 1048576.0 / 2);
    int code = 200;
    for (int i = 0; i < FILES_MAX && code == 200; i++)
        code = put();
    assert_int_equal(code, 507);
    assert_true(file_metric(&world, "conclave_file_bytes") <= quota);
    int64_t id = 0;
    assert_int_equal(post(&id), 201);
    assert_true(file_number(&world, "SELECT count(*) FROM files") > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk__that_fills_up__stops_uploads_then_posts_and_never_the_database),
        cmocka_unit_test(quota__by_default__is_half_of_what_is_free),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
