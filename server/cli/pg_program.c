/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding and starting pg_dump and pg_restore.
 */
#include "cli/pg_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

enum { ARGUMENTS_MAX = 16, VERSION_LINE_MAX = 256 };

extern char **environ; /* POSIX names it so and declares it nowhere */

static size_t count_entries(struct span environment)
{
    size_t n = 0;
    for (size_t i = 0; i < environment.len; i++)
        n += environment.p[i] == '\0';
    return n;
}

/* Does a variable of ours stand in what is given on top? */
static bool is_overridden(const char *entry, struct span environment)
{
    size_t name = strcspn(entry, "=") + 1;
    for (size_t at = 0; at < environment.len;) {
        const char *given = (const char *)environment.p + at;
        if (strncmp(entry, given, name) == 0)
            return true;
        at += strlen(given) + 1;
    }
    return false;
}

/* Pointers into environ and environment. Free with mem_free. */
static char **make_environment(struct span environment)
{
    size_t count = count_entries(environment) + 1, n = 0;
    for (char **e = environ; *e; e++)
        count++;
    char **made = mem_alloc_zero(count, sizeof(*made));
    if (!made)
        return NULL;
    for (char **e = environ; *e; e++)
        if (strncmp(*e, "CONCLAVE_", 9) != 0 && !is_overridden(*e, environment))
            made[n++] = *e;
    for (size_t at = 0; at < environment.len;) {
        made[n] = (char *)(uintptr_t)(environment.p + at);
        at += strlen(made[n++]) + 1;
    }
    return made;
}

/* With pipe_in as its standard output. */
static int spawn(struct pg_program *p, char *const *argv, char *const *env, int in, int pipe_in)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, standard;
    (void)sigemptyset(&none);
    (void)sigemptyset(&standard);
    (void)sigaddset(&standard, SIGPIPE);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    int e = in >= 0
                ? posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO)
                : posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (e == 0)
        e = posix_spawn_file_actions_adddup2(&files, pipe_in, STDOUT_FILENO);
    if (e == 0)
        e = posix_spawnattr_setsigmask(&attributes, &none);
    if (e == 0)
        e = posix_spawnattr_setsigdefault(&attributes, &standard);
    if (e == 0)
        e = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (e == 0)
        e = posix_spawnp(&p->pid, p->path, &files, &attributes, argv, env);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return e;
}

bool pg_program_start(struct pg_program *p, const char *const *argv, struct span environment,
                      int in)
{
    char *words[ARGUMENTS_MAX + 1] = {p->path};
    int ends[2];
    size_t n = 1;
    for (; n < ARGUMENTS_MAX && argv[n]; n++)
        words[n] = (char *)(uintptr_t)argv[n]; /* historical: nothing is changed */
    if (argv[n] || pipe2(ends, O_CLOEXEC) != 0)
        return false;
    char **env = make_environment(environment);
    bool started = env && spawn(p, words, env, in, ends[1]) == 0;
    mem_free(env);
    (void)close(ends[1]);
    if (!started) {
        p->pid = 0;
        (void)close(ends[0]);
        return false;
    }
    p->out = ends[0];
    return true;
}

void pg_program_stop(const struct pg_program *p)
{
    if (p->pid > 0)
        (void)kill(p->pid, SIGTERM);
}

void pg_program_kill(const struct pg_program *p)
{
    if (p->pid > 0)
        (void)kill(p->pid, SIGKILL);
}

bool pg_program_end(struct pg_program *p)
{
    int status = 0;
    if (p->pid == 0)
        return false;
    if (p->out >= 0)
        (void)close(p->out);
    pid_t ended;
    do
        ended = waitpid(p->pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    p->pid = 0;
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What "NAME --version" says: "pg_dump (PostgreSQL) 15.18 (…)". 0: nothing of that kind. */
static int major_of(struct pg_program *p)
{
    static const char *const argv[] = {"", "--version", NULL};
    static const char mark[] = "(PostgreSQL) ";
    char line[VERSION_LINE_MAX] = {0};
    if (!pg_program_start(p, argv, (struct span){0}, -1))
        return 0;
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len<sizeof(line) - 1; len += n> 0 ? (size_t)n : 0)
        n = read(p->out, line + len, sizeof(line) - 1 - len);
    if (!pg_program_end(p))
        return 0;
    const char *found = strstr(line, mark);
    return found ? (int)strtol(found + sizeof(mark) - 1, NULL, 10) : 0;
}

bool pg_program_find(const char *name, int major, struct pg_program *ret_program)
{
    struct pg_program *p = ret_program;
    *p = (struct pg_program){.out = -1};
    (void)snprintf(p->path, sizeof(p->path), "/usr/lib/postgresql/%d/bin/%s", major, name);
    if (access(p->path, X_OK) == 0)
        return true;
    (void)snprintf(p->path, sizeof(p->path), "%s", name);
    if (major_of(p) == major)
        return true;
    (void)fprintf(stderr,
                  "conclave: there is no %s of PostgreSQL %d here, the version of the database: "
                  "install postgresql-client-%d (Debian's name)\n",
                  name, major, major);
    return false;
}
