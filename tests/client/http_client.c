/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets and deadlines of the HTTP client; what the bytes mean stands in http_reply.c.
 */
#include "client/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/http_reply.h"

enum { READ_STEP_BYTES = 65536 };

struct http_client {
    struct http_target target;
    int fd;    /* -1: no connection */
    bool used; /* the connection has answered before */
    int64_t deadline_ms;
    struct buf request;
    struct buf raw;  /* head and body as they came */
    struct buf body; /* a decoded chunked body */
    struct http_head head;
};

struct http_client *http_client_new(const struct http_target *target)
{
    struct http_client *c = MEM_NEW(struct http_client);
    if (c == NULL)
        return NULL;
    c->target = *target;
    c->fd = -1;
    c->request = buf_make(HTTP_HEAD_MAX_BYTES);
    /* Chunk lines may add to a body; twice its size is far above any honest server's. */
    c->raw = buf_make(2 * target->max_reply_bytes + HTTP_HEAD_MAX_BYTES + READ_STEP_BYTES);
    c->body = buf_make(target->max_reply_bytes);
    return c;
}

static void hang_up(struct http_client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    c->used = false;
}

void http_client_free(struct http_client *c)
{
    if (c == NULL)
        return;
    hang_up(c);
    buf_done(&c->request);
    buf_done(&c->raw);
    buf_done(&c->body);
    mem_free(c);
}

/* Waits for events until the deadline. */
static enum err wait_for(const struct http_client *c, short events)
{
    for (;;) {
        int64_t left = c->deadline_ms - clock_mono_ms();
        if (left <= 0)
            return ERR_BUSY;
        struct pollfd p = {.fd = c->fd, .events = events};
        int n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (n > 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return ERR_DEFECT;
    }
}

static enum err finish_connect(struct http_client *c, const struct sockaddr *to, socklen_t to_len)
{
    if (connect(c->fd, to, to_len) == 0)
        return OK;
    if (errno != EINPROGRESS)
        return ERR_MISSING;
    enum err e = wait_for(c, POLLOUT);
    if (e != OK)
        return e;
    int problem = 0;
    socklen_t len = sizeof(problem);
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &problem, &len) != 0 || problem != 0)
        return ERR_MISSING;
    return OK;
}

static enum err connect_unix(struct http_client *c)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, c->target.unix_path, strlen(c->target.unix_path));
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return ERR_NO_MEMORY;
    return finish_connect(c, (const struct sockaddr *)&to, sizeof(to));
}

static enum err bind_own_address(const struct http_client *c)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    int on = 1;
    if (c->target.bind_address[0] == '\0')
        return OK;
    if (inet_pton(AF_INET, c->target.bind_address, &from.sin_addr) != 1)
        return ERR_MALFORMED;
    /* Ports are chosen at connect, so that many clients can share one address. */
    (void)setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(c->fd, (const struct sockaddr *)&from, sizeof(from)) == 0 ? OK : ERR_MISSING;
}

