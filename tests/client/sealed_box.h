/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One-to-one messages (docs/protocol/identity.md, 5.4): sealed to the recipient, signed by the
 * sender inside. Here for the vectors and for attachments' companions in later issues; communities
 * do not use it. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_SEALED_BOX_H
#define CONCLAVE_TESTS_CLIENT_SEALED_BOX_H

#include "base/buf.h"
#include "client/account.h"

/* Appends M || A || signature. */
MUST_USE enum err sealed_box_inner(const struct account *sender, const struct session_id *recipient,
                                   struct span message, struct buf *out);
/* libsession's deterministic sealed box: the same inputs give the same bytes. */
MUST_USE enum err sealed_box_seal(const struct account *sender, const struct session_id *recipient,
                                  struct span message, struct buf *out);
/*
 * Appends the message and tells who sent it. ERR_SEALED: not for us, or not signed by whom it
 * names.
 */
MUST_USE enum err sealed_box_open(const struct account *recipient, struct span sealed,
                                  struct buf *out, struct session_id *ret_sender);

#endif
