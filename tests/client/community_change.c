/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a member changes in a room after posting: edits, deletions, reactions. Forms as clients send
 * them: no body where none is needed (docs/protocol/community.md, 1.2).
 */
#include <stdio.h>

#include "client/community_client.h"

enum { TARGET_MAX = 512 };

enum err community_send(struct community *c, const char *method, const char *target,
                        const json_t *json, json_t **ret_json)
{
    struct community_request request = {
        .method = method, .target = target, .json = json, .signing = SIGNED_BLINDED};
    json_t *reply = NULL;
    enum err e = community_json(c, &request, &reply);
    if (e != OK)
        return e;
    if (ret_json != NULL)
        *ret_json = reply;
    else
        json_decref(reply);
    return OK;
}

enum err community_edit(struct community *c, const char *room, int64_t id, const char *text)
{
    char target[TARGET_MAX];
    json_auto_t *body = community_post_body(c, text);
    if (body == NULL)
        return ERR_TOO_LARGE;
    (void)snprintf(target, sizeof(target), "/room/%s/message/%lld", room, (long long)id);
    return community_send(c, "PUT", target, body, NULL);
}

enum err community_delete(struct community *c, const char *room, int64_t id)
{
    char target[TARGET_MAX];
    (void)snprintf(target, sizeof(target), "/room/%s/message/%lld", room, (long long)id);
    return community_send(c, "DELETE", target, NULL, NULL);
}

/* Percent-encodes what is not plainly safe, as desktop does with encodeURIComponent. */
static void put_encoded(struct buf *out, const char *text)
{
    static const char safe[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()";
    for (; *text != '\0'; text++) {
        if (strchr(safe, *text) == NULL)
            buf_put_byte(out, '%');
        if (strchr(safe, *text) == NULL)
            buf_put_hex(out, span_of(text, 1));
        else
            buf_put_byte(out, (uint8_t)*text);
    }
}

enum err community_reaction(struct community *c, const char *method, const char *kind,
                            const struct reaction_place *at, json_t **ret_json)
{
    struct buf target AUTO_BUF = buf_make(TARGET_MAX);
    buf_put_text(&target, "/room/");
    buf_put_text(&target, at->room);
    buf_put_byte(&target, '/');
    buf_put_text(&target, kind);
    buf_put_byte(&target, '/');
    buf_put_i64(&target, at->id);
    if (at->reaction != NULL) {
        buf_put_byte(&target, '/');
        put_encoded(&target, at->reaction);
    }
    buf_put_byte(&target, '\0');
    return buf_verdict(&target) == OK
               ? community_send(c, method, (const char *)target.p, NULL, ret_json)
               : ERR_TOO_LARGE;
}

enum err community_react(struct community *c, const char *room, int64_t id, const char *reaction,
                         json_t **ret_json)
{
    const struct reaction_place at = {room, id, reaction};
    return community_reaction(c, "PUT", "reaction", &at, ret_json);
}

enum err community_unreact(struct community *c, const char *room, int64_t id, const char *reaction,
                           json_t **ret_json)
{
    const struct reaction_place at = {room, id, reaction};
    return community_reaction(c, "DELETE", "reaction", &at, ret_json);
}

enum err community_delete_all(struct community *c, const char *room, const struct session_id *who,
                              json_t **ret_json)
{
    char target[TARGET_MAX];
    struct id_text id = account_id_text(who);
    if (room != NULL)
        (void)snprintf(target, sizeof(target), "/room/%s/all/%s", room, id.s);
    else
        (void)snprintf(target, sizeof(target), "/rooms/all/%s", id.s);
    return community_send(c, "DELETE", target, NULL, ret_json);
}
