/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's half of onion requests. It shares no line with server/onion: a mistake there must
 * not find its twin here.
 */
#include "client/onion_client.h"

#include <sodium.h>

#include "base/base64.h"
#include "base/hex.h"
#include "client/frame.h"

enum { LENGTH_DIGITS_MAX = 9, KEY_HEX_LEN = 64 };

static int append_text(const char *text, size_t len, void *out)
{
    buf_put(out, span_of(text, len));
    return 0;
}

static void put_bencoded(struct buf *out, struct span s)
{
    buf_put_u64(out, s.len);
    buf_put_byte(out, ':');
    buf_put(out, s);
}

static json_t *metadata(const struct onion_request *request)
{
    json_t *headers = request->headers != NULL ? json_deep_copy(request->headers) : json_object();
    return json_pack("{s:s, s:s, s:o}", "method", request->method, "endpoint", request->endpoint,
                     "headers", headers);
}

static enum err plain_v4(const struct onion_request *request, struct buf *out)
{
    json_auto_t *meta = metadata(request);
    struct buf text AUTO_BUF = buf_make(out->max);
    if (meta == NULL || json_dump_callback(meta, append_text, &text, JSON_COMPACT) != 0)
        return ERR_MALFORMED;
    buf_put_byte(out, 'l');
    put_bencoded(out, buf_span(&text));
    if (request->has_body || request->body.len > 0)
        put_bencoded(out, request->body);
    buf_put_byte(out, 'e');
    return buf_verdict(out);
}

/* v3 carries its body as a JSON string, so it must be UTF-8. */
static enum err plain_v3(const struct onion_request *request, struct buf *out)
{
    json_auto_t *whole = metadata(request);
    if (whole == NULL)
        return ERR_MALFORMED;
    if (request->headers == NULL)
        (void)json_object_del(whole, "headers");
    if (request->has_body || request->body.len > 0) {
        const char *body = request->body.len > 0 ? (const char *)request->body.p : "";
        if (json_object_set_new(whole, "body", json_stringn(body, request->body.len)) != 0)
            return ERR_MALFORMED;
    }
    if (json_dump_callback(whole, append_text, out, JSON_COMPACT) != 0)
        return ERR_TOO_LARGE;
    return buf_verdict(out);
}

enum err onion_client_plain(enum onion_version version, const struct onion_request *request,
                            struct buf *out)
{
    return version == ONION_V4 ? plain_v4(request, out) : plain_v3(request, out);
}

/* Encrypts plain to a receiver and says in route what the receiver needs. */
static enum err seal_layer(const struct x25519_pub *to, const struct onion_style *style,
                           struct span plain, const struct onion_fixed *fixed, struct buf *out,
                           struct layer_pair *ret_pair, struct aead_key *ret_key)
{
    struct layer_pair pair = fixed != NULL ? layer_pair_of(&fixed->secret) : layer_pair_random();
    struct aead_key key;
    enum err e = layer_key(style->cipher, &pair.secret, to, &pair.pub, to, &key);
    if (e == OK)
        e = layer_seal(style->cipher, &key, fixed != NULL ? fixed->nonce : NULL, plain, out);
    if (e != OK)
        return e;
    *ret_pair = pair;
    *ret_key = key;
    return OK;
}

static bool set_hex(json_t *route, const char *name, struct span key)
{
    char text[KEY_HEX_LEN];
    hex_write(key, text);
    return json_object_set_new(route, name, json_stringn(text, sizeof(text))) == 0;
}

static bool set_sealing(json_t *route, const struct x25519_pub *ephemeral,
                        const struct onion_style *style)
{
    if (!set_hex(route, "ephemeral_key", SPAN_OF_KEY(ephemeral)))
        return false;
    return style->enc_type == NULL ||
           json_object_set_new(route, "enc_type", json_string(style->enc_type)) == 0;
}

/*
 * What the last hop reads. Desktop names port and protocol for http only
 * (docs/protocol/identity.md, 4.5).
 */
static json_t *route_to_server(const struct onion_destination *to)
{
    if (to->url.https)
        return json_pack("{s:s, s:s, s:s}", "host", to->url.at.host, "target", to->target, "method",
                         "POST");
    return json_pack("{s:s, s:s, s:s, s:s, s:i}", "host", to->url.at.host, "target", to->target,
                     "method", "POST", "protocol", "http", "port", (int)to->url.at.port);
}

/* One turn of the loop of 4.5: blob becomes the encryption, to a hop, of blob framed with route. */
static enum err wrap_for_hop(const struct node *hop, const struct onion_style *style,
                             const struct onion_fixed *fixed, const json_t *route, struct buf *blob,
                             struct layer_pair *ret_pair)
{
    struct buf framed AUTO_BUF = buf_make(blob->max);
    struct aead_key key;
    frame_put(&framed, buf_span(blob), route);
    enum err e = buf_verdict(&framed);
    if (e != OK)
        return e;
    buf_reset(blob);
    e = seal_layer(&hop->x, style, buf_span(&framed), fixed, blob, ret_pair, &key);
    sodium_memzero(&key, sizeof(key));
    return e;
}

