/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests and rows of direct messages. How they are sealed stands in blinded_dm.c.
 */
#include "client/community_dms.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/clock.h"
#include "client/blinded_dm.h"
#include "client/padding.h"

enum { TARGET_MAX = 128, MESSAGE_MAX_BYTES = 1 << 20 };

static struct blinded_dm_ends ends_of(const struct community *c, const struct session_id *sender,
                                      const struct session_id *recipient)
{
    return (struct blinded_dm_ends){&c->account, &c->blinded, *sender, *recipient};
}

static bool read_id(const json_t *row, const char *key, struct session_id *ret_id)
{
    const json_t *text = json_object_get(row, key);
    return json_is_string(text) &&
           account_id_read(span_of(json_string_value(text), json_string_length(text)), ret_id) ==
               OK;
}

static bool read_number(const json_t *row, const char *key, double *ret_value)
{
    const json_t *value = json_object_get(row, key);
    *ret_value = json_number_value(value);
    return json_is_real(value);
}

static enum err open_row(const struct community *c, const json_t *row, struct direct_message *m)
{
    const json_t *text = json_object_get(row, "message");
    struct buf payload AUTO_BUF = buf_make(MESSAGE_MAX_BYTES);
    struct content content;
    size_t len = 0;
    uint8_t *to = buf_reserve(&payload, base64_max_decoded(json_string_length(text)));
    if (to == NULL)
        return ERR_TOO_LARGE;
    if (!json_is_string(text) ||
        base64_read(span_of(json_string_value(text), json_string_length(text)), to, &len) != OK)
        return ERR_MALFORMED;
    buf_commit(&payload, len);
    struct blinded_dm_ends ends = ends_of(c, &m->sender, &m->recipient);
    enum err e = blinded_dm_open(&ends, &server_link_options(c->link)->key, buf_span(&payload),
                                 &m->data, &m->author);
    if (e != OK)
        return e;
    struct span plain = padding_strip(buf_span(&m->data));
    m->text = content_read(plain, &content) == OK ? content.text : plain;
    return OK;
}

enum err direct_message_read(const struct community *c, const json_t *row,
                             struct direct_message *ret_message)
{
    const json_t *id = json_object_get(row, "id");
    struct direct_message m = {.data = buf_make(MESSAGE_MAX_BYTES)};
    if (!json_is_integer(id) || json_object_size(row) != 6 ||
        !read_number(row, "posted_at", &m.posted_at) ||
        !read_number(row, "expires_at", &m.expires_at) || !read_id(row, "sender", &m.sender) ||
        !read_id(row, "recipient", &m.recipient))
        return ERR_MALFORMED;
    m.id = json_integer_value(id);
    enum err e = open_row(c, row, &m);
    if (e != OK) {
        direct_message_done(&m);
        return e;
    }
    *ret_message = m;
    return OK;
}

void direct_message_done(struct direct_message *m)
{
    buf_done(&m->data);
}

json_t *community_dm_body(const struct community *c, const struct session_id *to, const char *text)
{
    struct buf plain AUTO_BUF = buf_make(MESSAGE_MAX_BYTES);
    struct buf padded AUTO_BUF = buf_make(MESSAGE_MAX_BYTES);
    struct buf sealed AUTO_BUF = buf_make(MESSAGE_MAX_BYTES);
    struct buf base64 AUTO_BUF = buf_make((size_t)2 * MESSAGE_MAX_BYTES);
    struct content content = {.text = span_of_text(text),
                              .timestamp_ms = (uint64_t)clock_wall_ms()};
    content_put(&plain, &content);
    padding_put(&padded, buf_span(&plain), PADDING_NEWER);
    struct blinded_dm_ends ends = ends_of(c, &c->blinded.id, to);
    if (buf_verdict(&plain) != OK || buf_verdict(&padded) != OK ||
        blinded_dm_seal(&ends, buf_span(&padded), NULL, &sealed) != OK)
        return NULL;
    buf_put_base64(&base64, buf_span(&sealed));
    if (buf_verdict(&base64) != OK)
        return NULL;
    return json_pack("{s:s%}", "message", (const char *)base64.p, base64.len);
}

enum err community_dm(struct community *c, const struct session_id *to, const char *text,
                      json_t **ret_sent)
{
    char target[TARGET_MAX];
    struct id_text id = account_id_text(to);
    json_auto_t *body = community_dm_body(c, to, text);
    if (body == NULL)
        return ERR_SEALED;
    (void)snprintf(target, sizeof(target), "/inbox/%s", id.s);
    struct community_request request = {
        .method = "POST", .target = target, .json = body, .signing = SIGNED_BLINDED};
    return community_json(c, &request, ret_sent);
}

enum err community_mail(struct community *c, enum mail_box box, int64_t since, json_t **ret_rows)
{
    char target[TARGET_MAX];
    const char *name = box == MAIL_INBOX ? "inbox" : "outbox";
    if (since > 0)
        (void)snprintf(target, sizeof(target), "/%s/since/%lld", name, (long long)since);
    else
        (void)snprintf(target, sizeof(target), "/%s", name);
    struct community_request request = {
        .method = "GET", .target = target, .signing = SIGNED_BLINDED};
    enum err e = community_json(c, &request, ret_rows);
    if (e != ERR_DENIED || c->refusal.code != 304)
        return e;
    *ret_rows = json_array();
    return OK;
}

enum err community_clear_inbox(struct community *c, int64_t *ret_deleted)
{
    json_auto_t *reply = NULL;
    struct community_request request = {
        .method = "DELETE", .target = "/inbox", .signing = SIGNED_BLINDED};
    enum err e = community_json(c, &request, &reply);
    if (e != OK)
        return e;
    const json_t *deleted = json_object_get(reply, "deleted");
    if (!json_is_integer(deleted))
        return ERR_MALFORMED;
    *ret_deleted = json_integer_value(deleted);
    return OK;
}
