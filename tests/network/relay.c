/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The relay's HTTP side. A thread per connection, blocking calls upstream: a test relay carries few
 * paths, and its behaviour under load is not what is being tested (the server, in contrast, must
 * never work like this: docs/design.md, D1).
 */
#include "network/relay.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>

#include "base/mem.h"
#include "client/http_client.h"

enum { CONNECTIONS_MAX = 500, IDLE_TIMEOUT_S = 90, LINE_MAX_BYTES = 512 };
enum {
    STATUS_NOT_FOUND = 404,
    STATUS_TOO_LARGE = 413,
    STATUS_INTERNAL = 500,
    STATUS_BAD_GATEWAY = 502,
    STATUS_GATEWAY_TIMEOUT = 504,
};
#define ONION_PATH "/onion_req/v2"

struct relay {
    struct relay_options options;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

/* One request while it arrives. */
struct arrival {
    struct buf body;
    bool refused; /* answered already */
};

enum err relay_find_peer(const char *path, const struct ed25519_pub *key, struct node *ret_node)
{
    char line[LINE_MAX_BYTES];
    enum err found = ERR_MISSING;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return ERR_MALFORMED;
    while (found == ERR_MISSING && fgets(line, sizeof(line), f) != NULL) {
        struct node node;
        struct span text = span_of_text(line);
        while (text.len > 0 && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == '\r'))
            text.len--;
        if (text.len == 0 || text.p[0] == '#')
            continue;
        if (node_read(text, &node) != OK) {
            found = ERR_MALFORMED;
        } else if (span_eq(SPAN_OF_KEY(&node.ed), SPAN_OF_KEY(key))) {
            *ret_node = node;
            found = OK;
        }
    }
    (void)fclose(f);
    return found;
}

/* Posts what the step holds; the reply goes back verbatim. */
static enum err post(const struct address *to, const char *path, int timeout_ms, struct hop_step *s)
{
    struct http_target target = {
        .at = *to, .timeout_ms = timeout_ms, .max_reply_bytes = HOP_BODY_MAX_BYTES};
    struct http_reply reply;
    struct http_client *c AUTO_HTTP = http_client_new(&target);
    if (c == NULL)
        return ERR_NO_MEMORY;
    enum err e = http_client_post(c, path, buf_span(&s->outgoing), &reply);
    if (e != OK)
        return e;
    buf_done(&s->answer);
    s->answer = buf_make(HOP_BODY_MAX_BYTES);
    buf_put(&s->answer, reply.body);
    s->status = reply.status;
    return buf_verdict(&s->answer);
}

static void call_server(const struct relay *r, struct hop_step *s)
{
    if (s->server.https) {
        hop_refuse(s, STATUS_BAD_GATEWAY, "https is not supported by this test relay");
        return;
    }
    enum err e = post(&s->server.at, s->target, r->options.server_timeout_ms, s);
    if (e == ERR_BUSY)
        hop_refuse(s, STATUS_GATEWAY_TIMEOUT, "Timeout was reached");
    else if (e == ERR_MISSING)
        hop_refuse(s, STATUS_BAD_GATEWAY, "Couldn't connect to server");
    else if (e == ERR_TOO_LARGE)
        hop_refuse(s, STATUS_BAD_GATEWAY, "Server's answer is too large");
    else if (e != OK)
        hop_refuse(s, STATUS_BAD_GATEWAY, "Server's answer is no HTTP");
}

static void call_node(const struct relay *r, struct hop_step *s)
{
    struct node next;
    if (relay_find_peer(r->options.peers_path, &s->next, &next) != OK) {
        hop_refuse_node(s, STATUS_BAD_GATEWAY, "Next node not found: ", &s->next);
        return;
    }
    enum err e = post(&next.at, ONION_PATH, r->options.node_timeout_ms, s);
    if (e == ERR_BUSY)
        hop_refuse(s, STATUS_GATEWAY_TIMEOUT, "Request time out");
    else if (e == ERR_MISSING)
        hop_refuse_node(s, STATUS_BAD_GATEWAY, "Next node is currently unreachable: ", &s->next);
    else if (e != OK)
        hop_refuse(s, STATUS_INTERNAL, "Invalid response from snode");
}

