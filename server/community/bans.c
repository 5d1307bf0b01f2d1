/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /user/U/ban and /unban (docs/protocol/community.md, 2.13).
 */
#include "base/clock.h"
#include "community/community.h"
#include "community/rooms_named.h"
#include "crypto/secret.h"
#include "store/bans.h"
#include "store/person.h"

struct ban_request {
    struct call *call;
    struct reach reach;
    double timeout_s; /* 0: for good */
    struct person person;
};

/* The form of the document, then the role: in this order (docs/protocol/community.md, 2.0). */
static enum err read_request(struct call *call, struct ban_request *ret_request)
{
    struct ban_request r = {.call = call};
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    struct rooms_named named = rooms_named_read(&in);
    r.timeout_s = json_has(&in, "timeout") ? json_number(&in, "timeout") : 0;
    if (!json_ok(&in))
        return ERR_MALFORMED;
    enum err e = rooms_named_find(call, &named, AS_MODERATOR, &r.reach);
    if (e != OK)
        return e;
    r.person = person_of(&call->services->keys->blind15_factor, &call->params.user);
    *ret_request = r;
    return OK;
}

/* Nobody bans global moderators; the room's own only its admins. */
static bool may_ban(const struct standing *caller, const struct standing *target, bool globally)
{
    if (target->global_moderator)
        return false;
    return globally || !target->moderator || caller->admin || caller->global_admin;
}

static enum err ban(struct db *db, void *arg)
{
    struct ban_request *r = arg;
    struct standing *caller = NULL, *target = NULL;
    double now = (double)r->call->now_ms / SECOND_MS;
    enum err e = authority_confirm(r->call, db, &r->reach, AS_MODERATOR, &caller);
    if (e == OK)
        e = person_resolve(db, &r->person, r->call->now_ms);
    if (e == OK)
        e = standing_read(db, r->call->mem, &r->person.session, &r->reach, &target);
    if (e != OK)
        return e;
    size_t count = r->reach.global ? 1 : r->reach.count;
    for (size_t i = 0; i < count; i++)
        if (!may_ban(&caller[i], &target[i], r->reach.global))
            return ERR_DENIED;
    const struct ban b = {.user = r->person.user,
                          .reach = r->reach,
                          .ends = r->timeout_s < 0 || r->timeout_s > 0,
                          .until = now + r->timeout_s};
    return bans_add(db, &b);
}

static enum err unban(struct db *db, void *arg)
{
    struct ban_request *r = arg;
    enum err e = authority_confirm(r->call, db, &r->reach, AS_MODERATOR, NULL);
    if (e != OK)
        return e;
    e = person_find(db, &r->person);
    if (e == ERR_MISSING)
        return OK; /* nobody has met this person: there is nothing to lift */
    return e == OK ? bans_lift(db, r->person.user, &r->reach) : e;
}

static enum err run(struct call *call, struct ban_request *r,
                    enum err (*change)(struct db *db, void *arg))
{
    if (!authority_begins(call, r->reach.global ? 1 : r->reach.count))
        return OK;
    enum err e = store_tx(call->db, change, r);
    if (e == ERR_CONFLICT || e == ERR_MISSING)
        e = ERR_DENIED; /* became a moderator at this moment; the room went away */
    if (e != OK)
        return e;
    authority_used(call);
    buf_put_text(reply_json(call->reply, 200), "{}");
    return OK;
}

enum err user_ban(struct call *call)
{
    struct ban_request r;
    enum err e = read_request(call, &r);
    if (e == OK && !r.reach.global && person_is(&r.person, &call->who.id))
        e = ERR_DENIED;
    return e == OK ? run(call, &r, ban) : e;
}

enum err user_unban(struct call *call)
{
    struct ban_request r;
    enum err e = read_request(call, &r);
    return e == OK ? run(call, &r, unban) : e;
}
