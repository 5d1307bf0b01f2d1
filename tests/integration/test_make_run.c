/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `make run` starts (deploy/run-local.sh): a server that is neither root nor a superuser of
 * its database, a database that is started again when it ends by itself, an end with a sentence,
 * and an older folder that is taken over with all that is in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/command.h"
#include "integration/database.h"
#include "integration/group.h"

/* test-timeout-s: 300 (four starts of a database and a server) */

enum { START_MS = 120000, AGAIN_MS = 60000, STOP_MS = 60000, PATH_BYTES = 160, LINE_BYTES = 512 };

/* One `make run`, on a folder below that of the world. */
struct run {
    struct process process;
    char data[PATH_BYTES], log[PATH_BYTES];
    char url[LINE_BYTES]; /* of the database, as DATA/env says it */
};

static char said[SAID_MAX];

static int open_world(void **state)
{
    static const struct world_options options = {.servers = 1, .no_fsync = true};
    if (group_open(state, &options) != 0)
        return -1;
    struct world *w = *state;
    /* Database and server of a make run must be able to reach it. */
    return chmod(w->folder, 0755);
}

/* Lines of ours, in which $1 and $2 are these. */
static void shell(const char *lines, const char *first, const char *second)
{
    const char *argv[] = {"/bin/bash", "-ec", lines, "test", first, second, NULL};
    const struct process_spec spec = {.argv = argv};
    struct buf out AUTO_BUF = buf_make(KIB(64));
    int status = -1;
    assert_int_equal(process_run(&spec, START_MS, &out, &status), OK);
    assert_int_equal(status, 0);
}

static const char *read_said(const struct run *r)
{
    FILE *f = fopen(r->log, "re");
    assert_non_null(f);
    size_t n = fread(said, 1, sizeof(said) - 1, f);
    (void)fclose(f);
    said[n] = '\0';
    return said;
}

static void expect_said(struct run *r, const char *words, int within_ms)
{
    int64_t deadline_ms = clock_mono_ms() + within_ms;
    int status = 0;
    while (strstr(read_said(r), words) == NULL) {
        if (clock_mono_ms() > deadline_ms || !process_running(&r->process, &status))
            fail_msg("make run does not say '%s', but:\n%s", words, said);
        (void)poll(NULL, 0, 50);
    }
}

static void read_url(struct run *r)
{
    char path[PATH_BYTES + 8];
    static const char head[] = "export CONCLAVE_DATABASE_URL='";
    (void)snprintf(path, sizeof(path), "%s/env", r->data);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(r->url, sizeof(r->url), f));
    (void)fclose(f);
    assert_int_equal(strncmp(r->url, head, sizeof(head) - 1), 0);
    memmove(r->url, r->url + sizeof(head) - 1, strlen(r->url) - sizeof(head) + 2);
    r->url[strcspn(r->url, "'")] = '\0';
}

/* Starts it with the knobs DATA and LISTEN, and waits until it says that it runs. */
static void start(struct world *w, const char *folder, struct run *r)
{
    char data[PATH_BYTES + 8], listen[64];
    (void)snprintf(r->data, sizeof(r->data), "%s/%s", w->folder, folder);
    (void)snprintf(r->log, sizeof(r->log), "%s/%s.said", w->folder, folder);
    (void)snprintf(data, sizeof(data), "DATA=%s", r->data);
    (void)snprintf(listen, sizeof(listen), "LISTEN=127.0.0.1:%u", (unsigned)w->servers[0].at.port);
    const char *argv[] = {"deploy/run-local.sh", NULL};
    const char *env[] = {data, listen, NULL};
    const struct process_spec spec = {
        .argv = argv, .env = env, .out_path = r->log, .err_path = r->log};
    (void)unlink(r->log);
    assert_int_equal(process_start(&spec, &r->process), OK);
    expect_said(r, "Ctrl-C stops", START_MS);
    read_url(r);
}

/* Ctrl-C. */
static void stop(struct run *r)
{
    int status = -1;
    assert_int_equal(kill(r->process.pid, SIGINT), 0);
    assert_int_equal(process_wait(&r->process, STOP_MS, &status), OK);
    assert_int_equal(status, 0);
    assert_non_null(strstr(read_said(r), "\nStopped. Everything is kept in "));
}

static struct db *connect_to(const char *url)
{
    struct database d = {0};
    assert_true(strlen(url) < sizeof(d.url));
    (void)snprintf(d.url, sizeof(d.url), "%.159s", url);
    return database_connect_bare(&d);
}

static int64_t number(const struct run *r, const char *sql)
{
    struct db *db = connect_to(r->url);
    int64_t n = database_number(db, sql);
    db_free(db);
    return n;
}

