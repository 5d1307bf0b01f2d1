/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PUT and DELETE /room/R/message/N (docs/protocol/community.md, 2.6 and 2.7). Whose message it is,
 * and whether it is there, is known under the room's lock.
 */
#include "auth/fair.h"
#include "community/community.h"
#include "community/gate.h"
#include "community/post_in.h"
#include "community/writes.h"

static void write_empty(struct call *call, const struct write_op *op UNUSED)
{
    buf_put_text(reply_json(call->reply, 200), "{}");
}

enum err message_edit(struct call *call)
{
    struct write_op *op = NULL;
    enum err e = write_new(call, WRITE_EDIT, &op);
    if (e == OK)
        e = post_read(call, false, &op->post);
    if (e != OK)
        return e;
    struct gate_reply reply = {.wanted = false};
    if (gate_post(call, &op->post, &reply) == GATE_REFUSE)
        return OK;
    if (!fair_allows(call, LIMIT_EDITS, op->post.data.len))
        return OK;
    e = write_then_reply(call, op, &reply);
    if (e != OK)
        return e;
    op->message = call->params.number;
    return write_send(call, op, write_empty);
}

enum err message_delete(struct call *call)
{
    struct write_op *op = NULL;
    if (call->db == NULL)
        return ERR_RETRY;
    if (!fair_allows(call, LIMIT_DELETIONS, 0))
        return OK;
    enum err e = write_target_is_there(call);
    if (e == OK)
        e = write_new(call, WRITE_DELETE, &op);
    if (e != OK)
        return e;
    op->message = call->params.number;
    return write_send(call, op, write_empty);
}
