/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread and poll(). A blinded key is an Ed25519 key like any other, so a fresh one needs no
 * account behind it.
 */
#include "integration/flood.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/sogs_auth.h"

enum {
    FRAMES_MAX_BYTES = 256 << 20,
    FRAME_MAX_BYTES = 4096,
    HEADER_MAX = 256,
    ANSWER_MAX_BYTES = 64 * 1024,
    STEP_MS = 50,
};

/* ---- making ---- */

static json_t *base64_text(struct span s)
{
    struct buf text AUTO_BUF = buf_make(HEADER_MAX);
    buf_put_base64(&text, s);
    return json_stringn((const char *)text.p, text.len);
}

/* The headers of a request signed by a key that nobody has ever seen. */
static enum err sign_freshly(const struct x25519_pub *server, const char *target, json_t *headers)
{
    uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
    uint8_t signature[crypto_sign_BYTES];
    char key[HEADER_MAX] = "15", timestamp[32];
    struct sogs_request what = {
        .method = "GET", .target = target, .timestamp_s = clock_wall_ms() / SECOND_MS};
    struct buf bytes AUTO_BUF = buf_make(FRAME_MAX_BYTES);
    crypto_sign_keypair(pk, sk);
    randombytes_buf(what.nonce, sizeof(what.nonce));
    enum err e = sogs_auth_bytes(server, &what, &bytes);
    if (e != OK)
        return e;
    crypto_sign_detached(signature, NULL, bytes.p, bytes.len, sk);
    sodium_bin2hex(key + 2, sizeof(key) - 2, pk, sizeof(pk));
    (void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)what.timestamp_s);
    int failed = json_object_set_new(headers, "X-SOGS-Pubkey", json_string(key));
    failed |= json_object_set_new(headers, "X-SOGS-Nonce",
                                  base64_text(span_of(what.nonce, sizeof(what.nonce))));
    failed |= json_object_set_new(headers, "X-SOGS-Timestamp", json_string(timestamp));
    failed |= json_object_set_new(headers, "X-SOGS-Signature",
                                  base64_text(span_of(signature, sizeof(signature))));
    return failed == 0 ? OK : ERR_NO_MEMORY;
}

static enum err add_frame(struct flood_frames *f, const struct server_link *link,
                          const struct x25519_pub *server, const char *target)
{
    struct buf wrapped AUTO_BUF = buf_make(FRAME_MAX_BYTES);
    struct onion_secret secret = {0};
    char head[HEADER_MAX];
    json_auto_t *headers = json_object();
    const struct onion_request request = {.method = "GET", .endpoint = target, .headers = headers};
    enum err e = sign_freshly(server, target, headers);
    if (e == OK)
        e = server_link_wrap(link, &request, &wrapped, &secret);
    onion_client_done(&secret); /* nobody reads the answers */
    if (e != OK)
        return e;
    (void)snprintf(head, sizeof(head),
                   "POST /oxen/v4/lsrpc HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                   wrapped.len);
    buf_put_text(&f->bytes, head);
    buf_put(&f->bytes, buf_span(&wrapped));
    f->ends[f->count++] = f->bytes.len;
    return buf_verdict(&f->bytes);
}

enum err flood_frames_make(const struct world *w, size_t server, const char *target, size_t count,
                           struct flood_frames *ret_frames)
{
    struct server_link_options options = world_route(w, server, false);
    struct server_link *link AUTO_LINK = NULL;
    struct flood_frames f = {.bytes = buf_make(FRAMES_MAX_BYTES)};
    f.ends = mem_alloc_zero(count, sizeof(*f.ends));
    enum err e = f.ends == NULL ? ERR_NO_MEMORY : server_link_open(&options, &link);
    for (size_t i = 0; e == OK && i < count; i++)
        e = add_frame(&f, link, &w->key, target);
    if (e != OK)
        flood_frames_done(&f);
    else
        *ret_frames = f;
    return e;
}

void flood_frames_done(struct flood_frames *f)
{
    buf_done(&f->bytes);
    mem_free(f->ends);
    *f = (struct flood_frames){.count = 0};
}

/* ---- sending ---- */

struct line {
    int fd;
    bool busy;   /* a request is on its way */
    size_t read; /* of its answer */
    char answer[ANSWER_MAX_BYTES];
};

struct flood {
    pthread_t thread;
    atomic_bool stopping, over;
    struct sockaddr_in to;
    const struct flood_frames *frames;
    size_t next;
    size_t count;
    struct line *lines;
    struct flood_sums sums;
};

static bool connect_line(const struct flood *f, struct line *line)
{
    if (line->fd < 0)
        line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line->fd < 0)
        return false;
    if (connect(line->fd, (const struct sockaddr *)&f->to, sizeof(f->to)) == 0)
        return true;
    (void)close(line->fd);
    line->fd = -1;
    return false;
}

