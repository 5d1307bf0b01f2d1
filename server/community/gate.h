/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one gate that every post passes before a number is drawn (design D15).
 */
#ifndef CONCLAVE_COMMUNITY_GATE_H
#define CONCLAVE_COMMUNITY_GATE_H

#include "router/call.h"
#include "work/writer.h"

enum gate_verdict { GATE_ACCEPT, GATE_REFUSE };

/* GATE_ACCEPT: post->state is set. GATE_REFUSE: call->reply says why. Any thread; memory only. */
MUST_USE enum gate_verdict gate_post(struct call *call, struct post_in *post);

#endif
