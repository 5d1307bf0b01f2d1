/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests of a community's member, over server_link. How messages are checked stands in
 * message.c.
 */
#include "client/community_client.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/clock.h"
#include "client/padding.h"

enum { TARGET_MAX = 256, BODY_MAX_BYTES = ONION_BUFFER_MAX_BYTES, POST_MAX_BYTES = 1 << 20 };
#define JSON_TYPE "application/json"

static int append_text(const char *text, size_t len, void *out)
{
    buf_put(out, span_of(text, len));
    return 0;
}

bool community_token_ok(const char *token)
{
    size_t n = strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return n >= 1 && n <= ROOM_TOKEN_MAX && token[n] == '\0';
}

enum err community_open(struct server_link *link, const struct account *account,
                        struct community *ret_c)
{
    struct community c = {.link = link, .account = *account};
    enum err e = blinding_15(account, &server_link_options(link)->key, &c.blinded);
    if (e == OK)
        *ret_c = c;
    community_close(&c);
    return e;
}

void community_close(struct community *c)
{
    account_done(&c->account);
    blinding_done(&c->blinded);
}

/* The headers, signed as asked. NULL when that fails. */
static json_t *make_headers(const struct community *c, const struct community_request *request,
                            struct span body, const char *content_type)
{
    struct sogs_signer signer = {
        .account = &c->account,
        .blinded = request->signing == SIGNED_BLINDED ? &c->blinded : NULL,
        .server = server_link_options(c->link)->key,
    };
    struct sogs_request what = {
        .method = request->method,
        .target = request->target,
        .body = body,
        .timestamp_s = clock_wall_ms() / SECOND_MS + c->clock_offset_s,
    };
    json_t *headers = json_object();
    randombytes_buf(what.nonce, sizeof(what.nonce));
    if (request->signing != UNSIGNED && sogs_auth_sign(&signer, &what, headers) != OK) {
        json_decref(headers);
        return NULL;
    }
    if (content_type != NULL)
        (void)json_object_set_new(headers, "Content-Type", json_string(content_type));
    if (request->disposition != NULL)
        (void)json_object_set_new(headers, "Content-Disposition",
                                  json_string(request->disposition));
    return headers;
}

enum err community_wrap(struct community *c, const struct community_request *request,
                        struct buf *out, struct onion_secret *ret_secret)
{
    struct buf text AUTO_BUF = buf_make(BODY_MAX_BYTES);
    struct onion_request inner = {
        .method = request->method, .endpoint = request->target, .body = request->body};
    const char *type = request->content_type;
    if (request->json != NULL) {
        if (json_dump_callback(request->json, append_text, &text, JSON_COMPACT) != 0 ||
            buf_verdict(&text) != OK)
            return ERR_TOO_LARGE;
        inner.body = buf_span(&text);
        type = JSON_TYPE;
    }
    json_auto_t *headers = make_headers(c, request, inner.body, type);
    if (headers == NULL)
        return ERR_MALFORMED;
    inner.headers = headers;
    inner.has_body = inner.body.len > 0;
    return server_link_wrap(c->link, &inner, out, ret_secret);
}

enum err community_call(struct community *c, const struct community_request *request,
                        struct onion_reply *ret_reply)
{
    struct buf wrapped AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    struct onion_secret secret = {0};
    c->refusal = (struct refusal){0};
    enum err e = community_wrap(c, request, &wrapped, &secret);
    if (e == OK)
        e = server_link_post(c->link, buf_span(&wrapped), &secret, ret_reply);
    onion_client_done(&secret);
    if (e == OK && (ret_reply->code < 200 || ret_reply->code > 299)) {
        struct span text = span_first(ret_reply->body, sizeof(c->refusal.text) - 1);
        c->refusal.code = ret_reply->code;
        memcpy(c->refusal.text, text.p, text.len);
    }
    return e;
}

enum err community_json(struct community *c, const struct community_request *request,
                        json_t **ret_json)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    enum err e = community_call(c, request, &reply);
    if (e != OK)
        return e;
    if (c->refusal.code != 0)
        return ERR_DENIED;
    /* Clients compare the whole string (docs/protocol/identity.md, 4.3). */
    if (strcmp(onion_reply_header(&reply, "content-type"), JSON_TYPE) != 0)
        return ERR_MALFORMED;
    json_t *json = json_loadb((const char *)reply.body.p, reply.body.len,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (json == NULL)
        return ERR_MALFORMED;
    *ret_json = json;
    return OK;
}

static enum err get(struct community *c, const char *target, enum signing signing,
                    json_t **ret_json)
{
    struct community_request request = {.method = "GET", .target = target, .signing = signing};
    return community_json(c, &request, ret_json);
}

enum err community_capabilities(struct community *c, json_t **ret_list)
{
    json_auto_t *reply = NULL;
    enum err e = get(c, "/capabilities", SIGNED_BLINDED, &reply);
    if (e != OK)
        return e;
    json_t *list = json_object_get(reply, "capabilities");
    if (!json_is_array(list))
        return ERR_MALFORMED;
    *ret_list = json_incref(list);
    return OK;
}

enum err community_rooms(struct community *c, json_t **ret_rooms)
{
    return get(c, "/rooms", UNSIGNED, ret_rooms);
}

