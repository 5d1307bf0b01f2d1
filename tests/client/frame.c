/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads and writes one onion frame. It knows nothing of what the ciphertext holds or of where it
 * goes next.
 */
#include "client/frame.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/reader.h"

enum { KEY_BYTES = 32, KEY_BASE64_MAX_DECODED = 33, KEY_BASE64_LEN = 43 };

enum err frame_read(struct span bytes, struct frame *ret_frame)
{
    struct reader r = reader_of(bytes);
    uint32_t len = reader_u32_le(&r);
    struct span sealed = reader_take(&r, len);
    struct span text = reader_rest(&r);
    if (!reader_ok(&r) || text.len == 0)
        return ERR_MALFORMED;
    /* Jansson takes surrounding blanks and refuses anything else behind the object. */
    json_t *route = json_loadb((const char *)text.p, text.len, 0, NULL);
    if (!json_is_object(route)) {
        json_decref(route);
        return ERR_MALFORMED;
    }
    *ret_frame = (struct frame){sealed, route};
    return OK;
}

void frame_done(struct frame *f)
{
    json_decref(f->route);
    *f = (struct frame){0};
}

static int append_text(const char *text, size_t len, void *out)
{
    buf_put(out, span_of(text, len));
    return 0;
}

void frame_put(struct buf *out, struct span sealed, const json_t *route)
{
    if (sealed.len > UINT32_MAX) {
        out->failed = true;
        return;
    }
    buf_put_u32_le(out, (uint32_t)sealed.len);
    buf_put(out, sealed);
    /* Jansson keeps the order in which keys were set; the vectors fix it. */
    if (json_dump_callback(route, append_text, out, JSON_COMPACT) != 0)
        out->failed = true;
}

enum err frame_hex_key(const json_t *route, const char *name, uint8_t out[static 32])
{
    const json_t *value = json_object_get(route, name);
    if (!json_is_string(value))
        return ERR_MALFORMED;
    return hex_read(span_of(json_string_value(value), json_string_length(value)), out, KEY_BYTES);
}

static enum err base64_key(const json_t *value, uint8_t out[static 32])
{
    struct span text = span_of(json_string_value(value), json_string_length(value));
    uint8_t decoded[KEY_BASE64_MAX_DECODED];
    size_t len = 0;
    if (text.len != KEY_BASE64_LEN && text.len != KEY_BASE64_LEN + 1)
        return ERR_MALFORMED;
    enum err e = base64_read(text, decoded, &len);
    if (e != OK)
        return e;
    if (len != KEY_BYTES)
        return ERR_MALFORMED;
    memcpy(out, decoded, KEY_BYTES);
    return OK;
}

enum err frame_sealing(const json_t *route, struct x25519_pub *ret_ephemeral,
                       enum layer_cipher *ret_cipher)
{
    struct x25519_pub ephemeral = {0};
    enum layer_cipher cipher = LAYER_AES_GCM;
    const json_t *key = json_object_get(route, "ephemeral_key");
    const json_t *name = json_object_get(route, "enc_type");
    if (!json_is_string(key))
        return ERR_MALFORMED;
    if (frame_hex_key(route, "ephemeral_key", ephemeral.b) != OK &&
        base64_key(key, ephemeral.b) != OK)
        return ERR_MALFORMED;
    if (name != NULL) {
        if (!json_is_string(name))
            return ERR_MALFORMED;
        enum err e =
            layer_cipher_read(span_of(json_string_value(name), json_string_length(name)), &cipher);
        if (e != OK)
            return e;
    }
    *ret_ephemeral = ephemeral;
    *ret_cipher = cipher;
    return OK;
}
