/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread, one poll() over the listener and all pairs. What one side sends is written to the
 * other before anything else happens, which is enough for a test.
 */
#include "integration/forward.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE_BYTES = 16384, BACKLOG = 64 };

struct pairs {
    struct pollfd
        at[1 + 2 * FORWARD_CONNECTIONS_MAX]; /* 0: the listener; then one pair after the other */
    nfds_t count;
};

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void take_in(struct pairs *p, const char *path)
{
    int from = accept4(p->at[0].fd, NULL, NULL, SOCK_CLOEXEC);
    int to = from >= 0 && p->count + 2 <= COUNT_OF(p->at) ? connect_to(path) : -1;
    if (to < 0) {
        if (from >= 0)
            (void)close(from);
        return;
    }
    p->at[p->count++] = (struct pollfd){.fd = from, .events = POLLIN};
    p->at[p->count++] = (struct pollfd){.fd = to, .events = POLLIN};
}

/* False: this side has ended, or the other takes nothing. */
static bool carry(int from, int to)
{
    uint8_t piece[PIECE_BYTES];
    ssize_t n = recv(from, piece, sizeof(piece), 0);
    for (ssize_t at = 0; at < n;) {
        ssize_t sent = send(to, piece + at, (size_t)(n - at), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
    }
    return n > 0;
}

static void drop(struct pairs *p, nfds_t pair)
{
    (void)close(p->at[pair].fd);
    (void)close(p->at[pair + 1].fd);
    p->count -= 2;
    p->at[pair] = p->at[p->count];
    p->at[pair + 1] = p->at[p->count + 1];
}

static void *forward_main(void *arg)
{
    struct forward *f = arg;
    struct pairs p = {.count = 1};
    p.at[0] = (struct pollfd){.fd = f->listener, .events = POLLIN};
    while (poll(p.at, p.count, -1) >= 0) {
        if ((p.at[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
            break;
        /* Backwards, since dropping one moves the last into its place. */
        for (nfds_t i = p.count; i > 2;) {
            i -= 2;
            bool alive = p.at[i].revents == 0 || carry(p.at[i].fd, p.at[i + 1].fd);
            alive = alive && (p.at[i + 1].revents == 0 || carry(p.at[i + 1].fd, p.at[i].fd));
            if (!alive)
                drop(&p, i);
        }
        if ((p.at[0].revents & POLLIN) != 0)
            take_in(&p, f->path);
    }
    while (p.count > 1)
        drop(&p, p.count - 2);
    return NULL;
}

enum err forward_start(const char *path, struct forward *ret_forward)
{
    struct forward *f = ret_forward;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    (void)snprintf(f->path, sizeof(f->path), "%s", path);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f->listener < 0 || bind(f->listener, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(f->listener, BACKLOG) != 0 ||
        getsockname(f->listener, (struct sockaddr *)&at, &len) != 0 ||
        pthread_create(&f->thread, NULL, forward_main, f) != 0) {
        if (f->listener >= 0)
            (void)close(f->listener);
        return ERR_BUSY;
    }
    f->port = ntohs(at.sin_port);
    return OK;
}

void forward_stop(struct forward *f)
{
    (void)shutdown(f->listener, SHUT_RDWR); /* poll() then sees it hang up */
    (void)pthread_join(f->thread, NULL);
    (void)close(f->listener);
}
