/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one line in a handler that asks whether its caller has done enough for now (work/limits.h).
 */
#ifndef CONCLAVE_AUTH_FAIR_H
#define CONCLAVE_AUTH_FAIR_H

#include "router/call.h"
#include "work/limits.h"

/*
 * Counts one deed of the caller in call->room (bytes: of an upload, else 0). False: the refusal, 429, is written, and the
 * handler returns OK. Moderators are not counted. Once per request, before anything is written.
 */
MUST_USE bool fair_allows(struct call *call, enum limit_action action, size_t bytes);

#endif
