/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same options as the server's own listener (epoll, a thread per core), and nothing else but
 * the floor's work. It has to be that work: a server that answers at once keeps its client busy and
 * is never woken nor wakes anybody, and one that merely waits out the time has the interrupts of
 * that time for nothing.
 */
#include "bench/exchange.h"

#include <microhttpd.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench/floor.h"

enum {
    CONNECTION_MEMORY = 16 * 1024,
    CONNECTIONS = 8192,
    START_MS = 10000,
    BODY_MAX_BYTES = 1 << 20,
    REQUESTS = 512,     /* taken in turn: one alone would always be in the cache */
    PLAIN_OVERHEAD = 28 /* nonce and tag of a reply */
};

struct bare {
    struct MHD_Response *response;
    struct x25519_secret secret;
    struct prepared requests[REQUESTS];
    atomic_uint next;
    size_t plain_bytes; /* of a reply, before it is sealed */
};

/* Each thread of the pool has its own, for as long as the process lives. */
static _Thread_local struct floor *own_floor;

/*
 * Signed requests to a key of our own, padded until they are as large as those that the server got.
 */
static enum err make_requests(struct bare *bare, size_t sealed_bytes)
{
    struct bench_target target = {.url.at.host = "127.0.0.1",
                                  .style = {LAYER_XCHACHA20, "xchacha20"}};
    struct bench_user user;
    struct bench_request ask = {.method = "POST", .target = "/batch", .is_signed = true};
    (void)crypto_box_keypair(target.server.b, bare->secret.b);
    uint8_t *padding = mem_alloc_zero(1, BODY_MAX_BYTES);
    enum err e = padding == NULL ? ERR_NO_MEMORY : bench_user_make(&target.server, &user);
    if (e == OK)
        e = prepared_make(&target, &user, &ask, &bare->requests[0]);
    if (e == OK && bare->requests[0].sealed.len < sealed_bytes && sealed_bytes <= BODY_MAX_BYTES)
        ask.body = span_of(padding, sealed_bytes - bare->requests[0].sealed.len);
    prepared_done(&bare->requests[0]);
    for (size_t i = 0; e == OK && i < REQUESTS; i++)
        e = prepared_make(&target, &user, &ask, &bare->requests[i]);
    mem_free(padding);
    return e;
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_data_size, void **con_cls)
{
    (void)url, (void)method, (void)version, (void)upload_data;
    struct bare *bare = cls;
    if (*con_cls == NULL) {
        *con_cls = cls;
        return MHD_YES;
    }
    if (*upload_data_size != 0) {
        *upload_data_size = 0;
        return MHD_YES;
    }
    if (own_floor == NULL && floor_new(bare->plain_bytes, &own_floor) != OK)
        return MHD_NO;
    unsigned n = atomic_fetch_add(&bare->next, 1) % REQUESTS;
    if (!floor_one(own_floor, &bare->secret, &bare->requests[n]))
        return MHD_NO;
    return MHD_queue_response(connection, MHD_HTTP_OK, bare->response);
}

int exchange_main(const char *sizes)
{
    char *comma = NULL;
    size_t request_bytes = strtoul(sizes, &comma, 10);
    size_t reply_bytes = *comma == ',' ? strtoul(comma + 1, NULL, 10) : 0;
    static struct bare bare; /* lives as long as the process */
    bare.plain_bytes = reply_bytes > PLAIN_OVERHEAD ? reply_bytes - PLAIN_OVERHEAD : 0;
    uint8_t *bytes = mem_alloc_zero(1, reply_bytes + 1);
    if (bytes == NULL || make_requests(&bare, request_bytes) != OK)
        return 1;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply_bytes, bytes, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return 1;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "application/octet-stream");
    bare.response = response;
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

enum err exchange_start(const struct exchange_sizes *sizes, struct process *ret_process,
                        uint16_t *ret_port)
{
    char text[64], line[32];
    (void)snprintf(text, sizeof(text), "%zu,%zu", sizes->request_bytes, sizes->reply_bytes);
    const char *const argv[] = {"/proc/self/exe", "--bare-exchange", text, NULL};
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
