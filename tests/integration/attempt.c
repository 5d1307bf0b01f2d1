/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts that fail on purpose, and what they may say.
 */
#include "integration/attempt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "integration/world_settings.h"

enum { NAME_MAX_BYTES = 160, PORT = 9, PROGRAM_MAX = 512 };

/*
 * A place for server 0 before world_start_server gives it one; nobody listens on the port if the
 * start fails.
 */
static void place(struct world *w)
{
    struct world_server *s = &w->servers[0];
    if (w->server_count > 0)
        return;
    (void)snprintf(s->at.host, sizeof s->at.host, "127.0.0.1");
    s->at.port = PORT;
    (void)snprintf(s->operator_path, sizeof s->operator_path, "%.60s/op.sock", w->folder);
    (void)snprintf(s->log_path, sizeof s->log_path, "%.60s/attempt.log", w->folder);
}

static struct process launch(struct world *w, const char *const *env, const char *err_path)
{
    struct world_settings settings;
    struct process process;
    char program[PROGRAM_MAX], out_path[NAME_MAX_BYTES + 8];
    place(w);
    (void)snprintf(program, sizeof program, "%s/conclave", w->build);
    (void)snprintf(out_path, sizeof out_path, "%s.out", err_path);
    const char *argv[] = {program, "serve", "--init", NULL};
    assert_int_equal(world_settings(w, 0, env, &settings), OK);
    const struct process_spec spec = {
        .argv = argv, .env = settings.env, .out_path = out_path, .err_path = err_path};
    assert_int_equal(process_start(&spec, &process), OK);
    return process;
}

void attempt_serve(struct world *w, const char *const *env, struct attempt *ret_attempt)
{
    struct attempt attempt = {0};
    char path[NAME_MAX_BYTES];
    (void)snprintf(path, sizeof path, "%.60s/said", w->folder);
    (void)unlink(path);
    struct process process = launch(w, env, path);
    assert_int_equal(process_wait(&process, WORLD_START_MS, &attempt.status), OK);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, attempt.said, sizeof attempt.said - 1) >= 0);
    (void)close(fd);
    *ret_attempt = attempt;
}

void attempt_refused(const struct attempt *attempt, int status, const char *words)
{
    const char *newline = strchr(attempt->said, '\n');
    if (attempt->status != status || strstr(attempt->said, words) == NULL || newline == NULL ||
        newline[1] != '\0')
        print_error("exit %d, said: %s\n", attempt->status, attempt->said);
    assert_int_equal(attempt->status, status);
    assert_non_null(strstr(attempt->said, words));
    assert_non_null(newline);
    assert_string_equal(newline + 1, "");
}

static void key_path(const struct world *w, const char *name, const char *ending,
                     char out[static NAME_MAX_BYTES])
{
    (void)snprintf(out, NAME_MAX_BYTES, "%.60s/%.30s%.10s", w->folder, name, ending);
}

bool key_exists(const struct world *w, const char *name)
{
    char path[NAME_MAX_BYTES];
    key_path(w, name, "", path);
    return access(path, F_OK) == 0;
}

void key_take_away(const struct world *w, const char *name)
{
    char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
    key_path(w, name, "", from);
    key_path(w, name, ".away", to);
    assert_int_equal(rename(from, to), 0);
}

void key_put_back(const struct world *w, const char *name)
{
    char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
    key_path(w, name, ".away", from);
    key_path(w, name, "", to);
    assert_int_equal(rename(from, to), 0);
}
