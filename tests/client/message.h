/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row of a room's messages as a reader takes it (docs/protocol/community.md, 2.4): parsed, its
 * signature checked, unpadded.
 */
#ifndef CONCLAVE_TESTS_CLIENT_MESSAGE_H
#define CONCLAVE_TESTS_CLIENT_MESSAGE_H

#include <jansson.h>

#include "client/content.h"
#include "crypto/keys.h"

enum message_kind { MESSAGE_POST, MESSAGE_DELETED, MESSAGE_REACTIONS };

struct message {
    enum message_kind kind;
    int64_t id;
    int64_t seqno;
    struct session_id author; /* not for MESSAGE_REACTIONS */
    double posted;
    struct buf data; /* padded, as it was signed */
    struct content content;
    bool readable; /* content was our protobuf; otherwise content.text is the unpadded data */
    bool verified; /* the signature is the author's over data */
};

/* ERR_MALFORMED: not such a row (strict as iOS is). Release with message_done. */
MUST_USE enum err message_read(const json_t *row, struct message *ret_message);
void message_done(struct message *m);
#define AUTO_MESSAGE CLEANUP(message_done)

/* True if sig is the author's over data: 15 and 25 plain Ed25519, 05 XEd25519. */
bool message_verify(const struct session_id *author, struct span data,
                    const struct ed25519_sig *sig);

#endif
