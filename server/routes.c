/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THE route table: every method, path, access, effect, body limit and handler on one screen. It
 * does not contain the lsrpc paths (http/listener.c), so onion requests cannot nest.
 */
#include "routes.h"

#include "community/community.h"
#include "files/files.h"
#include "router/json_in.h"

enum {
    NO_BODY = 0, /* a body is ignored, whatever its size */
    /*
     * [server] max_body and [files] max_bytes decide: a batch carries uploads as base64, which is a
     * third longer.
     */
    BATCH_BODY = INT32_MAX,
    FILE_BODY = INT32_MAX,
};

#define GET    "GET"
#define POST   "POST"
#define PUT    "PUT"
#define DELETE "DELETE"

const struct route inner_routes[] = {
    /* method, path, access, effect, body at most, handler */
    {GET, "/capabilities", ACCESS_PUBLIC, EFFECT_READS, NO_BODY, capabilities_get},
    {GET, "/rooms", ACCESS_PUBLIC, EFFECT_READS, NO_BODY, rooms_get_all},
    {POST, "/rooms", ACCESS_GLOBAL_ADMIN, EFFECT_WRITES_IF_NEEDED, JSON_MAX_BYTES, room_create},
    {GET, "/room/{room}", ACCESS_ROOM_ACCESSIBLE, EFFECT_READS, NO_BODY, room_get},
    {PUT, "/room/{room}", ACCESS_ROOM_SETTINGS, EFFECT_WRITES_IF_NEEDED, JSON_MAX_BYTES, room_put},
    {DELETE, "/room/{room}", ACCESS_GLOBAL_ADMIN, EFFECT_WRITES_IF_NEEDED, NO_BODY, room_delete},
    {GET, "/room/{room}/pollInfo/{number}", ACCESS_ROOM_READ, EFFECT_READS, NO_BODY, poll_info_get},
    {GET, "/room/{room}/messages/since/{number}", ACCESS_ROOM_READ, EFFECT_READS, NO_BODY,
     messages_get_since},
    {GET, "/room/{room}/messages/before/{number}", ACCESS_ROOM_READ, EFFECT_READS, NO_BODY,
     messages_get_before},
    {GET, "/room/{room}/messages/recent", ACCESS_ROOM_READ, EFFECT_READS, NO_BODY,
     messages_get_recent},
    {GET, "/room/{room}/message/{number}", ACCESS_ROOM_READ, EFFECT_READS, NO_BODY,
     message_get_one},
    {POST, "/room/{room}/message", ACCESS_ROOM_WRITE, EFFECT_WRITES_CLAIMED_LATER, JSON_MAX_BYTES,
     message_post},
    {PUT, "/room/{room}/message/{number}", ACCESS_ROOM_WRITE, EFFECT_WRITES_CLAIMED_LATER,
     JSON_MAX_BYTES, message_edit},
    {DELETE, "/room/{room}/message/{number}", ACCESS_ROOM_WRITE, EFFECT_WRITES_CLAIMED_LATER,
     NO_BODY, message_delete},
    {DELETE, "/room/{room}/all/{user}", ACCESS_USER, EFFECT_WRITES_IF_NEEDED, NO_BODY,
     messages_delete_all_in_room},
    {DELETE, "/rooms/all/{user}", ACCESS_USER, EFFECT_WRITES_IF_NEEDED, NO_BODY,
     messages_delete_all},
    {PUT, "/room/{room}/reaction/{number}/{rest}", ACCESS_ROOM_READ_AS_USER,
     EFFECT_WRITES_CLAIMED_LATER, NO_BODY, reaction_add},
    {DELETE, "/room/{room}/reaction/{number}/{rest}", ACCESS_ROOM_READ_AS_USER,
     EFFECT_WRITES_CLAIMED_LATER, NO_BODY, reaction_remove},
    {DELETE, "/room/{room}/reactions/{number}/{rest}", ACCESS_ROOM_MODERATOR,
     EFFECT_WRITES_CLAIMED_LATER, NO_BODY, reaction_clear},
    {DELETE, "/room/{room}/reactions/{number}", ACCESS_ROOM_MODERATOR, EFFECT_WRITES_CLAIMED_LATER,
     NO_BODY, reactions_clear},
    {GET, "/room/{room}/reactors/{number}/{rest}", ACCESS_ROOM_READ, EFFECT_READS, NO_BODY,
     reactors_get},

    {GET, "/room/{room}/permissions", ACCESS_ROOM_MODERATOR, EFFECT_READS, NO_BODY,
     permissions_get_all},
    {GET, "/room/{room}/permissions/{user}", ACCESS_ROOM_MODERATOR, EFFECT_READS, NO_BODY,
     permissions_get_one},
    {POST, "/room/{room}/permissions/{user}", ACCESS_ROOM_MODERATOR, EFFECT_WRITES_IF_NEEDED,
     JSON_MAX_BYTES, permissions_post},
    {GET, "/room/{room}/futurePermissions", ACCESS_ROOM_MODERATOR, EFFECT_READS, NO_BODY,
     futures_get_all},
    {GET, "/room/{room}/futurePermissions/{user}", ACCESS_ROOM_MODERATOR, EFFECT_READS, NO_BODY,
     futures_get_one},
    {POST, "/room/{room}/futurePermissions/{user}", ACCESS_ROOM_MODERATOR, EFFECT_WRITES_IF_NEEDED,
     JSON_MAX_BYTES, futures_post},
    {POST, "/room/{room}/pin/{number}", ACCESS_ROOM_ADMIN, EFFECT_WRITES_IF_NEEDED, NO_BODY,
     pin_add},
    {POST, "/room/{room}/unpin/{number}", ACCESS_ROOM_ADMIN, EFFECT_WRITES_IF_NEEDED, NO_BODY,
     pin_remove},
    {POST, "/room/{room}/unpin/all", ACCESS_ROOM_ADMIN, EFFECT_WRITES_IF_NEEDED, NO_BODY,
     pin_remove_all},
    {POST, "/user/{user}/ban", ACCESS_USER, EFFECT_WRITES_IF_NEEDED, JSON_MAX_BYTES, user_ban},
    {POST, "/user/{user}/unban", ACCESS_USER, EFFECT_WRITES_IF_NEEDED, JSON_MAX_BYTES, user_unban},
    {POST, "/user/{user}/moderator", ACCESS_USER, EFFECT_WRITES_IF_NEEDED, JSON_MAX_BYTES,
     user_moderator},

    {POST, "/room/{room}/file", ACCESS_ROOM_UPLOAD, EFFECT_WRITES_IF_NEEDED, FILE_BODY,
     room_file_upload},
    {GET, "/room/{room}/file/{number}", ACCESS_ROOM_READ, EFFECT_READS, NO_BODY,
     room_file_download},
    {GET, "/room/{room}/file/{number}/{text}", ACCESS_ROOM_READ, EFFECT_READS, NO_BODY,
     room_file_download},
    {GET, "/inbox", ACCESS_BLINDED_USER, EFFECT_READS, NO_BODY, inbox_get},
    {GET, "/inbox/since/{number}", ACCESS_BLINDED_USER, EFFECT_READS, NO_BODY, inbox_get_since},
    {GET, "/outbox", ACCESS_BLINDED_USER, EFFECT_READS, NO_BODY, outbox_get},
    {GET, "/outbox/since/{number}", ACCESS_BLINDED_USER, EFFECT_READS, NO_BODY, outbox_get_since},
    {POST, "/inbox/{user}", ACCESS_USER, EFFECT_WRITES_IF_NEEDED, JSON_MAX_BYTES, dm_send},
    {DELETE, "/inbox", ACCESS_BLINDED_USER, EFFECT_WRITES_IF_NEEDED, NO_BODY, inbox_clear},

    {POST, "/file", ACCESS_PUBLIC, EFFECT_WRITES_IF_NEEDED, FILE_BODY, file_upload},
    {GET, "/file/{text}", ACCESS_PUBLIC, EFFECT_READS, NO_BODY, file_download},
    {GET, "/file/{text}/info", ACCESS_PUBLIC, EFFECT_READS, NO_BODY, file_info},
    {POST, "/file/{text}/extend", ACCESS_PUBLIC, EFFECT_WRITES, NO_BODY, file_extend},
    {GET, "/session_version", ACCESS_PUBLIC, EFFECT_READS, NO_BODY, session_version},

    {POST, "/batch", ACCESS_PUBLIC, EFFECT_BY_ELEMENTS, BATCH_BODY, batch_run},
    {POST, "/sequence", ACCESS_PUBLIC, EFFECT_BY_ELEMENTS, BATCH_BODY, sequence_run},
};
const size_t inner_route_count = COUNT_OF(inner_routes);
