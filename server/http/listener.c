/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening and closing the public listener: the daemon with its pool of threads and its options, in
 * the order in which the parts need each other. What happens to a request is in intake.c.
 */
#include "http/listener.h"

#include <microhttpd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "http/address.h"
#include "http/exchange.h"
#include "http/intake.h"
#include "http/invite.h"
#include "http/limits.h"
#include "http/refuse.h"
#include "http/watch.h"

struct listener {
    struct intake intake; /* owns what it points to */
    struct MHD_Daemon *daemon;
    unsigned connections_max;
    uint16_t port;
};

/* ---- opening ---- */

/* As many descriptors as the system allows; returns how many connections that is. */
static unsigned raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return DESCRIPTORS_RESERVED;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= CONNECTIONS_MAX + DESCRIPTORS_RESERVED)
        return CONNECTIONS_MAX;
    if (limit.rlim_cur / 2 <= DESCRIPTORS_RESERVED)
        return (unsigned)limit.rlim_cur / 2;
    return (unsigned)limit.rlim_cur - DESCRIPTORS_RESERVED;
}

unsigned listener_threads(void)
{
    /* Those we may use: a container or taskset may leave one of many. */
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return cores > POOL_THREADS_MAX ? POOL_THREADS_MAX : (unsigned)cores;
}

static struct MHD_Daemon *start_daemon(struct intake *in, unsigned connections_max, int fd)
{
    unsigned threads = listener_threads();
    const struct MHD_OptionItem pool[] = {
        {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    /* Without MHD_USE_ERROR_LOG it prints nothing: its messages name peers. */
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    return MHD_start_daemon(flags, 0, NULL, NULL, intake_request, in,     /* options: */
                            MHD_OPTION_LISTEN_SOCKET, fd,                 /* ours */
                            MHD_OPTION_CONNECTION_LIMIT, connections_max, /* */
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)CONNECTION_MEMORY_BYTES,                     /* */
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_MAX_S, /* */
                            MHD_OPTION_NOTIFY_CONNECTION, intake_connection, in, /* */
                            MHD_OPTION_NOTIFY_COMPLETED, intake_completed, in,   /* */
                            MHD_OPTION_URI_LOG_CALLBACK, intake_uri, in,         /* */
                            MHD_OPTION_ARRAY, pool,                              /* */
                            MHD_OPTION_END);
}

static enum err host_new(const struct listener_options *options, struct host **ret_host)
{
    struct host *host = MEM_NEW(struct host);
    if (host == NULL)
        return ERR_NO_MEMORY;
    host->services = options->services;
    host->budget = options->budget;
    host->general = options->general;
    host->upload = options->upload;
    host->shares = options->shares;
    atomic_init(&host->exchanges, 0);
    atomic_init(&host->refs, 1);
    atomic_init(&host->closing, false);
    enum err e = lot_new(&host->lot);
    if (e == OK)
        *ret_host = host;
    else
        mem_free(host);
    return e;
}

/* What a started daemon needs; in any state of building. */
static void listener_free(struct listener *listener)
{
    watch_free(listener->intake.watch);
    refuse_free(listener->intake.refusals);
    invite_free(listener->intake.invite);
    host_unref(listener->intake.host);
    mem_free(listener);
}

static enum err listener_new(const struct listener_options *options, struct listener **ret_listener)
{
    struct listener *listener = MEM_NEW(struct listener);
    if (listener == NULL)
        return ERR_NO_MEMORY;
    struct intake *in = &listener->intake;
    listener->connections_max = raise_descriptors();
    struct metrics *metrics = options->services->metrics;
    in->max_body_bytes = options->services->conf->server.max_body_bytes;
    enum err e = host_new(options, &in->host);
    if (e == OK)
        e = refuse_new(metrics, &in->refusals);
    const struct conf *conf = options->services->conf;
    if (e == OK && conf->web.invite_page)
        e = invite_new(conf->server.public_url, options->key_hex, &in->invite);
    if (e == OK)
        e = watch_new(options->budget, metrics, listener->connections_max, &in->watch);
    if (e == OK)
        *ret_listener = listener;
    else
        listener_free(listener);
    return e;
}

enum err listener_open(const struct listener_options *options, struct listener **ret_listener)
{
    const struct conf_address *address = &options->services->conf->server.listen;
    struct listener *listener = NULL;
    enum err e = listener_new(options, &listener);
    if (e != OK)
        return e;
    int fd = -1;
    e = address_listen_tcp(address->host, address->port, &fd);
    if (e != OK) {
        listener_free(listener);
        return e;
    }
    listener->port = address_port(fd);
    listener->daemon = start_daemon(&listener->intake, listener->connections_max, fd);
    if (listener->daemon == NULL) {
        (void)close(fd);
        listener_free(listener);
        return ERR_NO_MEMORY;
    }
    *ret_listener = listener;
    return OK;
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

/* ---- closing ---- */

/* True: every exchange is over. */
static bool wait_until_answered(const struct host *host)
{
    int64_t until = clock_mono_ms() + CLOSE_MAX_MS;
    while (atomic_load(&host->exchanges) > 0) {
        if (clock_mono_ms() >= until)
            return false;
        clock_sleep_ms(10);
    }
    return true;
}

void listener_close(struct listener *listener)
{
    if (listener == NULL)
        return;
    struct host *host = listener->intake.host;
    atomic_store(&host->closing, true);
    /*
     * Refuses from here on, and stays a descriptor: a thread of the pool that has not seen the word
     * yet takes it from its own epoll set later, and libmicrohttpd ends the process when that
     * fails.
     */
    int fd = MHD_quiesce_daemon(listener->daemon);
    if (fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
    if (!wait_until_answered(host))
        log_event(LOG_WARN, "http.closed_unanswered",
                  LOG_U64("exchanges", atomic_load(&host->exchanges)));
    /* libmicrohttpd may not be stopped while anything is suspended. */
    lot_close(host->lot);
    MHD_stop_daemon(listener->daemon);
    if (fd >= 0)
        (void)close(fd);
    listener_free(listener);
}
