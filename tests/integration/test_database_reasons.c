/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 240, test-waits: 16
 *
 * Why the database cannot be reached is told: by every command in one sentence with its remedy, and
 * by a server that waits in its log, as one word. Neither repeats PostgreSQL's own words, which
 * name hosts and users.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/command.h"
#include "integration/database.h"

enum { URL_MAX = 320, TOLD_WITHIN_MS = 10 * SECOND_MS };

static struct world world;
static char socket_folder[128];
static int silent_fd; /* listens, and never accepts */
static unsigned silent_port;

struct reason_case {
    const char *name;
    const char *url; /* %s: the folder of the socket; %u: a port where nobody answers */
    const char *words;
    int status;
};
static const struct reason_case cases[] = {
    {"url_bad", "postgresql//nonsense", "is not a URL that PostgreSQL understands", 3},
    {"host_unknown", "postgresql://marker@no-such-host.invalid/conclave", "host name is not known",
     4},
    {"refused", "postgresql://marker@127.0.0.1:1/conclave", "nothing listens at", 4},
    {"socket_missing", "postgresql:///conclave?host=/nonexistent&user=marker",
     "no socket of PostgreSQL", 4},
    {"role_missing", "postgresql:///conclave?host=%s&user=marker", "does not know the user", 4},
    {"password_wrong", "postgresql:///conclave?host=%s&user=guarded&password=marker",
     "refuses the password", 4},
    {"password_wrong", "postgresql:///conclave?host=%s&user=guarded", "refuses the password", 4},
    {"not_allowed", "postgresql:///conclave?host=%s&user=forbidden", "pg_hba.conf", 4},
    {"database_missing", "postgresql:///marker?host=%s&user=postgres", "no database of the name",
     4},
    {"connections_full", "postgresql:///conclave?host=%s&user=full", "no connection left", 4},
    {"no_answer", "postgresql://marker@127.0.0.1:%u/conclave", "does not answer in time", 4},
};

static const char *setting_of(const struct reason_case *c, char out[static URL_MAX])
{
    static const char name[] = "CONCLAVE_DATABASE_URL=";
    (void)snprintf(out, URL_MAX, "%s", name);
    size_t n = strlen(name);
    /* One of the two stands in it, or none. */
    const char *folder = strstr(c->url, "%s"), *port = strstr(c->url, "%u");
    if (folder != NULL)
        (void)snprintf(out + n, URL_MAX - n, "%.*s%s%s", (int)(folder - c->url), c->url,
                       socket_folder, folder + 2);
    else if (port != NULL)
        (void)snprintf(out + n, URL_MAX - n, "%.*s%u%s", (int)(port - c->url), c->url, silent_port,
                       port + 2);
    else
        (void)snprintf(out + n, URL_MAX - n, "%s", c->url);
    return out;
}

static void command__without_a_database__says_why(void **state)
{
    (void)state;
    static struct said said;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char setting[URL_MAX];
        const char *const env[] = {setting_of(&cases[i], setting), NULL};
        int64_t began_ms = clock_mono_ms();
        command_expect(&world, env, ARGS("room", "list"), cases[i].status, cases[i].words, &said);
        assert_true(clock_mono_ms() - began_ms < TOLD_WITHIN_MS);
        const char *newline = strchr(said.err, '\n');
        assert_non_null(newline);
        assert_string_equal(newline + 1, ""); /* one sentence */
        assert_null(strstr(said.err, "marker"));
    }
}

static bool waits_for(const char *reason)
{
    char words[96];
    AUTO_BUF struct buf log = buf_make(PROCESS_OUTPUT_MAX_BYTES);
    (void)snprintf(words, sizeof words, "event=db.waiting reason=%s ", reason);
    if (world_log(&world, 0, &log) != OK)
        return false;
    buf_put_byte(&log, '\0');
    assert_null(strstr((const char *)log.p, "marker"));
    return strstr((const char *)log.p, words) != NULL;
}

static void serve__without_a_database__logs_why_it_waits(void **state)
{
    (void)state;
    struct process *server = &world.servers[0].process;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char setting[URL_MAX];
        int status = 0;
        const char *const env[] = {setting_of(&cases[i], setting), NULL};
        (void)unlink(world.servers[0].log_path);
        assert_int_equal(world_launch_server(&world, 0, env), OK);
        if (cases[i].status == 3) { /* waiting would not mend it */
            assert_int_equal(process_wait(server, TOLD_WITHIN_MS, &status), OK);
            assert_int_equal(status, 3);
            continue;
        }
        for (int64_t until_ms = clock_mono_ms() + TOLD_WITHIN_MS; !waits_for(cases[i].name);) {
            if (clock_mono_ms() > until_ms)
                fail_msg("not logged: %s", cases[i].name);
            (void)poll(NULL, 0, 20);
        }
        assert_int_equal(process_stop(server), 0);
    }
    assert_int_equal(world_restart_server(&world, 0, NULL), OK);
}

/*
 * Of several hosts the first that answers is taken, also when one before it accepts and says
 * nothing.
 */
static void hosts__one_of_them_silent__lead_to_the_next(void **state)
{
    (void)state;
    static struct said said;
    char setting[URL_MAX];
    (void)snprintf(setting, sizeof setting,
                   "CONCLAVE_DATABASE_URL=postgresql:///conclave?host=/nonexistent,127.0.0.1,%s"
                   "&port=5432,%u,5432&user=postgres&connect_timeout=1",
                   socket_folder, silent_port);
    const char *const env[] = {setting, NULL};
    command_expect(&world, env, ARGS("room", "list"), 0, "lobby", &said);
}

static void prepare_database(void)
{
    struct database d = {0};
    char sql[600];
    (void)snprintf(d.url, sizeof d.url, "%.159s", world.database_url);
    struct db *db = database_connect_bare(&d);
    database_run(db, "CREATE ROLE guarded LOGIN PASSWORD 'right';"
                     "CREATE ROLE forbidden LOGIN;"
                     "CREATE ROLE full LOGIN CONNECTION LIMIT 0");
    (void)snprintf(
        sql, sizeof sql,
        "COPY (VALUES ('local all guarded scram-sha-256'), ('local all forbidden reject'),"
        " ('local all all trust')) TO '%.90s/data/pg_hba.conf'",
        world.folder);
    database_run(db, sql);
    database_run(db, "SELECT pg_reload_conf()");
    db_free(db);
    (void)poll(NULL, 0, 500);
}

static void listen_silently(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    silent_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(silent_fd >= 0);
    assert_int_equal(bind(silent_fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(silent_fd, 64), 0);
    assert_int_equal(getsockname(silent_fd, (struct sockaddr *)&at, &len), 0);
    silent_port = ntohs(at.sin_port);
}

static int open_world(void **state)
{
    (void)state;
    const struct world_options options = {.servers = 1, .no_fsync = true};
    if (world_open(&world, &options) != OK)
        return -1;
    (void)snprintf(socket_folder, sizeof socket_folder, "%.90s/s", world.folder);
    prepare_database();
    listen_silently();
    return world_stop_server(&world, 0);
}

static int close_world(void **state)
{
    (void)state;
    (void)close(silent_fd);
    return world_close(&world) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command__without_a_database__says_why),
        cmocka_unit_test(serve__without_a_database__logs_why_it_waits),
        cmocka_unit_test(hosts__one_of_them_silent__lead_to_the_next),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
