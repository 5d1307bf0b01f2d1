/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of what messages do to files. Apart from files.c, which knows content and not messages.
 */
#include "store/attachments.h"

#include "store/files.h"
#include "store/internal.h"

const struct statement attachments_statements[] = {
    {"attachments.adopt",
     "UPDATE files f"
     "   SET message = t.message,"
     "       expiry = CASE"
     "           WHEN EXISTS (SELECT 1 FROM pins p WHERE p.message = t.message)"
     "           THEN NULL ELSE $7::float8 END"
     "  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])"
     "       AS t (room, message, uploader, file)"
     " WHERE f.id = t.file AND f.room = t.room AND f.uploader = t.uploader"
     "   AND f.message IS NULL AND f.uploaded > $5 AND f.expiry > $6"},
    {"attachments.expire_messages",
     "UPDATE files f"
     "   SET expiry = 0"
     " WHERE f.message = ANY($1::bigint[])"
     "   AND NOT EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id)"},
    {"attachments.expire_uploader",
     "UPDATE files f"
     "   SET expiry = 0"
     " WHERE f.room = $1 AND f.uploader = $2"
     "   AND NOT EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id)"},
    /* What has expired stays so. */
    {"attachments.pin", "UPDATE files"
                        "   SET expiry = NULL"
                        " WHERE message = ANY($1::bigint[]) AND expiry > 0"},
    {"attachments.unpin", "UPDATE files f"
                          "   SET expiry = f.uploaded + $2"
                          " WHERE f.message = ANY($1::bigint[]) AND f.expiry IS NULL"
                          "   AND NOT EXISTS (SELECT 1 FROM rooms r WHERE r.image = f.id)"},
    STATEMENTS_END,
};

enum err attachments_adopt(struct db *db, struct arena *mem, const struct attachment *items,
                           size_t count, double now, double expiry)
{
    if (count == 0)
        return OK;
    int64_t *rooms = ARENA_ARRAY(mem, count, int64_t);
    int64_t *messages = ARENA_ARRAY(mem, count, int64_t);
    int64_t *users = ARENA_ARRAY(mem, count, int64_t);
    int64_t *files = ARENA_ARRAY(mem, count, int64_t);
    if (!rooms || !messages || !users || !files)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        rooms[i] = items[i].room;
        messages[i] = items[i].message;
        users[i] = items[i].user;
        files[i] = items[i].file;
    }
    return DB_RUN(db, "attachments.adopt", NULL, PARAM_ARRAY(P_I64_ARRAY, rooms, count),
                  PARAM_ARRAY(P_I64_ARRAY, messages, count), PARAM_ARRAY(P_I64_ARRAY, users, count),
                  PARAM_ARRAY(P_I64_ARRAY, files, count), PARAM_F64(now - ATTACHMENT_UNADOPTED_S),
                  PARAM_F64(now), expiry >= FILE_NEVER ? PARAM_NULL : PARAM_F64(expiry));
}

enum err attachments_expire_messages(struct db *db, const int64_t *messages, size_t count)
{
    return DB_RUN(db, "attachments.expire_messages", NULL,
                  PARAM_ARRAY(P_I64_ARRAY, messages, count));
}

enum err attachments_expire_uploader(struct db *db, int64_t room, int64_t user)
{
    return DB_RUN(db, "attachments.expire_uploader", NULL, PARAM_I64(room), PARAM_I64(user));
}

enum err attachments_pin(struct db *db, const int64_t *messages, size_t count)
{
    return DB_RUN(db, "attachments.pin", NULL, PARAM_ARRAY(P_I64_ARRAY, messages, count));
}

enum err attachments_unpin(struct db *db, const int64_t *messages, size_t count, double lifetime_s)
{
    if (lifetime_s <= 0)
        return OK;
    return DB_RUN(db, "attachments.unpin", NULL, PARAM_ARRAY(P_I64_ARRAY, messages, count),
                  PARAM_F64(lifetime_s));
}
