/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DELETE /room/R/all/U and DELETE /rooms/all/U: everything that one person posted and uploaded, in
 * slices, so that a room is never locked for long; of all rooms together, so that many rooms are
 * few commits. Where there is nothing, nothing is written. Runs on a worker.
 */
#include <stdlib.h>

#include "auth/fair.h"
#include "base/arena.h"
#include "community/community.h"
#include "community/writes.h"
#include "crypto/secret.h"
#include "router/dispatch.h"
#include "router/json_out.h"
#include "state/state.h"
#include "store/changing.h"
#include "store/person.h"

enum {
    SLICES_MAX = 20000, /* ten million messages: a bound, not a limit */
    TOGETHER_MAX = 64,  /* rooms that wait in the writer's queue at a time, among other people's */
    NOT_DONE = -1,
};

struct purge {
    struct call *call;
    struct person person;
    bool own;                  /* the caller's messages */
    struct author_room *found; /* rooms with something of the person, ascending */
    size_t found_count;
    struct write_op **ops; /* of the rooms where the caller may */
    int64_t *deleted;      /* of each op: messages, or NOT_DONE */
    size_t count;
};

static struct purge purge_begin(struct call *call)
{
    struct purge p = {.call = call,
                      .person =
                          person_of(&call->services->keys->blind15_factor, &call->params.user)};
    p.own = person_is(&p.person, &call->who.id);
    return p;
}

/*
 * What there is of the person; room 0: anywhere. ERR_MISSING: nothing, or nobody knows the person.
 */
static enum err find(struct purge *p, int64_t room)
{
    struct call *call = p->call;
    enum err e = person_find(call->db, &p->person);
    if (e == OK)
        e = changing_rooms_of(call->db, call->mem, p->person.user, room, &p->found,
                              &p->found_count);
    if (e == OK && p->found_count == 0)
        return ERR_MISSING;
    p->ops = e == OK ? ARENA_ARRAY(call->mem, p->found_count, struct write_op *) : NULL;
    p->deleted = e == OK ? ARENA_ARRAY(call->mem, p->found_count, int64_t) : NULL;
    if (e == OK && (p->ops == NULL || p->deleted == NULL))
        return ERR_NO_MEMORY;
    return e;
}

static enum err add_room(struct purge *p, const struct author_room *found)
{
    struct write_op *op = NULL;
    enum err e = write_new(p->call, WRITE_DELETE_ALL, &op);
    if (e != OK)
        return e;
    op->room = found->room;
    op->all.target = p->person.session;
    op->all.messages = found->messages;
    p->deleted[p->count] = 0;
    p->ops[p->count++] = op;
    return OK;
}

/* One slice of each op, at most TOGETHER_MAX at a time. */
static void run_slices(const struct purge *p, struct write_op *const *ops, size_t count)
{
    for (size_t at = 0; at < count; at += TOGETHER_MAX) {
        size_t left = count - at;
        write_wait(p->call, ops + at, left < TOGETHER_MAX ? left : TOGETHER_MAX);
    }
}

/* After a slice. True: there may be more in that room. */
static bool count_slice(struct purge *p, size_t i)
{
    struct write_op *op = p->ops[i];
    if (op->result != WRITE_DONE) {
        p->deleted[i] = p->deleted[i] > 0 ? p->deleted[i] : NOT_DONE;
        return false;
    }
    p->deleted[i] += op->answer.count;
    op->all.posted = op->answer.posted;
    op->all.messages -= op->answer.count;
    return op->answer.count == WRITE_SLICE_MAX;
}

/*
 * Of all rooms. ERR_BUSY: the writer was, in one of them. Whatever was done counts on the caller's
 * limits.
 */
static enum err run(struct purge *p)
{
    struct write_op **left = ARENA_ARRAY(p->call->mem, p->count, struct write_op *);
    bool *more = ARENA_ARRAY(p->call->mem, p->count, bool);
    enum err e = OK;
    if (left == NULL || more == NULL)
        return ERR_NO_MEMORY;
    memset(more, true, p->count);
    for (int slice = 0; slice < SLICES_MAX; slice++) {
        size_t left_count = 0;
        for (size_t i = 0; i < p->count; i++)
            if (more[i])
                left[left_count++] = p->ops[i];
        if (left_count == 0)
            break;
        run_slices(p, left, left_count);
        for (size_t i = 0; i < p->count; i++) {
            more[i] = more[i] && count_slice(p, i);
            if (p->ops[i]->result == WRITE_BUSY)
                e = ERR_BUSY;
        }
    }
    return e;
}

/* Besides the one that was counted before: each other room, and each message. */
static void charge(const struct purge *p, enum limit_action action)
{
    size_t touched = p->count > 0 ? p->count - 1 : 0;
    for (size_t i = 0; i < p->count; i++)
        touched += p->deleted[i] > 0 ? (size_t)p->deleted[i] : 0;
    fair_charge(p->call, action, touched);
}

/* ---- one room ---- */

/*
 * What an admin posted, only another admin deletes; memory says it where there is nothing to
 * delete.
 */
static bool is_above(const struct purge *p)
{
    struct call *call = p->call;
    const struct identity target = {.known = true, .id = p->person.session};
    struct rights rights;
    if (p->own || call->rights.admin)
        return false;
    state_rights(call->services->state, call->room, &target, &rights);
    return rights.admin;
}

