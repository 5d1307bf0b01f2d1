/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a call to a claim on the limits, and from a refusal to a reply.
 */
#include "auth/fair.h"

#include "base/clock.h"
#include "metrics/metrics.h"
#include "state/state.h"

bool fair_allows(struct call *call, enum limit_action action, size_t bytes)
{
    static const enum metric refused[LIMIT_ACTIONS] = {
        [LIMIT_POSTS] = METRIC_LIMITED_POSTS, [LIMIT_UPLOADS] = METRIC_LIMITED_UPLOADS,
        [LIMIT_DMS] = METRIC_LIMITED_DMS,     [LIMIT_REACTIONS] = METRIC_LIMITED_REACTIONS,
        [LIMIT_EDITS] = METRIC_LIMITED_EDITS,
    };
    if (call->rights.moderator || !call->who.known)
        return true;
    const struct limit_claim claim = {
        .action = action,
        .who = call->who.id,
        .stranger = call->stranger,
        .room = call->room != NULL ? state_room_id(call->room) : 0,
        .bytes = (int64_t)bytes,
    };
    if (limits_take(call->services->limits, &claim, clock_mono_ms()))
        return true;
    metrics_add(call->services->metrics, refused[action], 1);
    reply_text(call->reply, 429, "Rate limited");
    return false;
}
