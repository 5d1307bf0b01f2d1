/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread accepts, two carry each connection: what the client says unread, what the backend says
 * message by message (a type byte and a length, from the first byte on, as there is no TLS on a
 * unix socket).
 */
#include "integration/deaf_proxy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { PIECE_BYTES = 16384, HEAD_BYTES = 5, NOTIFICATION = 'A' };

struct carrier {
    struct deaf_proxy *proxy;
    int client, backend;
    atomic_int users; /* its two threads; the last one closes */
};

static bool send_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_all(int fd, uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, p, len, 0);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static void carrier_leave(struct carrier *c)
{
    (void)shutdown(c->client, SHUT_RDWR);
    (void)shutdown(c->backend, SHUT_RDWR);
    if (atomic_fetch_sub(&c->users, 1) > 1)
        return;
    (void)close(c->client);
    (void)close(c->backend);
    mem_free(c);
}

static void *carry_up(void *arg)
{
    struct carrier *c = arg;
    uint8_t piece[PIECE_BYTES];
    ssize_t n = recv(c->client, piece, sizeof(piece), 0);
    while (n > 0 && send_all(c->backend, piece, (size_t)n))
        n = recv(c->client, piece, sizeof(piece), 0);
    carrier_leave(c);
    return NULL;
}

/* One message of the backend, passed on or not. */
static bool carry_message(struct carrier *c)
{
    uint8_t head[HEAD_BYTES];
    uint8_t piece[PIECE_BYTES];
    if (!read_all(c->backend, head, sizeof(head)))
        return false;
    bool pass = head[0] != NOTIFICATION;
    size_t left =
        (((size_t)head[1] << 24) | ((size_t)head[2] << 16) | ((size_t)head[3] << 8) | head[4]) - 4;
    bool ok = !pass || send_all(c->client, head, sizeof(head));
    while (ok && left > 0) {
        size_t n = left < sizeof(piece) ? left : sizeof(piece);
        ok = read_all(c->backend, piece, n) && (!pass || send_all(c->client, piece, n));
        left -= n;
    }
    if (!pass)
        (void)atomic_fetch_add(&c->proxy->dropped, 1);
    return ok;
}

static void *carry_down(void *arg)
{
    struct carrier *c = arg;
    while (carry_message(c))
        ;
    carrier_leave(c);
    return NULL;
}

static int connect_to(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void carry(struct deaf_proxy *p, int client)
{
    pthread_t up;
    pthread_t down;
    struct carrier *c = MEM_NEW(struct carrier);
    if (c == NULL)
        abort(); /* a test machine without memory */
    *c = (struct carrier){.proxy = p, .client = client, .backend = connect_to(p->upstream)};
    atomic_init(&c->users, 2);
    if (pthread_create(&up, NULL, carry_up, c) != 0 ||
        pthread_create(&down, NULL, carry_down, c) != 0)
        abort();
    (void)pthread_detach(up);
    (void)pthread_detach(down);
}

static void *accept_all(void *arg)
{
    struct deaf_proxy *p = arg;
    for (int fd; (fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        carry(p, fd);
    return NULL;
}

enum err deaf_proxy_open(struct deaf_proxy *p, const char *folder, const char *cluster_url)
{
    static const char socket_name[] = ".s.PGSQL.5432";
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    pthread_t thread;
    const char *host = strstr(cluster_url, "host=");
    if (host == NULL)
        return ERR_MALFORMED;
    host += strlen("host=");
    size_t host_len = strcspn(host, "&");
    (void)snprintf(p->folder, sizeof(p->folder), "%s", folder);
    (void)snprintf(p->upstream, sizeof(p->upstream), "%.*s/%s", (int)host_len, host, socket_name);
    (void)snprintf(p->url, sizeof(p->url), "%.*s%s%s", (int)(host - cluster_url), cluster_url,
                   folder, host + host_len);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%.90s/%s", folder, socket_name);
    atomic_init(&p->dropped, 0);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->listener < 0 || bind(p->listener, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(p->listener, 64) != 0 || pthread_create(&thread, NULL, accept_all, p) != 0)
        return ERR_DENIED;
    (void)pthread_detach(thread);
    return OK;
}
