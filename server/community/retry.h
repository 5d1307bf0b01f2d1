/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Posts that are sent again because their answer was lost: the app repeats the same bytes under a
 * new nonce, and is to get the first answer. The batch writer decides (writer/retries.c);
 * here is what it recognises them by. A post without its author's time may be meant twice, and is
 * not looked at. Any thread; memory only.
 */
#ifndef CONCLAVE_COMMUNITY_RETRY_H
#define CONCLAVE_COMMUNITY_RETRY_H

#include "router/call.h"
#include "writer/writer.h"

/* Gives a post that carries its author's time the fingerprint of author, room and data. */
void retry_recognise(const struct call *call, struct write_op *op);
/* This process has accepted the same post lately: it was counted then, and is not counted again. */
MUST_USE bool retry_is_likely(const struct call *call, const struct write_op *op);
/* When the post was accepted. */
void retry_remember(const struct call *call, const struct write_op *op);

#endif
