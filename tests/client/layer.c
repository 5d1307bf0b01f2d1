/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The three onion ciphers over OpenSSL and libsodium. It stands apart from framing and routing
 * (frame.c, onion_client.c): here are only keys, nonces and bytes.
 */
#include "client/layer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

enum { GCM_NONCE_BYTES = 12, TAG_BYTES = 16, CBC_IV_BYTES = 16, CBC_BLOCK_BYTES = 16 };
enum { CHUNK_MAX_BYTES = 1 << 30 }; /* OpenSSL counts in int */

static const struct {
    const char *name;
    enum layer_cipher cipher;
} names[] = {
    {"aes-gcm", LAYER_AES_GCM},     {"gcm", LAYER_AES_GCM},
    {"xchacha20", LAYER_XCHACHA20}, {"xchacha20-poly1305", LAYER_XCHACHA20},
    {"aes-cbc", LAYER_AES_CBC},     {"cbc", LAYER_AES_CBC},
};

static void evp_free_auto(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}
#define AUTO_EVP CLEANUP(evp_free_auto)

enum err layer_cipher_read(struct span name, enum layer_cipher *ret_cipher)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (span_eq_text(name, names[i].name)) {
            *ret_cipher = names[i].cipher;
            return OK;
        }
    }
    return ERR_MALFORMED;
}

const char *layer_cipher_name(enum layer_cipher cipher)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (names[i].cipher == cipher)
            return names[i].name;
    }
    return "?";
}

size_t layer_nonce_bytes(enum layer_cipher cipher)
{
    switch (cipher) {
    case LAYER_AES_GCM:
        return GCM_NONCE_BYTES;
    case LAYER_AES_CBC:
        return CBC_IV_BYTES;
    case LAYER_XCHACHA20:
        break;
    }
    return crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
}

struct layer_pair layer_pair_of(const struct x25519_secret *secret)
{
    struct layer_pair pair = {.secret = *secret};
    (void)crypto_scalarmult_base(pair.pub.b, secret->b);
    return pair;
}

struct layer_pair layer_pair_random(void)
{
    struct layer_pair pair = {0};
    randombytes_buf(pair.secret.b, sizeof(pair.secret.b));
    (void)crypto_scalarmult_base(pair.pub.b, pair.secret.b);
    return pair;
}

enum err layer_key(enum layer_cipher cipher, const struct x25519_secret *ours,
                   const struct x25519_pub *theirs, const struct x25519_pub *client,
                   const struct x25519_pub *server, struct aead_key *ret_key)
{
    uint8_t shared[crypto_scalarmult_BYTES];
    if (crypto_scalarmult(shared, ours->b, theirs->b) != 0)
        return ERR_SEALED;
    switch (cipher) {
    case LAYER_AES_GCM: {
        /*
         * The salt is the HMAC key and the shared point is the message (docs/protocol/identity.md,
         * 4.2).
         */
        crypto_auth_hmacsha256_state mac;
        crypto_auth_hmacsha256_init(&mac, (const uint8_t *)"LOKI", 4);
        crypto_auth_hmacsha256_update(&mac, shared, sizeof(shared));
        crypto_auth_hmacsha256_final(&mac, ret_key->b);
        break;
    }
    case LAYER_XCHACHA20: {
        /* Always the client's key first, whoever encrypts (trap 2). */
        crypto_generichash_state hash;
        crypto_generichash_init(&hash, NULL, 0, sizeof(ret_key->b));
        crypto_generichash_update(&hash, shared, sizeof(shared));
        crypto_generichash_update(&hash, client->b, sizeof(client->b));
        crypto_generichash_update(&hash, server->b, sizeof(server->b));
        crypto_generichash_final(&hash, ret_key->b, sizeof(ret_key->b));
        break;
    }
    case LAYER_AES_CBC:
        memcpy(ret_key->b, shared, sizeof(ret_key->b));
        break;
    }
    sodium_memzero(shared, sizeof(shared));
    return OK;
}

static enum err seal_gcm(const struct aead_key *key, const uint8_t *nonce, struct span plain,
                         uint8_t *out)
{
    AUTO_EVP EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    if (ctx == NULL)
        return ERR_NO_MEMORY;
    if (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->b, nonce) != 1 ||
        EVP_EncryptUpdate(ctx, out, &n, plain.p, (int)plain.len) != 1 ||
        EVP_EncryptFinal_ex(ctx, out + plain.len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + plain.len) != 1)
        return ERR_DEFECT;
    return OK;
}

