/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of bans.
 */
#include "store/bans.h"

#include "store/futures.h"
#include "store/internal.h"
#include "store/roles.h"

static enum err write_global(struct db *db, int64_t user, bool banned)
{
    enum err e = DB_RUN(db, "bans.set_global", NULL, PARAM_I64(user), PARAM_BOOL(banned));
    return e == OK ? versions_bump(db, VERSION_USERS, 0) : e;
}

enum err bans_write(struct db *db, int64_t user, const struct reach *reach, bool banned)
{
    const int64_t *rooms = reach->rooms;
    size_t count = reach->count;
    enum err e = OK;
    if (reach->global)
        return write_global(db, user, banned);
    if (banned)
        e = roles_dismiss(db, user, rooms, count);
    if (e == OK)
        e = DB_RUN(db, banned ? "bans.add" : "bans.lift", NULL, PARAM_I64(user),
                   PARAM_ARRAY(P_I64_ARRAY, rooms, count));
    if (e == OK && !banned)
        e = permissions_tidy(db, user, rooms, count);
    return e == OK ? versions_bump_rights(db, rooms, count) : e;
}

/* A global ban changes no room: nothing to lock but the person's row. */
static enum err write_locked(struct db *db, const struct ban *ban, bool banned)
{
    enum err e = ban->reach.global ? OK : standing_lock(db, &ban->reach);
    if (e == OK)
        e = bans_write(db, ban->user, &ban->reach, banned);
    return e == OK ? futures_forget_bans(db, ban->user, &ban->reach) : e;
}

static enum err add(struct db *db, void *arg)
{
    const struct ban *ban = arg;
    enum err e = write_locked(db, ban, true);
    if (e == OK && !ban->reach.global)
        e = permissions_check_room(db, ban->reach.rooms, ban->reach.count);
    if (e == OK && ban->ends)
        e = futures_add_ban(db, ban->user, &ban->reach, ban->until, false);
    return e;
}

enum err bans_add(struct db *db, const struct ban *ban)
{
    struct ban copy = *ban;
    return store_tx(db, add, &copy);
}

static enum err lift(struct db *db, void *arg)
{
    return write_locked(db, arg, false);
}

enum err bans_lift(struct db *db, int64_t user, const struct reach *reach)
{
    struct ban ban = {.user = user, .reach = *reach};
    return store_tx(db, lift, &ban);
}
