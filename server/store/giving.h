/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handing over to another server what we keep of rooms and people, as it was at one moment: the
 * counterpart of taking.h. Rows come in portions, however many there are. Bodies, texts and names
 * come sealed, with the id of their key.
 */
#ifndef CONCLAVE_STORE_GIVING_H
#define CONCLAVE_STORE_GIVING_H

#include "store/store.h"

/* Columns of each. Times are seconds, session ids 66 hex digits; held messages are not given, nor
 * what belongs to them. */
enum giving {
    /*
     * id, token, name, description, image, created, message_sequence, info_updates, active_users,
     * read, accessible, write, upload
     */
    GIVING_ROOMS,
    /* id, session_id, created, last_active, banned, moderator, admin, visible_mod */
    GIVING_USERS,
    /* blinded_abs, user */
    GIVING_NEEDS_BLINDING,
    /* room, user, banned, read, accessible, write, upload, moderator, admin, visible_mod */
    GIVING_PERMISSIONS,
    /* room, user, at, read, write, upload */
    GIVING_PERMISSION_FUTURES,
    /* room, user, at, banned */
    GIVING_BAN_FUTURES,
    /* room, user, last_active */
    GIVING_ACTIVITY,
    /*
     * id, room, author, posted, edited, seqno, seqno_data, seqno_reactions, seqno_creation,
     * filtered, whisper_to, whisper_mods, key, body; then what message_mac_check_row reads
     */
    GIVING_MESSAGES,
    /* room, message, pinned_by, pinned_at */
    GIVING_PINS,
    /* id, message, room, key, text */
    GIVING_REACTIONS,
    /* reaction, user, at */
    GIVING_USER_REACTIONS,
    /* id, room, uploader, message, uploaded, expiry, token of the room */
    GIVING_FILES,
    /* id, recipient, sender, posted_at, expires_at, key, body */
    GIVING_DMS,
    GIVING_COUNT
};
enum { GIVING_MESSAGES_MAC = 14 };

/* Begins a transaction that sees one moment and cannot write; the caller rolls it back. */
MUST_USE enum err giving_begin(struct db *db);
/* The same within a transaction of the caller's. */
MUST_USE enum err giving_open(struct db *db);
/* Begins to read. */
MUST_USE enum err giving_ask(struct db *db, enum giving what);
/* The next rows. ERR_MISSING: there are none. */
MUST_USE enum err giving_next(struct db *db, struct rows *ret_rows);
/*
 * The row of the server that this one was taken over from, if there is one (pysogs/): ff and our
 * key. ERR_MISSING.
 */
MUST_USE enum err giving_system_user(struct db *db, int64_t *ret_user);
/* The highest id that a direct message ever had; 0: there was none. */
MUST_USE enum err giving_last_dm(struct db *db, int64_t *ret_id);

#endif
