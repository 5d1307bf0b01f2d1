/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Encrypt-then-MAC over AES-CBC, as clients have done it for years.
 */
#include "client/attachment.h"

#include <math.h>
#include <openssl/evp.h>
#include <sodium.h>

enum { CIPHER_KEY_BYTES = 32, MAC_BYTES = 32, BLOCK_BYTES = 16 };
enum {
    PADDED_MIN_BYTES = 541,
    PADDED_MAX_BYTES = 10000000,
    FILE_MIN_BYTES = 48,
    FILE_MAX_BYTES = 1 << 30
};

static void evp_free_auto(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}
#define AUTO_EVP CLEANUP(evp_free_auto)

size_t attachment_padded_size(size_t n)
{
    if (n <= 1)
        return PADDED_MIN_BYTES;
    double steps = ceil(log((double)n) / log(1.05));
    double padded = floor(pow(1.05, steps));
    size_t size = padded < PADDED_MIN_BYTES ? (size_t)PADDED_MIN_BYTES : (size_t)padded;
    if (size > PADDED_MAX_BYTES && n <= PADDED_MAX_BYTES)
        return PADDED_MAX_BYTES;
    return size < n ? n : size;
}

static enum err encrypt_padded(const uint8_t *key, const uint8_t *iv, struct span plain,
                               size_t zeros, struct buf *out)
{
    static const uint8_t zero_block[4096];
    AUTO_EVP EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *to = buf_reserve(out, plain.len + zeros + (size_t)2 * BLOCK_BYTES);
    int n = 0;
    size_t len = 0;
    if (ctx == NULL || to == NULL)
        return ERR_NO_MEMORY;
    if (EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key, iv) != 1 ||
        EVP_EncryptUpdate(ctx, to, &n, plain.p, (int)plain.len) != 1)
        return ERR_DEFECT;
    len = (size_t)n;
    while (zeros > 0) {
        size_t step = zeros < sizeof(zero_block) ? zeros : sizeof(zero_block);
        if (EVP_EncryptUpdate(ctx, to + len, &n, zero_block, (int)step) != 1)
            return ERR_DEFECT;
        len += (size_t)n;
        zeros -= step;
    }
    if (EVP_EncryptFinal_ex(ctx, to + len, &n) != 1)
        return ERR_DEFECT;
    buf_commit(out, len + (size_t)n);
    return OK;
}

static void mac_of(const uint8_t *mac_key, struct span text, uint8_t out[static MAC_BYTES])
{
    crypto_auth_hmacsha256_state mac;
    (void)crypto_auth_hmacsha256_init(&mac, mac_key, MAC_BYTES);
    (void)crypto_auth_hmacsha256_update(&mac, text.p, text.len);
    (void)crypto_auth_hmacsha256_final(&mac, out);
}

enum err attachment_seal(struct span plain, bool pad, const struct attachment_fixed *fixed,
                         struct buf *out, struct attachment_keys *ret_keys)
{
    struct attachment_keys keys = {.size_bytes = plain.len};
    uint8_t iv[ATTACHMENT_IV_BYTES];
    uint8_t mac[MAC_BYTES];
    size_t start = out->len;
    if (plain.len > FILE_MAX_BYTES)
        return ERR_TOO_LARGE;
    if (fixed != NULL) {
        memcpy(keys.key, fixed->key, sizeof(keys.key));
        memcpy(iv, fixed->iv, sizeof(iv));
    } else {
        randombytes_buf(keys.key, sizeof(keys.key));
        randombytes_buf(iv, sizeof(iv));
    }
    buf_put(out, span_of(iv, sizeof(iv)));
    enum err e = encrypt_padded(keys.key, iv, plain,
                                pad ? attachment_padded_size(plain.len) - plain.len : 0, out);
    if (e != OK)
        return e;
    mac_of(keys.key + CIPHER_KEY_BYTES, span_skip(buf_span(out), start), mac);
    buf_put(out, span_of(mac, sizeof(mac)));
    e = buf_verdict(out);
    if (e != OK)
        return e;
    struct span file = span_skip(buf_span(out), start);
    (void)crypto_hash_sha256(keys.digest, file.p, file.len);
    *ret_keys = keys;
    sodium_memzero(&keys, sizeof(keys));
    return OK;
}

static enum err decrypt(const uint8_t *key, struct span text, struct buf *out, size_t *ret_len)
{
    AUTO_EVP EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    struct span blocks = span_skip(text, ATTACHMENT_IV_BYTES);
    uint8_t *to = buf_reserve(out, blocks.len + BLOCK_BYTES);
    int body = 0;
    int tail = 0;
    if (ctx == NULL || to == NULL)
        return ERR_NO_MEMORY;
    if (EVP_DecryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key, text.p) != 1 ||
        EVP_DecryptUpdate(ctx, to, &body, blocks.p, (int)blocks.len) != 1 ||
        EVP_DecryptFinal_ex(ctx, to + body, &tail) != 1)
        return ERR_SEALED;
    *ret_len = (size_t)body + (size_t)tail;
    return OK;
}

enum err attachment_open(struct span file, const struct attachment_keys *keys, struct buf *out)
{
    uint8_t digest[ATTACHMENT_DIGEST_BYTES];
    uint8_t mac[MAC_BYTES];
    size_t len = 0;
    if (file.len < FILE_MIN_BYTES + BLOCK_BYTES || file.len > FILE_MAX_BYTES)
        return ERR_SEALED;
    struct span text = span_first(file, file.len - MAC_BYTES);
    mac_of(keys->key + CIPHER_KEY_BYTES, text, mac);
    (void)crypto_hash_sha256(digest, file.p, file.len);
    if (sodium_memcmp(mac, file.p + text.len, sizeof(mac)) != 0 ||
        sodium_memcmp(digest, keys->digest, sizeof(digest)) != 0)
        return ERR_SEALED;
    enum err e = decrypt(keys->key, text, out, &len);
    if (e != OK)
        return e;
    if (keys->size_bytes != ATTACHMENT_SIZE_UNKNOWN && keys->size_bytes > len)
        return ERR_SEALED;
    buf_commit(out, keys->size_bytes != ATTACHMENT_SIZE_UNKNOWN ? keys->size_bytes : len);
    return buf_verdict(out);
}
