/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The poll that every open client sends every few seconds: its batch, and what is learnt from the
 * answers. Apart from community_client.c because its form differs by client and the server's speed
 * is measured by it.
 */
#include <stdio.h>

#include "client/community_client.h"

enum { PATH_MAX_BYTES = 256, PER_ROOM = 2, MAIL = 2 };

static int add_get(json_t *batch, const char *path)
{
    return json_array_append_new(batch, json_pack("{s:s, s:s}", "method", "GET", "path", path));
}

/* Without "since" as long as nothing has come, as all clients do. */
static int add_mail(json_t *batch, const char *box, int64_t seen)
{
    char path[PATH_MAX_BYTES];
    if (seen > 0)
        (void)snprintf(path, sizeof(path), "/%s/since/%lld", box, (long long)seen);
    else
        (void)snprintf(path, sizeof(path), "/%s", box);
    return add_get(batch, path);
}

/*
 * The paths of docs/protocol/community.md, 6.1. Desktop always asks pollInfo/0 and sends no limit.
 */
static json_t *poll_batch(const struct community *c, enum poll_style style,
                          const struct room_view *views, size_t count)
{
    char path[PATH_MAX_BYTES];
    json_t *batch = json_array();
    int failed = add_get(batch, "/capabilities");
    for (size_t i = 0; i < count; i++) {
        const struct room_view *v = &views[i];
        const char *limit = style == POLL_IOS ? "&limit=100" : "";
        const char *recent_flags = style == POLL_IOS ? "t=r&" : "";
        long long known = style == POLL_IOS ? (long long)v->info_updates : 0;
        (void)snprintf(path, sizeof(path), "/room/%s/pollInfo/%lld", v->token, known);
        failed |= add_get(batch, path);
        if (v->seqno == 0)
            (void)snprintf(path, sizeof(path), "/room/%s/messages/recent?%sreactors=5%s", v->token,
                           recent_flags, limit);
        else
            (void)snprintf(path, sizeof(path), "/room/%s/messages/since/%lld?t=r&reactors=5%s",
                           v->token, (long long)v->seqno, limit);
        failed |= add_get(batch, path);
    }
    failed |= add_mail(batch, "inbox", c->inbox_seen);
    failed |= add_mail(batch, "outbox", c->outbox_seen);
    if (failed != 0) {
        json_decref(batch);
        return NULL;
    }
    return batch;
}

/* Android fails a whole batch if one element lacks one of the three. */
static bool element_ok(const json_t *e)
{
    return json_is_integer(json_object_get(e, "code")) &&
           json_is_object(json_object_get(e, "headers")) && json_object_get(e, "body") != NULL;
}

static void learn_info(struct room_view *v, const json_t *element)
{
    const json_t *details = json_object_get(json_object_get(element, "body"), "details");
    const json_t *updates = json_object_get(details, "info_updates");
    if (json_is_integer(updates))
        v->info_updates = json_integer_value(updates);
}

static enum err learn_rows(struct room_view *v, const json_t *element)
{
    const json_t *rows = json_object_get(element, "body");
    size_t i;
    const json_t *row;
    if (json_integer_value(json_object_get(element, "code")) != 200)
        return OK;
    if (!json_is_array(rows))
        return ERR_MALFORMED;
    json_array_foreach(rows, i, row)
    {
        struct message m AUTO_MESSAGE = {0};
        enum err e = message_read(row, &m);
        if (e != OK)
            return e;
        if (m.seqno > v->seqno)
            v->seqno = m.seqno;
    }
    return OK;
}

/* 304 is "nothing new", with nothing in it; 200 a list of rows in ascending order. */
static enum err learn_mail(int64_t *seen, const json_t *element)
{
    const json_t *rows = json_object_get(element, "body");
    int64_t code = json_integer_value(json_object_get(element, "code"));
    size_t i;
    const json_t *row;
    if (code == 304)
        return json_object_size(json_object_get(element, "headers")) == 0 &&
                       json_string_length(rows) == 0
                   ? OK
                   : ERR_MALFORMED;
    if (code != 200 || !json_is_array(rows))
        return ERR_MALFORMED;
    json_array_foreach(rows, i, row)
    {
        int64_t id = json_integer_value(json_object_get(row, "id"));
        if (id <= *seen)
            return ERR_MALFORMED;
        *seen = id;
    }
    return OK;
}

enum err community_poll(struct community *c, enum poll_style style, struct room_view *views,
                        size_t count, json_t **ret_batch)
{
    json_auto_t *batch = poll_batch(c, style, views, count);
    json_t *replies = NULL;
    struct community_request request = {
        .method = "POST", .target = "/batch", .json = batch, .signing = SIGNED_BLINDED};
    if (batch == NULL)
        return ERR_NO_MEMORY;
    enum err e = community_json(c, &request, &replies);
    if (e != OK)
        return e;
    if (json_array_size(replies) != 1 + PER_ROOM * count + MAIL)
        e = ERR_MALFORMED;
    for (size_t i = 0; e == OK && i < json_array_size(replies); i++)
        e = element_ok(json_array_get(replies, i)) ? OK : ERR_MALFORMED;
    for (size_t i = 0; e == OK && i < count; i++) {
        learn_info(&views[i], json_array_get(replies, 1 + PER_ROOM * i));
        e = learn_rows(&views[i], json_array_get(replies, 2 + PER_ROOM * i));
    }
    if (e == OK)
        e = learn_mail(&c->inbox_seen, json_array_get(replies, 1 + PER_ROOM * count));
    if (e == OK)
        e = learn_mail(&c->outbox_seen, json_array_get(replies, 2 + PER_ROOM * count));
    if (e != OK) {
        json_decref(replies);
        return e;
    }
    *ret_batch = replies;
    return OK;
}
