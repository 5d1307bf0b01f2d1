/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of handing over. Not prepared, as in taking.c: one command's.
 */
#include "store/giving.h"

#include "base/buf.h"
#include "store/internal.h"

static const char *const asks[GIVING_COUNT] = {
    [GIVING_ROOMS] = "SELECT id, token, name, description, image, created, message_sequence,"
                     "       info_updates, active_users, read, accessible, write, upload"
                     "  FROM rooms ORDER BY id",
    [GIVING_USERS] = "SELECT id, encode(session_id, 'hex'), created_hour * 3600.0::float8,"
                     "       last_active_hour * 3600.0::float8, banned, moderator, admin,"
                     "       visible_mod"
                     "  FROM users ORDER BY id",
    [GIVING_NEEDS_BLINDING] = "SELECT encode(blinded_abs, 'hex'), user_id FROM needs_blinding",
    [GIVING_PERMISSIONS] = "SELECT room, user_id, banned, read, accessible, write, upload,"
                           "       moderator, admin, visible_mod"
                           "  FROM permissions",
    [GIVING_PERMISSION_FUTURES] = "SELECT room, user_id, at, read, write, upload"
                                  "  FROM permission_futures ORDER BY at, id",
    [GIVING_BAN_FUTURES] = "SELECT room, user_id, at, banned FROM ban_futures ORDER BY at, id",
    [GIVING_ACTIVITY] = "SELECT room, user_id, last_active_hour * 3600.0::float8 FROM room_users",
    [GIVING_MESSAGES] = "SELECT m.id, m.room, m.author, m.posted, m.edited, m.seqno, m.seqno_data,"
                        "       m.seqno_reactions, m.seqno_creation, m.state = 1, m.whisper_to,"
                        "       m.whisper_mods, m.key_id, m.body, m.seqno_data, m.state, m.posted,"
                        "       m.edited, a.session_id, w.session_id, m.whisper_mods, m.mac"
                        "  FROM messages m"
                        "  JOIN users a ON a.id = m.author"
                        "  LEFT JOIN users w ON w.id = m.whisper_to"
                        " WHERE m.state <> 2 ORDER BY m.id",
    [GIVING_PINS] = "SELECT room, message, pinned_by, pinned_at FROM pins",
    [GIVING_REACTIONS] = "SELECT r.id, r.message, m.room, r.key_id, r.text"
                         "  FROM reactions r"
                         "  JOIN messages m ON m.id = r.message AND m.state <> 2"
                         " ORDER BY r.id",
    [GIVING_USER_REACTIONS] = "SELECT u.reaction, u.user_id, u.at"
                              "  FROM user_reactions u"
                              "  JOIN reactions r ON r.id = u.reaction"
                              "  JOIN messages m ON m.id = r.message AND m.state <> 2"
                              " ORDER BY u.reaction, u.seqno",
    [GIVING_FILES] = "SELECT f.id, f.room, f.uploader, f.message, f.uploaded, f.expiry, r.token"
                     "  FROM files f"
                     "  JOIN rooms r ON r.id = f.room"
                     "  LEFT JOIN messages m ON m.id = f.message"
                     " WHERE m.state IS DISTINCT FROM 2"
                     " ORDER BY f.id",
    [GIVING_DMS] = "SELECT id, recipient, sender, posted_at, expires_at, key_id, body"
                   "  FROM direct_messages ORDER BY id",
};

enum { SQL_MAX_BYTES = 4096 };

enum err giving_open(struct db *db)
{
    return db_script(db, "DECLARE giving NO SCROLL CURSOR FOR SELECT 1"); /* one to close */
}

enum err giving_begin(struct db *db)
{
    enum err e = db_script(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                               "SET LOCAL statement_timeout = 0;"
                               "SET LOCAL idle_in_transaction_session_timeout = 0");
    return e == OK ? giving_open(db) : e;
}

enum err giving_ask(struct db *db, enum giving what)
{
    AUTO_BUF struct buf sql = buf_make(SQL_MAX_BYTES);
    buf_put_text(&sql, "CLOSE giving; DECLARE giving NO SCROLL CURSOR FOR ");
    buf_put_text(&sql, asks[what]);
    buf_put_byte(&sql, '\0');
    enum err e = buf_verdict(&sql);
    return e == OK ? db_script(db, (const char *)sql.p) : e;
}

enum err giving_next(struct db *db, struct rows *ret_rows)
{
    enum err e = db_query(db, "FETCH 200 FROM giving", NULL, 0, ret_rows);
    return e == OK && ret_rows->count == 0 ? ERR_MISSING : e;
}

enum err giving_system_user(struct db *db, int64_t *ret_user)
{
    return store_query_i64(db,
                           "SELECT u.id"
                           "  FROM users u"
                           "  JOIN server s ON u.session_id = '\\xff'::bytea || s.public_key",
                           NULL, 0, ret_user);
}

enum err giving_last_dm(struct db *db, int64_t *ret_id)
{
    return store_query_i64(db, "SELECT value FROM versions WHERE scope = 4", NULL, 0, ret_id);
}
