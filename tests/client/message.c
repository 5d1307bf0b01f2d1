/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading and checking messages. The server only checks a signature's length; this is where it is
 * verified.
 */
#include "client/message.h"

#include <sodium.h>

#include "base/base64.h"
#include "client/account.h"
#include "client/padding.h"
#include "client/xed25519.h"

enum { DATA_MAX_BYTES = 1 << 20, SIG_BYTES = 64, REACTION_ROW_KEYS = 3 };

bool message_verify(const struct session_id *author, struct span data,
                    const struct ed25519_sig *sig)
{
    if (author->b[0] == ID_UNBLINDED) {
        struct x25519_pub x;
        memcpy(x.b, author->b + 1, sizeof(x.b));
        return xed25519_verify(&x, data, sig);
    }
    return (author->b[0] == ID_BLINDED15 || author->b[0] == ID_BLINDED25) &&
           crypto_sign_verify_detached(sig->b, data.p, data.len, author->b + 1) == 0;
}

static bool read_base64(const json_t *value, struct buf *out)
{
    size_t len = 0;
    if (!json_is_string(value))
        return false;
    struct span text = span_of(json_string_value(value), json_string_length(value));
    uint8_t *to = buf_reserve(out, base64_max_decoded(text.len) + 1);
    if (to == NULL || base64_read(text, to, &len) != OK)
        return false;
    buf_commit(out, len);
    return true;
}

static bool read_integer(const json_t *row, const char *name, int64_t *ret_value)
{
    const json_t *value = json_object_get(row, name);
    *ret_value = json_integer_value(value);
    return json_is_integer(value);
}

static bool read_author(const json_t *row, struct message *m)
{
    const json_t *id = json_object_get(row, "session_id");
    const json_t *posted = json_object_get(row, "posted");
    m->posted = json_number_value(posted);
    return json_is_string(id) && json_is_number(posted) &&
           account_id_read(span_of(json_string_value(id), json_string_length(id)), &m->author) ==
               OK;
}

static bool read_post(const json_t *row, struct message *m)
{
    struct buf sig AUTO_BUF = buf_make((size_t)2 * SIG_BYTES);
    struct ed25519_sig signature;
    m->kind = MESSAGE_POST;
    if (!read_base64(json_object_get(row, "data"), &m->data) ||
        !read_base64(json_object_get(row, "signature"), &sig) || sig.len != SIG_BYTES ||
        !json_is_object(json_object_get(row, "reactions")))
        return false;
    memcpy(signature.b, sig.p, sizeof(signature.b));
    m->verified = message_verify(&m->author, buf_span(&m->data), &signature);
    struct span plain = padding_strip(buf_span(&m->data));
    m->readable = content_read(plain, &m->content) == OK;
    if (!m->readable)
        m->content = (struct content){.text = plain};
    return true;
}

static bool read_row(const json_t *row, struct message *m)
{
    if (!json_is_object(row) || !read_integer(row, "id", &m->id) ||
        !read_integer(row, "seqno", &m->seqno))
        return false;
    /* Desktop knows such a row by its number of keys. */
    if (json_object_size(row) == REACTION_ROW_KEYS &&
        json_is_object(json_object_get(row, "reactions"))) {
        m->kind = MESSAGE_REACTIONS;
        return true;
    }
    if (!read_author(row, m))
        return false;
    if (json_object_get(row, "deleted") != NULL) {
        m->kind = MESSAGE_DELETED;
        return json_is_true(json_object_get(row, "deleted")) &&
               json_is_null(json_object_get(row, "data"));
    }
    return read_post(row, m);
}

enum err message_read(const json_t *row, struct message *ret_message)
{
    struct message m = {.data = buf_make(DATA_MAX_BYTES)};
    if (!read_row(row, &m)) {
        message_done(&m);
        return ERR_MALFORMED;
    }
    *ret_message = m;
    return OK;
}

void message_done(struct message *m)
{
    buf_done(&m->data);
    *m = (struct message){0};
}
