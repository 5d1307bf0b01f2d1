/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rooms: their rows, and creation, change and removal by commands and handlers. Every change bumps `versions` in the
 * same transaction (design D7).
 */
#ifndef CONCLAVE_STORE_ROOMS_H
#define CONCLAVE_STORE_ROOMS_H

#include "crypto/keys.h"
#include "store/store.h"

enum { ROOM_TOKEN_MAX = 64, ROOM_NAME_MAX = 512, ROOM_DESCRIPTION_MAX = 4096 };

struct room_row {
    int64_t id;
    struct span token; /* stored spelling */
    struct span name;
    struct span description; /* p == NULL: none */
    int64_t image;           /* file id; 0: none */
    double created;
    int64_t message_sequence;
    int64_t info_updates;
    int64_t active_users;
    bool read, accessible, write, upload; /* defaults */
};

/* All rooms, ordered by lower(token). Spans in mem. */
MUST_USE enum err rooms_list(struct db *db, struct arena *mem, struct room_row **ret_rooms,
                             size_t *ret_count);
/* ERR_MISSING. */
MUST_USE enum err rooms_by_id(struct db *db, struct arena *mem, int64_t id,
                              struct room_row *ret_room);
MUST_USE enum err rooms_by_token(struct db *db, struct arena *mem, struct span token,
                                 struct room_row *ret_room);

/* ERR_CONFLICT: the token exists (in any case). Token alphabet and length were checked by the caller. */
MUST_USE enum err rooms_create(struct db *db, struct span token, struct span name,
                               struct span description, int64_t now_ms, int64_t *ret_id);

/* What `room set` may change; unset members stay. */
struct room_change {
    const struct span *name, *description; /* NULL: leave; description with len 0: remove */
    enum tristate read, accessible, write, upload;
};
/* info_updates +1 for a changed name and for a changed description, +0 for default permissions (protocol 02, 3.2). */
MUST_USE enum err rooms_change(struct db *db, int64_t id, const struct room_change *change);
/* Deletes the room with its messages, keys and permissions; files lose their room and expire. */
MUST_USE enum err rooms_remove(struct db *db, int64_t id);

struct pin_row {
    int64_t message;
    double pinned_at;
    struct session_id pinned_by;
};
MUST_USE enum err rooms_pins(struct db *db, struct arena *mem, int64_t room,
                             struct pin_row **ret_pins, size_t *ret_count);

#endif
