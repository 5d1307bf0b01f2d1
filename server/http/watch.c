/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timer. Connections stand in shards with a lock each; every tick looks at one shard. A shard's lock is held while
 * its descriptors are used, and a connection leaves its shard before its descriptor is closed, so a number that was
 * given to another connection meanwhile is never shut down.
 */
#include "http/watch.h"

#include <linux/tcp.h> /* glibc's tcp_info ends before the byte counters */
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/limits.h"
#include "metrics/metrics.h"
#include "work/budget.h"

struct shard {
    pthread_mutex_t lock; /* guards the list */
    struct conn *first;
};

struct watch {
    struct shard shards[CONN_SHARDS];
    atomic_uint next_shard;
    struct budget *budget;
    struct metrics *metrics;
    pthread_t thread;
    atomic_bool stopping;
};

/* ---- one connection ---- */

int64_t conn_started(struct conn *conn, int64_t mono_ms)
{
    int64_t first = atomic_load(&conn->first_byte_ms);
    if (first != 0)
        return first;
    atomic_store(&conn->first_byte_ms, mono_ms);
    return mono_ms;
}

void conn_finished(struct conn *conn)
{
    atomic_store(&conn->rebase, true);
    atomic_store(&conn->first_byte_ms, 0);
    atomic_store(&conn->body_bytes, 0);
    atomic_store(&conn->phase, CONN_IDLE);
}

/* False: the kernel does not tell (then only libmicrohttpd's own time-out is left). */
static bool read_tcp(int fd, struct tcp_info *ret_info)
{
    socklen_t len = sizeof *ret_info;
    *ret_info = (struct tcp_info){0};
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret_info, &len) == 0;
}

/* Headers: their first byte starts the clock, and nobody but us sees it before they are complete. */
static bool idle_is_over(struct conn *conn, int64_t now)
{
    struct tcp_info info;
    if (!read_tcp(conn->fd, &info))
        return false;
    if (atomic_exchange(&conn->rebase, false)) {
        conn->seen_bytes = info.tcpi_bytes_received;
        /* A start that was noted while the request ended would make the next one look old. */
        atomic_store(&conn->first_byte_ms, 0);
        return false;
    }
    if (info.tcpi_bytes_received == conn->seen_bytes)
        return false;
    return now - conn_started(conn, now) > ARRIVAL_MAX_MS;
}

static bool body_is_over(const struct conn *conn, int64_t now)
{
    int64_t first = atomic_load(&conn->first_byte_ms);
    int64_t from = atomic_load(&conn->body_from_ms);
    int64_t bytes = atomic_load(&conn->body_bytes);
    if (now - from > ARRIVAL_MAX_MS || now - first > START_MAX_MS)
        return true;
    if (bytes <= SMALL_BODY_MAX_BYTES || now - from < BODY_RATE_GRACE_MS)
        return false;
    return bytes / (now - from) < BODY_RATE_MIN_BYTES_PER_S / SECOND_MS;
}

static bool writing_is_over(struct conn *conn, int64_t now)
{
    int64_t from = atomic_load(&conn->writing_from_ms);
    struct tcp_info info;
    if (now - from > REPLY_MAX_MS)
        return true;
    if (!read_tcp(conn->fd, &info))
        return false;
    if (conn->acked_of_ms != from || info.tcpi_bytes_acked != conn->acked_bytes) {
        conn->acked_of_ms = from;
        conn->acked_bytes = info.tcpi_bytes_acked;
        conn->acked_ms = now;
    }
    return now - conn->acked_ms > REPLY_STALL_MAX_MS;
}

static bool conn_is_over(struct conn *conn, int64_t now)
{
    switch ((enum conn_phase)atomic_load(&conn->phase)) {
    case CONN_IDLE:
        return idle_is_over(conn, now);
    case CONN_BODY:
        return body_is_over(conn, now);
    case CONN_WRITING:
        return writing_is_over(conn, now);
    case CONN_WORK:
        break;
    }
    return false;
}

/* ---- all of them ---- */

static void shard_visit(struct watch *watch, struct shard *shard, int64_t now)
{
    (void)pthread_mutex_lock(&shard->lock);
    for (struct conn *conn = shard->first; conn != NULL; conn = conn->next) {
        if (!conn_is_over(conn, now))
            continue;
        metrics_add(watch->metrics, METRIC_REFUSED_DEADLINE, 1);
        (void)shutdown(conn->fd, SHUT_RDWR);
        atomic_store(&conn->phase, CONN_WORK); /* counted once; libmicrohttpd closes it now */
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

static void *watch_main(void *arg)
{
    struct watch *watch = arg;
    unsigned turn = 0;
    while (!atomic_load(&watch->stopping)) {
        const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, NULL);
        int64_t now = clock_mono_ms();
        budget_expire(watch->budget, now);
        shard_visit(watch, &watch->shards[turn], now);
        turn = (turn + 1) % CONN_SHARDS;
    }
    return NULL;
}

enum err watch_new(struct budget *budget, struct metrics *metrics, struct watch **ret_watch)
{
    struct watch *watch = MEM_NEW(struct watch);
    if (watch == NULL)
        return ERR_NO_MEMORY;
    watch->budget = budget;
    watch->metrics = metrics;
    atomic_init(&watch->next_shard, 0);
    atomic_init(&watch->stopping, false);
    for (int i = 0; i < CONN_SHARDS; i++)
        (void)pthread_mutex_init(&watch->shards[i].lock, NULL);
    if (pthread_create(&watch->thread, NULL, watch_main, watch) != 0) {
        mem_free(watch);
        return ERR_NO_MEMORY;
    }
    *ret_watch = watch;
    return OK;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    atomic_store(&watch->stopping, true);
    (void)pthread_join(watch->thread, NULL);
    for (int i = 0; i < CONN_SHARDS; i++)
        (void)pthread_mutex_destroy(&watch->shards[i].lock);
    mem_free(watch);
}

struct conn *watch_add(struct watch *watch, int fd)
{
    struct conn *conn = MEM_NEW(struct conn);
    if (conn == NULL)
        return NULL;
    conn->fd = fd;
    conn->shard = atomic_fetch_add(&watch->next_shard, 1) % CONN_SHARDS;
    struct shard *shard = &watch->shards[conn->shard];
    (void)pthread_mutex_lock(&shard->lock);
    conn->next = shard->first;
    if (shard->first != NULL)
        shard->first->prev = conn;
    shard->first = conn;
    (void)pthread_mutex_unlock(&shard->lock);
    metrics_add(watch->metrics, METRIC_CONNECTIONS, 1);
    return conn;
}

void watch_remove(struct watch *watch, struct conn *conn)
{
    struct shard *shard = &watch->shards[conn->shard];
    (void)pthread_mutex_lock(&shard->lock);
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        shard->first = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    (void)pthread_mutex_unlock(&shard->lock);
    metrics_add(watch->metrics, METRIC_CONNECTIONS, -1);
    mem_free(conn);
}