/* The user as which the server runs: the child of the script that is called conclave. */
static uid_t server_user(const struct run *r)
{
    char path[64], children[LINE_BYTES] = "", name[32] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)r->process.pid,
                   (int)r->process.pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    (void)!fgets(children, sizeof(children), f);
    (void)fclose(f);
    char *rest = children;
    for (char *pid = strsep(&rest, " "); pid && *pid != '\0'; pid = strsep(&rest, " ")) {
        struct stat st;
        (void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
        f = fopen(path, "re");
        if (f == NULL)
            continue;
        (void)!fgets(name, sizeof(name), f);
        (void)fclose(f);
        (void)snprintf(path, sizeof(path), "/proc/%s", pid);
        if (strcmp(name, "conclave\n") == 0 && stat(path, &st) == 0)
            return st.st_uid;
    }
    fail_msg("make run has no child of the name conclave");
    return 0;
}

static void expect_no_superuser(const struct run *r)
{
    static const char query[] = "SELECT rolsuper::int::bigint FROM pg_roles"
                                " WHERE rolname = current_user";
    struct db *db = connect_to(r->url);
    assert_int_equal(database_number(db, query), 0);
    struct rows rows AUTO_ROWS = {0};
    assert_int_not_equal(db_query(db, "COPY (SELECT 1) TO PROGRAM 'true'", NULL, 0, &rows), OK);
    db_free(db);
    /* Nor does the database let the server's user in as one. */
    char url[LINE_BYTES + 16];
    const char *role = strstr(r->url, "user=conclave");
    assert_non_null(role);
    (void)snprintf(url, sizeof(url), "%.*suser=postgres", (int)(role - r->url), r->url);
    const struct db_options options = {.url = url, .origin = DB_COMMAND};
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_not_equal(db_ensure(db), OK);
    db_free(db);
    if (geteuid() == 0)
        assert_int_not_equal(server_user(r), 0);
}

static pid_t database_pid(const struct run *r)
{
    char path[PATH_BYTES + 32], line[32] = "";
    (void)snprintf(path, sizeof(path), "%s/postgres/postmaster.pid", r->data);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    (void)fclose(f);
    return (pid_t)strtol(line, NULL, 10);
}

static void a_new_folder__serves_without_rights_it_does_not_need(void **state)
{
    struct run r;
    start(*state, "new", &r);
    expect_no_superuser(&r);
    assert_int_equal(number(&r, "SELECT count(*) FROM conclave.rooms WHERE token = 'lobby'"), 1);
    stop(&r);
    start(*state, "new", &r);
    expect_no_superuser(&r);
    stop(&r);
}

static void the_database__killed__is_started_again(void **state)
{
    struct world *w = *state;
    struct run r;
    start(w, "killed", &r);
    for (int i = 1; i <= 2; i++) {
        char words[64];
        (void)snprintf(words, sizeof(words), "starting it again (%d of 5)", i);
        assert_int_equal(kill(database_pid(&r), SIGKILL), 0);
        expect_said(&r, words, AGAIN_MS);
        shell(". $1/env; for i in {1..300}; do $2/conclave room list 2>/dev/null && exit 0; sleep "
              "0.1; done; "
              "exit 1",
              r.data, w->build);
    }
    stop(&r);
}

/* As an earlier make run left it: the database is a superuser's, every other file root's. */
static void an_older_folder__is_taken_over_with_all_that_is_in_it(void **state)
{
    struct world *w = *state;
    struct run r;
    char data[PATH_BYTES];
    static struct said added;
    command_expect(w, NULL, ARGS("room", "add", "kept", "--name", "Kept"), 0, NULL, &added);
    assert_int_equal(world_stop_server(w, 0), 0);
    assert_int_equal(world_crash_database(w), OK);
    (void)snprintf(data, sizeof(data), "%s/older", w->folder);
    shell("mkdir $2; cp -a $1/data $2/postgres; cp -p $1/*.key $2", w->folder, data);
    start(w, "older", &r);
    expect_no_superuser(&r);
    assert_int_equal(number(&r, "SELECT count(*) FROM conclave.rooms WHERE token = 'kept'"), 1);
    assert_int_equal(number(&r, "SELECT count(*) FROM pg_class"
                                " WHERE relnamespace = 'conclave'::regnamespace"
                                "   AND relowner <> 'conclave'::regrole"),
                     0);
    assert_int_equal(number(&r, "SELECT count(*) FROM pg_proc"
                                " WHERE pronamespace = 'conclave'::regnamespace"
                                "   AND proowner <> 'conclave'::regrole"),
                     0);
    assert_int_equal(number(&r, "SELECT count(*) FROM pg_database WHERE datname = 'conclave'"
                                " AND datdba = 'conclave'::regrole"),
                     1);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_folder__is_taken_over_with_all_that_is_in_it),
        cmocka_unit_test(a_new_folder__serves_without_rights_it_does_not_need),
        cmocka_unit_test(the_database__killed__is_started_again),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