enum err onion_client_wrap(const struct onion_path *path, const struct onion_destination *to,
                           const struct onion_style *style, struct span plain,
                           const struct onion_fixed *fixed, struct buf *out,
                           struct onion_secret *ret_secret)
{
    struct onion_secret secret = {.cipher = style->cipher};
    struct buf blob AUTO_BUF = buf_make(out->max);
    struct layer_pair pair;
    enum err e = seal_layer(&to->key, style, plain, fixed, &blob, &pair, &secret.key);
    if (e != OK)
        return e;
    /* Without hops we post what a last hop would: the whole frame with the route it read. */
    json_auto_t *route = route_to_server(to);
    for (size_t done = 0; done < path->count; done++) {
        const struct node *hop = &path->hops[path->count - 1 - done];
        /* The JSON a hop reads names the next hop and the key that the next hop needs. */
        if (route == NULL || !set_sealing(route, &pair.pub, style))
            return ERR_NO_MEMORY;
        e = wrap_for_hop(hop, style, fixed != NULL ? &fixed[done + 1] : NULL, route, &blob, &pair);
        if (e != OK)
            return e;
        (void)json_object_clear(route);
        if (done + 1 < path->count && !set_hex(route, "destination", SPAN_OF_KEY(&hop->ed)))
            return ERR_NO_MEMORY;
    }
    if (route == NULL || !set_sealing(route, &pair.pub, style))
        return ERR_NO_MEMORY;
    frame_put(out, buf_span(&blob), route);
    *ret_secret = secret;
    onion_client_done(&secret);
    sodium_memzero(&pair, sizeof(pair));
    return buf_verdict(out);
}

/* A bencoded byte string at the front of s. */
static enum err take_bencoded(struct span *s, struct span *ret_string)
{
    int64_t len = 0;
    size_t colon = span_find(*s, ':');
    if (colon > LENGTH_DIGITS_MAX || colon == s->len ||
        span_to_i64(span_first(*s, colon), &len) != OK)
        return ERR_MALFORMED;
    struct span rest = span_skip(*s, colon + 1);
    if ((size_t)len > rest.len)
        return ERR_MALFORMED;
    *ret_string = span_first(rest, (size_t)len);
    *s = span_skip(rest, (size_t)len);
    return OK;
}

/* A v4 reply is always two strings, and its headers are always there: desktop throws otherwise. */
static enum err read_v4(struct onion_reply *r)
{
    struct span s = buf_span(&r->plain);
    struct span meta_text = {0};
    if (s.len < 2 || s.p[0] != 'l' || s.p[s.len - 1] != 'e')
        return ERR_MALFORMED;
    s = (struct span){s.p + 1, s.len - 2};
    if (take_bencoded(&s, &meta_text) != OK || take_bencoded(&s, &r->body) != OK || s.len != 0)
        return ERR_MALFORMED;
    json_auto_t *meta =
        json_loadb((const char *)meta_text.p, meta_text.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *code = json_object_get(meta, "code");
    json_t *headers = json_object_get(meta, "headers");
    if (!json_is_integer(code) || !json_is_object(headers))
        return ERR_MALFORMED;
    json_int_t value = json_integer_value(code);
    if (value < 100 || value > 999)
        return ERR_MALFORMED;
    r->code = (int)value;
    r->headers = json_incref(headers);
    return OK;
}

/*
 * v3 loses the status: an object with status_code and nothing else is a refusal, anything else a
 * success.
 */
static void read_v3(struct onion_reply *r)
{
    r->body = buf_span(&r->plain);
    r->code = 200;
    json_auto_t *body = json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    const json_t *status = json_object_get(body, "status_code");
    if (json_is_integer(status) && json_object_size(body) == 1)
        r->code = (int)json_integer_value(status);
}

enum err onion_client_open(enum onion_version version, const struct onion_secret *secret,
                           struct span sealed, struct onion_reply *ret_reply)
{
    struct onion_reply r = {.plain = buf_make(ONION_BUFFER_MAX_BYTES)};
    struct buf decoded AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    if (version == ONION_V3) {
        size_t len = 0;
        uint8_t *to = buf_reserve(&decoded, base64_max_decoded(sealed.len) + 1);
        if (to == NULL)
            return buf_verdict(&decoded);
        enum err e = base64_read(sealed, to, &len);
        if (e != OK)
            return e;
        sealed = span_of(to, len);
    }
    enum err e = layer_open(secret->cipher, &secret->key, sealed, &r.plain);
    if (e == OK && version == ONION_V4)
        e = read_v4(&r);
    else if (e == OK)
        read_v3(&r);
    if (e != OK) {
        onion_reply_done(&r);
        return e;
    }
    *ret_reply = r;
    return OK;
}

void onion_client_done(struct onion_secret *secret)
{
    sodium_memzero(secret, sizeof(*secret));
}

void onion_reply_done(struct onion_reply *r)
{
    json_decref(r->headers);
    buf_done(&r->plain);
    *r = (struct onion_reply){0};
}

const char *onion_reply_header(const struct onion_reply *r, const char *name)
{
    const char *value = json_string_value(json_object_get(r->headers, name));
    return value != NULL ? value : "";
}
