/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signs requests to a file server; knows no endpoint.
 */
#include "client/fs_auth.h"

#include <sodium.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/hex.h"
#include "client/blinding.h"

enum { TIMESTAMP_TEXT_MAX = 24, SIGNATURE_TEXT_MAX = 96, SIGNED_MAX_BYTES = 65536 };

enum err fs_auth_bytes(const struct fs_request *request, struct buf *out)
{
    buf_put_i64(out, request->timestamp_s);
    buf_put_text(out, request->method);
    buf_put_text(out, request->target);
    buf_put(out, request->body);
    return buf_verdict(out);
}

enum err fs_auth_sign(const struct account *account, const struct fs_request *request,
                      json_t *headers)
{
    struct buf bytes AUTO_BUF = buf_make(SIGNED_MAX_BYTES);
    struct ed25519_pub key;
    struct ed25519_sig sig;
    uint8_t seed[32], sk64[64];
    char id[2 * (1 + sizeof(key.b)) + 1] = "07";
    char timestamp[TIMESTAMP_TEXT_MAX], text[SIGNATURE_TEXT_MAX];
    enum err e = fs_auth_bytes(request, &bytes);
    if (e != OK)
        return e;
    blinding_07(account, &key, seed, sk64);
    (void)crypto_sign_detached(sig.b, NULL, bytes.p, bytes.len, sk64);
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(sk64, sizeof(sk64));
    hex_write(SPAN_OF_KEY(&key), id + 2);
    base64_write(SPAN_OF_KEY(&sig), text);
    (void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)request->timestamp_s);
    if (json_object_set_new(headers, "X-FS-Pubkey", json_stringn(id, sizeof(id) - 1)) != 0 ||
        json_object_set_new(headers, "X-FS-Timestamp", json_string(timestamp)) != 0 ||
        json_object_set_new(headers, "X-FS-Signature",
                            json_stringn(text, base64_len(sizeof(sig.b)))) != 0)
        return ERR_NO_MEMORY;
    return OK;
}
