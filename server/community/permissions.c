/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET and POST /room/R/permissions (docs/protocol/community.md, 2.3): what moderators assigned to
 * single accounts.
 */
#include "community/authority.h"
#include "community/community.h"
#include "community/tristate.h"
#include "crypto/secret.h"
#include "state/state.h"
#include "store/futures.h"
#include "store/permissions.h"
#include "store/person.h"

static void put_true(struct buf *out, const char *key, bool value)
{
    tristate_put(out, key, value ? TRI_YES : TRI_NULL);
}

static void put_permissions(struct buf *out, const struct permission_row *row)
{
    buf_put_byte(out, '{');
    tristate_put(out, "accessible", row->accessible);
    tristate_put(out, "read", row->read);
    tristate_put(out, "write", row->write);
    tristate_put(out, "upload", row->upload);
    put_true(out, "banned", row->banned);
    put_true(out, row->admin ? "admin" : "moderator", row->moderator);
    put_true(out, "hidden", row->moderator && !row->visible);
    buf_put_byte(out, '}');
}

enum err permissions_get_all(struct call *call)
{
    struct permission_page all = {.room = state_room_id(call->room), .limit = INT64_MAX};
    if (call->db == NULL)
        return ERR_RETRY;
    enum err e = permissions_list(call->db, call->mem, &all);
    if (e != OK)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    buf_put_byte(out, '{');
    for (size_t i = 0; i < all.count; i++) {
        json_out_comma(out);
        json_out_hex(out, SPAN_OF_KEY(&all.rows[i].session));
        buf_put_byte(out, ':');
        put_permissions(out, &all.rows[i]);
    }
    buf_put_byte(out, '}');
    return buf_verdict(out);
}

/* What is assigned to one person: {} for whoever has nothing, known or not. */
static enum err write_one(struct call *call, const struct person *person)
{
    struct permission_row row = {
        .read = TRI_NULL, .accessible = TRI_NULL, .write = TRI_NULL, .upload = TRI_NULL};
    enum err e = person->user == 0 ? ERR_MISSING
                                   : permissions_one(call->db, call->mem, state_room_id(call->room),
                                                     person->user, &row);
    if (e != OK && e != ERR_MISSING)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    put_permissions(out, &row);
    return buf_verdict(out);
}

enum err permissions_get_one(struct call *call)
{
    if (call->db == NULL)
        return ERR_RETRY;
    struct person person = person_of(&call->services->keys->blind15_factor, &call->params.user);
    enum err e = person_find(call->db, &person);
    return e == OK || e == ERR_MISSING ? write_one(call, &person) : e;
}

struct assignment {
    struct call *call;
    struct permission_change change;
    bool unschedule;
    struct person person;
};

/* "p": bool assigns, "default_p": true clears; both are a contradiction. */
static struct permission_value read_value(struct json_in *in, const char *key,
                                          const char *default_key)
{
    struct permission_value v = {json_has(in, key), TRI_NULL};
    bool clears = json_bool_or(in, default_key, false);
    if (v.touched && clears)
        in->failed = true;
    if (v.touched)
        v.value = tristate_read(in, key);
    v.touched |= clears;
    return v;
}

static enum err read_assignment(struct call *call, struct assignment *a)
{
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    struct permission_change *c = &a->change;
    c->room = state_room_id(call->room);
    c->read = read_value(&in, "read", "default_read");
    c->accessible = read_value(&in, "accessible", "default_accessible");
    c->write = read_value(&in, "write", "default_write");
    c->upload = read_value(&in, "upload", "default_upload");
    a->unschedule = json_bool_or(&in, "unschedule", true);
    bool any = c->read.touched || c->accessible.touched || c->write.touched || c->upload.touched;
    return json_ok(&in) && any ? OK : ERR_MALFORMED;
}

static enum err assign(struct db *db, void *arg)
{
    struct assignment *a = arg;
    struct permission_change *c = &a->change;
    enum err e = authority_confirm_here(a->call, db, AS_MODERATOR);
    if (e == OK)
        e = person_resolve(db, &a->person, a->call->now_ms);
    if (e != OK)
        return e;
    c->user = a->person.user;
    const struct unschedule what = {c->room, c->user, c->read.touched, c->write.touched,
                                    c->upload.touched};
    if (a->unschedule)
        e = futures_unschedule(db, &what);
    return e == OK ? permissions_change(db, c) : e;
}

enum err permissions_post(struct call *call)
{
    struct assignment a = {.call = call};
    enum err e = read_assignment(call, &a);
    if (e != OK)
        return e;
    if (!authority_begins(call, 1))
        return OK;
    a.person = person_of(&call->services->keys->blind15_factor, &call->params.user);
    e = store_tx(call->db, assign, &a);
    if (e != OK)
        return e;
    authority_used(call);
    return write_one(call, &a.person);
}
