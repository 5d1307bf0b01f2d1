/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Uploads and downloads of a room's files.
 */
#include "client/room_file.h"

#include <stdio.h>

enum { TARGET_MAX = 160, ESCAPE_LEN = 3 };
#define BINARY_TYPE "application/octet-stream"

static enum err read_id(const json_t *json, int64_t *ret_id)
{
    const json_t *id = json_object_get(json, "id");
    if (!json_is_integer(id) || json_integer_value(id) <= 0)
        return ERR_MALFORMED;
    *ret_id = json_integer_value(id);
    return OK;
}

enum err room_file_put(struct community *c, const char *room, struct span file,
                       const char *disposition, int64_t *ret_id)
{
    char target[TARGET_MAX];
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    (void)snprintf(target, sizeof(target), "/room/%s/file", room);
    struct community_request request = {.method = "POST",
                                        .target = target,
                                        .body = file,
                                        .content_type = BINARY_TYPE,
                                        .disposition = disposition,
                                        .signing = SIGNED_BLINDED};
    enum err e = community_call(c, &request, &reply);
    if (e != OK)
        return e;
    if (c->refusal.code != 0)
        return ERR_DENIED;
    json_auto_t *json = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    if (reply.code != 201 ||
        strcmp(onion_reply_header(&reply, "content-type"), "application/json") != 0)
        return ERR_MALFORMED;
    return read_id(json, ret_id);
}

enum err room_file_put_in_batch(struct community *c, const char *room, struct span file,
                                const char *disposition, int64_t *ret_id)
{
    char target[TARGET_MAX];
    json_t *json = NULL;
    struct buf text AUTO_BUF = buf_make(2 * (size_t)ONION_BODY_MAX_BYTES);
    (void)snprintf(target, sizeof(target), "/room/%s/file", room);
    buf_put_base64(&text, file);
    if (buf_verdict(&text) != OK)
        return ERR_TOO_LARGE;
    json_auto_t *batch = json_pack("[{s:s, s:s, s:s%, s:{s:s}}]", "method", "POST", "path", target,
                                   "b64", text.p, text.len, "headers", "Content-Disposition",
                                   disposition != NULL ? disposition : "attachment");
    if (batch == NULL)
        return ERR_NO_MEMORY;
    struct community_request request = {
        .method = "POST", .target = "/batch", .json = batch, .signing = SIGNED_BLINDED};
    enum err e = community_json(c, &request, &json);
    if (e != OK)
        return e;
    const json_t *element = json_array_get(json, 0);
    int code = (int)json_integer_value(json_object_get(element, "code"));
    e = read_id(json_object_get(element, "body"), ret_id);
    if (code != 201) {
        c->refusal.code = code;
        e = ERR_DENIED;
    }
    json_decref(json);
    return e;
}

static void copy_header(const struct onion_reply *reply, const char *name,
                        char out[static ROOM_FILE_HEADER_MAX])
{
    (void)snprintf(out, ROOM_FILE_HEADER_MAX, "%s", onion_reply_header(reply, name));
}

enum err room_file_get(struct community *c, const char *room, int64_t id, enum signing signing,
                       struct buf *out, struct room_file_info *ret_info)
{
    char target[TARGET_MAX];
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    (void)snprintf(target, sizeof(target), "/room/%s/file/%lld", room, (long long)id);
    struct community_request request = {.method = "GET", .target = target, .signing = signing};
    enum err e = community_call(c, &request, &reply);
    if (e != OK)
        return e;
    if (c->refusal.code != 0)
        return ERR_DENIED;
    if (strcmp(onion_reply_header(&reply, "content-type"), BINARY_TYPE) != 0)
        return ERR_MALFORMED;
    buf_put(out, reply.body);
    if (ret_info != NULL) {
        copy_header(&reply, "content-disposition", ret_info->disposition);
        copy_header(&reply, "date", ret_info->date);
        copy_header(&reply, "expires", ret_info->expires);
    }
    return buf_verdict(out);
}

enum err room_file_disposition(const char *name, char out[static ROOM_FILE_HEADER_MAX])
{
    static const char start[] = "attachment; filename*=UTF-8''";
    size_t len = sizeof(start) - 1;
    memcpy(out, start, sizeof(start));
    for (const char *p = name; *p != '\0'; p++) {
        if (len + ESCAPE_LEN >= ROOM_FILE_HEADER_MAX)
            return ERR_TOO_LARGE;
        len += (size_t)snprintf(out + len, ROOM_FILE_HEADER_MAX - len, "%%%02X",
                                (unsigned)(uint8_t)*p);
    }
    return OK;
}
