/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server is started with and should not be: one clear sentence and the exit code of its kind
 * each time; nothing is made that was not there, and when the mistake is mended the same server
 * starts. (Keys that do not fit: test_start.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/attempt.h"
#include "integration/database.h"

enum { CONFIGURATION = 3, LISTEN = 5, SETTING_MAX = 200 };

static const char *const keys[] = {"server.key", "storage.key"};

static struct world *world_of(void **state)
{
    return *state;
}

/* The database as it is before any start, and no keys. */
static int make_new(void **state)
{
    struct world *w = world_of(state);
    struct database d = {0};
    (void)snprintf(d.url, sizeof d.url, "%.159s", w->database_url);
    struct db *db = database_connect_bare(&d);
    database_run(db, "DROP SCHEMA IF EXISTS conclave CASCADE");
    db_free(db);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char path[SETTING_MAX];
        (void)snprintf(path, sizeof path, "%s/%s", w->folder, keys[i]);
        (void)unlink(path);
    }
    w->server_count = 0;
    return 0;
}

static int stop(void **state)
{
    return world_of(state)->server_count > 0 ? world_stop_server(world_of(state), 0) : 0;
}

static void assert_nothing_made(const struct world *w)
{
    struct database d = {0};
    (void)snprintf(d.url, sizeof d.url, "%.159s", w->database_url);
    struct db *db = database_connect_bare(&d);
    assert_int_equal(
        database_number(db,
                        "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'conclave'"),
        0);
    db_free(db);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_false(key_exists(w, keys[i]));
}

static void start_well(struct world *w)
{
    enum err e = world_start_server(w, NULL, NULL);
    if (e != OK)
        print_error("%s\n", w->trouble);
    assert_int_equal(e, OK);
}

static void bad_start__a_setting_that_is_none__makes_nothing(void **state)
{
    static const struct {
        const char *setting, *words;
    } cases[] = {
        {"CONCLAVE_SERVER_PUBLIC_URL=your.address", "CONCLAVE_SERVER_PUBLIC_URL: "},
        {"CONCLAVE_SERVER_PUBLIC_URL=http://", "CONCLAVE_SERVER_PUBLIC_URL: "},
        {"CONCLAVE_SERVER_PUBLIC_URL=ftp://a.example", "CONCLAVE_SERVER_PUBLIC_URL: "},
        {"CONCLAVE_SERVER_PUBLIC_URL=http://a.example:99999", "CONCLAVE_SERVER_PUBLIC_URL: "},
        {"CONCLAVE_SERVER_PUBLIC_URL=http://a.example/x?public_key=1",
         "CONCLAVE_SERVER_PUBLIC_URL: "},
        {"CONCLAVE_SERVER_PUBLIC_URL=http://a example", "CONCLAVE_SERVER_PUBLIC_URL: "},
        {"CONCLAVE_SERVER_ADMIN=alice", "CONCLAVE_SERVER_ADMIN: "},
        {"CONCLAVE_SERVER_ADMIN=05abcd", "CONCLAVE_SERVER_ADMIN: "},
        {"CONCLAVE_SERVER_ADMIN="
         "00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "CONCLAVE_SERVER_ADMIN: "},
        {"CONCLAVE_SERVER_LISTEN=8080", "CONCLAVE_SERVER_LISTEN: "},
        {"CONCLAVE_SERVER_PUBLICURL=http://a.example", "CONCLAVE_SERVER_PUBLICURL: "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct attempt attempt;
        attempt_serve(world_of(state), (const char *[]){cases[i].setting, NULL}, &attempt);
        attempt_refused(&attempt, CONFIGURATION, cases[i].words);
        assert_nothing_made(world_of(state));
    }
}

/* The u coordinate 2 is on no point of the curve's Edwards form, so no account has it. */
static void bad_start__an_admin_whom_nobody_can_be__is_told_and_mended(void **state)
{
    struct attempt attempt;
    attempt_serve(world_of(state),
                  (const char *[]){"CONCLAVE_SERVER_ADMIN="
                                   "050200000000000000000000000000000000000000000000000000000000"
                                   "000000",
                                   NULL},
                  &attempt);
    attempt_refused(&attempt, CONFIGURATION, "[server] admin: ");
    start_well(world_of(state));
}

static void bad_start__a_port_that_is_taken__is_told_and_mended(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    char setting[SETTING_MAX];
    struct attempt attempt;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(setting, sizeof setting, "CONCLAVE_SERVER_LISTEN=127.0.0.1:%u",
                   (unsigned)ntohs(at.sin_port));
    attempt_serve(world_of(state), (const char *[]){setting, NULL}, &attempt);
    (void)close(fd);
    attempt_refused(&attempt, LISTEN, "[server] listen");
    start_well(world_of(state));
}

static void bad_start__a_key_folder_that_cannot_be_written__is_told_and_mended(void **state)
{
    static const char *const places[] = {"/nowhere/server.key", "/dev/null/server.key",
                                         "/proc/server.key"};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        char setting[SETTING_MAX];
        struct attempt attempt;
        (void)snprintf(setting, sizeof setting, "CONCLAVE_SERVER_KEY_FILE=%s", places[i]);
        attempt_serve(world_of(state), (const char *[]){setting, NULL}, &attempt);
        attempt_refused(&attempt, CONFIGURATION, "[server] key_file: a new key cannot be written");
    }
    start_well(world_of(state));
}

static void bad_start__a_key_file_lost__is_never_replaced(void **state)
{
    struct world *w = world_of(state);
    start_well(w);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct attempt attempt;
        assert_int_equal(world_stop_server(w, 0), 0);
        key_take_away(w, keys[i]);
        attempt_serve(w, NULL, &attempt);
        attempt_refused(&attempt, CONFIGURATION, "this database belongs to a server");
        assert_false(key_exists(w, keys[i]));
        key_put_back(w, keys[i]);
        assert_int_equal(world_restart_server(w, 0, NULL), OK);
    }
}

static void bad_start__all_keys_lost__make_no_new_server(void **state)
{
    struct world *w = world_of(state);
    struct attempt attempt;
    start_well(w);
    assert_int_equal(world_stop_server(w, 0), 0);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        key_take_away(w, keys[i]);
    attempt_serve(w, NULL, &attempt);
    attempt_refused(&attempt, CONFIGURATION, "this database belongs to a server");
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_false(key_exists(w, keys[i]));
        key_put_back(w, keys[i]);
    }
    assert_int_equal(world_restart_server(w, 0, NULL), OK);
}

static int open_world(void **state)
{
    static struct world w;
    const struct world_options options = {.no_fsync = true};
    *state = &w;
    if (world_prepare(&w, &options) == OK && world_start_database(&w) == OK)
        return 0;
    print_error("%s\n", w.trouble);
    return -1;
}

static int close_world(void **state)
{
    return world_close(world_of(state)) ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_new, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_start__a_setting_that_is_none__makes_nothing),
        TEST(bad_start__an_admin_whom_nobody_can_be__is_told_and_mended),
        TEST(bad_start__a_port_that_is_taken__is_told_and_mended),
        TEST(bad_start__a_key_folder_that_cannot_be_written__is_told_and_mended),
        TEST(bad_start__a_key_file_lost__is_never_replaced),
        TEST(bad_start__all_keys_lost__make_no_new_server),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
