/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decisions of a hop, in the storage server's order: hop count, decryption, headers, host,
 * destination.
 */
#include "network/hop.h"

#include <sodium.h>

#include "base/hex.h"
#include "client/frame.h"

enum {
    STATUS_OK = 200,
    STATUS_BAD_REQUEST = 400,
    DEFAULT_PORT = 443,
    PORT_MAX = 65535,
    KEY_HEX_LEN = 64
};

/* The layer that was addressed to us: what refusals from inside it are sealed with. */
struct opened {
    enum layer_cipher cipher;
    struct aead_key key;
    struct buf plain;
    int64_t hop_number;
};

enum err hop_keys_from_seed(const uint8_t seed[static 32], struct hop_keys *ret_keys)
{
    struct hop_keys keys;
    uint8_t sk64[64];
    if (crypto_sign_seed_keypair(keys.ed.b, sk64, seed) != 0 ||
        crypto_sign_ed25519_sk_to_curve25519(keys.x_secret.b, sk64) != 0 ||
        crypto_sign_ed25519_pk_to_curve25519(keys.x.b, keys.ed.b) != 0)
        return ERR_DEFECT;
    *ret_keys = keys;
    sodium_memzero(sk64, sizeof(sk64));
    sodium_memzero(&keys, sizeof(keys));
    return OK;
}

bool hop_target_allowed(struct span target)
{
    struct span end = SPAN("/lsrpc");
    if (!span_starts_with(target, SPAN("/loki/")) && !span_starts_with(target, SPAN("/oxen/")))
        return false;
    if (target.len < end.len || !span_eq(span_skip(target, target.len - end.len), end))
        return false;
    for (size_t i = 0; i < target.len; i++) {
        /*
         * Blanks and controls would break our request line; the reference leaves that to its HTTP
         * library.
         */
        if (target.p[i] == '?' || target.p[i] <= ' ' || target.p[i] == 0x7f)
            return false;
    }
    return true;
}

void hop_refuse(struct hop_step *s, int status, const char *text)
{
    s->action = HOP_ANSWER;
    s->status = status;
    buf_reset(&s->answer);
    buf_put_text(&s->answer, text);
}

void hop_refuse_node(struct hop_step *s, int status, const char *text,
                     const struct ed25519_pub *node)
{
    hop_refuse(s, status, text);
    buf_put_hex(&s->answer, SPAN_OF_KEY(node));
}

/* A refusal from inside the layer: sealed to the layer's client, base64, status 200 outside. */
static void refuse_inside(struct hop_step *s, const struct opened *o, int status, const char *text)
{
    struct buf plain AUTO_BUF = buf_make(KIB(1));
    struct buf sealed AUTO_BUF = buf_make(KIB(2));
    buf_put_text(&plain, "{\"status\":");
    buf_put_i64(&plain, status);
    buf_put_text(&plain, ",\"body\":\"");
    buf_put_text(&plain, text);
    buf_put_text(&plain, "\"}");
    if (layer_seal(o->cipher, &o->key, NULL, buf_span(&plain), &sealed) != OK)
        s->answer.failed = true;
    s->action = HOP_ANSWER;
    s->status = STATUS_OK;
    buf_put_base64(&s->answer, buf_span(&sealed));
}

static bool read_hop_number(const json_t *route, int64_t *ret_number)
{
    const json_t *number = json_object_get(route, "hop_no");
    if (number != NULL && !json_is_integer(number))
        return false;
    *ret_number = number != NULL ? json_integer_value(number) : 0;
    return true;
}

/* Fills o, or makes s an answer. */
static bool open_layer(const struct hop_keys *keys, struct span body, struct hop_step *s,
                       struct opened *o)
{
    struct frame outer AUTO_FRAME = {0};
    struct x25519_pub ephemeral;
    if (frame_read(body, &outer) != OK) {
        hop_refuse(s, STATUS_BAD_REQUEST, "Error parsing onion request: not a frame");
        return false;
    }
    if (frame_sealing(outer.route, &ephemeral, &o->cipher) != OK ||
        !read_hop_number(outer.route, &o->hop_number)) {
        hop_refuse(s, STATUS_BAD_REQUEST, "Error parsing onion request: bad or missing keys");
        return false;
    }
    if (o->hop_number > HOP_NUMBER_MAX || o->hop_number < 0) {
        hop_refuse(s, STATUS_BAD_REQUEST, "onion request max path length exceeded");
        return false;
    }
    if (layer_key(o->cipher, &keys->x_secret, &ephemeral, &ephemeral, &keys->x, &o->key) != OK ||
        layer_open(o->cipher, &o->key, outer.sealed, &o->plain) != OK) {
        hop_refuse(s, STATUS_BAD_REQUEST, "Invalid ciphertext");
        return false;
    }
    return true;
}

