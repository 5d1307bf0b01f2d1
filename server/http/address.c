/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening sockets. No address is ever logged here; the caller knows which setting it came from.
 */
#include "http/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"
#include "http/limits.h"

enum { HOST_MAX_BYTES = 256, SOCKET_MODE = 0660 };

/* Of one resolved address; -1 when it cannot be had. */
static int listen_on(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    info->ai_protocol);
    if (fd < 0)
        return -1;
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6) {
        /*
         * "[::]" then means IPv6 alone, whatever the system's default: no surprise about what is
         * reachable.
         */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

enum err address_listen_tcp(const char *host, uint16_t port, int *ret_fd)
{
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return ERR_BUSY;
    int fd = -1;
    for (const struct addrinfo *info = found; info != NULL && fd < 0; info = info->ai_next)
        fd = listen_on(info);
    freeaddrinfo(found);
    if (fd < 0)
        return ERR_BUSY;
    *ret_fd = fd;
    return OK;
}

enum err address_listen_text(const char *text, int *ret_fd)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return ERR_MALFORMED;
    int64_t port = 0;
    if (span_to_i64(span_of_text(colon + 1), &port) != OK || port > UINT16_MAX)
        return ERR_MALFORMED;
    struct span host = span_of(text, (size_t)(colon - text));
    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = span_of(host.p + 1, host.len - 2);
    if (host.len == 0 || host.len >= HOST_MAX_BYTES)
        return ERR_MALFORMED;
    char name[HOST_MAX_BYTES];
    memcpy(name, host.p, host.len);
    name[host.len] = '\0';
    return address_listen_tcp(name, (uint16_t)port, ret_fd);
}

/* Somebody answers there. */
static bool is_live(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* not known: better refuse to start than steal it */
    int failed = connect(fd, (const struct sockaddr *)address, sizeof *address);
    bool stale = failed != 0 && (errno == ECONNREFUSED || errno == ENOENT);
    (void)close(fd);
    return !stale;
}

/* Makes the path free. False: it is in use, or no socket. */
static bool clear_path(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(st.st_mode) || is_live(address))
        return false;
    return unlink(address->sun_path) == 0;
}

enum err address_listen_unix(const char *path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof address.sun_path)
        return ERR_TOO_LARGE;
    memcpy(address.sun_path, path, len);
    if (!clear_path(&address))
        return ERR_BUSY;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_BUSY;
    /* The mode of the socket itself: nobody can have connected before listen(). */
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        chmod(path, SOCKET_MODE) == 0 && listen(fd, LISTEN_BACKLOG) == 0) {
        *ret_fd = fd;
        return OK;
    }
    (void)close(fd);
    return ERR_BUSY;
}

uint16_t address_port(int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
        return 0;
    if (bound.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&bound)->sin_port);
    if (bound.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&bound)->sin6_port);
    return 0;
}
