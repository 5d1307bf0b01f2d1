/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /room/R/message (docs/protocol/community.md, 2.5).
 */
#include "auth/fair.h"
#include "community/community.h"
#include "community/gate.h"
#include "community/post_in.h"
#include "community/retry.h"
#include "community/writes.h"
#include "state/state.h"

static void write_reply(struct call *call, const struct write_op *op)
{
    retry_remember(call, op);
    if (state_write_posted(&op->posted, op->filtered, reply_json(call->reply, 201)) != OK)
        reply_error(call->reply, ERR_NO_MEMORY);
}

enum err message_post(struct call *call)
{
    struct write_op *op = NULL;
    enum err e = write_new(call, WRITE_POST, &op);
    if (e == OK)
        e = post_read(call, true, &op->post);
    if (e != OK)
        return e;
    struct gate_reply reply = {.wanted = false};
    if (gate_post(call, &op->post, &reply) == GATE_REFUSE)
        return OK;
    retry_recognise(call, op);
    if (!retry_is_likely(call, op) && !fair_allows(call, LIMIT_POSTS, op->post.data.len))
        return OK;
    e = write_then_reply(call, op, &reply);
    return e != OK ? e : write_send(call, op, write_reply);
}
