/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fork before any thread of ours exists in the child, then a daemon with its pool.
 */
#include "integration/noop.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEMORY_BYTES = 16 * 1024, IDLE_S = 180, ANSWER_BYTES = 700 };

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **seen)
{
    (void)url;
    (void)method;
    (void)version;
    (void)data;
    if (*seen == NULL) {
        *seen = cls;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, cls);
}

/* In the child. Does not come back. */
static void serve(unsigned connections, int out)
{
    static char body[ANSWER_BYTES];
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof(body), body, MHD_RESPMEM_PERSISTENT);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const struct MHD_OptionItem pool[] = {
        {cores > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)cores, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, response, /* */
                         MHD_OPTION_CONNECTION_LIMIT, connections,                       /* */
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,       /* */
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,                /* */
                         MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        daemon != NULL ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    uint16_t port = info != NULL ? info->port : 0;
    if (write(out, &port, sizeof(port)) != (ssize_t)sizeof(port) || port == 0)
        _exit(1);
    for (;;)
        (void)pause();
}

enum err noop_start(unsigned connections, struct noop *ret_noop)
{
    int ends[2];
    uint16_t port = 0;
    pid_t parent = getpid();
    if (pipe(ends) != 0)
        return ERR_NO_MEMORY;
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            serve(connections, ends[1]);
        _exit(1);
    }
    (void)close(ends[1]);
    bool told = pid > 0 && read(ends[0], &port, sizeof(port)) == (ssize_t)sizeof(port) && port != 0;
    (void)close(ends[0]);
    struct noop n = {.pid = pid, .at = {.port = port}};
    (void)snprintf(n.at.host, sizeof(n.at.host), "127.0.0.1");
    if (told)
        *ret_noop = n;
    else
        noop_stop(&n);
    return told ? OK : ERR_BUSY;
}

void noop_stop(struct noop *n)
{
    if (n->pid <= 0)
        return;
    (void)kill(n->pid, SIGKILL);
    (void)waitpid(n->pid, NULL, 0);
    n->pid = 0;
}
