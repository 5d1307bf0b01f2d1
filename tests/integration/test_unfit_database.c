/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Databases that cannot be used: of another encoding, or behind a real PgBouncer in transaction
 * mode. A start and every command say so by name, before anything is made. A pooler in session mode
 * does no harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/attempt.h"
#include "integration/command.h"
#include "integration/database.h"

enum { DATABASE = 4, POOLER_START_MS = 10 * SECOND_MS, STEP_MS = 50, TEXT_MAX = 300 };

static struct world world;

/* A libpq URL of another database of the same cluster, as a setting. */
static void url_of(const char *database, const char *host, char out[static TEXT_MAX])
{
    (void)snprintf(out, TEXT_MAX,
                   "CONCLAVE_DATABASE_URL=postgresql:///%.20s?host=%.100s&user=postgres", database,
                   host);
}

static struct db *connect_to(const char *url)
{
    struct database d = {0};
    (void)snprintf(d.url, sizeof d.url, "%.159s", url);
    return database_connect_bare(&d);
}

static void assert_nothing_made(const char *url)
{
    struct db *db = connect_to(url);
    assert_int_equal(
        database_number(db,
                        "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'conclave'"),
        0);
    db_free(db);
    assert_false(key_exists(&world, "server.key"));
    assert_false(key_exists(&world, "storage.key"));
}

static void unfit__another_encoding__is_refused_by_name(void **state)
{
    (void)state;
    static const char *const encodings[] = {"LATIN1", "SQL_ASCII"};
    struct db *db = connect_to(world.database_url);
    for (size_t i = 0; i < COUNT_OF(encodings); i++) {
        char sql[TEXT_MAX], url[TEXT_MAX], host[WORLD_PATH_MAX + 8];
        static struct said said;
        struct attempt attempt;
        (void)snprintf(sql, sizeof sql,
                       "CREATE DATABASE other%zu ENCODING '%s' LOCALE 'C' TEMPLATE template0", i,
                       encodings[i]);
        database_run(db, sql);
        (void)snprintf(sql, sizeof sql, "other%zu", i);
        (void)snprintf(host, sizeof host, "%s/s", world.folder);
        url_of(sql, host, url);
        const char *const env[] = {url, NULL};
        attempt_serve(&world, env, &attempt);
        attempt_refused(&attempt, DATABASE, "encoding is not UTF8 (LATIN1 and SQL_ASCII");
        command_expect(&world, env, ARGS("migrate"), DATABASE, "encoding is not UTF8", &said);
        command_expect(&world, env, ARGS("check"), 3, NULL, &said); /* there are no keys */
        assert_false(key_exists(&world, "server.key"));
        /* As that database sees it: nothing of ours is in it. */
        (void)snprintf(sql, sizeof sql, "DROP DATABASE other%zu", i);
        database_run(db, sql);
    }
    db_free(db);
}

/* ---- a pooler ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

/* Its socket's folder is that of its settings; it refuses to run as root. */
static struct process start_pooler(const char *mode, char folder[static WORLD_PATH_MAX])
{
    char config[TEXT_MAX * 3], path[WORLD_PATH_MAX * 2];
    struct process process;
    (void)snprintf(folder, WORLD_PATH_MAX, "%.60s/s", world.folder);
    (void)snprintf(config, sizeof config,
                   "[databases]\n"
                   "conclave = host=%s port=5432 user=postgres\n"
                   "[pgbouncer]\n"
                   "listen_addr =\nunix_socket_dir = %s\nlisten_port = 6432\n"
                   "auth_type = any\npool_mode = %s\nmax_client_conn = 200\n"
                   "default_pool_size = 60\nignore_startup_parameters = extra_float_digits\n",
                   folder, folder, mode);
    (void)snprintf(path, sizeof path, "%.60s/pooler.ini", world.folder);
    write_file(path, config);
    const char *as_postgres[] = {
        "/usr/bin/setpriv",    "--reuid", "postgres", "--regid", "postgres", "--init-groups",
        "/usr/sbin/pgbouncer", "-q",      path,       NULL};
    const struct process_spec spec = {.argv = getuid() == 0 ? as_postgres : as_postgres + 6,
                                      .out_path = "/dev/null",
                                      .err_path = "/dev/null"};
    assert_int_equal(process_start(&spec, &process), OK);
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.6432", folder);
    for (int64_t limit = clock_mono_ms() + POOLER_START_MS; access(path, F_OK) != 0;) {
        assert_true(clock_mono_ms() < limit);
        (void)poll(NULL, 0, STEP_MS);
    }
    return process;
}

static void pooler_url(const char *folder, char out[static TEXT_MAX])
{
    (void)snprintf(
        out, TEXT_MAX,
        "CONCLAVE_DATABASE_URL=postgresql:///conclave?host=%.100s&port=6432&user=postgres", folder);
}

static void assert_refused_behind(const char *mode)
{
    char folder[WORLD_PATH_MAX], url[TEXT_MAX];
    struct attempt attempt;
    static struct said said;
    struct process pooler = start_pooler(mode, folder);
    pooler_url(folder, url);
    const char *const env[] = {url, NULL};
    attempt_serve(&world, env, &attempt);
    attempt_refused(&attempt, DATABASE, "a pooler in transaction mode (such as PgBouncer)");
    command_expect(&world, env, ARGS("migrate"), DATABASE, "PgBouncer", &said);
    assert_nothing_made(world.database_url);
    (void)process_stop(&pooler);
}

static void unfit__a_pooler_in_transaction_mode__is_refused_by_name(void **state)
{
    (void)state;
    assert_refused_behind("transaction");
}

static void unfit__a_pooler_in_statement_mode__is_refused_by_name(void **state)
{
    (void)state;
    assert_refused_behind("statement");
}

static void fit__a_pooler_in_session_mode__serves(void **state)
{
    (void)state;
    char folder[WORLD_PATH_MAX], url[TEXT_MAX];
    struct process pooler = start_pooler("session", folder);
    pooler_url(folder, url);
    const char *const env[] = {url, NULL};
    enum err e = world_start_server(&world, env, NULL);
    if (e != OK)
        print_error("%s\n", world.trouble);
    assert_int_equal(e, OK);
    assert_int_equal(world_stop_server(&world, 0), 0);
    (void)process_stop(&pooler);
}

static int open_world(void **state)
{
    (void)state;
    const struct world_options options = {.no_fsync = true};
    if (world_prepare(&world, &options) == OK && world_start_database(&world) == OK &&
        chmod(world.folder, 0755) == 0)
        return 0;
    print_error("%s\n", world.trouble);
    return -1;
}

static int close_world(void **state)
{
    (void)state;
    return world_close(&world) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unfit__another_encoding__is_refused_by_name),
        cmocka_unit_test(unfit__a_pooler_in_transaction_mode__is_refused_by_name),
        cmocka_unit_test(unfit__a_pooler_in_statement_mode__is_refused_by_name),
        cmocka_unit_test(fit__a_pooler_in_session_mode__serves),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