static bool read_text(const json_t *route, const char *name, const char *fallback,
                      struct span *ret_text)
{
    const json_t *value = json_object_get(route, name);
    if (value == NULL && fallback != NULL) {
        *ret_text = span_of_text(fallback);
        return true;
    }
    if (!json_is_string(value))
        return false;
    *ret_text = span_of(json_string_value(value), json_string_length(value));
    return true;
}

static void go_to_server(const json_t *route, const struct opened *o, struct hop_step *s)
{
    struct span host;
    struct span target;
    struct span protocol;
    const json_t *port = json_object_get(route, "port");
    if (!read_text(route, "host", NULL, &host) || !read_text(route, "target", NULL, &target) ||
        !read_text(route, "protocol", "https", &protocol) ||
        (port != NULL && !json_is_integer(port))) {
        refuse_inside(s, o, STATUS_BAD_REQUEST, "Invalid json");
        return;
    }
    json_int_t number = port != NULL ? json_integer_value(port) : DEFAULT_PORT;
    bool https = span_eq_text(protocol, "https");
    struct buf url AUTO_BUF = buf_make(KIB(1));
    buf_put_text(&url, "http://");
    buf_put(&url, host);
    /* The host alone must parse: a host that carries a port or a path is no host. */
    if ((!https && !span_eq_text(protocol, "http")) || !hop_target_allowed(target) ||
        target.len > HOP_TARGET_MAX || number < 1 || number > PORT_MAX ||
        span_find(host, ':') != host.len || span_find(host, '/') != host.len ||
        buf_verdict(&url) != OK || server_url_read(buf_span(&url), &s->server) != OK) {
        refuse_inside(s, o, STATUS_BAD_REQUEST, "Invalid url");
        return;
    }
    s->action = HOP_SERVER;
    s->server.https = https;
    s->server.at.port = (uint16_t)number;
    memcpy(s->target, target.p, target.len);
    s->target[target.len] = '\0';
    /* The whole decrypted frame, unchanged: the server parses it as we did. */
    buf_put(&s->outgoing, buf_span(&o->plain));
}

static void go_to_node(const struct frame *inner, const struct opened *o, struct hop_step *s)
{
    struct x25519_pub ephemeral;
    enum layer_cipher cipher;
    char hex[KEY_HEX_LEN];
    if (frame_hex_key(inner->route, "destination", s->next.b) != OK ||
        frame_sealing(inner->route, &ephemeral, &cipher) != OK) {
        refuse_inside(s, o, STATUS_BAD_REQUEST, "Invalid json");
        return;
    }
    hex_write(SPAN_OF_KEY(&ephemeral), hex);
    json_auto_t *route =
        json_pack("{s:s%, s:s, s:I}", "ephemeral_key", hex, sizeof(hex), "enc_type",
                  layer_cipher_name(cipher), "hop_no", (json_int_t)o->hop_number + 1);
    if (route == NULL) {
        s->outgoing.failed = true;
        return;
    }
    s->action = HOP_FORWARD;
    frame_put(&s->outgoing, inner->sealed, route);
}

enum err hop_decide(const struct hop_keys *keys, struct span body, struct hop_step *ret_step)
{
    struct hop_step s = {.answer = buf_make(KIB(4)),
                         .outgoing = buf_make(2 * (size_t)HOP_BODY_MAX_BYTES)};
    struct opened o = {.plain = buf_make(2 * (size_t)HOP_BODY_MAX_BYTES)};
    struct frame inner AUTO_FRAME = {0};
    if (open_layer(keys, body, &s, &o)) {
        if (frame_read(buf_span(&o.plain), &inner) != OK)
            refuse_inside(&s, &o, STATUS_BAD_REQUEST, "Invalid json");
        else if (json_object_get(inner.route, "headers") != NULL)
            refuse_inside(&s, &o, 501, "This test relay stores nothing itself");
        else if (json_object_get(inner.route, "host") != NULL)
            go_to_server(inner.route, &o, &s);
        else
            go_to_node(&inner, &o, &s);
    }
    buf_done(&o.plain);
    sodium_memzero(&o.key, sizeof(o.key));
    if (buf_verdict(&s.answer) != OK || buf_verdict(&s.outgoing) != OK) {
        hop_step_done(&s);
        return ERR_NO_MEMORY;
    }
    *ret_step = s;
    return OK;
}

void hop_step_done(struct hop_step *s)
{
    buf_done(&s->answer);
    buf_done(&s->outgoing);
}
