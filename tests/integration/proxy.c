/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread with poll(). libpq writes a whole message, or several, at once, and a small one
 * arrives whole: looking for words in what was read is exact enough for a test.
 */
#include "integration/proxy.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { PAIRS_MAX = 64, HELD_MAX_BYTES = 64, STEP_MS = 20, PIECE_BYTES = 256 * 1024, BACKLOG = 64 };

struct pair {
    int server, database; /* -1: closed */
    bool marked;
    bool answering; /* the server's side is to be closed when the database has answered */
    bool frozen;    /* nothing passes */
    char held[HELD_MAX_BYTES];
    size_t held_size;
};

struct proxy {
    pthread_t thread;
    atomic_bool stopping;
    int listener;
    struct sockaddr_un own, upstream;
    struct pair pairs[PAIRS_MAX];
    size_t count;
    char piece[PIECE_BYTES];

    pthread_mutex_t lock; /* guards what follows */
    struct loss_plan plan;
    int lost;
    bool release;
};

static void shut(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void shut_pair(struct pair *pair)
{
    shut(&pair->server);
    shut(&pair->database);
}

static void accept_one(struct proxy *p)
{
    struct pair pair = {.server = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), .database = -1};
    if (pair.server < 0)
        return;
    pair.database = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->count == PAIRS_MAX || pair.database < 0 ||
        connect(pair.database, (const struct sockaddr *)&p->upstream, sizeof(p->upstream)) != 0) {
        shut_pair(&pair); /* the database is away: so are we */
        return;
    }
    p->pairs[p->count++] = pair;
}

static bool send_on(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool holds(const char *piece, size_t size, const char *word)
{
    return memmem(piece, size, word, strlen(word)) != NULL;
}

/*
 * Runs a statement: Bind or Query begin so. While a connection is new, statements are only
 * prepared.
 */
static bool is_execution(const char *piece, size_t size)
{
    return size > 0 && (piece[0] == 'B' || piece[0] == 'Q');
}

/* True: this piece is the moment. */
static bool is_moment(struct proxy *p, struct pair *pair, const char *piece, size_t size,
                      enum loss *ret_loss)
{
    (void)pthread_mutex_lock(&p->lock);
    bool armed = p->plan.times > 0 && is_execution(piece, size);
    if (armed && holds(piece, size, p->plan.mark))
        pair->marked = true;
    bool now = armed && pair->marked && holds(piece, size, p->plan.trigger);
    if (now) {
        *ret_loss = p->plan.loss;
        p->plan.times--;
        p->lost++;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return now;
}

static void from_server(struct proxy *p, struct pair *pair)
{
    enum loss loss = LOSE_REQUEST;
    ssize_t n = recv(pair->server, p->piece, sizeof(p->piece), 0);
    if (n <= 0 && pair->held_size > 0) {
        shut(&pair->server); /* what stands still does not notice */
        return;
    }
    if (n <= 0) {
        shut_pair(pair);
        return;
    }
    bool moment = is_moment(p, pair, p->piece, (size_t)n, &loss);
    if (moment && loss == LOSE_REQUEST) {
        shut_pair(pair);
        return;
    }
    if (moment && loss == FREEZE_REQUEST && (size_t)n <= HELD_MAX_BYTES) {
        memcpy(pair->held, p->piece, (size_t)n);
        pair->held_size = (size_t)n;
        return;
    }
    if (moment && loss == FREEZE_ANSWER)
        pair->frozen = true;
    if (!send_on(pair->database, p->piece, (size_t)n))
        shut_pair(pair);
    else if (moment && loss == LOSE_AT_ONCE)
        shut(&pair->server);
    else if (moment && loss == LOSE_ANSWER)
        pair->answering = true;
}

static void from_database(struct proxy *p, struct pair *pair)
{
    ssize_t n = recv(pair->database, p->piece, sizeof(p->piece), 0);
    if (n > 0 && pair->frozen)
        return;
    bool pass = n > 0 && !pair->answering && pair->server >= 0;
    if (!pass || !send_on(pair->server, p->piece, (size_t)n))
        shut_pair(pair);
}

static void forget_closed(struct proxy *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++)
        if (p->pairs[i].database >= 0)
            p->pairs[kept++] = p->pairs[i];
    p->count = kept;
}

static void go_on(struct proxy *p)
{
    (void)pthread_mutex_lock(&p->lock);
    bool release = p->release;
    p->release = false;
    (void)pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; release && i < p->count; i++) {
        struct pair *pair = &p->pairs[i];
        if (pair->held_size > 0)
            (void)send_on(pair->database, pair->held, pair->held_size);
        pair->held_size = 0;
    }
}

