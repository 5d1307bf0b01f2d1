/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text form of ids, and the few things that every user of keys needs: start, random bytes,
 * erasing, comparing. Says nothing about whether a key is a usable point: sign.c does.
 */
#include "crypto/keys.h"

#include <sodium.h>

#include "base/hex.h"

static bool is_known_prefix(uint8_t prefix)
{
    return prefix == ID_UNBLINDED || prefix == ID_BLINDED15 || prefix == ID_BLINDED25;
}

enum err session_id_read(struct span text, struct session_id *ret_id)
{
    struct session_id id = {{0}};
    enum err e = hex_read(text, id.b, sizeof(id.b));
    if (e != OK)
        return e;
    if (!is_known_prefix(id.b[0]))
        return ERR_MALFORMED;
    *ret_id = id;
    return OK;
}

void session_id_write(const struct session_id *id, char out[static SESSION_ID_TEXT_LEN])
{
    hex_write(SPAN_OF_KEY(id), out);
}

enum err crypto_start(void)
{
    return sodium_init() < 0 ? ERR_DEFECT : OK; /* 1: was started already */
}

void crypto_random(void *p, size_t len)
{
    randombytes_buf(p, len);
}

void crypto_wipe(void *p, size_t len)
{
    sodium_memzero(p, len);
}
