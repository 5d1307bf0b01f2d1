/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fingerprint covers neither the files nor the reader of a whisper: apps repeat a post as it
 * was, and the time in it makes two posts different that are meant to be.
 */
#include "community/retry.h"

#include "auth/recall.h"
#include "community/post_text.h"
#include "crypto/secret.h"

void retry_recognise(const struct call *call, struct write_op *op)
{
    if (!post_text_is_timed(op->post.data))
        return;
    const struct span parts[] = {SPAN_OF_KEY(&op->author), span_of(&op->room, sizeof(op->room)),
                                 op->post.data};
    op->digest = fingerprint_of(call->services->keys->secret, "conclave retry", parts,
                                sizeof(parts) / sizeof(parts[0]));
    op->has_digest = true;
}

bool retry_is_likely(const struct call *call, const struct write_op *op)
{
    return op->has_digest && recall_has(call->services->posted, SPAN_OF_KEY(&op->digest));
}

void retry_remember(const struct call *call, const struct write_op *op)
{
    if (op->has_digest)
        (void)recall_add(call->services->posted, SPAN_OF_KEY(&op->digest));
}
