/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may become a message. Rights are checked again under the room's lock by the batch writer; what only the content
 * can tell is decided here.
 */
#include "community/gate.h"

#include "conf/conf.h"

enum gate_verdict gate_post(struct call *call, struct post_in *post)
{
    if (post->data.len > call->services->conf->rooms.message_bytes) {
        reply_text(call->reply, 413, "Message is too long");
        return GATE_REFUSE;
    }
    if (post->signature.len != MESSAGE_SIGNATURE_BYTES) {
        reply_text(call->reply, 400, "Invalid signature: must be 64 bytes");
        return GATE_REFUSE;
    }
    if (post->whisper && !call->rights.moderator) {
        reply_text(call->reply, 403, "Permission denied");
        return GATE_REFUSE;
    }
    post->state = MESSAGE_VISIBLE;
    return GATE_ACCEPT;
}
