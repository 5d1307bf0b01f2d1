/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timer. Connections stand in shards with a lock each; every tick looks at one shard. A shard's
 * lock is held while its descriptors are used, and a connection leaves its shard before its
 * descriptor is closed, so a number that was given to another connection meanwhile is never shut
 * down.
 */
#include "http/watch.h"

#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/conn.h"
#include "http/limits.h"
#include "metrics/metrics.h"
#include "work/budget.h"

/* Memory goes back to the system after a load, once hardly any is in use for a while. */
enum { GROWN_BYTES = 32 << 20, QUIET_MAX_BYTES = 4 << 20, QUIET_MS = 5 * SECOND_MS };
/* How finely idle connections are told apart. */
enum { IDLE_STEP_MS = 250, IDLE_STEPS = IDLE_MAX_S * 1000 / IDLE_STEP_MS };

struct shard {
    pthread_mutex_t lock; /* guards the list */
    struct conn *first;
};

struct watch {
    struct shard shards[CONN_SHARDS];
    atomic_uint next_shard;
    atomic_uint count;
    unsigned connections_calm; /* beyond so many, idle ones are closed */
    struct budget *budget;
    struct metrics *metrics;
    int64_t quiet_from_ms; /* the timer's own, as the next */
    bool has_grown;        /* since memory was given back */
    pthread_t thread;
    atomic_bool stopping;
};

/* Shard's lock held. */
static void end(struct watch *watch, struct conn *conn)
{
    (void)shutdown(conn->fd, SHUT_RDWR);
    atomic_store(&conn->phase, CONN_WORK); /* ended once; libmicrohttpd closes it now */
    metrics_add(watch->metrics, METRIC_REFUSED_DEADLINE, 1);
}

static void shard_visit(struct watch *watch, struct shard *shard, int64_t now)
{
    bool memory_is_short = budget_is_short(watch->budget);
    (void)pthread_mutex_lock(&shard->lock);
    for (struct conn *conn = shard->first; conn != NULL; conn = conn->next)
        if (conn_is_over(conn, now, memory_is_short))
            end(watch, conn);
    (void)pthread_mutex_unlock(&shard->lock);
}

/* ---- room for new connections ---- */

/* How many connections are idle, by how long, the longest first: strangers', then members'. */
struct idleness {
    unsigned count[2][IDLE_STEPS];
};

static bool is_idle(const struct conn *conn)
{
    return atomic_load(&conn->phase) == CONN_IDLE;
}

static int idle_step(const struct conn *conn, int64_t now)
{
    int64_t steps = (now - atomic_load(&conn->idle_from_ms)) / IDLE_STEP_MS;
    return steps >= IDLE_STEPS ? 0 : IDLE_STEPS - 1 - (int)(steps < 0 ? 0 : steps);
}

static void count_idle(struct watch *watch, int64_t now, struct idleness *ret)
{
    for (int i = 0; i < CONN_SHARDS; i++) {
        (void)pthread_mutex_lock(&watch->shards[i].lock);
        for (const struct conn *c = watch->shards[i].first; c != NULL; c = c->next)
            if (is_idle(c))
                ret->count[atomic_load(&c->is_members)][idle_step(c, now)]++;
        (void)pthread_mutex_unlock(&watch->shards[i].lock);
    }
}

/* Ends idle connections of one kind that are idle for as long as `last` says, at most so many. */
static unsigned end_idle(struct watch *watch, int64_t now, bool members, int last, unsigned most)
{
    unsigned ended = 0;
    for (int i = 0; i < CONN_SHARDS; i++) {
        (void)pthread_mutex_lock(&watch->shards[i].lock);
        for (struct conn *c = watch->shards[i].first; c != NULL && ended < most; c = c->next) {
            if (!is_idle(c) || atomic_load(&c->is_members) != members || idle_step(c, now) > last ||
                (atomic_load(&c->had_headers) && conn_unread_bytes(c) > 0))
                continue;
            end(watch, c);
            ended++;
        }
        (void)pthread_mutex_unlock(&watch->shards[i].lock);
    }
    return ended;
}

static void make_room(struct watch *watch, int64_t now)
{
    unsigned open = atomic_load(&watch->count);
    if (open <= watch->connections_calm)
        return;
    unsigned excess = open - watch->connections_calm;
    struct idleness idle = {0};
    count_idle(watch, now, &idle);
    for (int members = 0; members < 2 && excess > 0; members++) {
        int last = 0;
        unsigned found = idle.count[members][0];
        while (found < excess && last + 1 < IDLE_STEPS)
            found += idle.count[members][++last];
        excess -= end_idle(watch, now, members != 0, last, excess);
    }
}

/* ---- memory ---- */

/* After a load: while one lasts, what is freed will be needed again. */
static void give_memory_back(struct watch *watch, int64_t now)
{
    uint64_t used = budget_used(watch->budget);
    if (used > QUIET_MAX_BYTES)
        watch->quiet_from_ms = now;
    watch->has_grown = watch->has_grown || used > GROWN_BYTES;
    if (!watch->has_grown || now - watch->quiet_from_ms < QUIET_MS)
        return;
    mem_trim();
    watch->has_grown = false;
}

static void *watch_main(void *arg)
{
    struct watch *watch = arg;
    unsigned turn = 0;
    while (!atomic_load(&watch->stopping)) {
        clock_sleep_ms(TICK_MS);
        int64_t now = clock_mono_ms();
        budget_tick(watch->budget, now);
        shard_visit(watch, &watch->shards[turn], now);
        make_room(watch, now);
        give_memory_back(watch, now);
        turn = (turn + 1) % CONN_SHARDS;
    }
    return NULL;
}

enum err watch_new(struct budget *budget, struct metrics *metrics, unsigned connections_max,
                   struct watch **ret_watch)
{
    struct watch *watch = MEM_NEW(struct watch);
    if (watch == NULL)
        return ERR_NO_MEMORY;
    watch->budget = budget;
    watch->metrics = metrics;
    watch->connections_calm = connections_max / 100 * CONNECTIONS_CALM_PERCENT;
    atomic_init(&watch->next_shard, 0);
    atomic_init(&watch->count, 0);
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
    atomic_init(&conn->idle_from_ms, clock_mono_ms());
    conn->shard = atomic_fetch_add(&watch->next_shard, 1) % CONN_SHARDS;
    struct shard *shard = &watch->shards[conn->shard];
    (void)pthread_mutex_lock(&shard->lock);
    conn->next = shard->first;
    if (shard->first != NULL)
        shard->first->prev = conn;
    shard->first = conn;
    (void)pthread_mutex_unlock(&shard->lock);
    (void)atomic_fetch_add(&watch->count, 1);
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
    (void)atomic_fetch_sub(&watch->count, 1);
    metrics_add(watch->metrics, METRIC_CONNECTIONS, -1);
    mem_free(conn);
}