static enum err connect_tcp(struct http_client *c)
{
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", (unsigned)c->target.at.port);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(c->target.at.host, port, &hints, &found) != 0)
        return ERR_MISSING;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    enum err e = c->fd < 0 ? ERR_NO_MEMORY : bind_own_address(c);
    if (e == OK)
        e = finish_connect(c, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (e == OK) {
        int on = 1;
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    return e;
}

static enum err send_all(const struct http_client *c, struct span data)
{
    while (data.len > 0) {
        ssize_t n = send(c->fd, data.p, data.len, MSG_NOSIGNAL);
        if (n > 0) {
            data = span_skip(data, (size_t)n);
        } else if (n < 0 && (errno == EAGAIN)) {
            enum err e = wait_for(c, POLLOUT);
            if (e != OK)
                return e;
        } else if (n == 0 || errno != EINTR) {
            return ERR_MALFORMED;
        }
    }
    return OK;
}

/* Appends what the socket has. *ret_end: the server closed. */
static enum err read_some(struct http_client *c, bool *ret_end)
{
    for (;;) {
        uint8_t *to = buf_reserve(&c->raw, READ_STEP_BYTES);
        if (to == NULL)
            return buf_verdict(&c->raw);
        ssize_t n = recv(c->fd, to, READ_STEP_BYTES, 0);
        if (n > 0)
            buf_commit(&c->raw, (size_t)n);
        if (n >= 0) {
            *ret_end = n == 0;
            return OK;
        }
        if (errno == EAGAIN) {
            enum err e = wait_for(c, POLLIN);
            if (e != OK)
                return e;
        } else if (errno != EINTR) {
            return ERR_MALFORMED;
        }
    }
}

static enum err read_head(struct http_client *c, size_t *ret_len)
{
    for (;;) {
        size_t len = http_head_length(span_first(buf_span(&c->raw), HTTP_HEAD_MAX_BYTES));
        bool end = false;
        if (len > 0) {
            enum err e = http_head_read(span_first(buf_span(&c->raw), len), &c->head);
            if (e != OK || c->head.status >= 200) {
                *ret_len = len;
                return e;
            }
            /* 100 Continue: not asked for, but harmless. */
            memmove(c->raw.p, c->raw.p + len, c->raw.len - len);
            c->raw.len -= len;
            continue;
        }
        if (c->raw.len >= HTTP_HEAD_MAX_BYTES)
            return ERR_MALFORMED;
        enum err e = read_some(c, &end);
        if (e != OK)
            return e;
        if (end)
            return ERR_MALFORMED;
    }
}

static enum err read_body(struct http_client *c, size_t head_len, struct span *ret_body)
{
    if (c->head.kind == HTTP_BODY_LENGTH && c->head.length > c->target.max_reply_bytes)
        return ERR_TOO_LARGE;
    for (bool end = false;;) {
        struct span so_far = span_skip(buf_span(&c->raw), head_len);
        if (c->head.kind == HTTP_BODY_LENGTH && so_far.len >= c->head.length) {
            *ret_body = span_first(so_far, c->head.length);
            return OK;
        }
        if (c->head.kind == HTTP_BODY_CHUNKED) {
            enum err e = http_chunks_read(so_far, &c->body);
            if (e != ERR_RETRY) {
                *ret_body = buf_span(&c->body);
                return e;
            }
        }
        if (so_far.len > c->target.max_reply_bytes && c->head.kind == HTTP_BODY_UNTIL_CLOSE)
            return ERR_TOO_LARGE;
        if (end) {
            if (c->head.kind != HTTP_BODY_UNTIL_CLOSE)
                return ERR_MALFORMED;
            c->head.close = true;
            *ret_body = so_far;
            return OK;
        }
        enum err e = read_some(c, &end);
        if (e != OK)
            return e;
    }
}

static enum err exchange(struct http_client *c, struct span body, struct http_reply *ret_reply)
{
    size_t head_len = 0;
    struct span reply_body = {0};
    enum err e = OK;
    buf_reset(&c->raw);
    buf_reset(&c->body);
    if (c->fd < 0)
        e = c->target.unix_path[0] != '\0' ? connect_unix(c) : connect_tcp(c);
    if (e == OK)
        e = send_all(c, buf_span(&c->request));
    /*
     * A server that refuses early closes while we still send: its answer counts, if it got through.
     */
    enum err sent = e == OK ? send_all(c, body) : e;
    if (e == OK && sent != ERR_BUSY)
        e = read_head(c, &head_len);
    else if (e == OK)
        e = sent;
    if (e == OK)
        e = read_body(c, head_len, &reply_body);
    if (e != OK)
        return e;
    *ret_reply = (struct http_reply){.status = c->head.status, .body = reply_body};
    memcpy(ret_reply->content_type, c->head.content_type, sizeof(ret_reply->content_type));
    if (sent != OK)
        c->head.close = true;
    return OK;
}

enum err http_client_call(struct http_client *c, const char *method, const char *path,
                          const char *content_type, struct span body, struct http_reply *ret_reply)
{
    c->deadline_ms = clock_mono_ms() + c->target.timeout_ms;
    buf_reset(&c->request);
    buf_put_text(&c->request, method);
    buf_put_text(&c->request, " ");
    buf_put_text(&c->request, path);
    buf_put_text(&c->request, " HTTP/1.1\r\nHost: ");
    if (c->target.unix_path[0] != '\0') {
        buf_put_text(&c->request, "localhost");
    } else {
        buf_put_text(&c->request, c->target.at.host);
        buf_put_text(&c->request, ":");
        buf_put_u64(&c->request, c->target.at.port);
    }
    if (content_type != NULL) {
        buf_put_text(&c->request, "\r\nContent-Type: ");
        buf_put_text(&c->request, content_type);
    }
    buf_put_text(&c->request, "\r\nContent-Length: ");
    buf_put_u64(&c->request, body.len);
    buf_put_text(&c->request, "\r\n\r\n");
    enum err e = buf_verdict(&c->request);
    if (e != OK)
        return e;

    bool was_kept = c->fd >= 0 && c->used;
    e = exchange(c, body, ret_reply);
    if (e == ERR_MALFORMED && was_kept && c->raw.len == 0) {
        hang_up(c);
        e = exchange(c, body, ret_reply);
    }
    if (e != OK || c->head.close)
        hang_up(c);
    else
        c->used = true;
    return e;
}

enum err http_client_post(struct http_client *c, const char *path, struct span body,
                          struct http_reply *ret_reply)
{
    return http_client_call(c, "POST", path, "application/octet-stream", body, ret_reply);
}