static enum MHD_Result answer(struct MHD_Connection *con, unsigned status, struct span body)
{
    /*
     * A copy, as the step is gone before the reply is sent; one byte at least, as there is no block
     * of none.
     */
    uint8_t *copy = mem_alloc(body.len + 1);
    if (copy == NULL)
        return MHD_NO;
    if (body.len > 0)
        memcpy(copy, body.p, body.len);
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(body.len, copy, mem_free);
    if (response == NULL) {
        mem_free(copy);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type",
                                  status == 200 ? "application/octet-stream" : "text/plain");
    enum MHD_Result queued = MHD_queue_response(con, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result carry_out(const struct relay *r, struct MHD_Connection *con,
                                 struct span body)
{
    struct hop_step s;
    if (hop_decide(&r->options.keys, body, &s) != OK)
        return answer(con, STATUS_INTERNAL, SPAN("Out of memory"));
    if (s.action == HOP_SERVER)
        call_server(r, &s);
    else if (s.action == HOP_FORWARD)
        call_node(r, &s);
    enum MHD_Result result = answer(con, (unsigned)s.status, buf_span(&s.answer));
    hop_step_done(&s);
    return result;
}

/* Answers early what is refused by its head alone. */
static bool refused_by_head(struct MHD_Connection *con, const char *method, const char *path,
                            enum MHD_Result *ret_result)
{
    const char *length =
        MHD_lookup_connection_value(con, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t bytes = 0;
    if (!span_eq_text(span_of_text(path), ONION_PATH) ||
        !span_eq_text(span_of_text(method), "POST")) {
        *ret_result = answer(con, STATUS_NOT_FOUND, (struct span){0});
        return true;
    }
    if (length != NULL &&
        (span_to_i64(span_of_text(length), &bytes) != OK || bytes > HOP_BODY_MAX_BYTES)) {
        *ret_result = answer(con, STATUS_TOO_LARGE, SPAN("Request body too large"));
        return true;
    }
    return false;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *con, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *data_len, void **state)
{
    const struct relay *r = cls;
    struct arrival *a = *state;
    enum MHD_Result result = MHD_YES;
    (void)version;
    if (a == NULL) {
        a = MEM_NEW(struct arrival);
        if (a == NULL)
            return MHD_NO;
        a->body = buf_make(HOP_BODY_MAX_BYTES);
        *state = a;
        a->refused = refused_by_head(con, method, path, &result);
        return result;
    }
    if (*data_len > 0) {
        buf_put(&a->body, span_of(data, *data_len));
        *data_len = 0;
        return MHD_YES;
    }
    if (a->refused)
        return MHD_YES;
    if (buf_verdict(&a->body) != OK) /* a chunked body, which has no length beforehand */
        return answer(con, STATUS_TOO_LARGE, SPAN("Request body too large"));
    return carry_out(r, con, buf_span(&a->body));
}

static void finish(void *cls, struct MHD_Connection *con, void **state,
                   enum MHD_RequestTerminationCode code)
{
    struct arrival *a = *state;
    (void)cls;
    (void)con;
    (void)code;
    if (a == NULL)
        return;
    buf_done(&a->body);
    mem_free(a);
    *state = NULL;
}

enum err relay_open(const struct relay_options *options, struct relay **ret_relay)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(options->listen.port)};
    struct node unused;
    if (inet_pton(AF_INET, options->listen.host, &at.sin_addr) != 1)
        return ERR_BUSY;
    if (relay_find_peer(options->peers_path, &options->keys.ed, &unused) == ERR_MALFORMED)
        return ERR_MALFORMED;
    struct relay *r = MEM_NEW(struct relay);
    if (r == NULL)
        return ERR_NO_MEMORY;
    r->options = *options;
    r->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL,
        NULL, handle, r, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_NOTIFY_COMPLETED, finish, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        r->daemon != NULL ? MHD_get_daemon_info(r->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL) {
        relay_close(r);
        return ERR_BUSY;
    }
    r->port = info->port;
    *ret_relay = r;
    return OK;
}

void relay_close(struct relay *r)
{
    if (r == NULL)
        return;
    if (r->daemon != NULL)
        MHD_stop_daemon(r->daemon);
    mem_free(r);
}

struct node relay_node(const struct relay *r)
{
    struct node n = {.ed = r->options.keys.ed, .x = r->options.keys.x, .at = r->options.listen};
    n.at.port = r->port;
    return n;
}
