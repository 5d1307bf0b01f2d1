/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of taking over. Not prepared: it is one command's, and every connection of every server would
 * have to prepare it.
 */
#include "store/taking.h"

#include "store/internal.h"

/* How many were added, as the answer. */
#define PUT(statement) "WITH put AS (" statement " RETURNING 1) SELECT count(*) FROM put"
/* A boolean that may be NULL. */
#define TRISTATE(column) "nullif(t." column ", -1)::int::boolean"

#define RIGHTS                                                                                     \
    TRISTATE("read") ", " TRISTATE("accessible") ", " TRISTATE("write") ", " TRISTATE("upload")

/* As MERGE_USER: what is there came first, and counts first. */
#define MERGE_PERMISSIONS                                                                          \
    "    ON CONFLICT (room, user_id) DO UPDATE"                                                    \
    "   SET banned = p.banned OR (excluded.banned AND NOT p.moderator),"                           \
    "       read = coalesce(p.read, excluded.read),"                                               \
    "       accessible = coalesce(p.accessible, excluded.accessible),"                             \
    "       write = coalesce(p.write, excluded.write),"                                            \
    "       upload = coalesce(p.upload, excluded.upload),"                                         \
    "       moderator = NOT p.banned AND (p.moderator OR excluded.moderator),"                     \
    "       admin = NOT p.banned AND (p.admin OR excluded.admin),"                                 \
    "       visible_mod = CASE WHEN p.moderator THEN p.visible_mod ELSE excluded.visible_mod END"

#define USERS                                                                                      \
    "INSERT INTO users AS u (id, session_id, created_hour, last_active_hour,"                      \
    "                        banned, moderator, admin, visible_mod)"                               \
    "OVERRIDING SYSTEM VALUE "                                                                     \
    "SELECT id, session_id, created, active, banned::int::boolean, moderator::int::boolean,"       \
    "       admin::int::boolean, visible::int::boolean"                                            \
    "  FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::smallint[],"         \
    "              $6::smallint[], $7::smallint[], $8::smallint[])"                                \
    "       AS t (id, session_id, created, active, banned, moderator, admin, visible)"

