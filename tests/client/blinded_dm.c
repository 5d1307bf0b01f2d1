/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recipe over libsodium, for both kinds of blinded ids.
 */
#include "client/blinded_dm.h"

#include <sodium.h>

enum { VERSION_BYTE = 0, DM_MAX_BYTES = 1 << 20 };

enum err blinded_dm_key(const struct blinded_dm_ends *ends, struct aead_key *ret_key)
{
    bool we_sent = session_id_eq(&ends->sender, &ends->own->id);
    if (!we_sent && !session_id_eq(&ends->recipient, &ends->own->id))
        return ERR_SEALED;
    if (ends->sender.b[0] != ends->recipient.b[0])
        return ERR_SEALED;
    const struct session_id *other = we_sent ? &ends->recipient : &ends->sender;
    /* A 15 id is k times the account, k being known to all: the account's own scalar does. */
    const struct scalar *secret =
        ends->own->id.b[0] == ID_BLINDED15 ? &ends->account->scalar : &ends->own->scalar;
    uint8_t shared[32];
    if (crypto_scalarmult_ed25519_noclamp(shared, secret->b, other->b + 1) != 0)
        return ERR_SEALED;
    crypto_generichash_state hash;
    (void)crypto_generichash_init(&hash, NULL, 0, sizeof(ret_key->b));
    (void)crypto_generichash_update(&hash, shared, sizeof(shared));
    (void)crypto_generichash_update(&hash, ends->sender.b + 1, 32);
    (void)crypto_generichash_update(&hash, ends->recipient.b + 1, 32);
    (void)crypto_generichash_final(&hash, ret_key->b, sizeof(ret_key->b));
    sodium_memzero(shared, sizeof(shared));
    return OK;
}

enum err blinded_dm_seal(const struct blinded_dm_ends *ends, struct span message,
                         const uint8_t *nonce, struct buf *out)
{
    struct aead_key key;
    uint8_t fresh[BLINDED_DM_NONCE_BYTES];
    struct buf plain AUTO_BUF = buf_make(DM_MAX_BYTES);
    if (nonce == NULL) {
        randombytes_buf(fresh, sizeof(fresh));
        nonce = fresh;
    }
    enum err e = blinded_dm_key(ends, &key);
    if (e != OK)
        return e;
    buf_put(&plain, message);
    buf_put(&plain, SPAN_OF_KEY(&ends->account->ed));
    buf_put_byte(out, VERSION_BYTE);
    size_t size = plain.len + crypto_aead_xchacha20poly1305_ietf_ABYTES;
    uint8_t *to = buf_reserve(out, size);
    if (to != NULL && buf_verdict(&plain) == OK) {
        (void)crypto_aead_xchacha20poly1305_ietf_encrypt(to, NULL, plain.p, plain.len, NULL, 0,
                                                         NULL, nonce, key.b);
        buf_commit(out, size);
    }
    buf_put(out, span_of(nonce, BLINDED_DM_NONCE_BYTES));
    sodium_memzero(&key, sizeof(key));
    return buf_verdict(&plain) == OK ? buf_verdict(out) : buf_verdict(&plain);
}

/* Whether the master key inside is the one that the sender's id was made of. */
static bool names_sender(const struct blinded_dm_ends *ends, const struct x25519_pub *server,
                         const struct ed25519_pub *master, struct session_id *ret_sender)
{
    struct x25519_pub x;
    if (crypto_sign_ed25519_pk_to_curve25519(x.b, master->b) != 0)
        return false;
    ret_sender->b[0] = ID_UNBLINDED;
    memcpy(ret_sender->b + 1, x.b, sizeof(x.b));
    if (ends->sender.b[0] == ID_BLINDED25)
        return blinding_matches(ret_sender, &ends->sender, server);
    /* Exactly, with the true sign, as desktop wants it. */
    struct scalar k = blinding_factor15(server);
    struct ed25519_pub blinded;
    return crypto_scalarmult_ed25519_noclamp(blinded.b, k.b, master->b) == 0 &&
           memcmp(blinded.b, ends->sender.b + 1, sizeof(blinded.b)) == 0;
}

enum err blinded_dm_open(const struct blinded_dm_ends *ends, const struct x25519_pub *server,
                         struct span payload, struct buf *out, struct session_id *ret_sender)
{
    struct aead_key key;
    struct ed25519_pub master;
    struct session_id sender;
    struct buf plain AUTO_BUF = buf_make(DM_MAX_BYTES);
    if (payload.len < BLINDED_DM_MIN_BYTES || payload.p[0] != VERSION_BYTE)
        return ERR_MALFORMED;
    struct span sealed =
        span_first(span_skip(payload, 1), payload.len - 1 - BLINDED_DM_NONCE_BYTES);
    const uint8_t *nonce = payload.p + payload.len - BLINDED_DM_NONCE_BYTES;
    unsigned long long len = 0;
    uint8_t *to = buf_reserve(&plain, sealed.len);
    if (to == NULL)
        return buf_verdict(&plain);
    enum err e = blinded_dm_key(ends, &key);
    if (e != OK)
        return e;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, &len, NULL, sealed.p, sealed.len, NULL, 0,
                                                   nonce, key.b) != 0)
        e = ERR_SEALED;
    sodium_memzero(&key, sizeof(key));
    if (e != OK)
        return e;
    buf_commit(&plain, (size_t)len);
    struct span message = span_first(buf_span(&plain), plain.len - sizeof(master.b));
    memcpy(master.b, plain.p + message.len, sizeof(master.b));
    if (!names_sender(ends, server, &master, &sender))
        return ERR_SEALED;
    buf_put(out, message);
    *ret_sender = sender;
    return buf_verdict(out);
}
