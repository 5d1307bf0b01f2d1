/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of the three apps' requests (docs/protocol/community.md, 6.2 to 6.4): desktop
 * leaves enc_type out, libsession always writes it; Android spells X-SOGS-PubKey, signs every
 * element of a batch once more for nothing, and says how long bodies are.
 */
#include "integration/app_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>

#include "base/clock.h"

enum { BODY_MAX_BYTES = 1 << 20 };

static const struct onion_style styles[] = {
    [APP_DESKTOP] = {LAYER_AES_GCM, NULL},
    [APP_IOS] = {LAYER_XCHACHA20, "xchacha20"},
    [APP_ANDROID] = {LAYER_AES_GCM, "aes-gcm"},
};

void app_open(const struct world *w, size_t account, enum app_kind kind, struct app *ret_app)
{
    struct server_link_options route = world_route(w, 0, true);
    *ret_app = (struct app){.kind = kind};
    route.style = styles[kind];
    assert_int_equal(server_link_open(&route, &ret_app->member.link), OK);
    assert_int_equal(
        community_open(ret_app->member.link, &w->accounts[account], &ret_app->member.community),
        OK);
}

void app_close(struct app *a)
{
    member_close(&a->member);
}

struct id_text app_id(const struct app *a)
{
    return account_id_text(&a->member.community.blinded.id);
}

static int append_text(const char *text, size_t len, void *out)
{
    buf_put(out, span_of(text, len));
    return 0;
}

static void sign(const struct app *a, const struct app_request *request, struct span body,
                 json_t *headers)
{
    const struct community *c = &a->member.community;
    struct sogs_signer signer = {&c->account, &c->blinded,
                                 server_link_options(a->member.link)->key};
    struct sogs_request what = {.method = request->method,
                                .target = request->target,
                                .body = body,
                                .timestamp_s = clock_wall_ms() / SECOND_MS};
    randombytes_buf(what.nonce, sizeof(what.nonce));
    assert_int_equal(sogs_auth_sign(&signer, &what, headers), OK);
    if (a->kind != APP_ANDROID)
        return;
    json_t *key = json_incref(json_object_get(headers, "X-SOGS-Pubkey"));
    assert_int_equal(json_object_del(headers, "X-SOGS-Pubkey"), 0);
    assert_int_equal(json_object_set_new(headers, "X-SOGS-PubKey", key), 0);
}

int app_ask(struct app *a, const struct app_request *request, json_t **ret_json,
            struct buf *ret_bytes)
{
    struct buf text AUTO_BUF = buf_make(BODY_MAX_BYTES);
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    json_auto_t *headers = json_object();
    struct onion_request inner = {
        .method = request->method, .endpoint = request->target, .headers = headers};
    inner.body = request->bytes;
    if (request->json != NULL) {
        assert_int_equal(json_dump_callback(request->json, append_text, &text, JSON_COMPACT), 0);
        inner.body = buf_span(&text);
        assert_int_equal(
            json_object_set_new(headers, "Content-Type", json_string("application/json")), 0);
    }
    if (request->disposition != NULL)
        assert_int_equal(
            json_object_set_new(headers, "Content-Disposition", json_string(request->disposition)),
            0);
    if (!request->is_unsigned)
        sign(a, request, inner.body, headers);
    inner.has_body = inner.body.len > 0;
    assert_int_equal(server_link_call(a->member.link, &inner, &reply), OK);
    if (ret_bytes != NULL)
        buf_put(ret_bytes, reply.body);
    if (ret_json != NULL)
        *ret_json =
            strcmp(onion_reply_header(&reply, "content-type"), "application/json") == 0
                ? json_loadb((const char *)reply.body.p, reply.body.len, JSON_DECODE_ANY, NULL)
                : NULL;
    return reply.code;
}

/*
 * Headers that only Android puts on elements; the server must not look at those that pretend to
 * sign.
 */
static json_t *element_headers(const struct app *a, const char *body_key)
{
    json_t *headers = json_object();
    if (a->kind != APP_ANDROID)
        return headers;
    (void)json_object_set_new(headers, "Room", json_string("lobby"));
    (void)json_object_set_new(headers, "X-SOGS-PubKey", json_string(app_id(a).s));
    (void)json_object_set_new(headers, "X-SOGS-Nonce", json_string("AAAAAAAAAAAAAAAAAAAAAA=="));
    (void)json_object_set_new(headers, "X-SOGS-Timestamp", json_string("1"));
    (void)json_object_set_new(headers, "X-SOGS-Signature", json_string("not even base64"));
    if (body_key != NULL && strcmp(body_key, "json") == 0)
        (void)json_object_set_new(headers, "Content-Type", json_string("application/json"));
    if (body_key != NULL && strcmp(body_key, "b64") == 0)
        (void)json_object_set_new(headers, "Content-Disposition", json_string("attachment"));
    (void)json_object_set_new(headers, "Content-Length", json_string("7"));
    return headers;
}

json_t *app_element(const struct app *a, const char *method, const char *path, const char *body_key,
                    json_t *body)
{
    json_t *element = json_pack("{s:s, s:s}", "method", method, "path", path);
    assert_non_null(element);
    json_t *headers = element_headers(a, body_key);
    if (json_object_size(headers) > 0)
        (void)json_object_set_new(element, "headers", headers);
    else
        json_decref(headers);
    if (body_key != NULL)
        (void)json_object_set_new(element, body_key, body);
    return element;
}

json_t *app_batch(struct app *a, const char *target, json_t *elements, bool is_unsigned)
{
    json_auto_t *mine = elements;
    json_t *replies = NULL;
    struct app_request request = {
        .method = "POST", .target = target, .json = mine, .is_unsigned = is_unsigned};
    assert_int_equal(app_ask(a, &request, &replies, NULL), 200);
    assert_true(json_is_array(replies));
    for (size_t i = 0; i < json_array_size(replies); i++) {
        const json_t *reply = json_array_get(replies, i);
        assert_true(json_is_integer(json_object_get(reply, "code")));
        assert_true(json_is_object(json_object_get(reply, "headers")));
        assert_non_null(json_object_get(reply, "body"));
    }
    return replies;
}

int app_code(const json_t *replies, size_t i)
{
    return (int)json_integer_value(json_object_get(json_array_get(replies, i), "code"));
}

const json_t *app_body(const json_t *replies, size_t i)
{
    return json_object_get(json_array_get(replies, i), "body");
}
