/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "attack/hold.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    EVENTS = 512,
    STEP_MS = 20,
    OPENED_AT_ONCE = 256, /* before the events are looked at again */
    OWN_ADDRESSES = 16,   /* 127.0.0.1 and so on: a port is not free at once after its connection */
};

struct line {
    int fd;
    size_t sent; /* of the head */
};

struct hold {
    const struct hold_plan *plan;
    struct hold_sums *sums;
    struct sockaddr_in to;
    struct line *lines;
    size_t *closed; /* those to open, as a stack */
    size_t closed_count;
    size_t open;
    int epoll;
    int64_t began_ms, dripped_ms;
};

static int new_socket(const struct hold *h)
{
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl((uint32_t)(INADDR_LOOPBACK + h->sums->opened % OWN_ADDRESSES))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    if (fd < 0)
        return -1;
    if (h->plan->receive_bytes > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &h->plan->receive_bytes, sizeof(int));
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0 &&
        (connect(fd, (const struct sockaddr *)&h->to, sizeof(h->to)) == 0 || errno == EINPROGRESS))
        return fd;
    (void)close(fd);
    return -1;
}

static void line_end(struct hold *h, size_t i)
{
    (void)close(h->lines[i].fd);
    h->lines[i].fd = -1;
    h->closed[h->closed_count++] = i;
    h->open--;
    h->sums->ended++;
}

static bool line_open(struct hold *h)
{
    size_t i = h->closed[h->closed_count - 1];
    struct line *line = &h->lines[i];
    /* Readers that do not read must not be told of what there is to read. */
    struct epoll_event event = {.events = EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = i};
    *line = (struct line){.fd = new_socket(h)};
    if (line->fd < 0 || epoll_ctl(h->epoll, EPOLL_CTL_ADD, line->fd, &event) != 0) {
        if (line->fd >= 0)
            (void)close(line->fd);
        line->fd = -1;
        h->sums->failed++;
        return false;
    }
    h->closed_count--;
    h->sums->opened++;
    if (++h->open > h->sums->most)
        h->sums->most = h->open;
    return true;
}

/* How many connections may have been opened by now. */
static double allowed(const struct hold *h)
{
    const struct hold_plan *plan = h->plan;
    double s = (double)(clock_mono_ms() - h->began_ms) / SECOND_MS;
    double all = (double)plan->connections;
    if (s * plan->opening_per_s < all || plan->bytes_per_s <= 0)
        return s * plan->opening_per_s;
    return all + (s - all / plan->opening_per_s) * plan->bytes_per_s / (double)plan->head.len;
}

static void open_some(struct hold *h)
{
    for (int i = 0; i < OPENED_AT_ONCE && h->closed_count > 0; i++)
        if ((double)h->sums->opened >= allowed(h) || !line_open(h))
            break;
}

static bool line_send(struct hold *h, struct line *line, struct span bytes)
{
    ssize_t n = send(line->fd, bytes.p, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    h->sums->sent_bytes += (uint64_t)n;
    line->sent += (size_t)n;
    return true;
}

static struct span head_of(const struct hold *h, size_t i)
{
    return h->plan->other_head.len > 0 && i % OTHER_EVERY == 0 ? h->plan->other_head
                                                               : h->plan->head;
}

static void line_event(struct hold *h, size_t i, uint32_t events)
{
    struct line *line = &h->lines[i];
    if (line->fd < 0)
        return;
    struct span head = head_of(h, i);
    bool alive = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0;
    if (alive && (events & EPOLLOUT) != 0 && line->sent < head.len)
        alive = line_send(h, line, span_skip(head, line->sent));
    if (!alive)
        line_end(h, i);
}

static void drip(struct hold *h)
{
    int64_t now = clock_mono_ms();
    if (h->plan->drip_every_ms == 0 || now - h->dripped_ms < h->plan->drip_every_ms)
        return;
    h->dripped_ms = now;
    for (size_t i = 0; i < h->plan->connections; i++) {
        struct line *line = &h->lines[i];
        if (line->fd >= 0 && line->sent >= h->plan->head.len && !line_send(h, line, h->plan->drip))
            line_end(h, i);
    }
}

enum err hold_run(const struct address *at, const struct hold_plan *plan, struct hold_sums *sums)
{
    struct epoll_event events[EVENTS];
    struct hold h = {.plan = plan, .sums = sums, .began_ms = clock_mono_ms()};
    h.to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(at->port)};
    h.lines = mem_alloc_zero(plan->connections, sizeof(*h.lines));
    h.closed = mem_alloc_zero(plan->connections, sizeof(*h.closed));
    h.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (h.lines == NULL || h.closed == NULL || h.epoll < 0 ||
        inet_pton(AF_INET, at->host, &h.to.sin_addr) != 1)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < plan->connections; i++) {
        h.lines[i].fd = -1;
        h.closed[h.closed_count++] = i;
    }
    for (;;) {
        open_some(&h);
        drip(&h);
        bool more = h.closed_count > 0 && (double)sums->opened < allowed(&h);
        int n = epoll_wait(h.epoll, events, EVENTS, more ? 1 : STEP_MS);
        for (int i = 0; i < n; i++)
            line_event(&h, (size_t)events[i].data.u64, events[i].events);
    }
}