static const char *const puts_of[TAKING_COUNT] = {
    [TAKING_ROOMS] =
        PUT("INSERT INTO rooms (id, token, name, description, created, message_sequence,"
            "                   info_updates, active_users, read, accessible, write, upload)"
            "OVERRIDING SYSTEM VALUE "
            "SELECT id, convert_from(token, 'UTF8'), convert_from(name, 'UTF8'),"
            "       convert_from(description, 'UTF8'), created, sequence, info, active,"
            "       read::int::boolean, accessible::int::boolean, write::int::boolean,"
            "       upload::int::boolean"
            "  FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::float8[],"
            "              $6::bigint[], $7::bigint[], $8::bigint[], $9::smallint[],"
            "              $10::smallint[], $11::smallint[], $12::smallint[])"
            "       AS t (id, token, name, description, created, sequence, info, active,"
            "             read, accessible, write, upload)"),
    [TAKING_USERS] = PUT(USERS),
    [TAKING_NEEDS_BLINDING] = PUT("INSERT INTO needs_blinding (blinded_abs, user_id)"
                                  "SELECT t.blinded, u.id"
                                  "  FROM unnest($1::bytea[], $2::bigint[]) AS t (blinded, user_id)"
                                  "  JOIN users u ON u.id = t.user_id"
                                  "    ON CONFLICT DO NOTHING"),
    [TAKING_PERMISSIONS] =
        PUT("INSERT INTO permissions AS p (room, user_id, banned, read, accessible, write, upload,"
            "                              moderator, admin, visible_mod)"
            "SELECT r.id, u.id, t.banned::int::boolean, " RIGHTS ", t.moderator::int::boolean,"
            "       t.admin::int::boolean, t.visible::int::boolean"
            "  FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::smallint[],"
            "              $5::smallint[], $6::smallint[], $7::smallint[], $8::smallint[],"
            "              $9::smallint[], $10::smallint[])"
            "       AS t (room, user_id, banned, read, accessible, write, upload, moderator,"
            "             admin, visible)"
            "  JOIN rooms r ON r.id = t.room"
            "  JOIN users u ON u.id = t.user_id AND get_byte(u.session_id, 0) <> "
            "255" MERGE_PERMISSIONS),
    [TAKING_PERMISSION_FUTURES] =
        PUT("INSERT INTO permission_futures (room, user_id, at, read, write, upload)"
            "SELECT r.id, u.id, t.at, " TRISTATE("read") ", " TRISTATE("write") ", " TRISTATE(
                "upload") "  FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::smallint[],"
                          "              $5::smallint[], $6::smallint[]) WITH ORDINALITY"
                          "       AS t (room, user_id, at, read, write, upload, ordinal)"
                          "  JOIN rooms r ON r.id = t.room"
                          "  JOIN users u ON u.id = t.user_id"
                          " ORDER BY t.ordinal"),
    [TAKING_BAN_FUTURES] =
        PUT("INSERT INTO ban_futures (room, user_id, at, banned)"
            "SELECT r.id, u.id, t.at, t.banned::int::boolean"
            "  FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::smallint[])"
            "       WITH ORDINALITY AS t (room, user_id, at, banned, ordinal)"
            "  LEFT JOIN rooms r ON r.id = t.room"
            "  JOIN users u ON u.id = t.user_id"
            " WHERE t.room = -1 OR r.id IS NOT NULL"
            " ORDER BY t.ordinal"),
    [TAKING_ACTIVITY] =
        PUT("INSERT INTO room_users AS a (room, user_id, last_active_hour)"
            "SELECT r.id, u.id, max(t.hour)"
            "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS t (room, user_id, hour)"
            "  JOIN rooms r ON r.id = t.room"
            "  JOIN users u ON u.id = t.user_id"
            " GROUP BY r.id, u.id"
            "    ON CONFLICT (room, user_id) DO UPDATE"
            "   SET last_active_hour = greatest(a.last_active_hour, excluded.last_active_hour)"),
    [TAKING_MESSAGES] =
        PUT("INSERT INTO messages (id, room, author, posted, edited, seqno_creation, seqno_data,"
            "                      seqno_reactions, state, whisper_to, whisper_mods, key_id, body)"
            "OVERRIDING SYSTEM VALUE "
            "SELECT t.id, r.id, a.id, t.posted, nullif(t.edited, 0), t.creation, t.data,"
            "       t.reactions, t.state, w.id, t.mods::int::boolean, t.key_id, t.body"
            "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::float8[], $5::float8[],"
            "              $6::bigint[], $7::bigint[], $8::bigint[], $9::smallint[],"
            "              $10::bigint[], $11::smallint[], $12::bigint[], $13::bytea[])"
            "       AS t (id, room, author, posted, edited, creation, data, reactions, state,"
            "             whisper_to, mods, key_id, body)"
            "  JOIN rooms r ON r.id = t.room"
            "  JOIN users a ON a.id = t.author"
            "  LEFT JOIN users w ON w.id = t.whisper_to"
            " WHERE t.whisper_to = -1 OR w.id IS NOT NULL"
            " ORDER BY t.id"),
    [TAKING_PINS] = PUT("INSERT INTO pins (room, message, pinned_by, pinned_at)"
                        "SELECT m.room, m.id, u.id, t.at"
                        "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::float8[])"
                        "       AS t (room, message, pinned_by, at)"
                        "  JOIN messages m ON m.id = t.message AND m.room = t.room"
                        "  JOIN users u ON u.id = t.pinned_by"
                        " WHERE m.state = 0 AND m.body IS NOT NULL AND m.whisper_to IS NULL"
                        "   AND NOT m.whisper_mods"),
    [TAKING_REACTIONS] =
        PUT("INSERT INTO reactions (id, message, key_id, text, users)"
            "OVERRIDING SYSTEM VALUE "
            "SELECT t.id, m.id, t.key_id, t.text, t.users"
            "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[])"
            "       AS t (id, message, key_id, text, users)"
            "  JOIN messages m ON m.id = t.message AND m.body IS NOT NULL"
            " ORDER BY t.id"),
    [TAKING_USER_REACTIONS] =
        PUT("INSERT INTO user_reactions (reaction, user_id, seqno, at)"
            "SELECT r.id, u.id, t.seqno, t.at"
            "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::float8[])"
            "       AS t (reaction, user_id, seqno, at)"
            "  JOIN reactions r ON r.id = t.reaction"
            "  JOIN users u ON u.id = t.user_id"
            " ORDER BY t.reaction, t.seqno"
            "    ON CONFLICT DO NOTHING"),
    [TAKING_FILES] =
        PUT("INSERT INTO files (id, room, message, uploader, blob, name, uploaded, expiry)"
            "OVERRIDING SYSTEM VALUE "
            "SELECT t.id, r.id, m.id, u.id, t.blob, t.name, t.uploaded, nullif(t.expiry, -1)"
            "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],"
            "              $6::bytea[], $7::float8[], $8::float8[])"
            "       AS t (id, room, message, uploader, blob, name, uploaded, expiry)"
            "  JOIN rooms r ON r.id = t.room"
            "  LEFT JOIN messages m ON m.id = t.message"
            "  LEFT JOIN users u ON u.id = t.uploader"),
    [TAKING_IMAGES] = PUT("UPDATE rooms r"
                          "   SET image = f.id"
                          "  FROM unnest($1::bigint[], $2::bigint[]) AS t (room, image)"
                          "  JOIN files f ON f.id = t.image AND f.room = t.room"
                          " WHERE r.id = t.room"),
    [TAKING_DMS] =
        PUT("INSERT INTO direct_messages (id, sender, recipient, posted_at, expires_at, key_id,"
            "                             body)"
            "SELECT t.id, s.id, r.id, t.posted, t.expires, t.key_id, t.body"
            "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::float8[], $5::float8[],"
            "              $6::bigint[], $7::bytea[])"
            "       AS t (id, sender, recipient, posted, expires, key_id, body)"
            "  JOIN users s ON s.id = t.sender"
            "  JOIN users r ON r.id = t.recipient"
            " ORDER BY t.id"),
};

