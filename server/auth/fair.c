/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a call to a claim on the limits, and from a refusal to a reply.
 */
#include "auth/fair.h"

#include "base/clock.h"
#include "metrics/metrics.h"
#include "state/state.h"

enum caller_kind fair_kind(const struct call *call)
{
    if (!call->who.known)
        return CALLER_ANONYMOUS;
    return call->stranger && !call->rights.moderator ? CALLER_STRANGER : CALLER_MEMBER;
}

static struct limit_claim claim_of(const struct call *call, enum limit_action action)
{
    return (struct limit_claim){
        .action = action,
        .kind = fair_kind(call),
        .who = call->who.id,
        .moderates = call->rights.moderator,
        .room = call->room != NULL ? state_room_id(call->room) : 0,
    };
}

enum limit_verdict fair_take(struct call *call, enum limit_action action, size_t bytes)
{
    struct limit_claim claim = claim_of(call, action);
    claim.amount = 1;
    claim.bytes = (int64_t)bytes;
    return limits_take(call->services->limits, &claim, clock_mono_ms());
}

bool fair_allows(struct call *call, enum limit_action action, size_t bytes)
{
    static const enum metric refused[LIMIT_ACTIONS] = {
        [LIMIT_POSTS] = METRIC_LIMITED_POSTS,
        [LIMIT_UPLOADS] = METRIC_LIMITED_UPLOADS,
        [LIMIT_EXTENSIONS] = METRIC_LIMITED_UPLOADS,
        [LIMIT_DMS] = METRIC_LIMITED_DMS,
        [LIMIT_REACTIONS] = METRIC_LIMITED_REACTIONS,
        [LIMIT_EDITS] = METRIC_LIMITED_EDITS,
        [LIMIT_DELETIONS] = METRIC_LIMITED_DELETIONS,
        [LIMIT_MODERATION] = METRIC_LIMITED_MODERATION,
    };
    if (fair_take(call, action, bytes) == LIMIT_FITS)
        return true;
    if (call->rights.moderator)
        action = LIMIT_MODERATION;
    metrics_add(call->services->metrics, refused[action], 1);
    reply_text(call->reply, 429, "Rate limited");
    return false;
}

void fair_charge(struct call *call, enum limit_action action, size_t more)
{
    struct limit_claim claim = claim_of(call, action);
    claim.amount = (int64_t)more;
    if (more > 0)
        limits_charge(call->services->limits, &claim, clock_mono_ms());
}
