/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fork, exec, wait. Everything is prepared before the fork, since afterwards only async-signal-safe
 * calls are allowed.
 */
#include "integration/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { WAIT_STEP_MS = 5, EXIT_CANNOT_RUN = 127, READ_STEP_BYTES = 4096 };

extern char **environ; /* POSIX names it so and declares it nowhere */

/* Our environment without CONCLAVE_*, and env behind it. Free with mem_free. */
static char **make_environment(const char *const *env)
{
    size_t count = 1;
    size_t n = 0;
    for (char **e = environ; *e != NULL; e++)
        count++;
    for (const char *const *e = env; e != NULL && *e != NULL; e++)
        count++;
    char **made = mem_alloc_zero(count, sizeof(*made));
    if (made == NULL)
        return NULL;
    for (char **e = environ; *e != NULL; e++) {
        if (strncmp(*e, "CONCLAVE_", 9) != 0)
            made[n++] = *e;
    }
    /* execve takes char * for historical reasons and changes nothing. */
    for (const char *const *e = env; e != NULL && *e != NULL; e++)
        memcpy(&made[n++], e, sizeof(*e));
    return made;
}

static int open_log(const char *path)
{
    return path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

/* In the child. Does not come back. */
static void become(const char *const *argv, char **env, int out, int err, pid_t parent)
{
    sigset_t none;
    char **args = NULL;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* A group of its own: Ctrl-C is meant for us, and we end our children in order. */
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_CANNOT_RUN);
    if (out >= 0)
        (void)dup2(out, STDOUT_FILENO);
    if (err >= 0)
        (void)dup2(err, STDERR_FILENO);
    memcpy(&args, &argv, sizeof(args));
    (void)execve(argv[0], args, env);
    _exit(EXIT_CANNOT_RUN);
}

enum err process_start(const struct process_spec *spec, struct process *ret_process)
{
    int pipe_fds[2] = {-1, -1};
    int err = open_log(spec->err_path);
    int out = open_log(spec->out_path);
    char **env = make_environment(spec->env);
    pid_t parent = getpid();
    enum err e = OK;
    if (env == NULL || (spec->out_path == NULL && pipe2(pipe_fds, O_CLOEXEC) != 0))
        e = ERR_NO_MEMORY;
    if (e == OK) {
        pid_t pid = fork();
        if (pid == 0)
            become(spec->argv, env, spec->out_path == NULL ? pipe_fds[1] : out, err, parent);
        if (pid > 0)
            *ret_process = (struct process){.pid = pid, .out_fd = pipe_fds[0]};
        else
            e = ERR_NO_MEMORY;
    }
    if (pipe_fds[1] >= 0)
        (void)close(pipe_fds[1]);
    if (e != OK && pipe_fds[0] >= 0)
        (void)close(pipe_fds[0]);
    if (out >= 0)
        (void)close(out);
    if (err >= 0)
        (void)close(err);
    mem_free(env);
    return e;
}

/* Waits for readable output. */
static enum err wait_output(int fd, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0)
            return ERR_BUSY;
        int n = poll(&p, 1, (int)left);
        if (n > 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return ERR_DEFECT;
    }
}

enum err process_line(struct process *p, int timeout_ms, char *out, size_t size)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    for (size_t n = 0; n + 1 < size; n++) {
        enum err e = wait_output(p->out_fd, deadline_ms);
        if (e != OK)
            return e;
        if (read(p->out_fd, out + n, 1) != 1)
            return ERR_MISSING;
        if (out[n] == '\n') {
            out[n] = '\0';
            return OK;
        }
    }
    return ERR_TOO_LARGE;
}

static void forget(struct process *p)
{
    if (p->pid != 0 && p->out_fd >= 0)
        (void)close(p->out_fd);
    *p = (struct process){.out_fd = -1};
}

bool process_running(struct process *p, int *ret_status)
{
    int status = 0;
    if (p->pid == 0)
        return false;
    pid_t waited = waitpid(p->pid, &status, WNOHANG);
    if (waited == 0)
        return true;
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    forget(p);
    return false;
}

enum err process_wait(struct process *p, int timeout_ms, int *ret_status)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    while (process_running(p, ret_status)) {
        if (clock_mono_ms() >= deadline_ms)
            return ERR_BUSY;
        (void)poll(NULL, 0, WAIT_STEP_MS);
    }
    return OK;
}

int process_stop(struct process *p)
{
    int status = 0;
    if (p->pid == 0)
        return 0;
    (void)kill(p->pid, SIGTERM);
    if (process_wait(p, PROCESS_STOP_MS, &status) != OK) {
        process_kill(p);
        return 128 + SIGKILL;
    }
    return status;
}

void process_kill(struct process *p)
{
    if (p->pid == 0)
        return;
    (void)kill(p->pid, SIGKILL);
    (void)waitpid(p->pid, NULL, 0);
    forget(p);
}

enum err process_run(const struct process_spec *spec, int timeout_ms, struct buf *out,
                     int *ret_status)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    struct process p;
    struct process_spec piped = *spec;
    piped.out_path = NULL;
    enum err e = process_start(&piped, &p);
    if (e != OK)
        return e;
    for (ssize_t n = 1; e == OK && n > 0;) {
        uint8_t some[READ_STEP_BYTES];
        e = wait_output(p.out_fd, deadline_ms);
        n = e == OK ? read(p.out_fd, some, sizeof(some)) : 0;
        if (n > 0) {
            buf_put(out, span_of(some, (size_t)n));
            e = buf_verdict(out);
        }
    }
    if (e == OK)
        e = process_wait(&p, (int)(deadline_ms - clock_mono_ms()), ret_status);
    if (e != OK)
        process_kill(&p);
    return e;
}
