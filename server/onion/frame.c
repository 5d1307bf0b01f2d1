/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking a frame apart. Everything here comes from anybody who knows our address, before any key was used: lengths and
 * sizes are settled before the JSON is looked at.
 */
#include "onion/frame.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/reader.h"
#include "router/json_in.h"
#include "router/json_plain.h"

enum { KEY_HEX_LEN = 64, KEY_BASE64_LEN = 44, KEY_BASE64_UNPADDED_LEN = 43 };

/* Hex is what clients send; base64 is what the other readers of the network take as well. */
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

/* Exact lower case (protocol 01, 4.1). */
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

/* cipher.p == NULL: desktop always leaves enc_type out. */
static enum err read_names(struct span key, struct span cipher, struct frame *frame)
{
    frame->cipher = CIPHER_AES_GCM;
    enum err e = read_key(key, &frame->ephemeral);
    return e == OK && cipher.p != NULL ? read_cipher(cipher, &frame->cipher) : e;
}

static enum err read_routing(struct arena *mem, struct span json, struct frame *frame)
{
    struct span cipher = {NULL, 0};
    struct json_plain plain;
    if (json_plain_read(json, &plain)) {
        const struct json_plain_member *key = json_plain_find(&plain, "ephemeral_key");
        const struct json_plain_member *name = json_plain_find(&plain, "enc_type");
        if (key == NULL || key->kind != JSON_PLAIN_TEXT ||
            (name != NULL && name->kind != JSON_PLAIN_TEXT))
            return ERR_MALFORMED;
        return read_names(key->value, name != NULL ? name->value : cipher, frame);
    }
    AUTO_JSON struct json_in in = json_in_object(mem, json);
    struct span key = json_text(&in, "ephemeral_key");
    if (json_ok(&in) && json_object_get(in.root, "enc_type") != NULL)
        cipher = json_text(&in, "enc_type"); /* null is no text and fails */
    return json_ok(&in) ? read_names(key, cipher, frame) : ERR_MALFORMED;
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