static void turn(struct proxy *p)
{
    struct pollfd fds[1 + 2 * PAIRS_MAX] = {{.fd = p->listener, .events = POLLIN}};
    size_t count = p->count;
    for (size_t i = 0; i < count; i++) {
        fds[1 + 2 * i] = (struct pollfd){.fd = p->pairs[i].server, .events = POLLIN};
        fds[2 + 2 * i] = (struct pollfd){.fd = p->pairs[i].database, .events = POLLIN};
    }
    if (poll(fds, (nfds_t)(1 + 2 * count), STEP_MS) <= 0)
        return;
    for (size_t i = 0; i < count; i++) {
        if (p->pairs[i].server >= 0 && fds[1 + 2 * i].revents != 0)
            from_server(p, &p->pairs[i]);
        if (p->pairs[i].database >= 0 && fds[2 + 2 * i].revents != 0)
            from_database(p, &p->pairs[i]);
    }
    forget_closed(p);
    if (fds[0].revents != 0)
        accept_one(p);
}

static void *proxy_main(void *arg)
{
    struct proxy *p = arg;
    while (!atomic_load(&p->stopping)) {
        go_on(p);
        turn(p);
    }
    return NULL;
}

static void name_socket(struct sockaddr_un *at, const char *folder)
{
    at->sun_family = AF_UNIX;
    (void)snprintf(at->sun_path, sizeof(at->sun_path), "%.80s/.s.PGSQL.5432", folder);
}

enum err proxy_start(const char *folder, const char *database_folder, struct proxy **ret_proxy)
{
    struct proxy *p = MEM_NEW(struct proxy);
    if (p == NULL)
        return ERR_NO_MEMORY;
    name_socket(&p->own, folder);
    name_socket(&p->upstream, database_folder);
    (void)pthread_mutex_init(&p->lock, NULL);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->listener < 0 ||
        bind(p->listener, (const struct sockaddr *)&p->own, sizeof(p->own)) != 0 ||
        listen(p->listener, BACKLOG) != 0 || pthread_create(&p->thread, NULL, proxy_main, p) != 0) {
        shut(&p->listener);
        mem_free(p);
        return ERR_BUSY;
    }
    *ret_proxy = p;
    return OK;
}

void proxy_stop(struct proxy *p)
{
    if (p == NULL)
        return;
    atomic_store(&p->stopping, true);
    (void)pthread_join(p->thread, NULL);
    for (size_t i = 0; i < p->count; i++)
        shut_pair(&p->pairs[i]);
    shut(&p->listener);
    (void)unlink(p->own.sun_path);
    (void)pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

void proxy_lose(struct proxy *p, const struct loss_plan *plan)
{
    (void)pthread_mutex_lock(&p->lock);
    p->plan = *plan;
    p->lost = 0;
    (void)pthread_mutex_unlock(&p->lock);
}

void proxy_release(struct proxy *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->release = true;
    (void)pthread_mutex_unlock(&p->lock);
}

int proxy_lost(struct proxy *p)
{
    (void)pthread_mutex_lock(&p->lock);
    int lost = p->lost;
    (void)pthread_mutex_unlock(&p->lock);
    return lost;
}
