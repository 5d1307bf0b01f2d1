/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dialogue with OpenSSL's EVP layer. Chosen over libsodium's AES-256-GCM because that one needs
 * AES hardware and the whole message at once.
 */
#include "crypto/gcm.h"

#include <openssl/evp.h>

/* EVP counts in int; a piece this large is not seen in practice, but a length must never be cut. */
enum { PIECE_MAX_BYTES = 1 << 30 };

enum err gcm_init(struct gcm *g, enum gcm_way way, const struct aead_key *key,
                  const uint8_t nonce[static GCM_NONCE_BYTES])
{
    *g = (struct gcm){.ctx = EVP_CIPHER_CTX_new(), .way = way};
    if (g->ctx == NULL)
        return ERR_NO_MEMORY;
    /* 12 bytes is GCM's own nonce length: no need to set it. */
    int good = EVP_CipherInit_ex(g->ctx, EVP_aes_256_gcm(), NULL, key->b, nonce, way == GCM_SEAL);
    return good == 1 ? OK : ERR_NO_MEMORY; /* nothing else can fail with fixed arguments */
}

void gcm_done(struct gcm *g)
{
    EVP_CIPHER_CTX_free(g->ctx); /* wipes the key schedule; NULL is harmless */
    g->ctx = NULL;
}

static enum err feed(struct gcm *g, struct span in, uint8_t *out)
{
    while (in.len > 0) {
        struct span piece = span_first(in, PIECE_MAX_BYTES);
        int made = 0;
        if (EVP_CipherUpdate(g->ctx, out, &made, piece.p, (int)piece.len) != 1)
            return ERR_DEFECT;
        in = span_skip(in, piece.len);
        if (out != NULL)
            out += piece.len;
    }
    return OK;
}

enum err gcm_authenticate(struct gcm *g, struct span ad)
{
    return feed(g, ad, NULL);
}

enum err gcm_update(struct gcm *g, struct span in, uint8_t *out)
{
    return feed(g, in, out);
}

enum err gcm_seal_finish(struct gcm *g, uint8_t ret_tag[static BOX_TAG_BYTES])
{
    uint8_t none[EVP_MAX_BLOCK_LENGTH];
    int made = 0;
    if (EVP_CipherFinal_ex(g->ctx, none, &made) != 1 || made != 0)
        return ERR_DEFECT;
    if (EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_GET_TAG, BOX_TAG_BYTES, ret_tag) != 1)
        return ERR_DEFECT;
    return OK;
}

enum err gcm_open_finish(struct gcm *g, const uint8_t tag[static BOX_TAG_BYTES])
{
    uint8_t expected[BOX_TAG_BYTES]; /* a copy: EVP's parameter is not const */
    uint8_t none[EVP_MAX_BLOCK_LENGTH];
    int made = 0;
    memcpy(expected, tag, sizeof(expected));
    if (EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_SET_TAG, BOX_TAG_BYTES, expected) != 1)
        return ERR_DEFECT;
    return EVP_CipherFinal_ex(g->ctx, none, &made) == 1 ? OK : ERR_SEALED;
}
