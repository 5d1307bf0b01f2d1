/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How handlers reach the batch writer. A lone request hands its op over straight from the pool
 * thread, with its nonce, and is answered when the batch has committed; inside a batch request a
 * worker waits for it. For the files of this folder only.
 */
#ifndef CONCLAVE_COMMUNITY_WRITES_H
#define CONCLAVE_COMMUNITY_WRITES_H

#include "community/gate.h"
#include "router/call.h"
#include "writer/writer.h"

/*
 * An op of this kind in the call's room, asked for by the caller; it lives in the call's arena.
 * ERR_RETRY: neither finishing later nor waiting is possible here, run again on a worker.
 */
MUST_USE enum err write_new(struct call *call, enum write_kind kind, struct write_op **ret_op);
/*
 * Asked before an op about call->params.number, by those who only take away: is there such a
 * message? Whoever names what is not there writes nothing then, and the writer is not asked.
 * ERR_MISSING: no. ERR_TOO_EARLY: not any more, see below.
 */
MUST_USE enum err write_target_is_there(struct call *call);
/*
 * There is nothing to change: because this very request was carried out before? Then ERR_TOO_EARLY,
 * else ERR_MISSING. Writes nothing, so the nonce stays unclaimed. On a worker.
 */
MUST_USE enum err write_nothing(struct call *call);
/*
 * Hands the op over and has finish(call, op) write the reply: now or later, and only if the op was
 * done; what was refused is answered here. ERR_BUSY: the queue is full.
 */
MUST_USE enum err write_send(struct call *call, struct write_op *op,
                             void (*finish)(struct call *call, const struct write_op *op));
/* What the gate answers comes right behind the op, if that is done. */
MUST_USE enum err write_then_reply(struct call *call, struct write_op *op,
                                   const struct gate_reply *reply);
/*
 * Waits on a worker for ops that go to the writer together, without answering; each has its result,
 * which may be a refusal. Uses op->owner.
 */
void write_wait(struct call *call, struct write_op *const *ops, size_t count);
/* The reply for a result that is not WRITE_DONE. */
void write_refuse(struct call *call, enum write_result result);

#endif
