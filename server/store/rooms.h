/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rooms: their rows, and creation, change and removal by commands and handlers. Every change bumps
 * `versions` in the same transaction (docs/design.md, D7).
 */
#ifndef CONCLAVE_STORE_ROOMS_H
#define CONCLAVE_STORE_ROOMS_H

#include "store/standing.h"

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

/*
 * ERR_CONFLICT: the token exists (in any case). Token alphabet and length were checked by the
 * caller.
 */
MUST_USE enum err rooms_create(struct db *db, struct span token, struct span name,
                               struct span description, int64_t now_ms, int64_t *ret_id);

/* What may change of a room; what is not named stays. */
struct room_change {
    const struct span *name, *description; /* NULL: leave; description with len 0: remove */
    const int64_t *image;                  /* NULL: leave; 0: none; else a file of the room */
    enum tristate read, accessible, write, upload;
    double now; /* for image: the file must not have expired ... */
    double
        file_lifetime_s; /* ... and what the former one has left if a message shows it; 0: no end */
};
/*
 * info_updates +1 for each of name, description and image that differs, +0 for default permissions
 * (docs/protocol/community.md, 3.2). The picture has no end; the former one goes at once, unless a
 * message shows it. ERR_CONFLICT: the image is no file of this room. In the caller's transaction,
 * or one of its own.
 */
MUST_USE enum err rooms_change(struct db *db, int64_t id, const struct room_change *change,
                               int64_t *ret_info_updates);
/* The counters of the rooms of a reach, by token; in mem. */
struct room_info {
    struct span token;
    int64_t info_updates;
};
MUST_USE enum err rooms_info(struct db *db, struct arena *mem, const struct reach *reach,
                             struct room_info **ret_infos, size_t *ret_count);
/*
 * Deletes the room with its messages, keys and permissions; files lose their room and expire.
 * ERR_MISSING. In the caller's transaction, or one of its own.
 */
MUST_USE enum err rooms_remove(struct db *db, int64_t id);

#endif