/*
 * As what waits for a 05 id moves to a blinded one (pending.c), but the row that is there counts
 * first.
 */
#define MERGE_USER                                                                                 \
    USERS "    ON CONFLICT (session_id) DO UPDATE"                                                 \
          "   SET created_hour = least(u.created_hour, excluded.created_hour),"                    \
          "       last_active_hour = greatest(u.last_active_hour, excluded.last_active_hour),"     \
          "       banned = u.banned OR (excluded.banned AND NOT u.moderator),"                     \
          "       moderator = NOT u.banned AND (u.moderator OR excluded.moderator),"               \
          "       admin = NOT u.banned AND (u.admin OR excluded.admin),"                           \
          "       visible_mod = CASE WHEN u.moderator THEN u.visible_mod"                          \
          "                          ELSE excluded.visible_mod END"                                \
          " RETURNING id"

enum err taking_begin(struct db *db)
{
    int64_t held = 0;
    /*
     * However long a step takes; whoever else writes waits for us, and no row can come in between.
     */
    enum err e = db_script(db, "SET LOCAL statement_timeout = 0;"
                               "SET LOCAL idle_in_transaction_session_timeout = 0;"
                               "LOCK TABLE rooms, users, messages, files, direct_messages"
                               "  IN SHARE ROW EXCLUSIVE MODE");
    if (e == OK)
        e = store_query_i64(db,
                            "SELECT (EXISTS (SELECT 1 FROM rooms) OR EXISTS (SELECT 1 FROM users)"
                            "        OR EXISTS (SELECT 1 FROM files)"
                            "        OR EXISTS (SELECT 1 FROM direct_messages))::int",
                            NULL, 0, &held);
    return e == OK && held != 0 ? ERR_CONFLICT : e;
}

/* What a refused statement did is undone, and only that. */
static enum err end_attempt(struct db *db, enum err e)
{
    enum err undone = db_script(db, e == OK ? "RELEASE attempt" : "ROLLBACK TO attempt");
    return undone == OK ? e : undone;
}

