/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Splits a frame. Anybody who knows our address can send one, and no key has been used yet: all
 * lengths are checked before the JSON is read.
 */
#include "onion/frame.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/reader.h"
#include "router/json_flat.h"

enum { KEY_HEX_LEN = 64, KEY_BASE64_LEN = 44, KEY_BASE64_UNPADDED_LEN = 43 };

/* Clients send hex; the other servers of the network accept base64 too. */
static enum err read_key(struct span text, struct x25519_pub *ret_key)
{
    if (text.len == KEY_HEX_LEN)
        return hex_read(text, ret_key->b, sizeof(ret_key->b));
    if (text.len != KEY_BASE64_LEN && text.len != KEY_BASE64_UNPADDED_LEN)
        return ERR_MALFORMED;
    uint8_t decoded[KEY_BASE64_LEN / 4 * 3];
    size_t len = 0;
    enum err e = base64_read(text, decoded, &len);
    if (e != OK)
        return e;
    if (len != sizeof(ret_key->b))
        return ERR_MALFORMED;
    memcpy(ret_key->b, decoded, sizeof(ret_key->b));
    return OK;
}

/* Exact lower case (docs/protocol/identity.md, 4.1). */
static enum err read_cipher(struct span name, enum onion_cipher *ret_cipher)
{
    if (span_eq_text(name, "aes-gcm") || span_eq_text(name, "gcm"))
        *ret_cipher = CIPHER_AES_GCM;
    else if (span_eq_text(name, "xchacha20") || span_eq_text(name, "xchacha20-poly1305"))
        *ret_cipher = CIPHER_XCHACHA20;
    else if (span_eq_text(name, "aes-cbc") || span_eq_text(name, "cbc"))
        return ERR_SEALED; /* unauthenticated: a padding oracle, and no client sends it (4.2) */
    else
        return ERR_MALFORMED;
    return OK;
}

static enum err read_routing(struct arena *mem, struct span json, struct frame *frame)
{
    struct span key, cipher;
    struct json_member member;
    AUTO_JSON_FLAT struct json_flat flat;
    enum err e = json_flat_read(mem, json, &flat);
    if (e == OK)
        e = json_flat_text(&flat, SPAN("ephemeral_key"), &key);
    if (e == OK)
        e = read_key(key, &frame->ephemeral);
    frame->cipher = CIPHER_AES_GCM; /* desktop always leaves enc_type out */
    if (e != OK || !json_flat_find(&flat, SPAN("enc_type"), &member))
        return e;
    e = json_flat_text(&flat, SPAN("enc_type"), &cipher);
    return e == OK ? read_cipher(cipher, &frame->cipher) : e;
}

enum err frame_parse(struct arena *mem, struct bytes raw, struct frame *ret_frame)
{
    struct reader r = reader_of(span_of_bytes(raw));
    uint32_t sealed_len = reader_u32_le(&r);
    size_t sealed_at = raw.len - r.rest.len;
    (void)reader_take(&r, sealed_len);
    struct span json = reader_rest(&r);
    if (!reader_ok(&r) || json.len > FRAME_JSON_MAX_BYTES)
        return ERR_MALFORMED;
    struct frame frame = {.ciphertext = {raw.p + sealed_at, sealed_len}};
    enum err e = read_routing(mem, json, &frame);
    if (e == OK)
        *ret_frame = frame;
    return e;
}
