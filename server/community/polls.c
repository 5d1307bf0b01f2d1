/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /room/R/pollInfo/N (docs/protocol/community.md, 2.2): what every client asks every few
 * seconds. Memory only.
 */
#include "community/community.h"
#include "state/state.h"

enum err poll_info_get(struct call *call)
{
    struct state *state = call->services->state;
    if (call->who.known)
        state_active(state, call->room, &call->who.id, call->stranger, call->now_ms);
    struct buf *out = reply_json(call->reply, 200);
    return state_write_poll_info(state, call->room, &call->rights, call->params.number, out);
}
