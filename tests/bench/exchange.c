/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same options as the server's own listener (epoll, a thread per core), and nothing else but a pause: a server that
 * answers at once keeps its client busy and is never woken nor wakes anybody, so its cost would be that of another load.
 */
#include "bench/exchange.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { CONNECTION_MEMORY = 16 * 1024, CONNECTIONS = 8192, START_MS = 10000 };

struct bare {
    struct MHD_Response *response;
    int64_t spin_ns;
};

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_data_size, void **con_cls)
{
    (void)url, (void)method, (void)version, (void)upload_data;
    const struct bare *bare = cls;
    if (*con_cls == NULL) {
        *con_cls = cls;
        return MHD_YES;
    }
    if (*upload_data_size != 0) {
        *upload_data_size = 0;
        return MHD_YES;
    }
    for (int64_t until = now_ns() + bare->spin_ns; now_ns() < until;)
        ;
    return MHD_queue_response(connection, MHD_HTTP_OK, bare->response);
}

int exchange_main(size_t reply_bytes, int64_t spin_ns)
{
    uint8_t *bytes = mem_alloc_zero(1, reply_bytes + 1);
    struct MHD_Response *response =
        bytes ? MHD_create_response_from_buffer(reply_bytes, bytes, MHD_RESPMEM_PERSISTENT) : NULL;
    if (response == NULL)
        return 1;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "application/octet-stream");
    struct bare bare = {response, spin_ns};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const struct MHD_OptionItem pool[] = {
        {cores > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)cores, NULL},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK,
        0, NULL, NULL, answer, &bare, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, 180U, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    (void)printf("%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    (void)fflush(stdout);
    (void)pause(); /* until SIGTERM */
    return 0;
}

enum err exchange_start(size_t reply_bytes, int64_t spin_ns, struct process *ret_process,
                        uint16_t *ret_port)
{
    char size[64], line[32];
    (void)snprintf(size, sizeof(size), "%zu,%lld", reply_bytes, (long long)spin_ns);
    const char *const argv[] = {"/proc/self/exe", "--bare-exchange", size, NULL};
    struct process_spec spec = {.argv = argv};
    struct process process;
    enum err e = process_start(&spec, &process);
    if (e != OK)
        return e;
    e = process_line(&process, START_MS, line, sizeof(line));
    if (e != OK) {
        process_kill(&process);
        return e;
    }
    *ret_port = (uint16_t)strtoul(line, NULL, 10);
    *ret_process = process;
    return OK;
}