static void break_line(struct flood *f, struct line *line)
{
    f->sums.failed += line->busy;
    line->busy = false;
    if (line->fd >= 0)
        (void)close(line->fd);
    line->fd = -1;
}

static void send_next(struct flood *f, struct line *line)
{
    if (f->next == f->frames->count || (line->fd < 0 && !connect_line(f, line)))
        return;
    size_t from = f->next == 0 ? 0 : f->frames->ends[f->next - 1];
    size_t size = f->frames->ends[f->next] - from;
    f->next++;
    line->busy = true;
    line->read = 0;
    if (send(line->fd, f->frames->bytes.p + from, size, MSG_NOSIGNAL) != (ssize_t)size)
        break_line(f, line);
}

/* True: the answer is complete. */
static bool is_whole(const struct line *line)
{
    const char *end = memmem(line->answer, line->read, "\r\n\r\n", 4);
    const char *length = memmem(line->answer, line->read, "Content-Length: ", 16);
    if (end == NULL || length == NULL || length > end)
        return false;
    size_t head = (size_t)(end - line->answer) + 4;
    return line->read >= head + strtoul(length + 16, NULL, 10);
}

static void receive(struct flood *f, struct line *line)
{
    size_t space = sizeof(line->answer) - line->read;
    ssize_t n = recv(line->fd, line->answer + line->read, space, 0);
    if (n <= 0) {
        break_line(f, line);
        return;
    }
    line->read += (size_t)n;
    if (!line->busy || !is_whole(line))
        return;
    bool ok = line->read > 12 && memcmp(line->answer + 9, "200", 3) == 0;
    f->sums.answered += ok;
    f->sums.refused += !ok;
    line->busy = false;
    if (!ok)
        break_line(f, line); /* refusals close */
}

static void turn(struct flood *f)
{
    struct pollfd fds[FLOOD_CONNECTIONS_MAX];
    size_t busy = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct line *line = &f->lines[i];
        if (!line->busy)
            send_next(f, line);
        fds[i] = (struct pollfd){.fd = line->fd, .events = POLLIN};
        busy += line->busy;
    }
    if (busy == 0 && f->next == f->frames->count)
        atomic_store(&f->over, true);
    if (poll(fds, (nfds_t)f->count, STEP_MS) <= 0)
        return;
    for (size_t i = 0; i < f->count; i++)
        if (f->lines[i].fd >= 0 && fds[i].revents != 0)
            receive(f, &f->lines[i]);
}

static void *flood_main(void *arg)
{
    struct flood *f = arg;
    while (!atomic_load(&f->stopping) && !atomic_load(&f->over))
        turn(f);
    return NULL;
}

enum err flood_start(const struct world *w, size_t server, const struct flood_frames *frames,
                     size_t connections, struct flood **ret_flood)
{
    struct flood *f = MEM_NEW(struct flood);
    if (f == NULL || connections > FLOOD_CONNECTIONS_MAX)
        return ERR_NO_MEMORY;
    f->frames = frames;
    f->count = connections;
    f->to = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_port = htons(w->servers[server].at.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    f->lines = mem_alloc_zero(connections, sizeof(*f->lines));
    for (size_t i = 0; f->lines != NULL && i < connections; i++)
        f->lines[i].fd = -1;
    if (f->lines == NULL || pthread_create(&f->thread, NULL, flood_main, f) != 0) {
        mem_free(f->lines);
        mem_free(f);
        return ERR_NO_MEMORY;
    }
    *ret_flood = f;
    return OK;
}

bool flood_is_over(const struct flood *f)
{
    return atomic_load(&f->over);
}

struct flood_sums flood_stop(struct flood *f)
{
    atomic_store(&f->stopping, true);
    (void)pthread_join(f->thread, NULL);
    struct flood_sums sums = f->sums;
    for (size_t i = 0; i < f->count; i++)
        if (f->lines[i].fd >= 0)
            (void)close(f->lines[i].fd);
    mem_free(f->lines);
    mem_free(f);
    return sums;
}
