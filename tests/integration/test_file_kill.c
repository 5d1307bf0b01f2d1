/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kill -9 in the middle of uploads: an id answers 404 or the full bytes, the next upload of the
 * same bytes succeeds, and neither chunks nor charges are left over. test-timeout-s: 300,
 * test-waits: 14
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "crypto/sign.h"
#include "integration/file_fixture.h"

enum { KILLS = 20, AT_ONCE = 3, FILE_BYTES = 4000000, KILL_WITHIN_MS = 400 };

static struct world world;

static int open_all(void **state)
{
    (void)state;
    static const char *const settings[] = {"CONCLAVE_FILES_UPLOAD_LIMIT=off", NULL};
    struct world_options options = {.servers = 1, .accounts = 1, .env = settings};
    file_world_open(&world, &options);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    return world_close(&world) ? 0 : -1;
}

struct uploader {
    pthread_t thread;
    struct buf body;
    char id[FILE_ID_MAX + 1]; /* as its bytes make it */
    bool acknowledged;
};

static struct server_link *link_of_server(void)
{
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link = NULL;
    return server_link_open(&route, &link) == OK ? link : NULL;
}

static void *upload(void *arg)
{
    struct uploader *u = arg;
    struct server_link *link AUTO_LINK = link_of_server();
    struct file_ticket ticket;
    int code = 0;
    u->acknowledged =
        link != NULL && file_client_put(link, buf_span(&u->body), &ticket, &code) == OK;
    return NULL;
}

static void begin(struct uploader *u)
{
    uint8_t hash[33];
    *u = (struct uploader){.body = file_random(FILE_BYTES)};
    hash_file_id(hash, buf_span(&u->body));
    u->id[base64url_write(span_of(hash, sizeof(hash)), u->id)] = '\0';
    assert_int_equal(pthread_create(&u->thread, NULL, upload, u), 0);
}

/* True if it is there, in full; what was acknowledged must be. */
static bool is_whole(struct server_link *link, const struct uploader *u)
{
    struct buf out AUTO_BUF = buf_make(FILE_BYTES + 1);
    int code = 0;
    enum err e = file_client_get(link, u->id, &out, &code);
    if (e == ERR_MISSING) {
        assert_false(u->acknowledged);
        return false;
    }
    assert_int_equal(e, OK);
    assert_true(span_eq(buf_span(&out), buf_span(&u->body)));
    return true;
}

static void server__killed_during_uploads__leaves_all_or_nothing_of_each(void **state)
{
    (void)state;
    int kills = getenv("CONCLAVE_TEST_FULL") != NULL ? KILLS : KILLS / 3, stored = 0;
    for (int i = 0; i < kills; i++) {
        struct uploader uploaders[AT_ONCE];
        for (size_t j = 0; j < AT_ONCE; j++)
            begin(&uploaders[j]);
        (void)poll(NULL, 0, (int)randombytes_uniform(KILL_WITHIN_MS));
        world_kill_server(&world, 0);
        for (size_t j = 0; j < AT_ONCE; j++)
            assert_int_equal(pthread_join(uploaders[j].thread, NULL), 0);
        assert_int_equal(world_restart_server(&world, 0, NULL), OK);
        struct server_link *link AUTO_LINK = link_of_server();
        assert_non_null(link);
        for (size_t j = 0; j < AT_ONCE; j++) {
            struct file_ticket ticket;
            int code = 0;
            stored += is_whole(link, &uploaders[j]) ? 1 : 0;
            assert_int_equal(file_client_put(link, buf_span(&uploaders[j].body), &ticket, &code),
                             OK);
            assert_string_equal(ticket.id, uploaders[j].id);
            assert_true(is_whole(link, &uploaders[j]));
            buf_done(&uploaders[j].body);
        }
    }
    print_message("%d kills; %d of %d uploads had got through\n", kills, stored, kills * AT_ONCE);
    assert_true(stored < kills * AT_ONCE);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM blobs"), kills * AT_ONCE);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM chunks"), kills * AT_ONCE * 16);
    assert_int_equal(file_number(&world, "SELECT bytes FROM file_usage"),
                     (int64_t)kills * AT_ONCE * FILE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server__killed_during_uploads__leaves_all_or_nothing_of_each),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
