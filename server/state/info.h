/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The room object and the pollInfo object of docs/protocol/community.md, 2.2, rendered once per
 * role class when something in them changes: a desktop asks for the whole object with every poll.
 * Pure: no locks, no SQL.
 */
#ifndef CONCLAVE_STATE_INFO_H
#define CONCLAVE_STATE_INFO_H

#include "base/buf.h"
#include "state/rights.h"
#include "store/pins.h"
#include "store/rooms.h"

/* PySOGS's default for who counts as active: seven days. */
enum { INFO_ACTIVE_CUTOFF_S = 7 * 24 * 60 * 60, INFO_MAX_BYTES = 4 * 1024 * 1024 };

/*
 * Read-only once made. A room object is
 *   { head  message_sequence  body[moderator]  the caller's flags  [defaults] }
 */
struct info {
    int64_t info_updates;
    int64_t active_users;
    struct rights_defaults defaults;
    struct buf token;          /* "token":"..." */
    struct buf head;           /* the rest up to "message_sequence": */
    struct buf body[2];        /* for ordinary callers, for moderators */
    struct buf default_rights; /* "default_read":... */
};

/* Free with info_free. ERR_NO_MEMORY, ERR_TOO_LARGE. */
MUST_USE enum err info_new(const struct room_row *room, const struct pin_row *pins,
                           size_t pin_count, const struct rights_overrides *overrides,
                           const struct rights_users *users, struct info **ret_info);
void info_free(struct info *info);
/* What it takes in memory. */
size_t info_bytes(const struct info *info);

/* The token alone, quoted. */
void info_write_token(const struct info *info, struct buf *out);
void info_write_room(const struct info *info, int64_t message_sequence, const struct rights *rights,
                     struct buf *out);
void info_write_poll(const struct info *info, int64_t message_sequence, int64_t counter,
                     const struct rights *rights, struct buf *out);

#endif