enum err messages_delete_all_in_room(struct call *call)
{
    struct purge p = purge_begin(call);
    /* Who may not learns nothing about the person, not even whether anybody knows them. */
    if (!call->rights.moderator && !p.own)
        return ERR_DENIED;
    if (!fair_allows(call, LIMIT_DELETIONS, 0))
        return OK;
    enum err e = find(&p, state_room_id(call->room));
    if (e == ERR_MISSING)
        return is_above(&p) ? ERR_DENIED : write_nothing(call);
    if (e != OK)
        return e;
    if (dispatch_claim(call) != OK)
        return OK; /* the refusal is written */
    e = add_room(&p, &p.found[0]);
    if (e == OK)
        e = run(&p);
    charge(&p, LIMIT_DELETIONS);
    if (e != OK)
        return e;
    if (p.ops[0]->result != WRITE_DONE)
        write_refuse(call, p.ops[0]->result);
    else if (p.deleted[0] == 0)
        reply_error(call->reply, ERR_MISSING);
    else
        buf_put_text(reply_json(call->reply, 200), "{}");
    return OK;
}

/* ---- all rooms ---- */

/*
 * May the caller do it there, as far as memory knows? The writer decides; this saves asking it
 * about every room.
 */
static bool may_purge(const struct purge *p, struct room *room)
{
    struct rights rights;
    state_rights(p->call->services->state, room, &p->call->who, &rights);
    if (rights.moderator)
        return true;
    return p->own && !rights.banned && (rights.read || rights.accessible);
}

/* All rooms in the order of the reply; those where the caller may not are NULL. */
struct places {
    struct room **rooms;
    size_t count;
    bool any;
};

static enum err find_places(const struct purge *p, struct places *ret_places)
{
    struct places places = {.count = 0};
    enum err e = state_rooms(p->call->services->state, p->call->mem, &places.rooms, &places.count);
    if (e != OK)
        return e;
    for (size_t i = 0; i < places.count; i++) {
        if (may_purge(p, places.rooms[i])) {
            places.any = true;
            continue;
        }
        state_room_release(places.rooms[i]);
        places.rooms[i] = NULL;
    }
    *ret_places = places;
    return OK;
}

static void release_places(const struct places *places)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->rooms[i] != NULL)
            state_room_release(places->rooms[i]);
}

static int compare_found(const void *key, const void *element)
{
    int64_t a = *(const int64_t *)key, b = ((const struct author_room *)element)->room;
    return (a > b) - (a < b);
}

/* An op for each room where the caller may and where there is something. */
static enum err add_rooms(struct purge *p, const struct places *places)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < places->count; i++) {
        if (places->rooms[i] == NULL)
            continue;
        int64_t room = state_room_id(places->rooms[i]);
        const struct author_room *found =
            bsearch(&room, p->found, p->found_count, sizeof(*p->found), compare_found);
        if (found != NULL)
            e = add_room(p, found);
    }
    return e;
}

/*
 * Messages deleted in the room of a place; NOT_DONE: not to be told. The ops are in the order of
 * places.
 */
static int64_t deleted_in(const struct purge *p, struct room *room, size_t *next)
{
    if (room == NULL)
        return NOT_DONE;
    if (*next < p->count && p->ops[*next]->room == state_room_id(room))
        return p->deleted[(*next)++];
    return 0;
}

/* With nothing anywhere, seen before or not, the answer is the same. */
static enum err write_rooms(const struct purge *p, const struct places *places)
{
    struct buf *out = reply_json(p->call->reply, 200);
    int64_t total = 0;
    size_t next = 0;
    json_out_open(out, '{');
    json_out_key(out, "rooms");
    json_out_open(out, '{');
    for (size_t i = 0; p->count > 0 && i < places->count; i++) {
        int64_t deleted = deleted_in(p, places->rooms[i], &next);
        if (deleted == NOT_DONE)
            continue;
        json_out_comma(out);
        state_write_token(places->rooms[i], out);
        buf_put_byte(out, ':');
        buf_put_i64(out, deleted);
        total += deleted;
    }
    json_out_close(out, '}');
    json_out_key(out, "total");
    buf_put_i64(out, total);
    json_out_close(out, '}');
    return buf_verdict(out);
}

/* Does what there is to do; OK also when that is nothing, or when a refusal is written. */
static enum err purge_places(struct purge *p, const struct places *places)
{
    enum limit_action action = p->own ? LIMIT_DELETIONS : LIMIT_MODERATION;
    if (!places->any)
        return write_rooms(p, places);
    if (!fair_allows(p->call, action, 0))
        return OK;
    enum err e = find(p, 0);
    if (e == OK)
        e = add_rooms(p, places);
    if (e == ERR_MISSING || (e == OK && p->count == 0)) {
        e = write_nothing(p->call);
        return e == ERR_MISSING ? write_rooms(p, places) : e;
    }
    if (e != OK)
        return e;
    if (dispatch_claim(p->call) != OK)
        return OK; /* the refusal is written */
    for (size_t i = 0; i < p->count; i++)
        p->ops[i]->has_nonce = false;
    e = run(p);
    charge(p, action);
    return e == OK ? write_rooms(p, places) : e;
}

enum err messages_delete_all(struct call *call)
{
    struct purge p = purge_begin(call);
    struct places places;
    enum err e = find_places(&p, &places);
    if (e != OK)
        return e;
    e = purge_places(&p, &places);
    release_places(&places);
    return e;
}
