/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Built with the client core alone: what is measured is what a client sends.
 */
#include "bench/prepared.h"

#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "client/frame.h"

enum { REQUEST_MAX_BYTES = 16 << 20, SIGNED_MAX_BYTES = 4096, SIGNATURE_DECODED_MAX = 66 };
#define TARGET "/oxen/v4/lsrpc"

enum err bench_user_make(const struct x25519_pub *server, struct bench_user *ret_user)
{
    enum err e = account_new(&ret_user->account);
    return e == OK ? blinding_15(&ret_user->account, server, &ret_user->blinded) : e;
}

/* The four headers, and a copy of what was signed for the floor. */
static enum err sign(const struct bench_target *target, const struct bench_user *user,
                     const struct bench_request *request, json_t *headers, struct prepared *p)
{
    struct sogs_signer signer = {&user->account, &user->blinded, target->server};
    struct sogs_request what = {.method = request->method,
                                .target = request->target,
                                .body = request->body,
                                .timestamp_s = clock_wall_ms() / SECOND_MS};
    randombytes_buf(what.nonce, sizeof(what.nonce));
    enum err e = sogs_auth_sign(&signer, &what, headers);
    if (e != OK)
        return e;
    p->is_signed = true;
    p->key = user->blinded.key;
    p->signed_bytes = buf_make(SIGNED_MAX_BYTES);
    uint8_t decoded[SIGNATURE_DECODED_MAX];
    size_t len = 0;
    const char *text = json_string_value(json_object_get(headers, "X-SOGS-Signature"));
    e = base64_read(span_of_text(text), decoded, &len);
    if (e != OK || len != sizeof(p->signature.b))
        return ERR_DEFECT;
    memcpy(p->signature.b, decoded, len);
    return sogs_auth_bytes(&target->server, &what, &p->signed_bytes);
}

static void put_http(struct buf *out, const struct bench_target *target, struct span frame)
{
    buf_put_text(out, "POST " TARGET " HTTP/1.1\r\nHost: ");
    buf_put_text(out, target->url.at.host);
    buf_put_text(out, "\r\nContent-Type: application/octet-stream\r\nContent-Length: ");
    buf_put_u64(out, frame.len);
    buf_put_text(out, "\r\n\r\n");
    buf_put(out, frame);
}

/* Finds the ciphertext and the ephemeral key again, as a server does. */
static enum err note_frame(struct prepared *p, size_t frame_len)
{
    struct span http = buf_span(&p->http);
    struct frame frame AUTO_FRAME = {0};
    enum layer_cipher cipher;
    enum err e = frame_read(span_skip(http, http.len - frame_len), &frame);
    if (e == OK)
        e = frame_sealing(frame.route, &p->ephemeral, &cipher);
    if (e == OK)
        p->sealed = frame.sealed;
    return e;
}

static enum err wrap(const struct bench_target *target, const struct bench_request *request,
                     const json_t *headers, struct prepared *p)
{
    struct onion_path straight = {NULL, 0};
    struct onion_destination to = {target->server, target->url, TARGET};
    struct onion_request inner = {.method = request->method,
                                  .endpoint = request->target,
                                  .headers = headers,
                                  .body = request->body,
                                  .has_body = request->body.len > 0};
    struct buf plain AUTO_BUF = buf_make(REQUEST_MAX_BYTES);
    struct buf frame AUTO_BUF = buf_make(REQUEST_MAX_BYTES);
    enum err e = onion_client_plain(ONION_V4, &inner, &plain);
    if (e == OK)
        e = onion_client_wrap(&straight, &to, &target->style, buf_span(&plain), NULL, &frame,
                              &p->secret);
    if (e != OK)
        return e;
    p->http = buf_make(REQUEST_MAX_BYTES);
    put_http(&p->http, target, buf_span(&frame));
    e = buf_verdict(&p->http);
    return e == OK ? note_frame(p, frame.len) : e;
}

enum err prepared_make(const struct bench_target *target, const struct bench_user *user,
                       const struct bench_request *request, struct prepared *ret_prepared)
{
    struct prepared p = {0};
    json_auto_t *headers = json_object();
    enum err e = headers == NULL ? ERR_NO_MEMORY : OK;
    if (e == OK && request->is_signed)
        e = sign(target, user, request, headers, &p);
    if (e == OK && request->content_type != NULL &&
        json_object_set_new(headers, "Content-Type", json_string(request->content_type)) != 0)
        e = ERR_NO_MEMORY;
    if (e == OK)
        e = wrap(target, request, headers, &p);
    if (e == OK)
        *ret_prepared = p;
    else
        prepared_done(&p);
    return e;
}

void prepared_done(struct prepared *p)
{
    buf_done(&p->http);
    buf_done(&p->signed_bytes);
    onion_client_done(&p->secret);
}