static bool lists(const json_t *list, const char *what)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), what) == 0)
            return true;
    }
    return false;
}

enum err community_join(struct community *c, const char *room, json_t **ret_room)
{
    json_auto_t *capabilities = NULL;
    char target[TARGET_MAX];
    enum err e = community_capabilities(c, &capabilities);
    if (e != OK)
        return e;
    if (!lists(capabilities, "blind") || !lists(capabilities, "sogs"))
        return ERR_MALFORMED;
    (void)snprintf(target, sizeof(target), "/room/%s", room);
    return get(c, target, SIGNED_BLINDED, ret_room);
}

static json_t *base64_json(struct span s)
{
    struct buf text AUTO_BUF = buf_make((size_t)2 * POST_MAX_BYTES);
    buf_put_base64(&text, s);
    return buf_verdict(&text) == OK ? json_stringn((const char *)text.p, text.len) : NULL;
}

/* The apps give no two messages one time: by it they tell a message from a repetition. */
static uint64_t time_of_its_own(void)
{
    static atomic_ullong last_ms;
    unsigned long long last = atomic_load(&last_ms), ms;
    do {
        ms = (unsigned long long)clock_wall_ms();
        if (ms <= last)
            ms = last + 1;
    } while (!atomic_compare_exchange_weak(&last_ms, &last, ms));
    return ms;
}

json_t *community_post_body(const struct community *c, const char *text)
{
    struct buf plain AUTO_BUF = buf_make(POST_MAX_BYTES);
    struct buf data AUTO_BUF = buf_make(POST_MAX_BYTES);
    struct ed25519_sig sig;
    struct content content = {.text = span_of_text(text), .timestamp_ms = time_of_its_own()};
    content_put(&plain, &content);
    padding_put(&data, buf_span(&plain), PADDING_NEWER);
    if (buf_verdict(&plain) != OK || buf_verdict(&data) != OK)
        return NULL;
    if (blinding_sign15(&c->account, &c->blinded, BLINDING_NONCE_SEED32, buf_span(&data), &sig) !=
        OK)
        return NULL;
    return json_pack("{s:o, s:o}", "data", base64_json(buf_span(&data)), "signature",
                     base64_json(SPAN_OF_KEY(&sig)));
}

enum err community_post(struct community *c, const char *room, const char *text,
                        json_t **ret_message)
{
    char target[TARGET_MAX];
    json_auto_t *body = community_post_body(c, text);
    json_t *row = NULL;
    struct message echo AUTO_MESSAGE = {0};
    if (body == NULL)
        return ERR_TOO_LARGE;
    (void)snprintf(target, sizeof(target), "/room/%s/message", room);
    struct community_request request = {
        .method = "POST", .target = target, .json = body, .signing = SIGNED_BLINDED};
    enum err e = community_json(c, &request, &row);
    if (e != OK)
        return e;
    /*
     * iOS decodes and verifies the echo like any message; the bytes must be those that were signed.
     */
    if (message_read(row, &echo) != OK || !echo.verified ||
        !session_id_eq(&echo.author, &c->blinded.id) ||
        !json_equal(json_object_get(row, "data"), json_object_get(body, "data"))) {
        json_decref(row);
        return ERR_MALFORMED;
    }
    *ret_message = row;
    return OK;
}

static enum err read_rows(struct community *c, const char *target, int limit, json_t **ret_rows)
{
    char full[TARGET_MAX];
    json_t *rows = NULL;
    if (limit > 0)
        (void)snprintf(full, sizeof(full), "%s&limit=%d", target, limit);
    else
        (void)snprintf(full, sizeof(full), "%s", target);
    enum err e = get(c, full, SIGNED_BLINDED, &rows);
    if (e != OK)
        return e;
    if (!json_is_array(rows)) {
        json_decref(rows);
        return ERR_MALFORMED;
    }
    *ret_rows = rows;
    return OK;
}

enum err community_since(struct community *c, const char *room, int64_t since, int limit,
                         json_t **ret_rows)
{
    char target[TARGET_MAX / 2];
    (void)snprintf(target, sizeof(target), "/room/%s/messages/since/%lld?t=r&reactors=5", room,
                   (long long)since);
    return read_rows(c, target, limit, ret_rows);
}

enum err community_recent(struct community *c, const char *room, int limit, json_t **ret_rows)
{
    char target[TARGET_MAX / 2];
    (void)snprintf(target, sizeof(target), "/room/%s/messages/recent?reactors=5", room);
    return read_rows(c, target, limit, ret_rows);
}

enum err community_before(struct community *c, const char *room, int64_t id, int limit,
                          json_t **ret_rows)
{
    char target[TARGET_MAX / 2];
    (void)snprintf(target, sizeof(target), "/room/%s/messages/before/%lld?reactors=5", room,
                   (long long)id);
    return read_rows(c, target, limit, ret_rows);
}

enum err community_message(struct community *c, const char *room, int64_t id, json_t **ret_row)
{
    char target[TARGET_MAX];
    (void)snprintf(target, sizeof(target), "/room/%s/message/%lld", room, (long long)id);
    return get(c, target, SIGNED_BLINDED, ret_row);
}
