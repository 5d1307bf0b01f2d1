/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What single people may or may not, now and later.
 */
#include "pysogs/import.h"

static enum err take_permission(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    int64_t user = source_i64(s, 0), row = import_user(im, user);
    bool says = source_i64(s, 2) != 0;
    for (int column = 3; column < 7; column++)
        says |= source_i64(s, column) >= 0;
    bool admin = source_i64(s, 8) != 0, moderator = admin || source_i64(s, 7) != 0;
    if (!says && !moderator)
        return import_leave(im, "permissions that say nothing");
    if (row != user) {
        enum err e = import_alone(im, out);
        if (e != OK)
            return e;
    }
    batch_begin(out, user);
    batch_i64(out, source_i64(s, 1));
    batch_i64(out, row);
    for (int column = 2; column < 7; column++)
        batch_i16(out, source_i64(s, column));
    batch_i16(out, moderator);
    batch_i16(out, admin);
    batch_i16(out, source_i64(s, 9));
    return batch_end(out);
}

static void same_numbers(struct import *im, struct digest_row *out, int from, int to)
{
    for (int column = from; column < to; column++)
        import_same_number(out, source_i64(im->source, column));
}

static void same_permission(struct import *im, struct digest_row *out)
{
    struct source *s = im->source;
    bool admin = source_i64(s, 8) != 0;
    digest_i64(out, source_i64(s, 1));
    import_same_user(im, out, source_i64(s, 0));
    same_numbers(im, out, 2, 7);
    digest_i64(out, admin || source_i64(s, 7) != 0);
    digest_i64(out, admin);
    digest_i64(out, source_i64(s, 9));
}

/* Of both kinds of changes to come. */
static void same_future(struct import *im, struct digest_row *out, int end)
{
    import_same_number(out, source_i64(im->source, 1));
    import_same_user(im, out, source_i64(im->source, 0));
    digest_f64(out, source_f64(im->source, 2));
    same_numbers(im, out, 3, end);
}

static void same_permission_future(struct import *im, struct digest_row *out)
{
    same_future(im, out, 6);
}

static void same_ban_future(struct import *im, struct digest_row *out)
{
    same_future(im, out, 4);
}

static enum err take_permission_future(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    int64_t user = source_i64(s, 0);
    if (source_i64(s, 3) < 0 && source_i64(s, 4) < 0 && source_i64(s, 5) < 0)
        return import_leave(im, "scheduled changes that change nothing");
    batch_begin(out, user);
    batch_i64(out, source_i64(s, 1));
    batch_i64(out, import_user(im, user));
    batch_f64(out, source_f64(s, 2));
    for (int column = 3; column < 6; column++)
        batch_i16(out, source_i64(s, column));
    return batch_end(out);
}

static enum err take_ban_future(struct import *im, struct batch *out)
{
    int64_t user = source_i64(im->source, 0);
    batch_begin(out, user);
    batch_i64(out, source_i64(im->source, 1));
    batch_i64(out, import_user(im, user));
    batch_f64(out, source_f64(im->source, 2));
    batch_i16(out, source_i64(im->source, 3));
    return batch_end(out);
}

static const struct import_table tables[] = {
    {"user_permission_overrides",
     /* Those of second spellings last, since the first ones count first. */
     "SELECT p.\"user\", p.room, CAST(p.banned AS INTEGER), coalesce(CAST(p.read AS INTEGER), -1),"
     "       coalesce(CAST(p.accessible AS INTEGER), -1), coalesce(CAST(p.write AS INTEGER), -1),"
     "       coalesce(CAST(p.upload AS INTEGER), -1), CAST(p.moderator AS INTEGER),"
     "       CAST(p.admin AS INTEGER), CAST(p.visible_mod AS INTEGER)"
     "  FROM user_permission_overrides p"
     "  LEFT JOIN users u ON u.id = p.\"user\""
     " ORDER BY CASE WHEN u.session_id = lower(u.session_id) THEN 0 ELSE 1 END, p.\"user\"",
     TAKING_PERMISSIONS, "iissssssss", take_permission, same_permission, GIVING_PERMISSIONS},
    {"user_permission_futures",
     "SELECT \"user\", room, at, coalesce(CAST(read AS INTEGER), -1),"
     "       coalesce(CAST(write AS INTEGER), -1), coalesce(CAST(upload AS INTEGER), -1)"
     "  FROM user_permission_futures ORDER BY at",
     TAKING_PERMISSION_FUTURES, "iidsss", take_permission_future, same_permission_future,
     GIVING_PERMISSION_FUTURES},
    {"user_ban_futures",
     "SELECT \"user\", coalesce(room, -1), at, CAST(banned AS INTEGER)"
     "  FROM user_ban_futures ORDER BY at",
     TAKING_BAN_FUTURES, "iids", take_ban_future, same_ban_future, GIVING_BAN_FUTURES},
};

enum err import_rights(struct import *im)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < COUNT_OF(tables); i++)
        e = import_table(im, &tables[i]);
    return e;
}
