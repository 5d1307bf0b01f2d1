/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one gate that every post and every edit passes before a number is drawn (docs/design.md,
 * D15).
 */
#ifndef CONCLAVE_COMMUNITY_GATE_H
#define CONCLAVE_COMMUNITY_GATE_H

#include "router/call.h"
#include "writer/writer.h"

enum gate_verdict { GATE_ACCEPT, GATE_REFUSE };

/* What the server says to it, in its own name, right behind it. */
struct gate_reply {
    bool wanted;
    struct session_id author;
    struct post_in post;
};

/*
 * GATE_ACCEPT: post->state is set, and it may be MESSAGE_FILTERED: to its author it looks done, and
 * nobody ever sees it (an edit then changes nothing); ret_reply says whether there is an answer.
 * GATE_REFUSE: call->reply says why. Any thread; memory only.
 */
MUST_USE enum gate_verdict gate_post(struct call *call, struct post_in *post,
                                     struct gate_reply *ret_reply);

#endif
