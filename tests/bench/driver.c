/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The load driver. It reads no more of HTTP than the answers of our server need: a status line, a
 * Content-Length, a body.
 */
#include "bench/driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { READ_BYTES = 256 * 1024, EVENTS = 256, WAIT_MS = 1000, HEAD_MAX_BYTES = 4096 };

struct conn {
    int fd;
    const struct prepared *request; /* under way, or NULL */
    size_t sent;
    int64_t began_us;
    bool checked;
    struct buf head; /* as far as it came; with its body when that is checked */
    size_t head_len; /* 0: the head is not complete yet */
    size_t body_left;
};

struct driver {
    const struct driver_job *job;
    struct driver_result *result;
    struct conn *conns;
    int epoll;
    size_t next;  /* request to send */
    size_t *idle; /* connections without a request, when paced */
    size_t idle_count;
    int64_t started_us;
    uint32_t *latencies; /* us, one per answer */
    uint8_t *scratch;
};

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static enum err conn_open(struct driver *d, struct conn *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(d->job->at.port)};
    int one = 1;
    c->head = buf_make((size_t)32 << 20);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || inet_pton(AF_INET, d->job->at.host, &to.sin_addr) != 1)
        return ERR_MISSING;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        return ERR_MISSING;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    return epoll_ctl(d->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0 ? OK : ERR_NO_MEMORY;
}

