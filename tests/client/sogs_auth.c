/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signs requests; knows no endpoint.
 */
#include "client/sogs_auth.h"

#include <sodium.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/hex.h"

enum { BODY_HASH_BYTES = 64, TIMESTAMP_TEXT_MAX = 24, SIGNED_MAX_BYTES = 65536 };

/* The path is signed decoded, the query as sent (trap 5). */
static enum err put_decoded(struct buf *out, struct span path)
{
    while (path.len > 0) {
        size_t n = span_find(path, '%');
        uint8_t byte = 0;
        buf_put(out, span_first(path, n));
        path = span_skip(path, n);
        if (path.len == 0)
            break;
        if (path.len < 3 || hex_read(span_first(span_skip(path, 1), 2), &byte, 1) != OK)
            return ERR_MALFORMED;
        buf_put_byte(out, byte);
        path = span_skip(path, 3);
    }
    return OK;
}

enum err sogs_auth_bytes(const struct x25519_pub *server, const struct sogs_request *request,
                         struct buf *out)
{
    struct span target = span_of_text(request->target);
    size_t mark = span_find(target, '?');
    struct span query = span_skip(target, mark + 1);
    buf_put(out, SPAN_OF_KEY(server));
    buf_put(out, span_of(request->nonce, sizeof(request->nonce)));
    buf_put_i64(out, request->timestamp_s);
    buf_put_text(out, request->method);
    enum err e = put_decoded(out, span_first(target, mark));
    if (e != OK)
        return e;
    if (query.len > 0) {
        buf_put_byte(out, '?');
        buf_put(out, query);
    }
    if (request->body.len > 0) {
        uint8_t hash[BODY_HASH_BYTES];
        (void)crypto_generichash(hash, sizeof(hash), request->body.p, request->body.len, NULL, 0);
        buf_put(out, span_of(hash, sizeof(hash)));
    }
    return buf_verdict(out);
}

static enum err sign(const struct sogs_signer *signer, struct span bytes,
                     struct session_id *ret_key, struct ed25519_sig *ret_sig)
{
    if (signer->blinded != NULL) {
        *ret_key = signer->blinded->id;
        return blinding_sign15(signer->account, signer->blinded, BLINDING_NONCE_SEED32, bytes,
                               ret_sig);
    }
    ret_key->b[0] = 0x00;
    memcpy(ret_key->b + 1, signer->account->ed.b, sizeof(signer->account->ed.b));
    (void)crypto_sign_detached(ret_sig->b, NULL, bytes.p, bytes.len, signer->account->sk64);
    return OK;
}

static bool set_base64(json_t *headers, const char *name, struct span s)
{
    char text[96];
    base64_write(s, text);
    return json_object_set_new(headers, name, json_stringn(text, base64_len(s.len))) == 0;
}

enum err sogs_auth_sign(const struct sogs_signer *signer, const struct sogs_request *request,
                        json_t *headers)
{
    struct buf bytes AUTO_BUF = buf_make(SIGNED_MAX_BYTES);
    struct session_id key;
    struct ed25519_sig sig;
    char timestamp[TIMESTAMP_TEXT_MAX];
    enum err e = sogs_auth_bytes(&signer->server, request, &bytes);
    if (e == OK)
        e = sign(signer, buf_span(&bytes), &key, &sig);
    if (e != OK)
        return e;
    (void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)request->timestamp_s);
    if (json_object_set_new(headers, "X-SOGS-Pubkey", json_string(account_id_text(&key).s)) != 0 ||
        !set_base64(headers, "X-SOGS-Nonce", span_of(request->nonce, sizeof(request->nonce))) ||
        json_object_set_new(headers, "X-SOGS-Timestamp", json_string(timestamp)) != 0 ||
        !set_base64(headers, "X-SOGS-Signature", SPAN_OF_KEY(&sig)))
        return ERR_NO_MEMORY;
    return OK;
}
