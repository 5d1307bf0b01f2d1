/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of access in one place, in the order in which a caller learns of them: that the room is
 * there at all, that a user is needed, that a permission is missing. Knows no database and no
 * memory of rooms.
 */
#include "auth/access.h"

/*
 * What docs/protocol/community.md, 3.8 lets pass: a moderator everything but what admins do, a
 * banned caller nothing.
 */
static bool may(const struct rights *r, bool flag)
{
    return r->moderator || r->admin || (flag && !r->banned);
}

static bool needs_user(enum access access)
{
    switch (access) {
    case ACCESS_ROOM_READ_AS_USER:
    case ACCESS_ROOM_WRITE:
    case ACCESS_ROOM_UPLOAD:
    case ACCESS_ROOM_MODERATOR:
    case ACCESS_ROOM_SETTINGS:
    case ACCESS_USER:
    case ACCESS_BLINDED_USER:
    case ACCESS_GLOBAL_ADMIN:
        return true;
    case ACCESS_UNDECLARED:
    case ACCESS_PUBLIC:
    case ACCESS_ROOM_ACCESSIBLE:
    case ACCESS_ROOM_READ:
    case ACCESS_ROOM_ADMIN:
        break;
    }
    return false;
}

/*
 * The text of the 403 for a caller who may know that the room exists, or NULL when it may do this.
 * Banned callers come here too: iOS takes a 403 from pollInfo for "you are banned" (docs/design.md,
 * D11).
 */
static const char *missing_right(enum access access, const struct rights *r)
{
    switch (access) {
    case ACCESS_ROOM_READ:
    case ACCESS_ROOM_READ_AS_USER:
        return may(r, r->read) ? NULL : "This endpoint requires room message 'read' permission";
    case ACCESS_ROOM_WRITE:
        return may(r, r->write) ? NULL : "This endpoint requires room message 'write' permission";
    case ACCESS_ROOM_UPLOAD:
        return may(r, r->write && r->upload)
                   ? NULL
                   : "This endpoint requires room message 'upload' permission";
    case ACCESS_ROOM_MODERATOR:
        return r->moderator || r->admin ? NULL
                                        : "This endpoint requires moderator room permissions";
    case ACCESS_ROOM_ADMIN:
    case ACCESS_ROOM_SETTINGS:
        return r->admin ? NULL : "This endpoint requires admin room permissions";
    case ACCESS_PUBLIC:
    case ACCESS_USER:
    case ACCESS_BLINDED_USER:
    case ACCESS_GLOBAL_ADMIN:
        return may(r, true) ? NULL : "Permission denied";
    case ACCESS_ROOM_ACCESSIBLE: /* answered 404 before */
        return NULL;
    case ACCESS_UNDECLARED:
        break;
    }
    return "Permission denied";
}

/*
 * A room that is not there for this caller. Banned ones know it; they get the 404 on /room/R alone.
 */
static bool is_hidden(enum access access, const struct rights *r)
{
    if (may(r, r->read || r->accessible))
        return false;
    return !r->banned || access == ACCESS_ROOM_ACCESSIBLE;
}

bool access_check(enum access access, const struct identity *who, const struct rights *rights,
                  struct reply *reply)
{
    if (rights != NULL && is_hidden(access, rights)) {
        reply_error(reply, ERR_MISSING); /* word for word what an unknown room or path gives */
        return false;
    }
    if (needs_user(access) && !who->known) {
        reply_error(reply, ERR_UNKNOWN_CALLER);
        return false;
    }
    if (access == ACCESS_BLINDED_USER && who->id.b[0] != ID_BLINDED15) {
        reply_text(reply, 401, "This endpoint requires blinded pubkeys be used");
        return false;
    }
    const char *refusal = rights == NULL ? NULL : missing_right(access, rights);
    if (refusal != NULL)
        reply_text(reply, 403, refusal);
    return refusal == NULL;
}
