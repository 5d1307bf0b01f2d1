/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The MAC of a message: what the database says of it beside the sealed body (whose it is, who may
 * read it, which version, which room) is as it was written. Its key comes from the key of the body.
 * Tombstones have none. What it does not hold: docs/decisions/0059-macs-of-messages.md.
 */
#ifndef CONCLAVE_STORE_MESSAGE_MAC_H
#define CONCLAVE_STORE_MESSAGE_MAC_H

#include "crypto/keys.h"
#include "store/ring.h"

enum { MESSAGE_MAC_BYTES = 16 };

struct message_mac {
    uint8_t b[MESSAGE_MAC_BYTES];
};

/* Times and numbers as the columns have them; NULL is 0. */
struct message_facts {
    int64_t room;
    int64_t seqno_creation; /* with the room, which message it is */
    int64_t seqno_data;     /* which version of it */
    int64_t state;
    double posted, edited;
    const struct session_id *author;
    const struct session_id *whisper_to; /* NULL: nobody's */
    bool whisper_mods;
    struct span sealed; /* its body, or any text that begins and ends like it */
};

/* Under the key of the body. ERR_DEFECT: no sealed body is that short. */
MUST_USE enum err message_mac(const struct aead_key *row_key, const struct message_facts *facts,
                              struct message_mac *ret_mac);
/*
 * mac as it was read; p == NULL: there is none, which is OK until MACs are required. ERR_SEALED:
 * the row is not what was written.
 */
MUST_USE enum err message_mac_check(struct ring *ring, const struct aead_key *row_key,
                                    const struct message_facts *facts, struct span mac);

/*
 * The same, with :mac_columns (names.sql) from the first column on; facts: room, seqno_creation,
 * sealed.
 */
MUST_USE enum err message_mac_check_row(struct ring *ring, const struct aead_key *row_key,
                                        const struct row *row, int first,
                                        const struct message_facts *facts);

/*
 * For the jobs: gives MACs to at most limit rows without one, above *after, which moves on; in the
 * caller's transaction if one is open. Rows that are locked, or whose key is gone, stay without.
 * *ret_read: how many rows were looked at; 0: there are no more.
 */
MUST_USE enum err message_macs_fill(struct db *db, struct ring *ring, struct arena *mem,
                                    int64_t limit, int64_t *after, int64_t *ret_read,
                                    int64_t *ret_filled);
/* How many rows have none. */
MUST_USE enum err message_macs_missing(struct db *db, int64_t *ret_missing);

#endif
