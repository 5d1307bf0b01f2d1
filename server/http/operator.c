/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A daemon of its own with one thread: what an operator's tools ask must be answered when the pool
 * is busy.
 */
#include "http/operator.h"

#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/address.h"
#include "http/limits.h"
#include "metrics/metrics.h"

enum { METRICS_TEXT_MAX_BYTES = 256 * 1024, REASONS_MAX_BYTES = 2048 };

static const char unix_prefix[] = "unix:";
#define TEXT_TYPE "text/plain; charset=utf-8"

struct operator_listener {
    struct MHD_Daemon *daemon;
    struct metrics *metrics;
    bool (*ready)(void *arg, struct operator_unready *ret_unready, struct buf *reasons);
    void (*measure)(void *arg);
    void *arg;
    char *socket_path; /* to remove at the end; NULL: TCP */
};

/* ---- answers ---- */

/* Takes the buffer. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, struct buf *body,
                              const char *type)
{
    struct bytes text = buf_take(body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(text.len, text.p, mem_free);
    if (response == NULL) {
        mem_free(text.p);
        return MHD_NO;
    }
    enum MHD_Result queued = MHD_NO;
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES)
        queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
    AUTO_BUF struct buf body = buf_make(KIB(1));
    buf_put_text(&body, text);
    return answer(connection, status, &body, TEXT_TYPE);
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection,
                                      const struct operator_listener *op)
{
    if (op->measure != NULL)
        op->measure(op->arg);
    AUTO_BUF struct buf body = buf_make(METRICS_TEXT_MAX_BYTES);
    metrics_write(op->metrics, &body);
    return answer(connection, MHD_HTTP_OK, &body, "text/plain; version=0.0.4; charset=utf-8");
}

/* "ready", or "not ready: database (refused)"; then a line for each thing that is in doubt. */
static enum MHD_Result answer_ready(struct MHD_Connection *connection,
                                    const struct operator_listener *op)
{
    struct operator_unready unready = {NULL, NULL};
    AUTO_BUF struct buf reasons = buf_make(REASONS_MAX_BYTES);
    AUTO_BUF struct buf text = buf_make(REASONS_MAX_BYTES + KIB(1));
    bool ready = op->ready(op->arg, &unready, &reasons);
    buf_put_text(&text, ready ? "ready" : "not ready: ");
    if (!ready)
        buf_put_text(&text, unready.part);
    if (!ready && unready.reason != NULL) {
        buf_put_text(&text, " (");
        buf_put_text(&text, unready.reason);
        buf_put_byte(&text, ')');
    }
    buf_put_byte(&text, '\n');
    buf_put(&text, buf_span(&reasons));
    return answer(connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &text, TEXT_TYPE);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    (void)version;
    (void)upload_data;
    (void)con_cls;
    *upload_data_size = 0; /* no request here has a body that matters */
    struct operator_listener *op = cls;
    bool reads =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (reads && strcmp(url, "/health/live") == 0)
        return answer_text(connection, MHD_HTTP_OK, "ok\n");
    if (reads && strcmp(url, "/health/ready") == 0)
        return answer_ready(connection, op);
    if (reads && strcmp(url, "/metrics") == 0)
        return answer_metrics(connection, op);
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "not found\n");
}

/* ---- opening and closing ---- */

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_alloc(size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

static enum err listen_at(struct operator_listener *op, const char *listen, int *ret_fd)
{
    size_t prefix_len = sizeof unix_prefix - 1;
    if (strncmp(listen, unix_prefix, prefix_len) != 0)
        return address_listen_text(listen, ret_fd);
    enum err e = address_listen_unix(listen + prefix_len, ret_fd);
    if (e != OK)
        return e;
    op->socket_path = copy_text(listen + prefix_len);
    if (op->socket_path != NULL)
        return OK;
    (void)close(*ret_fd);
    return ERR_NO_MEMORY;
}

enum err operator_open(const struct operator_options *options,
                       struct operator_listener **ret_listener)
{
    if (strcmp(options->listen, "off") == 0) {
        *ret_listener = NULL;
        return OK;
    }
    struct operator_listener *op = MEM_NEW(struct operator_listener);
    if (op == NULL)
        return ERR_NO_MEMORY;
    op->metrics = options->metrics;
    op->ready = options->ready;
    op->measure = options->measure;
    op->arg = options->arg;
    int fd = -1;
    enum err e = listen_at(op, options->listen, &fd);
    if (e == OK) {
        op->daemon = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL, NULL,
            on_request, op, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)OPERATOR_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)OPERATOR_MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)OPERATOR_IDLE_MAX_S, MHD_OPTION_END);
        if (op->daemon != NULL) {
            *ret_listener = op;
            return OK;
        }
        (void)close(fd);
        e = ERR_NO_MEMORY;
    }
    operator_close(op);
    return e;
}

void operator_close(struct operator_listener *op)
{
    if (op == NULL)
        return;
    if (op->daemon != NULL)
        MHD_stop_daemon(op->daemon);
    if (op->socket_path != NULL)
        (void)unlink(op->socket_path);
    mem_free(op->socket_path);
    mem_free(op);
}