static enum err open_gcm(const struct aead_key *key, const uint8_t *nonce, struct span sealed,
                         uint8_t *out)
{
    AUTO_EVP EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t text_len = sealed.len - TAG_BYTES;
    uint8_t tag[TAG_BYTES];
    int n = 0;
    if (ctx == NULL)
        return ERR_NO_MEMORY;
    memcpy(tag, sealed.p + text_len, sizeof(tag));
    if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->b, nonce) != 1 ||
        EVP_DecryptUpdate(ctx, out, &n, sealed.p, (int)text_len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) != 1 ||
        EVP_DecryptFinal_ex(ctx, out + text_len, &n) != 1)
        return ERR_SEALED;
    return OK;
}

static enum err seal_cbc(const struct aead_key *key, const uint8_t *iv, struct span plain,
                         uint8_t *out, size_t *ret_len)
{
    AUTO_EVP EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int body = 0;
    int tail = 0;
    if (ctx == NULL)
        return ERR_NO_MEMORY;
    if (EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key->b, iv) != 1 ||
        EVP_EncryptUpdate(ctx, out, &body, plain.p, (int)plain.len) != 1 ||
        EVP_EncryptFinal_ex(ctx, out + body, &tail) != 1)
        return ERR_DEFECT;
    *ret_len = (size_t)body + (size_t)tail;
    return OK;
}

static enum err open_cbc(const struct aead_key *key, const uint8_t *iv, struct span sealed,
                         uint8_t *out, size_t *ret_len)
{
    AUTO_EVP EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int body = 0;
    int tail = 0;
    if (ctx == NULL)
        return ERR_NO_MEMORY;
    if (EVP_DecryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key->b, iv) != 1 ||
        EVP_DecryptUpdate(ctx, out, &body, sealed.p, (int)sealed.len) != 1 ||
        EVP_DecryptFinal_ex(ctx, out + body, &tail) != 1)
        return ERR_SEALED;
    *ret_len = (size_t)body + (size_t)tail;
    return OK;
}

enum err layer_seal(enum layer_cipher cipher, const struct aead_key *key, const uint8_t *nonce,
                    struct span plain, struct buf *out)
{
    size_t nonce_len = layer_nonce_bytes(cipher);
    if (plain.len > CHUNK_MAX_BYTES)
        return ERR_TOO_LARGE;
    /* One block more than the text is enough for a tag and for CBC padding. */
    uint8_t *to = buf_reserve(out, nonce_len + plain.len + CBC_BLOCK_BYTES);
    if (to == NULL)
        return buf_verdict(out);
    if (nonce != NULL)
        memcpy(to, nonce, nonce_len);
    else
        randombytes_buf(to, nonce_len);

    size_t sealed_len = plain.len + TAG_BYTES;
    enum err e = OK;
    switch (cipher) {
    case LAYER_AES_GCM:
        e = seal_gcm(key, to, plain, to + nonce_len);
        break;
    case LAYER_XCHACHA20:
        (void)crypto_aead_xchacha20poly1305_ietf_encrypt(to + nonce_len, NULL, plain.p, plain.len,
                                                         NULL, 0, NULL, to, key->b);
        break;
    case LAYER_AES_CBC:
        e = seal_cbc(key, to, plain, to + nonce_len, &sealed_len);
        break;
    }
    if (e != OK)
        return e;
    buf_commit(out, nonce_len + sealed_len);
    return buf_verdict(out);
}

enum err layer_open(enum layer_cipher cipher, const struct aead_key *key, struct span sealed,
                    struct buf *out)
{
    size_t nonce_len = layer_nonce_bytes(cipher);
    if (sealed.len < nonce_len + TAG_BYTES)
        return ERR_SEALED;
    if (sealed.len > CHUNK_MAX_BYTES)
        return ERR_TOO_LARGE;
    struct span text = span_skip(sealed, nonce_len);
    size_t plain_len = text.len - TAG_BYTES;
    uint8_t *to = buf_reserve(out, text.len + CBC_BLOCK_BYTES);
    if (to == NULL)
        return buf_verdict(out);

    enum err e = OK;
    switch (cipher) {
    case LAYER_AES_GCM:
        e = open_gcm(key, sealed.p, text, to);
        break;
    case LAYER_XCHACHA20:
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL, text.p, text.len, NULL, 0,
                                                       sealed.p, key->b) != 0)
            e = ERR_SEALED;
        break;
    case LAYER_AES_CBC:
        e = open_cbc(key, sealed.p, text, to, &plain_len);
        break;
    }
    if (e != OK)
        return e;
    buf_commit(out, plain_len);
    return buf_verdict(out);
}
