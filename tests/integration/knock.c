/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames from their parts. The client core cannot make wrong ones, and should not learn to.
 */
#include "integration/knock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hex.h"
#include "client/http_client.h"

enum { ANSWER_MS = 30000, ANSWER_MAX_BYTES = 16 << 20 };

struct knock knock_seal(const struct world *w, struct span plain)
{
    struct knock k = {.secret = {.cipher = LAYER_XCHACHA20}};
    struct layer_pair pair = layer_pair_random();
    k.sealed = buf_make(plain.len + 1024);
    assert_int_equal(
        layer_key(LAYER_XCHACHA20, &pair.secret, &w->key, &pair.pub, &w->key, &k.secret.key), OK);
    assert_int_equal(layer_seal(LAYER_XCHACHA20, &k.secret.key, NULL, plain, &k.sealed), OK);
    hex_write(span_of(pair.pub.b, sizeof(pair.pub.b)), k.ephemeral_hex);
    return k;
}

void knock_done(struct knock *k)
{
    buf_done(&k->sealed);
    onion_client_done(&k->secret);
}

void knock_put_frame(struct buf *out, uint32_t length, struct span sealed, const char *json)
{
    buf_put_u32_le(out, length);
    buf_put(out, sealed);
    buf_put_text(out, json);
}

const char *knock_json(const struct knock *k)
{
    static char json[160];
    (void)snprintf(json, sizeof(json), "{\"ephemeral_key\":\"%s\",\"enc_type\":\"xchacha20\"}",
                   k->ephemeral_hex);
    return json;
}

int knock_bytes(const struct world *w, const char *path, struct span bytes, struct buf *out)
{
    struct http_target target = {
        .at = w->servers[0].at, .timeout_ms = ANSWER_MS, .max_reply_bytes = ANSWER_MAX_BYTES};
    struct http_client *c AUTO_HTTP = http_client_new(&target);
    struct http_reply reply;
    assert_non_null(c);
    assert_int_equal(http_client_post(c, path, bytes, &reply), OK);
    buf_put(out, reply.body);
    assert_int_equal(buf_verdict(out), OK);
    return reply.status;
}

int knock_plain(const struct world *w, enum onion_version version, struct span plain,
                struct onion_reply *ret_reply)
{
    AUTO_KNOCK struct knock k = knock_seal(w, plain);
    AUTO_BUF struct buf frame = buf_make(k.sealed.len + KIB(1));
    AUTO_BUF struct buf answer = buf_make(ANSWER_MAX_BYTES);
    knock_put_frame(&frame, (uint32_t)k.sealed.len, buf_span(&k.sealed), knock_json(&k));
    const char *path = version == ONION_V4 ? "/oxen/v4/lsrpc" : "/oxen/v3/lsrpc";
    assert_int_equal(knock_bytes(w, path, buf_span(&frame), &answer), 200);
    assert_int_equal(onion_client_open(version, &k.secret, buf_span(&answer), ret_reply), OK);
    return ret_reply->code;
}

int knock_meta(const struct world *w, struct span meta, struct onion_reply *ret_reply)
{
    AUTO_BUF struct buf plain = buf_make(meta.len + KIB(1));
    buf_put_byte(&plain, 'l');
    buf_put_u64(&plain, meta.len);
    buf_put_byte(&plain, ':');
    buf_put(&plain, meta);
    buf_put_byte(&plain, 'e');
    return knock_plain(w, ONION_V4, buf_span(&plain), ret_reply);
}
