/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /rooms and DELETE /room/R: what `conclave room add` and `conclave room remove` do, for
 * global admins. No app calls them; test harnesses and tools that administer a server do.
 */
#include "community/authority.h"
#include "community/community.h"
#include "community/room_texts.h"
#include "router/path.h"
#include "state/state.h"
#include "store/rooms.h"

struct creation {
    struct call *call;
    struct span token, name, description;
    int64_t id;
};

static enum err read_creation(struct creation *c)
{
    struct call *call = c->call;
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    struct span token = json_text(&in, "token");
    c->name = room_texts_name(&in, json_text(&in, "name"));
    c->description = room_texts_description(&in, json_text_or(&in, "description", SPAN("")));
    if (!json_ok(&in) || !path_is_room_token(token) || c->name.len == 0)
        return ERR_MALFORMED;
    c->token = arena_dup(call->mem, token);
    return c->token.len == token.len ? OK : ERR_NO_MEMORY;
}

static enum err confirm(struct call *call, struct db *db)
{
    static const struct reach everywhere = {.global = true};
    return authority_confirm(call, db, &everywhere, AS_ADMIN, NULL);
}

static enum err create(struct db *db, void *arg)
{
    struct creation *c = arg;
    enum err e = confirm(c->call, db);
    return e == OK ? rooms_create(db, c->token, c->name, c->description, c->call->now_ms, &c->id)
                   : e;
}

/* As GET /room/R shows it to the one who made it. */
static enum err write_room(struct call *call, struct span token)
{
    struct state *state = call->services->state;
    struct room *room = NULL;
    struct rights rights;
    enum err e = state_room_by_token(state, token, &room);
    if (e != OK)
        return ERR_BUSY; /* it is made, but memory could not be brought up to date */
    state_rights(state, room, &call->who, &rights);
    e = state_write_room(state, room, &rights, reply_json(call->reply, 201));
    state_room_release(room);
    return e;
}

enum err room_create(struct call *call)
{
    struct creation c = {.call = call};
    enum err e = read_creation(&c);
    if (e == OK && !authority_begins(call, 1))
        return OK;
    if (e == OK)
        e = store_tx(call->db, create, &c);
    if (e != OK)
        return e;
    authority_used(call);
    return write_room(call, c.token);
}

static enum err delete_room(struct db *db, void *arg)
{
    struct call *call = arg;
    enum err e = confirm(call, db);
    return e == OK ? rooms_remove(db, state_room_id(call->room)) : e;
}

enum err room_delete(struct call *call)
{
    if (!authority_begins(call, 1))
        return OK;
    enum err e = store_tx(call->db, delete_room, call);
    if (e != OK)
        return e;
    authority_used(call);
    buf_put_text(reply_json(call->reply, 200), "{}");
    return OK;
}
