/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Joins onion_client.c and http_client.c. A path error (4.6) is told apart from a server's own
 * refusal, as clients must.
 */
#include "client/server_link.h"

#include "base/mem.h"

#define GUARD_PATH "/onion_req/v2"
#define V4_TARGET  "/oxen/v4/lsrpc"
#define V3_TARGET  "/oxen/v3/lsrpc"

struct server_link {
    struct server_link_options options;
    struct http_client *http;
    struct link_trouble trouble;
};

static const char *target_of(const struct server_link_options *o)
{
    return o->version == ONION_V4 ? V4_TARGET : V3_TARGET;
}

enum err server_link_open(const struct server_link_options *options, struct server_link **ret_link)
{
    const struct address *first = options->hop_count > 0 ? &options->hops[0].at : &options->url.at;
    struct http_target target = {
        .at = *first,
        .timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : LINK_TIMEOUT_MS,
        .max_reply_bytes = ONION_BUFFER_MAX_BYTES,
    };
    if (options->hop_count == 0 && options->url.https)
        return ERR_DENIED;
    memcpy(target.bind_address, options->bind_address, sizeof(target.bind_address));
    struct server_link *l = MEM_NEW(struct server_link);
    if (l == NULL)
        return ERR_NO_MEMORY;
    l->options = *options;
    l->http = http_client_new(&target);
    if (l->http == NULL) {
        server_link_close(l);
        return ERR_NO_MEMORY;
    }
    *ret_link = l;
    return OK;
}

void server_link_close(struct server_link *l)
{
    if (l == NULL)
        return;
    http_client_free(l->http);
    mem_free(l);
}

const struct server_link_options *server_link_options(const struct server_link *l)
{
    return &l->options;
}

const struct link_trouble *server_link_trouble(const struct server_link *l)
{
    return &l->trouble;
}

enum err server_link_wrap(const struct server_link *l, const struct onion_request *request,
                          struct buf *out, struct onion_secret *ret_secret)
{
    const struct server_link_options *o = &l->options;
    struct onion_destination to = {.key = o->key, .url = o->url, .target = target_of(o)};
    struct onion_path path = {o->hops, o->hop_count};
    struct buf plain AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    enum err e = onion_client_plain(o->version, request, &plain);
    if (e != OK)
        return e;
    return onion_client_wrap(&path, &to, &o->style, buf_span(&plain), NULL, out, ret_secret);
}

/* Keeps a short printable form of what a hop said; it is shown to people. */
static void remember_trouble(struct link_trouble *t, int status, struct span text)
{
    size_t n = 0;
    for (; n < text.len && n < sizeof(t->text) - 1; n++)
        t->text[n] = (char)(text.p[n] >= ' ' && text.p[n] < 0x7f ? text.p[n] : ' ');
    t->text[n] = '\0';
    t->status = status;
}

enum err server_link_post(struct server_link *l, struct span wrapped,
                          const struct onion_secret *secret, struct onion_reply *ret_reply)
{
    const char *path = l->options.hop_count > 0 ? GUARD_PATH : target_of(&l->options);
    struct http_reply reply;
    l->trouble = (struct link_trouble){0};
    enum err e = http_client_post(l->http, path, wrapped, &reply);
    if (e != OK) {
        remember_trouble(&l->trouble, 0, span_of_text("no answer from the first node or server"));
        return e;
    }
    if (reply.status != 200) {
        remember_trouble(&l->trouble, reply.status, reply.body);
        return ERR_DENIED;
    }
    e = onion_client_open(l->options.version, secret, reply.body, ret_reply);
    if (e != OK)
        remember_trouble(&l->trouble, reply.status,
                         span_of_text("the answer does not open under our key"));
    return e;
}

enum err server_link_call(struct server_link *l, const struct onion_request *request,
                          struct onion_reply *ret_reply)
{
    struct buf wrapped AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    struct onion_secret secret = {0};
    enum err e = server_link_wrap(l, request, &wrapped, &secret);
    if (e == OK)
        e = server_link_post(l, buf_span(&wrapped), &secret, ret_reply);
    onion_client_done(&secret);
    return e;
}