static enum err attempt(struct db *db, const char *sql, const struct param *params, size_t count,
                        int64_t *ret_value)
{
    enum err e = db_script(db, "SAVEPOINT attempt");
    return e == OK ? end_attempt(db, store_query_i64(db, sql, params, count, ret_value)) : e;
}

enum err taking_put(struct db *db, enum taking what, const struct param *columns, size_t count,
                    int64_t rows)
{
    int64_t added = 0;
    enum err e = db_script(db, "SAVEPOINT attempt");
    if (e != OK)
        return e;
    e = store_query_i64(db, puts_of[what], columns, count, &added);
    return end_attempt(db, e == OK && added != rows ? ERR_MISSING : e);
}

enum err taking_merge_user(struct db *db, const struct param *columns, size_t count,
                           int64_t *ret_id)
{
    return attempt(db, MERGE_USER, columns, count, ret_id);
}

enum err taking_drop_user(struct db *db, int64_t user)
{
    int64_t gone;
    const struct param params[] = {PARAM_I64(user)};
    enum err e = attempt(db, PUT("DELETE FROM users WHERE id = $1"), params, 1, &gone);
    return e == ERR_CONFLICT ? OK : e; /* a pin or a message names it */
}

enum err taking_derive(struct db *db)
{
    return db_script(db, /* Two spellings of one user may have had the same reaction. */
                     "UPDATE reactions r SET users = c.users"
                     "  FROM (SELECT reaction, count(*) AS users FROM user_reactions"
                     "         GROUP BY reaction) c"
                     " WHERE c.reaction = r.id AND c.users <> r.users;"
                     "DELETE FROM reactions r"
                     " WHERE NOT EXISTS (SELECT 1 FROM user_reactions u WHERE u.reaction = r.id);"
                     "UPDATE rooms r"
                     "   SET posted_ms = m.posted_ms"
                     "  FROM (SELECT room, floor(max(posted) * 1000)::bigint AS posted_ms"
                     "          FROM messages GROUP BY room) m"
                     " WHERE m.room = r.id;"
                     "INSERT INTO room_storage (room, bytes)"
                     "SELECT room, 0 FROM blobs WHERE room IS NOT NULL GROUP BY room;"
                     "SELECT files_recount()");
}

enum err taking_bad_room(struct db *db, int64_t *ret_room)
{
    return store_query_i64(db,
                           "SELECT r.id"
                           "  FROM rooms r"
                           "  JOIN (SELECT room, max(seqno) AS seqno FROM messages GROUP BY room) m"
                           "    ON m.room = r.id"
                           " WHERE m.seqno > r.message_sequence"
                           " ORDER BY r.id LIMIT 1",
                           NULL, 0, ret_room);
}

enum err taking_end(struct db *db, const struct taking_last *last)
{
    int64_t done;
    const struct param params[] = {PARAM_I64(last->rooms),    PARAM_I64(last->users),
                                   PARAM_I64(last->messages), PARAM_I64(last->reactions),
                                   PARAM_I64(last->files),    PARAM_I64(last->dms)};
    enum err e = store_query_i64(db,
                                 PUT("UPDATE versions"
                                     "   SET value = CASE WHEN scope = 4 THEN greatest(value, $1)"
                                     "                    ELSE value + 1 END"
                                     " WHERE scope IN (0, 1, 4)"),
                                 &params[5], 1, &done);
    if (e != OK)
        return e;
    /* Not undone by a rollback, which is why it comes last; a gap in the ids would do no harm. */
    return store_query_i64(
        db,
        "SELECT count(setval(pg_get_serial_sequence('conclave.' || t.name, 'id'),"
        "                    greatest(t.last, 1), t.last > 0))"
        "  FROM (VALUES ('rooms', $1::bigint), ('users', $2::bigint), ('messages', $3::bigint),"
        "               ('reactions', $4::bigint), ('files', $5::bigint)) AS t (name, last)",
        params, 5, &done);
}

enum err taking_analyze(struct db *db)
{
    return db_script(db, "SET statement_timeout = 0;"
                         "ANALYZE rooms, users, permissions, room_users, messages, reactions,"
                         "        user_reactions, pins, files, blobs, direct_messages");
}
