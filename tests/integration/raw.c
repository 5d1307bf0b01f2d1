/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocking sockets with time limits by poll().
 */
#include "integration/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

int raw_connect(const struct address *at, int receive_bytes)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    if (inet_pton(AF_INET, at->host, &to.sin_addr) != 1)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (receive_bytes > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

bool raw_send(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = span_skip(bytes, (size_t)n);
    }
    return true;
}

enum err raw_read_to_end(int fd, int timeout_ms, struct buf *out)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    for (;;) {
        int64_t left = until - clock_mono_ms();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (left <= 0)
            return ERR_BUSY;
        if (poll(&ready, 1, (int)left) <= 0)
            continue;
        uint8_t bytes[16384];
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return OK; /* a reset is an end, too */
        buf_put(out, span_of(bytes, (size_t)n));
    }
}

enum err raw_ask(const struct address *at, struct span bytes, int timeout_ms, struct buf *out)
{
    int fd = raw_connect(at, 0);
    if (fd < 0)
        return ERR_MISSING;
    (void)raw_send(fd, bytes);
    enum err e = raw_read_to_end(fd, timeout_ms, out);
    (void)close(fd);
    return e;
}

void raw_put_post(struct buf *out, const char *path, struct span body, const char *more_headers)
{
    buf_put_text(out, "POST ");
    buf_put_text(out, path);
    buf_put_text(out, " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ");
    buf_put_u64(out, body.len);
    buf_put_text(out, "\r\n");
    buf_put_text(out, more_headers);
    buf_put_text(out, "\r\n");
    buf_put(out, body);
}
