/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Called straight at libsodium and OpenSSL, with contexts that are made once: as little as these
 * libraries allow.
 */
#include "bench/floor.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <time.h>

#include "base/mem.h"

enum { GCM_NONCE = 12, TAG = 16, XCHACHA_NONCE = 24, PLAIN_MAX_BYTES = 16 << 20 };

struct floor {
    EVP_CIPHER_CTX *open, *seal;
    uint8_t *plain, *reply, *sealed;
    size_t reply_bytes;
};

static bool gcm(const struct floor *f, const struct prepared *p)
{
    int n = 0;
    const uint8_t *in = p->sealed.p;
    size_t len = p->sealed.len - GCM_NONCE - TAG;
    uint8_t tag[TAG];
    memcpy(tag, in + p->sealed.len - TAG, TAG);
    if (EVP_DecryptInit_ex(f->open, NULL, NULL, p->secret.key.b, in) != 1 ||
        EVP_DecryptUpdate(f->open, f->plain, &n, in + GCM_NONCE, (int)len) != 1 ||
        EVP_CIPHER_CTX_ctrl(f->open, EVP_CTRL_GCM_SET_TAG, TAG, tag) != 1 ||
        EVP_DecryptFinal_ex(f->open, f->plain + n, &n) != 1)
        return false;
    randombytes_buf(f->sealed, GCM_NONCE);
    return EVP_EncryptInit_ex(f->seal, NULL, NULL, p->secret.key.b, f->sealed) == 1 &&
           EVP_EncryptUpdate(f->seal, f->sealed + GCM_NONCE, &n, f->reply, (int)f->reply_bytes) ==
               1 &&
           EVP_EncryptFinal_ex(f->seal, f->sealed + GCM_NONCE + n, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(f->seal, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1;
}

static bool xchacha(const struct floor *f, const struct prepared *p)
{
    unsigned long long n = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(f->plain, &n, NULL, p->sealed.p + XCHACHA_NONCE,
                                                   p->sealed.len - XCHACHA_NONCE, NULL, 0,
                                                   p->sealed.p, p->secret.key.b) != 0)
        return false;
    randombytes_buf(f->sealed, XCHACHA_NONCE);
    return crypto_aead_xchacha20poly1305_ietf_encrypt(f->sealed + XCHACHA_NONCE, &n, f->reply,
                                                      f->reply_bytes, NULL, 0, NULL, f->sealed,
                                                      p->secret.key.b) == 0;
}

bool floor_one(const struct floor *f, const struct x25519_secret *server, const struct prepared *p)
{
    uint8_t shared[crypto_scalarmult_BYTES];
    if (crypto_scalarmult(shared, server->b, p->ephemeral.b) != 0)
        return false;
    if (!(p->secret.cipher == LAYER_XCHACHA20 ? xchacha : gcm)(f, p))
        return false;
    return !p->is_signed || crypto_sign_verify_detached(p->signature.b, p->signed_bytes.p,
                                                        p->signed_bytes.len, p->key.b) == 0;
}

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void floor_free(struct floor *f)
{
    if (f == NULL)
        return;
    EVP_CIPHER_CTX_free(f->open);
    EVP_CIPHER_CTX_free(f->seal);
    mem_free(f->plain);
    mem_free(f->reply);
    mem_free(f->sealed);
    mem_free(f);
}

enum err floor_new(size_t reply_bytes, struct floor **ret_floor)
{
    struct floor *f = MEM_NEW(struct floor);
    if (f == NULL)
        return ERR_NO_MEMORY;
    *f = (struct floor){.open = EVP_CIPHER_CTX_new(),
                        .seal = EVP_CIPHER_CTX_new(),
                        .plain = mem_alloc(PLAIN_MAX_BYTES),
                        .reply = mem_alloc_zero(1, reply_bytes + TAG),
                        .sealed = mem_alloc_zero(1, reply_bytes + 64),
                        .reply_bytes = reply_bytes};
    if (!f->open || !f->seal || !f->plain || !f->reply || !f->sealed ||
        EVP_DecryptInit_ex(f->open, EVP_aes_256_gcm(), NULL, NULL, NULL) != 1 ||
        EVP_EncryptInit_ex(f->seal, EVP_aes_256_gcm(), NULL, NULL, NULL) != 1) {
        floor_free(f);
        return ERR_NO_MEMORY;
    }
    *ret_floor = f;
    return OK;
}

enum err floor_run(const struct x25519_secret *server, const struct prepared *requests,
                   size_t count, size_t reply_bytes, double *ret_us)
{
    struct floor *f = NULL;
    enum err e = floor_new(reply_bytes, &f);
    double began = cpu_us();
    for (size_t i = 0; e == OK && i < count; i++)
        e = floor_one(f, server, &requests[i]) ? OK : ERR_SEALED;
    if (e == OK)
        *ret_us = (cpu_us() - began) / (double)count;
    floor_free(f);
    return e;
}
