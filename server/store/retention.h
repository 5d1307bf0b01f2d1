/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a room keeps its messages, and the silent purge (docs/design.md, D15): rows go as if
 * they had never been, without tombstones and numbers; pinned messages stay, files of what goes
 * expire. Every slice raises VERSION_ROOM_PURGED in its own transaction, upon which memory forgets
 * what went.
 */
#ifndef CONCLAVE_STORE_RETENTION_H
#define CONCLAVE_STORE_RETENTION_H

#include "store/store.h"

struct retention {
    int64_t room;
    int64_t keep_s;     /* 0: for ever */
    int64_t keep_bytes; /* 0: without bound */
};
/* All rooms that do not keep everything. */
MUST_USE enum err retention_list(struct db *db, struct arena *mem, struct retention **ret_rows,
                                 size_t *ret_count);
/* Of one room; both 0 when nothing was ever set. */
MUST_USE enum err retention_get(struct db *db, int64_t room, struct retention *ret_retention);
MUST_USE enum err retention_set(struct db *db, const struct retention *retention);

/* What would go, or goes. Tombstones and filtered posts are not counted. */
struct retention_sum {
    int64_t messages, message_bytes;
    int64_t files, file_bytes;
};
MUST_USE enum err retention_preview(struct db *db, const struct retention *retention, double now,
                                    struct retention_sum *ret_sum);

/*
 * The newest message that must go with all below it so that the rest, pinned ones included, is
 * within keep_bytes; 0: none must. Reads every message of the room: for a job, now and then.
 */
MUST_USE enum err retention_find_cut(struct db *db, int64_t room, int64_t keep_bytes,
                                     int64_t *ret_id);

/*
 * What goes: everything older than `before`, tombstones by the time of deletion; and live messages
 * up to `cut`.
 */
struct retention_purge {
    int64_t room;
    double before; /* seconds since 1970; 0: nothing for its age */
    int64_t cut;   /* id; 0: nothing for its place */
    int64_t limit; /* of each kind */
};
/*
 * One slice in one transaction, under the room's lock. *ret_gone: rows; 0: nothing is left to go.
 */
MUST_USE enum err retention_purge(struct db *db, struct arena *mem,
                                  const struct retention_purge *purge, int64_t *ret_gone);
/* For memory: the highest id that ever went. */
MUST_USE enum err retention_purged_to(struct db *db, int64_t room, int64_t *ret_id);

#endif
