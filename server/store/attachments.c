/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of what messages do to files. Apart from files.c, which knows content and not messages.
 */
#include "store/attachments.h"

#include "store/files.h"
#include "store/internal.h"

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
