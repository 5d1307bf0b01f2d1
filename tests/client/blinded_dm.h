/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inbox messages between blinded ids (docs/protocol/identity.md, 5.3): sealed so that both ends can
 * open them, with the sender's master key inside. The server never sees into them. Any thread.
 */
#ifndef CONCLAVE_TESTS_CLIENT_BLINDED_DM_H
#define CONCLAVE_TESTS_CLIENT_BLINDED_DM_H

#include "base/buf.h"
#include "client/blinding.h"

enum { BLINDED_DM_NONCE_BYTES = 24, BLINDED_DM_MIN_BYTES = 1 + 32 + 16 + BLINDED_DM_NONCE_BYTES };

/*
 * Who speaks to whom; own is one of the two (or both). All three ids carry the same prefix, 15 or
 * 25.
 */
struct blinded_dm_ends {
    const struct account *account; /* ours */
    const struct blinded *own;     /* ours on this server */
    struct session_id sender, recipient;
};

/* The key that both ends derive. ERR_SEALED: not our conversation, or a key of low order. */
MUST_USE enum err blinded_dm_key(const struct blinded_dm_ends *ends, struct aead_key *ret_key);
/*
 * Appends the payload; message is padded content. nonce: NULL for a fresh one. We must be the
 * sender.
 */
MUST_USE enum err blinded_dm_seal(const struct blinded_dm_ends *ends, struct span message,
                                  const uint8_t *nonce, struct buf *out);
/*
 * Appends the message and tells the sender's Session id. ERR_MALFORMED: no such payload.
 * ERR_SEALED: not for this conversation, or the master key inside does not blind to the sender.
 */
MUST_USE enum err blinded_dm_open(const struct blinded_dm_ends *ends,
                                  const struct x25519_pub *server, struct span payload,
                                  struct buf *out, struct session_id *ret_sender);

#endif
