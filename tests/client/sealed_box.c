/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed boxes over libsodium's crypto_box.
 */
#include "client/sealed_box.h"

#include <sodium.h>

enum { INNER_OVERHEAD_BYTES = 96, KEY_BYTES = 32, MESSAGE_MAX_BYTES = 1 << 20 };

static enum err recipient_key(const struct session_id *id, struct x25519_pub *ret_x)
{
    if (id->b[0] != ID_UNBLINDED)
        return ERR_MALFORMED;
    memcpy(ret_x->b, id->b + 1, sizeof(ret_x->b));
    return OK;
}

/*
 * What is signed: M || A || X of the recipient, so that a letter cannot be passed on as written to
 * somebody else.
 */
static void put_signed(struct buf *out, struct span message, const struct ed25519_pub *sender,
                       const struct x25519_pub *recipient)
{
    buf_put(out, message);
    buf_put(out, SPAN_OF_KEY(sender));
    buf_put(out, SPAN_OF_KEY(recipient));
}

enum err sealed_box_inner(const struct account *sender, const struct session_id *recipient,
                          struct span message, struct buf *out)
{
    struct buf bytes AUTO_BUF = buf_make(MESSAGE_MAX_BYTES);
    struct x25519_pub x;
    struct ed25519_sig sig;
    enum err e = recipient_key(recipient, &x);
    if (e != OK)
        return e;
    put_signed(&bytes, message, &sender->ed, &x);
    e = buf_verdict(&bytes);
    if (e != OK)
        return e;
    (void)crypto_sign_detached(sig.b, NULL, bytes.p, bytes.len, sender->sk64);
    buf_put(out, message);
    buf_put(out, SPAN_OF_KEY(&sender->ed));
    buf_put(out, SPAN_OF_KEY(&sig));
    return buf_verdict(out);
}

/* The ephemeral pair follows from sender, recipient and message. */
static void ephemeral_pair(const struct account *sender, const struct x25519_pub *x,
                           struct span message, struct x25519_pub *ret_pub,
                           struct x25519_secret *ret_secret)
{
    static const char hash_key[] = "SessionBoxEphemeralHashKey";
    uint8_t seed[crypto_box_SEEDBYTES];
    crypto_generichash_state hash;
    (void)crypto_generichash_init(&hash, (const uint8_t *)hash_key, sizeof(hash_key) - 1,
                                  sizeof(seed));
    (void)crypto_generichash_update(&hash, sender->seed, sizeof(sender->seed));
    (void)crypto_generichash_update(&hash, x->b, sizeof(x->b));
    (void)crypto_generichash_update(&hash, message.p, message.len);
    (void)crypto_generichash_final(&hash, seed, sizeof(seed));
    (void)crypto_box_seed_keypair(ret_pub->b, ret_secret->b, seed);
    sodium_memzero(seed, sizeof(seed));
}

enum err sealed_box_seal(const struct account *sender, const struct session_id *recipient,
                         struct span message, struct buf *out)
{
    struct buf inner AUTO_BUF = buf_make(MESSAGE_MAX_BYTES);
    struct x25519_pub x;
    struct x25519_pub ephemeral;
    struct x25519_secret secret;
    uint8_t nonce[crypto_box_NONCEBYTES];
    enum err e = recipient_key(recipient, &x);
    if (e == OK)
        e = sealed_box_inner(sender, recipient, message, &inner);
    if (e != OK)
        return e;
    ephemeral_pair(sender, &x, message, &ephemeral, &secret);
    crypto_generichash_state hash;
    (void)crypto_generichash_init(&hash, NULL, 0, sizeof(nonce));
    (void)crypto_generichash_update(&hash, ephemeral.b, sizeof(ephemeral.b));
    (void)crypto_generichash_update(&hash, x.b, sizeof(x.b));
    (void)crypto_generichash_final(&hash, nonce, sizeof(nonce));
    buf_put(out, SPAN_OF_KEY(&ephemeral));
    uint8_t *to = buf_reserve(out, inner.len + crypto_box_MACBYTES);
    if (to == NULL)
        return buf_verdict(out);
    int failed = crypto_box_easy(to, inner.p, inner.len, nonce, x.b, secret.b);
    sodium_memzero(&secret, sizeof(secret));
    if (failed != 0)
        return ERR_MALFORMED;
    buf_commit(out, inner.len + crypto_box_MACBYTES);
    return OK;
}

enum err sealed_box_open(const struct account *recipient, struct span sealed, struct buf *out,
                         struct session_id *ret_sender)
{
    struct buf inner AUTO_BUF = buf_make(MESSAGE_MAX_BYTES);
    struct buf bytes AUTO_BUF = buf_make(MESSAGE_MAX_BYTES);
    struct ed25519_pub sender;
    struct x25519_pub x;
    if (sealed.len < crypto_box_SEALBYTES + INNER_OVERHEAD_BYTES)
        return ERR_SEALED;
    size_t len = sealed.len - crypto_box_SEALBYTES;
    uint8_t *to = buf_reserve(&inner, len);
    if (to == NULL)
        return ERR_NO_MEMORY;
    if (crypto_box_seal_open(to, sealed.p, sealed.len, recipient->x.b, recipient->x_secret.b) != 0)
        return ERR_SEALED;
    buf_commit(&inner, len);
    struct span message = span_of(inner.p, len - INNER_OVERHEAD_BYTES);
    memcpy(sender.b, inner.p + message.len, sizeof(sender.b));
    put_signed(&bytes, message, &sender, &recipient->x);
    if (buf_verdict(&bytes) != OK ||
        crypto_sign_verify_detached(inner.p + message.len + KEY_BYTES, bytes.p, bytes.len,
                                    sender.b) != 0 ||
        crypto_sign_ed25519_pk_to_curve25519(x.b, sender.b) != 0)
        return ERR_SEALED;
    buf_put(out, message);
    ret_sender->b[0] = ID_UNBLINDED;
    memcpy(ret_sender->b + 1, x.b, sizeof(x.b));
    return buf_verdict(out);
}
