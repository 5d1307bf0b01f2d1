/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the bytes of an HTTP body to a request, and from a reply to the bytes of an HTTP body. What
 * differs between the payload forms is in v4.c and v3.c.
 */
#include "onion/envelope.h"

#include "base/arena.h"
#include "base/base64.h"
#include "onion/bencode.h"
#include "onion/frame.h"
#include "onion/v3.h"
#include "onion/v4.h"

/* ---- in ---- */

enum err envelope_open(struct arena *mem, const struct server_keys *keys, enum envelope_kind kind,
                       struct bytes frame, struct bytes *ret_plain, struct reply_key *ret_key)
{
    struct frame parts;
    enum err e = frame_parse(mem, frame, &parts);
    if (e != OK)
        return e;
    struct reply_key key = {.kind = kind, .cipher = parts.cipher};
    struct bytes plain = {NULL, 0};
    e = box_shared_key(key.cipher, keys->secret, &parts.ephemeral, &parts.ephemeral, &keys->pub,
                       &key.key);
    if (e == OK)
        e = box_open(key.cipher, &key.key, (struct span){NULL, 0}, parts.ciphertext, &plain);
    if (e == OK) {
        *ret_plain = plain;
        *ret_key = key;
    }
    envelope_forget(&key);
    return e;
}

void envelope_forget(struct reply_key *key)
{
    crypto_wipe(key, sizeof(*key));
}

enum err envelope_parse(struct arena *mem, enum envelope_kind kind, struct span plain,
                        struct request **ret_req)
{
    struct request *req = ARENA_NEW(mem, struct request);
    if (req == NULL)
        return ERR_NO_MEMORY;
    enum err e = kind == ENVELOPE_V4 ? v4_parse(mem, plain, req) : v3_parse(mem, plain, req);
    if (e == OK)
        *ret_req = req;
    return e;
}

/* ---- out ---- */

/*
 * Writes the plaintext between nonce and tag space, and seals it there: a large body is copied
 * once.
 */
static enum err seal_v4(const struct reply_key *key, const struct reply *reply, struct buf *out)
{
    AUTO_BUF struct buf head = buf_make(V4_HEAD_MAX_BYTES);
    v4_write_head(reply, reply->body.len, &head);
    enum err e = buf_verdict(&head);
    if (e != OK)
        return e;
    size_t total = box_overhead_bytes(key->cipher) + head.len + reply->body.len + 1;
    if (total > REPLY_MAX_BYTES)
        return ERR_TOO_LARGE;
    uint8_t *frame = buf_reserve(out, total);
    if (frame == NULL)
        return buf_verdict(out);
    uint8_t *at = frame + box_nonce_bytes(key->cipher);
    memcpy(at, head.p, head.len);
    at += head.len;
    if (reply->body.len != 0)
        memcpy(at, reply->body.p, reply->body.len);
    at[reply->body.len] = BENCODE_END;
    e = box_seal_in_place(key->cipher, &key->key, (struct bytes){frame, total});
    if (e == OK)
        buf_commit(out, total);
    return e;
}

static enum err seal_v3(const struct reply_key *key, const struct reply *reply, struct buf *out)
{
    AUTO_BUF struct buf plain = buf_make(REPLY_MAX_BYTES);
    v3_write(reply, &plain);
    enum err e = buf_verdict(&plain);
    if (e != OK)
        return e;
    if (base64_len(plain.len + box_overhead_bytes(key->cipher)) > REPLY_MAX_BYTES)
        return ERR_TOO_LARGE;
    AUTO_BUF struct buf sealed = buf_make(REPLY_MAX_BYTES);
    e = box_seal(key->cipher, &key->key, (struct span){NULL, 0}, buf_span(&plain), &sealed);
    if (e != OK)
        return e;
    buf_put_base64(out, buf_span(&sealed));
    return buf_verdict(out);
}

static enum err seal(const struct reply_key *key, const struct reply *reply, struct buf *out)
{
    return key->kind == ENVELOPE_V4 ? seal_v4(key, reply, out) : seal_v3(key, reply, out);
}

enum err envelope_seal(const struct reply_key *key, const struct reply *reply, struct buf *out)
{
    if (reply->source != NULL || reply->status == 0)
        return ERR_DEFECT;
    enum err e = buf_verdict(&reply->body); /* half a body is never sent */
    if (e == OK)
        e = seal(key, reply, out);
    if (e != ERR_TOO_LARGE || buf_verdict(out) != OK)
        return e;
    struct reply refusal;
    reply_init(&refusal);
    reply_error(&refusal, ERR_TOO_LARGE);
    e = seal(key, &refusal, out);
    reply_done(&refusal);
    return e;
}

enum err envelope_stream_head(const struct reply *reply, struct buf *ret_head, uint64_t *ret_total)
{
    if (reply->source == NULL || reply->status == 0)
        return ERR_DEFECT;
    uint64_t length = reply->source->length;
    if (length > REPLY_MAX_BYTES)
        return ERR_TOO_LARGE;
    size_t before = ret_head->len;
    v4_write_head(reply, length, ret_head);
    enum err e = buf_verdict(ret_head);
    if (e != OK)
        return e;
    uint64_t total = ret_head->len - before + length + 1;
    if (total + BOX_NONCE_MAX_BYTES + BOX_TAG_BYTES > REPLY_MAX_BYTES)
        return ERR_TOO_LARGE;
    *ret_total = total;
    return OK;
}
