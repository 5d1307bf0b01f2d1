/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first start of a server: what it tells its operator, once it serves and not before; and that
 * it may run out of space and be repeated. (Interrupted at any moment: test_start.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "integration/attempt.h"
#include "integration/database.h"
#include "integration/world_settings.h"

enum {
    SCREEN_LINES = 24,
    TEXT_MAX = 8192,
    SETTING_MAX = 200,
};

#define ADMIN "05d871fc80ca007eed9b2f4df72853e2a2d5465a92fcb1889fb5c84aa2833b3b40"

static const char *const keys[] = {"server.key", "storage.key"};

static struct world *world_of(void **state)
{
    return *state;
}

static struct db *bare_db(const struct world *w)
{
    struct database d = {0};
    (void)snprintf(d.url, sizeof d.url, "%.159s", w->database_url);
    return database_connect_bare(&d);
}

static int make_new(void **state)
{
    struct world *w = world_of(state);
    struct db *db = bare_db(w);
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

/* The stdout of server 0 since the last call, NUL-terminated. */
static void read_words(const struct world *w, char out[static TEXT_MAX])
{
    char path[SETTING_MAX];
    (void)snprintf(path, sizeof path, "%s.out", w->servers[0].log_path);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = fread(out, 1, TEXT_MAX - 1, f);
    out[n] = '\0';
    (void)fclose(f);
    assert_int_equal(truncate(path, 0), 0);
}

static void start_well(struct world *w, const char *const *env)
{
    enum err e = world_start_server(w, env, NULL);
    if (e != OK)
        print_error("%s\n", w->trouble);
    assert_int_equal(e, OK);
}

/* The words follow readiness by a moment; a stop waits for them. */
static void stop_and_read(struct world *w, char out[static TEXT_MAX])
{
    assert_int_equal(world_stop_server(w, 0), 0);
    read_words(w, out);
}

static void assert_says(const char *said, const char *words)
{
    if (strstr(said, words) == NULL)
        print_error("missing: %s\nin: %s\n", words, said);
    assert_non_null(strstr(said, words));
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void first_start__its_words__say_all_that_is_needed_on_one_screen(void **state)
{
    struct world *w = world_of(state);
    char said[TEXT_MAX], expected[TEXT_MAX], key[2 * sizeof w->key.b + 1];
    start_well(w, (const char *[]){"CONCLAVE_SERVER_PUBLIC_URL=http://a.example:8080", NULL});
    hex_write(SPAN_OF_KEY(&w->key), key);
    stop_and_read(w, said);
    (void)snprintf(expected, sizeof expected, "Public key   %s\n", key);
    assert_says(said, expected);
    (void)snprintf(expected, sizeof expected, "http://a.example:8080/lobby?public_key=%s\n", key);
    assert_says(said, expected);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        (void)snprintf(expected, sizeof expected, "%s/%s ", w->folder, keys[i]);
        assert_says(said, expected);
    }
    assert_says(said, "docker compose cp server:/var/lib/conclave ");
    assert_says(said, "The running server can read its rooms");
    assert_says(said, "conclave mod add 05... --global --admin");
    assert_says(said, "conclave room add TOKEN --name ");
    assert_says(said, "docs/operate.md");
    assert_true(lines_of(said) <= SCREEN_LINES);
    /* Once: */
    assert_int_equal(world_restart_server(w, 0, NULL), OK);
    stop_and_read(w, said);
    assert_string_equal(said, "");
}

static void first_start__its_words__fit_what_is_set(void **state)
{
    struct world *w = world_of(state);
    char said[TEXT_MAX];
    start_well(w, (const char *[]){"CONCLAVE_SERVER_ADMIN=" ADMIN, NULL});
    stop_and_read(w, said);
    assert_says(said, "works on this machine only");
    assert_says(said, "Admins       1, ");
    assert_null(strstr(said, "none yet"));
    assert_null(strstr(said, ADMIN));
    /* Nor do they stand in the log, where tokens and keys may not be. */
    AUTO_BUF struct buf log = buf_make(PROCESS_OUTPUT_MAX_BYTES);
    assert_int_equal(world_log(w, 0, &log), OK);
    buf_put_byte(&log, '\0');
    assert_null(strstr((const char *)log.p, "public_key="));
}

static void first_start__without_a_room__says_so(void **state)
{
    struct world *w = world_of(state);
    char said[TEXT_MAX];
    start_well(w, (const char *[]){"CONCLAVE_SERVER_FIRST_ROOM=", NULL});
    stop_and_read(w, said);
    assert_says(said, "there is no room");
    assert_null(strstr(said, "public_key="));
}

static void first_start__words_that_a_failed_start_kept_back__come_with_the_next(void **state)
{
    struct world *w = world_of(state);
    char said[TEXT_MAX];
    struct attempt attempt;
    attempt_serve(w, (const char *[]){"CONCLAVE_OPERATOR_LISTEN=unix:/nowhere/x.sock", NULL},
                  &attempt);
    attempt_refused(&attempt, 5, "[operator] listen");
    start_well(w, NULL);
    stop_and_read(w, said);
    assert_says(said, "Public key   ");
}

/* A limit of nothing on the size of files: every write to one fails, as on a full disk. */
static void first_start__no_space_for_the_keys__is_told_and_mended(void **state)
{
    struct world *w = world_of(state);
    struct world_settings settings;
    char command[TEXT_MAX];
    AUTO_BUF struct buf said = buf_make(TEXT_MAX);
    struct attempt nothing;
    int status = 0;
    (void)snprintf(command, sizeof command,
                   "trap '' XFSZ; ulimit -f 0; exec %s/conclave serve --init 2>&1", w->build);
    const char *argv[] = {"/bin/bash", "-c", command, NULL};
    /* Gives server 0 its place. */
    attempt_serve(w, (const char *[]){"CONCLAVE_SERVER_ADMIN=nobody", NULL}, &nothing);
    assert_int_equal(world_settings(w, 0, NULL, &settings), OK);
    const struct process_spec spec = {.argv = argv, .env = settings.env};
    assert_int_equal(process_run(&spec, WORLD_START_MS, &said, &status), OK);
    buf_put_byte(&said, '\0');
    assert_says((const char *)said.p, "[server] key_file: a new key cannot be written there");
    assert_says((const char *)said.p, "space");
    assert_int_equal(status, 3);
    assert_false(key_exists(w, keys[0]));
    start_well(w, NULL);
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
        TEST(first_start__its_words__say_all_that_is_needed_on_one_screen),
        TEST(first_start__its_words__fit_what_is_set),
        TEST(first_start__without_a_room__says_so),
        TEST(first_start__words_that_a_failed_start_kept_back__come_with_the_next),
        TEST(first_start__no_space_for_the_keys__is_told_and_mended),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
