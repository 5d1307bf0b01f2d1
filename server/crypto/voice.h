/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's own voices: keys with which it signs automatic replies, one for each name it speaks
 * under, made from its secret so that they stay the same for ever without being stored
 * (docs/protocol/community.md, 4.5). Stateless; any thread.
 */
#ifndef CONCLAVE_CRYPTO_VOICE_H
#define CONCLAVE_CRYPTO_VOICE_H

#include "crypto/keys.h"

/*
 * name: at most VOICE_NAME_MAX_BYTES. ret_author: 15 and the public key; readers verify it like any
 * such id.
 */
enum { VOICE_NAME_MAX_BYTES = 128 };
void voice_sign(const struct x25519_secret *server, struct span name, struct span message,
                struct session_id *ret_author, struct ed25519_sig *ret_sig);

#endif
