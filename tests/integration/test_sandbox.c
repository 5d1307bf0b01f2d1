/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox of running servers: it is there, in every thread, and work goes on in it: posts,
 * files, and PostgreSQL going away and coming back, reached by its socket and by a host name. What
 * it forbids is shown by tests/unit/test_sandbox.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/file_client.h"
#include "integration/forward.h"
#include "integration/group.h"
#include "integration/world.h"
#include "sandbox/internal.h"

enum { BACK_WITHIN_MS = 30 * SECOND_MS, FILE_BYTES = 300000, BY_SOCKET = 0, BY_NAME = 1 };

static struct forward forward;

/* The number behind a name in a file of /proc; -1: none. */
static long number_in(const char *path, const char *name)
{
    char line[256];
    long value = -1;
    size_t n = strlen(name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, name, n) == 0 && sscanf(line + n, "%ld", &value) == 1)
            break;
    (void)fclose(f);
    return value;
}

static void sandbox__of_a_running_server__binds_every_thread(void **state)
{
    const struct world *w = *state;
    for (size_t server = 0; server < w->server_count; server++) {
        char path[320];
        pid_t pid = w->servers[server].process.pid;
        (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
        DIR *tasks = opendir(path);
        size_t threads = 0;
        assert_non_null(tasks);
        for (const struct dirent *t = readdir(tasks); t != NULL; t = readdir(tasks)) {
            if (t->d_name[0] == '.')
                continue;
            (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, t->d_name);
            assert_int_equal(number_in(path, "NoNewPrivs:"), 1);
            assert_int_equal(number_in(path, "Seccomp:"), SANDBOX_LEFT_OUT ? 0 : 2);
            threads++;
        }
        (void)closedir(tasks);
        assert_true(threads > 4);
        (void)snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
        assert_int_equal(number_in(path, "Max core file size"), 0);
    }
}

static void sandbox__when_active__is_told_in_the_log(void **state)
{
    AUTO_BUF struct buf log = buf_make(MIB(1));
    assert_int_equal(world_log(*state, BY_SOCKET, &log), OK);
    buf_put_byte(&log, '\0');
    assert_int_equal(buf_verdict(&log), OK);
    const char *line = strstr((const char *)log.p, "event=server.sandbox landlock=");
    assert_non_null(line);
    const char *seccomp = strstr(line, " seccomp=");
    assert_non_null(seccomp);
    assert_int_equal(seccomp[strlen(" seccomp=")], SANDBOX_LEFT_OUT ? '0' : '1');
}

/* A post and a file, there and back. */
static enum err work(const struct world *w, size_t server, const char *text)
{
    struct member m;
    struct file_ticket ticket = {.id = ""};
    json_t *message = NULL;
    int code = 0;
    AUTO_BUF struct buf file = buf_make(FILE_BYTES);
    AUTO_BUF struct buf back = buf_make(FILE_BYTES);
    uint8_t *p = buf_reserve(&file, FILE_BYTES);
    enum err e = member_open(w, 0, server, false, &m);
    if (p == NULL || e != OK)
        return ERR_NO_MEMORY;
    crypto_random(p, FILE_BYTES);
    buf_commit(&file, FILE_BYTES);
    e = community_post(&m.community, "lobby", text, &message);
    if (e == OK)
        e = file_client_put(m.link, buf_span(&file), &ticket, &code);
    if (e == OK)
        e = file_client_get(m.link, ticket.id, &back, &code);
    if (e == OK && !span_eq(buf_span(&file), buf_span(&back)))
        e = ERR_MALFORMED;
    json_decref(message);
    member_close(&m);
    return e;
}

static void work_again(struct world *w, size_t server)
{
    int64_t until = clock_mono_ms() + BACK_WITHIN_MS;
    enum err e = ERR_BUSY;
    int status = 0;
    while (e != OK && clock_mono_ms() < until) {
        assert_true(process_running(&w->servers[server].process, &status));
        e = work(w, server, "after the restart");
    }
    assert_int_equal(e, OK);
}

static void work__with_the_database_by_socket_and_by_name__goes_on(void **state)
{
    struct world *w = *state;
    pid_t pids[] = {w->servers[BY_SOCKET].process.pid, w->servers[BY_NAME].process.pid};
    assert_int_equal(work(w, BY_SOCKET, "by socket"), OK);
    assert_int_equal(work(w, BY_NAME, "by name"), OK);
    assert_int_equal(world_crash_database(w), OK);
    assert_int_not_equal(work(w, BY_SOCKET, "nobody is there"), OK);
    assert_int_not_equal(work(w, BY_NAME, "nobody is there"), OK);
    assert_int_equal(world_restart_database(w), OK);
    work_again(w, BY_SOCKET);
    work_again(w, BY_NAME);
    for (size_t i = 0; i < COUNT_OF(pids); i++) {
        int status = 0;
        assert_true(process_running(&w->servers[i].process, &status));
        assert_int_equal(w->servers[i].process.pid, pids[i]);
    }
}

static void sandbox__switched_off__is_off_and_told(void **state)
{
    static const char *const off[] = {"CONCLAVE_SERVER_SANDBOX=off", NULL};
    struct world *w = *state;
    char path[64];
    assert_int_equal(world_stop_server(w, BY_SOCKET), 0);
    assert_int_equal(world_restart_server(w, BY_SOCKET, off), OK);
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)w->servers[BY_SOCKET].process.pid);
    assert_int_equal(number_in(path, "Seccomp:"), 0);
    AUTO_BUF struct buf log = buf_make(MIB(1));
    assert_int_equal(world_log(w, BY_SOCKET, &log), OK);
    assert_non_null(memmem(log.p, log.len, "event=server.sandbox_off", 24));
}

static int open_world(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    const struct world_options options = {
        .servers = 1, .accounts = 1, .no_fsync = true, .env = env};
    if (group_open(state, &options) != 0)
        return -1;
    struct world *w = *state;
    char path[FORWARD_PATH_MAX + 16], url[128];
    (void)snprintf(path, sizeof(path), "%.90s/s/.s.PGSQL.5432", w->folder);
    if (forward_start(path, &forward) != OK)
        return -1;
    (void)snprintf(url, sizeof(url),
                   "CONCLAVE_DATABASE_URL=postgresql://postgres@localhost:%u/conclave",
                   (unsigned)forward.port);
    const char *const by_name[] = {url, NULL};
    if (world_start_server(w, by_name, NULL) != OK) {
        print_error("%s\n", w->trouble);
        return -1;
    }
    return 0;
}

static int close_world(void **state)
{
    int closed = group_close(state);
    forward_stop(&forward);
    return closed;
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sandbox__of_a_running_server__binds_every_thread),
        cmocka_unit_test(sandbox__when_active__is_told_in_the_log),
        cmocka_unit_test(work__with_the_database_by_socket_and_by_name__goes_on),
        cmocka_unit_test(sandbox__of_a_running_server__binds_every_thread),
        cmocka_unit_test(sandbox__switched_off__is_off_and_told),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
