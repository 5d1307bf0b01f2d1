/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /user/U/moderator (docs/protocol/community.md, 2.13).
 */
#include "community/community.h"
#include "community/rooms_named.h"
#include "community/tristate.h"
#include "crypto/secret.h"
#include "store/person.h"
#include "store/roles.h"
#include "store/rooms.h"

/* What was asked for; TRI_NULL: not said. */
struct wish {
    enum tristate moderator, admin, visible;
};

struct role_request {
    struct call *call;
    struct reach reach;
    struct wish wish;
    struct person person;
    struct room_info *infos; /* the answer */
    size_t info_count;
};

/* To make an admin no moderator, or to say nothing, is no request. */
static bool wish_ok(const struct wish *w)
{
    return !(w->admin == TRI_YES && w->moderator == TRI_NO) &&
           !(w->admin == TRI_NULL && w->moderator == TRI_NULL);
}

static enum err read_request(struct call *call, struct role_request *ret_request)
{
    struct role_request r = {.call = call};
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    struct rooms_named named = rooms_named_read(&in);
    r.wish = (struct wish){.moderator = tristate_read(&in, "moderator"),
                           .admin = tristate_read(&in, "admin"),
                           .visible = tristate_read(&in, "visible")};
    if (!json_ok(&in) || !wish_ok(&r.wish))
        return ERR_MALFORMED;
    enum err e = rooms_named_find(call, &named, AS_ADMIN, &r.reach);
    if (e != OK)
        return e;
    r.person = person_of(&call->services->keys->blind15_factor, &call->params.user);
    *ret_request = r;
    return OK;
}

/* The table of docs/protocol/community.md, 2.13. */
static struct role role_after(const struct wish *w, struct role now, bool globally)
{
    bool visible = w->visible == TRI_NULL ? !globally : w->visible == TRI_YES;
    if (w->admin == TRI_YES)
        return (struct role){.moderator = true, .admin = true, .visible = visible};
    if (w->moderator == TRI_YES)
        return (struct role){
            .moderator = true, .admin = w->admin == TRI_NULL && now.admin, .visible = visible};
    if (w->moderator == TRI_NO)
        return (struct role){.visible = !globally};
    now.admin = false; /* only that; who was no moderator stays an ordinary member */
    return now;
}

static bool differs(struct role a, struct role b)
{
    return a.moderator != b.moderator || a.admin != b.admin || a.visible != b.visible;
}

static enum err change_global(struct db *db, const struct role_request *r,
                              const struct standing *target)
{
    struct role now = {target->global_moderator, target->global_admin, target->global_visible};
    struct role after = role_after(&r->wish, now, true);
    if (after.moderator && target->global_banned)
        return ERR_DENIED;
    return differs(now, after) ? roles_set_global(db, r->person.user, after) : OK;
}

static enum err change_in_rooms(struct db *db, const struct role_request *r,
                                const struct standing *target)
{
    struct arena *mem = r->call->mem;
    int64_t *rooms = ARENA_ARRAY(mem, r->reach.count, int64_t);
    struct role *roles = ARENA_ARRAY(mem, r->reach.count, struct role);
    size_t count = 0;
    if (rooms == NULL || roles == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < r->reach.count; i++) {
        struct role now = {target[i].moderator, target[i].admin, target[i].visible};
        struct role after = role_after(&r->wish, now, false);
        if (after.moderator && target[i].banned)
            return ERR_DENIED; /* to be let in again first */
        if (!differs(now, after))
            continue;
        rooms[count] = target[i].room;
        roles[count++] = after;
    }
    return roles_set_in_rooms(db, r->person.user, rooms, roles, count);
}

static bool gives_a_role(const struct wish *w)
{
    return w->admin == TRI_YES || w->moderator == TRI_YES;
}

static enum err change(struct db *db, void *arg)
{
    struct role_request *r = arg;
    struct standing *target = NULL;
    enum err e = authority_confirm(r->call, db, &r->reach, AS_ADMIN, NULL);
    if (e != OK)
        return e;
    e = gives_a_role(&r->wish) ? person_resolve(db, &r->person, r->call->now_ms)
                               : person_find(db, &r->person);
    if (e == OK)
        e = standing_read(db, r->call->mem, &r->person.session, &r->reach, &target);
    if (e == OK)
        e = r->reach.global ? change_global(db, r, target) : change_in_rooms(db, r, target);
    if (e == OK || e == ERR_MISSING) /* nobody has met this person: no role to take away */
        e = rooms_info(db, r->call->mem, &r->reach, &r->infos, &r->info_count);
    return e;
}

static enum err write_infos(struct call *call, const struct role_request *r)
{
    struct buf *out = reply_json(call->reply, 200);
    buf_put_text(out, "{\"info_updates\":{");
    for (size_t i = 0; i < r->info_count; i++) {
        json_out_comma(out);
        json_out_text(out, r->infos[i].token);
        buf_put_byte(out, ':');
        buf_put_i64(out, r->infos[i].info_updates);
    }
    buf_put_text(out, "}}");
    return buf_verdict(out);
}

enum err user_moderator(struct call *call)
{
    struct role_request r;
    enum err e = read_request(call, &r);
    if (e != OK)
        return e;
    if (!authority_begins(call, r.reach.global ? 1 : r.reach.count))
        return OK;
    e = store_tx(call->db, change, &r);
    if (e == ERR_CONFLICT || e == ERR_MISSING)
        e = ERR_DENIED; /* banned at this moment; the room went away */
    if (e != OK)
        return e;
    authority_used(call);
    return write_infos(call, &r);
}
