/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Confirming rights under locks, and telling everybody of what was done with them.
 */
#include "community/authority.h"

#include "auth/fair.h"
#include "base/log.h"
#include "router/dispatch.h"
#include "state/state.h"
#include "store/versions.h"

/* By the rules of docs/protocol/community.md, 3.8: the global role or the room's. */
static bool holds(const struct standing *s, enum authority needed)
{
    bool admin = s->global_admin || s->admin;
    if (s->global_banned)
        return false;
    return admin || (needed == AS_MODERATOR && (s->global_moderator || s->moderator));
}

enum err authority_confirm(struct call *call, struct db *db, const struct reach *reach,
                           enum authority needed, struct standing **ret_standing)
{
    struct standing *caller = NULL;
    enum err e = reach->global ? OK : standing_lock(db, reach);
    if (e == OK)
        e = standing_read(db, call->mem, &call->who.id, reach, &caller);
    if (e != OK)
        return e;
    size_t count = reach->global ? 1 : reach->count;
    for (size_t i = 0; i < count; i++)
        if (!holds(&caller[i], needed))
            return ERR_DENIED;
    if (ret_standing != NULL)
        *ret_standing = caller;
    return OK;
}

enum err authority_confirm_here(struct call *call, struct db *db, enum authority needed)
{
    const int64_t room = state_room_id(call->room);
    const struct reach here = {.rooms = &room, .count = 1};
    return authority_confirm(call, db, &here, needed, NULL);
}

bool authority_begins(struct call *call, size_t rooms)
{
    if (!fair_allows(call, LIMIT_MODERATION, 0))
        return false;
    if (rooms > 1)
        fair_charge(call, LIMIT_MODERATION, rooms - 1);
    return dispatch_claim(call) == OK;
}

void authority_used(struct call *call)
{
    enum err e = state_refresh(call->services->state, call->db);
    if (e == OK)
        e = versions_notify(call->db);
    if (e != OK)
        log_event(LOG_DEBUG, "community.notify_failed");
}
