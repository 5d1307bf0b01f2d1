/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One way into the batch writer for posts, edits, deletions and reactions.
 */
#include "community/writes.h"

#include "auth/fair.h"
#include "auth/identity.h"
#include "base/arena.h"
#include "state/state.h"
#include "store/changing.h"
#include "work/disk.h"

/* The op and what becomes of it, in the call's arena. */
struct sending {
    struct write_op op; /* first: the op is all that the writer gives back */
    struct call *call;
    void (*finish)(struct call *call, const struct write_op *op);
};

static struct nonce_key nonce_of(const struct call *call)
{
    struct nonce_key key = {.signed_s = call->nonce.signed_s};
    memcpy(key.b, call->nonce.b, sizeof(key.b));
    return key;
}

enum err write_nothing(struct call *call)
{
    const struct nonce_key nonce = nonce_of(call);
    bool claimed = false;
    if (call->nonce_claimed) /* a batch's own */
        return ERR_MISSING;
    enum err e = nonces_is_claimed(call->db, &nonce, &claimed);
    if (e != OK)
        return e;
    return claimed ? ERR_TOO_EARLY : ERR_MISSING;
}

enum err write_new(struct call *call, enum write_kind kind, struct write_op **ret_op)
{
    if (!call->later.allowed && !call->db)
        return ERR_RETRY;
    /* Deleting and moderating go on. 503, so that clients try the same bytes again later. */
    bool grows = kind == WRITE_POST || kind == WRITE_EDIT || kind == WRITE_REACT;
    if (grows && disk_level(call->services->disk) == DISK_NO_POSTS)
        return ERR_BUSY;
    struct sending *s = ARENA_NEW(call->mem, struct sending);
    if (!s)
        return ERR_NO_MEMORY;
    s->call = call;
    s->op = (struct write_op){.kind = kind,
                              .room = call->room ? state_room_id(call->room) : 0,
                              .author = call->who.id,
                              .stranger = fair_kind(call) == CALLER_STRANGER,
                              .has_nonce = !call->nonce_claimed,
                              .nonce = nonce_of(call)};
    *ret_op = &s->op;
    return OK;
}

enum err write_target_is_there(struct call *call)
{
    bool there = false;
    enum err e =
        changing_is_there(call->db, state_room_id(call->room), call->params.number, &there);
    return e == OK && !there ? write_nothing(call) : e;
}

enum err write_then_reply(struct call *call, struct write_op *op, const struct gate_reply *reply)
{
    if (!reply->wanted)
        return OK;
    op->then = ARENA_NEW(call->mem, struct write_op);
    if (!op->then)
        return ERR_NO_MEMORY;
    *op->then = (struct write_op){.kind = WRITE_POST,
                                  .by_server = true,
                                  .room = op->room,
                                  .author = reply->author,
                                  .post = reply->post};
    return OK;
}

void write_refuse(struct call *call, enum write_result result)
{
    struct reply *reply = call->reply;
    switch (result) {
    case WRITE_REPLAYED:
        reply_text(reply, 425, IDENTITY_REPLAYED);
        return;
    case WRITE_ROOM_GONE:
    case WRITE_MISSING:
        reply_error(reply, ERR_MISSING);
        return;
    case WRITE_BANNED:
    case WRITE_DENIED:
        reply_error(reply, ERR_DENIED);
        return;
    case WRITE_RATE_LIMITED:
        reply_text(reply, 429, "Rate limited");
        return;
    case WRITE_FULL:
        reply_text(reply, 429, "Too many different reactions");
        return;
    case WRITE_BUSY:
        reply_error(reply, ERR_BUSY);
        return;
    case WRITE_DONE:
        break;
    }
    reply_error(reply, ERR_DEFECT);
}

static void answer(struct call *call, const struct sending *s)
{
    if (s->op.result == WRITE_DONE)
        s->finish(call, &s->op);
    else
        write_refuse(call, s->op.result);
}

static void finish_later(struct call *call, void *arg)
{
    answer(call, arg);
}

static void complete_later(struct write_op *op)
{
    struct call *call = op->owner;
    call->later.complete(call);
}

static enum err send_later(struct call *call, struct sending *s)
{
    s->op.done = complete_later;
    s->op.owner = call;
    call->later.finish = finish_later;
    call->later.arg = s;
    call->later.started = true; /* before the submit: the writer may be done before it returns */
    enum err e = writer_submit(call->services->writer, &s->op);
    if (e != OK)
        call->later.started = false;
    return e;
}

void write_wait(struct call *call, struct write_op *const *ops, size_t count)
{
    writer_run(call->services->writer, ops, count);
}

enum err write_send(struct call *call, struct write_op *op,
                    void (*finish)(struct call *call, const struct write_op *op))
{
    struct sending *s = (struct sending *)(void *)op;
    s->finish = finish;
    if (call->later.allowed)
        return send_later(call, s);
    write_wait(call, &op, 1);
    answer(call, s);
    return OK;
}
