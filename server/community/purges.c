/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DELETE /room/R/all/U and DELETE /rooms/all/U (protocol 02, 2.8): everything that one person posted, in slices, so that
 * a room is never locked for long. Runs on a worker.
 */
#include "community/community.h"
#include "community/writes.h"
#include "crypto/secret.h"
#include "router/json_out.h"
#include "state/state.h"
#include "store/person.h"

enum { SLICES_MAX = 20000 }; /* ten million messages: a bound, not a limit */

/* One room. *ret_count: how many went, when the result is WRITE_DONE. */
static enum err purge_room(struct call *call, struct write_op *op, int64_t *ret_count)
{
    int64_t count = 0;
    op->all.posted = 0;
    for (int slice = 0; slice < SLICES_MAX; slice++) {
        enum err e = write_wait(call, op);
        if (e != OK)
            return e;
        if (op->result != WRITE_DONE)
            return OK;
        count += op->answer.count;
        if (op->answer.count < WRITE_SLICE_MAX)
            break;
        op->all.posted = op->answer.posted;
    }
    *ret_count = count;
    return OK;
}

static struct person named(const struct call *call)
{
    return person_of(&call->services->keys->blind15_factor, &call->params.user);
}

/* ERR_MISSING: the person has never been here, and op names nobody. */
static enum err aim(struct call *call, struct person *person, struct write_op **ret_op)
{
    enum err e = write_new(call, WRITE_DELETE_ALL, ret_op);
    if (e == OK)
        e = person_find(call->db, person);
    if (e == OK)
        (*ret_op)->all.target = person->session;
    return e;
}

enum err messages_delete_all_in_room(struct call *call)
{
    struct write_op *op = NULL;
    struct person person = named(call);
    int64_t count = 0;
    /* Who may not learns nothing about the person, not even whether we know them. */
    if (!call->rights.moderator && !person_is(&person, &call->who.id))
        return ERR_DENIED;
    enum err e = aim(call, &person, &op);
    if (e == OK)
        e = purge_room(call, op, &count);
    if (e != OK)
        return e;
    if (op->result != WRITE_DONE)
        write_refuse(call, op->result);
    else if (count == 0)
        reply_error(call->reply, ERR_MISSING);
    else
        buf_put_text(reply_json(call->reply, 200), "{}");
    return OK;
}

/* What goes in every room. */
struct purge {
    struct write_op *op;
    bool known; /* else the writer has nothing to look for */
    bool self;  /* the caller's own posts */
    int64_t total;
};

/* May the caller do it there, as far as memory knows? The writer decides; this saves asking it about every room. */
static bool may_purge(struct call *call, struct room *room, const struct purge *p)
{
    struct rights rights;
    state_rights(call->services->state, room, &call->who, &rights);
    if (rights.moderator)
        return true;
    return !rights.banned && (rights.read || rights.accessible) && p->self;
}

/* Adds the room to the reply, unless the caller may not do it there. */
static enum err purge_and_tell(struct call *call, struct room *room, struct purge *p,
                               struct buf *out)
{
    int64_t count = 0;
    if (!may_purge(call, room, p))
        return OK;
    p->op->room = state_room_id(room);
    enum err e = p->known ? purge_room(call, p->op, &count) : OK;
    if (e != OK)
        return e;
    if (p->known && p->op->result == WRITE_BUSY)
        return ERR_BUSY;
    if (p->known && p->op->result != WRITE_DONE)
        return OK;
    json_out_comma(out);
    state_write_token(room, out);
    buf_put_byte(out, ':');
    buf_put_i64(out, count);
    p->total += count;
    return OK;
}

/* Whoever was never here has nothing here: the answer does not tell the one from the other. */
enum err messages_delete_all(struct call *call)
{
    struct purge p = {.op = NULL};
    struct room **rooms = NULL;
    size_t room_count = 0;
    struct person person = named(call);
    enum err e = aim(call, &person, &p.op);
    p.known = e == OK;
    p.self =
        p.known ? session_id_eq(&person.session, &call->who.id) : person_is(&person, &call->who.id);
    if (e == OK || e == ERR_MISSING)
        e = state_rooms(call->services->state, call->mem, &rooms, &room_count);
    if (e != OK)
        return e;
    struct buf *out = reply_json(call->reply, 200);
    json_out_open(out, '{');
    json_out_key(out, "rooms");
    json_out_open(out, '{');
    for (size_t i = 0; i < room_count; i++) {
        if (e == OK)
            e = purge_and_tell(call, rooms[i], &p, out);
        state_room_release(rooms[i]);
    }
    json_out_close(out, '}');
    json_out_key(out, "total");
    buf_put_i64(out, p.total);
    json_out_close(out, '}');
    return e == OK ? buf_verdict(out) : e;
}
