/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one line in a handler that asks whether its caller has done enough for now (work/limits.h).
 * What moderators do in their rooms counts as moderation, whatever it is.
 */
#ifndef CONCLAVE_AUTH_FAIR_H
#define CONCLAVE_AUTH_FAIR_H

#include "router/call.h"
#include "work/limits.h"

/*
 * Counts one deed of the caller in call->room (bytes: of an upload, or of what is written). False:
 * the refusal, 429, is written, and the handler returns OK. Before anything is written.
 */
MUST_USE bool fair_allows(struct call *call, enum limit_action action, size_t bytes);
/* The same without a refusal written. */
MUST_USE enum limit_verdict fair_take(struct call *call, enum limit_action action, size_t bytes);
/*
 * Counts more of a deed that was allowed: it touched so many messages or rooms besides the first.
 */
void fair_charge(struct call *call, enum limit_action action, size_t more);
/* Whose budgets and shares the caller's deeds count in. */
enum caller_kind fair_kind(const struct call *call);

#endif
