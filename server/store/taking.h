/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking over what another server kept: rows with the ids and numbers they had there, into a
 * database that holds nothing yet. Everything runs in the caller's one transaction. Who reads the
 * other server is pysogs/.
 *
 * What refers to something that was not taken is passed over (foreign keys of SQLite are often not
 * enforced); what breaks a rule of ours is refused. Bodies, texts and names come sealed.
 */
#ifndef CONCLAVE_STORE_TAKING_H
#define CONCLAVE_STORE_TAKING_H

#include "store/store.h"

/*
 * Columns of each, in their order. Nullable booleans: -1; nullable numbers and times: -1, except
 * where 0 is said; bytes with p == NULL are NULL.
 */
enum taking {
    /*
     * id, token, name, description, created, message_sequence, info_updates, active_users, read,
     * accessible, write, upload
     */
    TAKING_ROOMS,
    /* id, session_id, created_hour, last_active_hour, banned, moderator, admin, visible_mod */
    TAKING_USERS,
    /* blinded_abs, user */
    TAKING_NEEDS_BLINDING,
    /*
     * room, user, banned, read, accessible, write, upload, moderator, admin, visible_mod; nobody's
     * are passed over
     */
    TAKING_PERMISSIONS,
    /* room, user, at, read, write, upload */
    TAKING_PERMISSION_FUTURES,
    /* room, user, at, banned */
    TAKING_BAN_FUTURES,
    /* room, user, hour */
    TAKING_ACTIVITY,
    /*
     * id, room, author, posted, edited (0), seqno_creation, seqno_data, seqno_reactions, state,
     * whisper_to, whisper_mods, key, body
     */
    TAKING_MESSAGES,
    /* room, message, pinned_by, pinned_at; only of live, visible messages that are no whispers */
    TAKING_PINS,
    /* id, message, key, text, users */
    TAKING_REACTIONS,
    /* reaction, user, seqno, at; of two of one user the first stays */
    TAKING_USER_REACTIONS,
    /* id, room, message, uploader, blob, name, uploaded, expiry */
    TAKING_FILES,
    /* room, image: a file of the room */
    TAKING_IMAGES,
    /* id, sender, recipient, posted_at, expires_at, key, body */
    TAKING_DMS,
    TAKING_COUNT
};

/*
 * Keeps everybody else from writing until the transaction ends. ERR_CONFLICT: there are rooms,
 * people, files or direct messages already. ERR_RETRY: somebody holds them.
 */
MUST_USE enum err taking_begin(struct db *db);

/*
 * Adds rows, one array per column (db.h), all or none of them; the transaction goes on in either
 * case. ERR_CONFLICT: at least one of them breaks a rule. ERR_MISSING: at least one was passed
 * over.
 */
MUST_USE enum err taking_put(struct db *db, enum taking what, const struct param *columns,
                             size_t count, int64_t rows);

/*
 * One user whose id may be another's in a second spelling: the columns of TAKING_USERS, of one row.
 * Then what both have been given is that one's. *ret_id: the row that stands for it. What the first
 * is wins where both cannot be.
 */
MUST_USE enum err taking_merge_user(struct db *db, const struct param *columns, size_t count,
                                    int64_t *ret_id);
/* Removes a user if nothing refers to it. */
MUST_USE enum err taking_drop_user(struct db *db, int64_t user);

/* The counters and sums that follow from the rows. */
MUST_USE enum err taking_derive(struct db *db);
/* A room with a number above its counter. ERR_MISSING: none. */
MUST_USE enum err taking_bad_room(struct db *db, int64_t *ret_room);

/* The highest id that the other server ever gave. */
struct taking_last {
    int64_t rooms, users, messages, reactions, files, dms;
};
/* The very last step: ids go on behind these, and running servers are told to look. */
MUST_USE enum err taking_end(struct db *db, const struct taking_last *last);
/* After the transaction: the planner learns of what came. */
MUST_USE enum err taking_analyze(struct db *db);

#endif
