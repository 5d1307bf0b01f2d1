/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PUT /room/R (docs/protocol/community.md, 2.2): name, description, default permissions, picture;
 * all of them or none.
 */
#include "base/clock.h"
#include "community/authority.h"
#include "community/community.h"
#include "community/room_texts.h"
#include "community/tristate.h"
#include "conf/conf.h"
#include "files/files.h"
#include "state/state.h"
#include "store/rooms.h"

struct update {
    struct call *call;
    struct span name, description;
    int64_t image;
    struct room_change change;
    int64_t info_updates;
};

static bool is_there(const struct json_in *in, const char *key)
{
    return in->root != NULL && json_object_get(in->root, key) != NULL;
}

static void read_texts(struct json_in *in, struct update *u)
{
    if (is_there(in, "name")) {
        u->name = room_texts_name(in, json_text(in, "name"));
        u->change.name = &u->name;
    }
    if (is_there(in, "description")) {
        u->description = room_texts_description(in, json_text_or(in, "description", SPAN("")));
        u->change.description = &u->description;
    }
}

/*
 * null takes the picture away: ours, PySOGS cannot (docs/protocol/community.md, 2.2). A number that
 * no file has stays one here: -1.
 */
static void read_image(struct json_in *in, struct update *u)
{
    if (!is_there(in, "image"))
        return;
    u->image = json_has(in, "image") ? json_int(in, "image") : 0;
    if (json_has(in, "image") && u->image <= 0)
        u->image = -1;
    u->change.image = &u->image;
}

static bool says_something(const struct room_change *c)
{
    return c->name != NULL || c->description != NULL || c->image != NULL || c->read != TRI_NULL ||
           c->accessible != TRI_NULL || c->write != TRI_NULL || c->upload != TRI_NULL;
}

static enum err read_update(struct call *call, struct update *u)
{
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    read_texts(&in, u);
    read_image(&in, u);
    u->change.read = tristate_read(&in, "default_read");
    u->change.accessible = tristate_read(&in, "default_accessible");
    u->change.write = tristate_read(&in, "default_write");
    u->change.upload = tristate_read(&in, "default_upload");
    return json_ok(&in) && says_something(&u->change) ? OK : ERR_MALFORMED;
}

/*
 * Whether the file can be seen as a picture is asked first: it reads content, which is nothing for
 * a transaction.
 */
static enum err check_image(struct call *call, const struct update *u)
{
    if (u->change.image == NULL || u->image == 0)
        return OK;
    enum err e = u->image < 0 ? ERR_MISSING : files_check_room_image(call, u->image);
    return e == ERR_MISSING || e == ERR_DENIED ? ERR_CONFLICT : e;
}

static enum err change(struct db *db, void *arg)
{
    struct update *u = arg;
    enum err e = authority_confirm_here(u->call, db, AS_ADMIN);
    return e == OK ? rooms_change(db, state_room_id(u->call->room), &u->change, &u->info_updates)
                   : e;
}

enum err room_put(struct call *call)
{
    struct update u = {
        .call = call,
        .change = {.now = (double)call->now_ms / SECOND_MS,
                   .file_lifetime_s = (double)call->services->conf->files.room_ttl_ms / SECOND_MS}};
    enum err e = read_update(call, &u);
    if (e == OK && !authority_begins(call, 1))
        return OK;
    if (e == OK)
        e = check_image(call, &u);
    if (e == OK)
        e = store_tx(call->db, change, &u);
    if (e == ERR_CONFLICT) {
        reply_text(call->reply, 406, "This file cannot be the image of the room");
        return OK;
    }
    if (e != OK)
        return e;
    authority_used(call);
    struct buf *out = reply_json(call->reply, 200);
    buf_put_text(out, "{\"info_updates\":");
    buf_put_i64(out, u.info_updates);
    buf_put_byte(out, '}');
    return OK;
}