/* Writes what the socket takes. False: the connection is of no more use. */
static bool conn_send(struct conn *c)
{
    struct span http = buf_span(&c->request->http);
    while (c->sent < http.len) {
        ssize_t n = send(c->fd, http.p + c->sent, http.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->sent += (size_t)n;
    }
    return true;
}

static int64_t due_us(const struct driver *d)
{
    return d->started_us + (int64_t)((double)d->next * 1e6 / d->job->rate_per_s);
}

/* Sends the next request; when paced, only one that is due. */
static bool conn_begin(struct driver *d, struct conn *c)
{
    bool paced = d->job->rate_per_s > 0;
    int64_t now = now_us();
    c->request = NULL;
    if (d->next >= d->job->count || (paced && due_us(d) > now)) {
        if (paced)
            d->idle[d->idle_count++] = (size_t)(c - d->conns);
        return true;
    }
    c->began_us = paced ? due_us(d) : now;
    c->checked = d->job->check != NULL && d->next % d->job->check_every == 0;
    c->request = &d->job->requests[d->next++];
    d->result->begun++;
    c->sent = 0;
    c->head_len = 0;
    buf_reset(&c->head);
    return conn_send(c);
}

/* When paced: what has become due since. Returns how long nothing will, in ms. */
static int begin_due(struct driver *d)
{
    if (d->job->rate_per_s <= 0)
        return WAIT_MS;
    while (d->idle_count > 0 && d->next < d->job->count && due_us(d) <= now_us())
        (void)conn_begin(d, &d->conns[d->idle[--d->idle_count]]);
    int64_t left_us = d->next < d->job->count ? due_us(d) - now_us() : WAIT_MS * 1000;
    return left_us > 1000 ? (int)(left_us / 1000) : 0;
}

/* The end of the head, and what it announces. False: not an answer that we understand. */
static bool conn_head(struct conn *c)
{
    static const char end[] = "\r\n\r\n", length[] = "Content-Length: ";
    const char *text = (const char *)c->head.p;
    const char *stop = memmem(text, c->head.len, end, sizeof(end) - 1);
    if (stop == NULL)
        return c->head.len < HEAD_MAX_BYTES;
    c->head_len = (size_t)(stop - text) + sizeof(end) - 1;
    const char *value = memmem(text, c->head_len, length, sizeof(length) - 1);
    if (value == NULL || c->head.len < 12 || memcmp(text, "HTTP/1.1 200", 12) != 0)
        return false;
    size_t announced = strtoul(value + sizeof(length) - 1, NULL, 10);
    size_t here = c->head.len - c->head_len;
    if (here > announced)
        return false;
    c->body_left = announced - here;
    return true;
}

static bool conn_done(struct driver *d, struct conn *c)
{
    struct span body = span_skip(buf_span(&c->head), c->head_len);
    bool fine = !c->checked || d->job->check(d->job->arg, c->request, body);
    if (fine)
        d->latencies[d->result->answered++] = (uint32_t)(now_us() - c->began_us);
    else
        d->result->failed++;
    return conn_begin(d, c);
}

/* One piece of the answer. False: the connection is of no more use. */
static bool conn_take(struct driver *d, struct conn *c, struct span piece)
{
    if (c->request == NULL)
        return false;
    if (c->head_len == 0) {
        buf_put(&c->head, piece);
        if (!conn_head(c))
            return false;
        if (c->head_len != 0)
            d->result->reply_bytes += c->head.len - c->head_len + c->body_left;
    } else if (piece.len <= c->body_left) {
        c->body_left -= piece.len;
        if (c->checked)
            buf_put(&c->head, piece);
    } else {
        return false;
    }
    return c->head_len == 0 || c->body_left > 0 || conn_done(d, c);
}

static bool conn_event(struct driver *d, struct conn *c)
{
    if (c->request != NULL && !conn_send(c))
        return false;
    for (;;) {
        ssize_t n = recv(c->fd, d->scratch, READ_BYTES, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0 || !conn_take(d, c, span_of(d->scratch, (size_t)n)))
            return false;
    }
}

/* A connection that broke: its request failed, the next one goes out on a new connection. */
static enum err conn_reopen(struct driver *d, struct conn *c)
{
    if (c->request != NULL)
        d->result->failed++;
    (void)close(c->fd);
    buf_done(&c->head);
    c->request = NULL;
    enum err e = conn_open(d, c);
    return e == OK && !conn_begin(d, c) ? ERR_MISSING : e;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(const struct driver *d, double share)
{
    size_t n = d->result->answered;
    if (n == 0)
        return 0;
    size_t at = (size_t)(share * (double)n);
    return d->latencies[at < n ? at : n - 1] / 1000.0;
}

static void summarise(struct driver *d, int64_t began_us)
{
    struct driver_result *r = d->result;
    r->seconds = (double)(now_us() - began_us) / 1e6;
    if (r->answered > 0)
        qsort(d->latencies, r->answered, sizeof(*d->latencies), by_size);
    r->p50_ms = percentile_ms(d, 0.5);
    r->p99_ms = percentile_ms(d, 0.99);
    r->p999_ms = percentile_ms(d, 0.999);
    r->max_ms = percentile_ms(d, 1);
}

static enum err run(struct driver *d, int64_t began_us)
{
    struct epoll_event events[EVENTS];
    enum err e = OK;
    for (size_t i = 0; i < d->job->connections && e == OK; i++)
        e = conn_begin(d, &d->conns[i]) ? OK : ERR_MISSING;
    while (e == OK && d->result->answered + d->result->failed < d->job->count) {
        int n = epoll_wait(d->epoll, events, EVENTS, begin_due(d));
        for (int i = 0; i < n && e == OK; i++) {
            struct conn *c = events[i].data.ptr;
            if (!conn_event(d, c))
                e = conn_reopen(d, c);
        }
        if (now_us() - began_us > (int64_t)DRIVER_MAX_MS * 1000)
            e = ERR_BUSY;
    }
    return e;
}

enum err driver_run(const struct driver_job *job, struct driver_result *ret_result)
{
    *ret_result = (struct driver_result){0};
    struct driver d = {.job = job, .result = ret_result, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    d.conns = mem_alloc_zero(job->connections, sizeof(*d.conns));
    d.latencies = mem_alloc_zero(job->count + 1, sizeof(*d.latencies));
    d.scratch = mem_alloc(READ_BYTES);
    d.idle = mem_alloc_zero(job->connections, sizeof(*d.idle));
    enum err e = d.epoll >= 0 && d.conns && d.latencies && d.scratch && d.idle ? OK : ERR_NO_MEMORY;
    size_t opened = 0;
    for (; e == OK && opened < job->connections; opened++)
        e = conn_open(&d, &d.conns[opened]);
    int64_t began_us = d.started_us = now_us();
    if (e == OK)
        e = run(&d, began_us);
    if (d.latencies)
        summarise(&d, began_us);
    for (size_t i = 0; i < opened; i++) {
        (void)close(d.conns[i].fd);
        buf_done(&d.conns[i].head);
    }
    (void)close(d.epoll);
    mem_free(d.conns);
    mem_free(d.idle);
    mem_free(d.latencies);
    mem_free(d.scratch);
    return e;
}
