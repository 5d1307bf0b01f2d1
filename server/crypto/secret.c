/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locked memory, and the server's key pair in it. Where the raw key comes from is key_file.c's
 * business.
 */
#include "crypto/secret.h"

#include <sodium.h>

#include "crypto/blind.h"

void *secret_alloc(size_t size)
{
    void *p = sodium_malloc(size); /* guard pages, locked, kept out of core files */
    if (p == NULL)
        return NULL;
    sodium_memzero(p, size);
    return p;
}

void secret_free(void *p)
{
    sodium_free(p);
}

enum err server_keys_open(const uint8_t raw[static 32], struct server_keys *ret_keys)
{
    struct server_keys keys = {.secret = secret_alloc(sizeof(struct x25519_secret))};
    if (keys.secret == NULL)
        return ERR_NO_MEMORY;
    memcpy(keys.secret->b, raw, sizeof(keys.secret->b));
    if (crypto_scalarmult_base(keys.pub.b, keys.secret->b) != 0 ||
        sodium_is_zero(keys.pub.b, sizeof(keys.pub.b))) {
        secret_free(keys.secret);
        return ERR_DEFECT;
    }
    blind_to_ed25519(&keys.pub, &keys.ed_form);
    blind15_factor(&keys.pub, &keys.blind15_factor);
    *ret_keys = keys;
    return OK;
}

void server_keys_close(struct server_keys *keys)
{
    secret_free(keys->secret);
    keys->secret = NULL;
}
