/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Onion requests addressed to us: the frame, its two ciphers, and the two payload forms
 * (docs/protocol/identity.md, 4). Bytes in, struct request out; and a reply back, encrypted. Knows
 * no sockets and no database.
 */
#ifndef CONCLAVE_ONION_ENVELOPE_H
#define CONCLAVE_ONION_ENVELOPE_H

#include "crypto/box.h"
#include "crypto/secret.h"
#include "router/reply.h"
#include "router/request.h"

struct arena;

enum envelope_kind { ENVELOPE_V4, ENVELOPE_V3 };

/* What is needed to answer: wiped by envelope_forget. */
struct reply_key {
    enum envelope_kind kind;
    enum onion_cipher cipher;
    struct aead_key key;
};

/*
 * Parses the frame (LE32, ciphertext, JSON) and opens the ciphertext in place: a 10 MB body exists
 * once. *ret_plain points into frame and lives as long as it. *ret_key must reach envelope_forget.
 * ERR_MALFORMED: not a frame, a length lies, unknown enc_type. ERR_SEALED: does not open under our
 * key. Both are answered by plain HTTP 400. Any thread; does not log.
 */
MUST_USE enum err envelope_open(struct arena *mem, const struct server_keys *keys,
                                enum envelope_kind kind, struct bytes frame,
                                struct bytes *ret_plain, struct reply_key *ret_key);
void envelope_forget(struct reply_key *key);

/*
 * The payload as a request; spans point into plain or mem. ERR_MALFORMED: answered sealed (v4: 400
 * and the text ENVELOPE_V4_BAD_REQUEST; v3: {"status_code":400}).
 */
#define ENVELOPE_V4_BAD_REQUEST "Invalid v4 onion request"
MUST_USE enum err envelope_parse(struct arena *mem, enum envelope_kind kind, struct span plain,
                                 struct request **ret_req);

/*
 * The finished HTTP body for a reply whose body is in memory: sealed bytes (v4) or their base64
 * (v3). A reply that would pass REPLY_MAX_BYTES sealed becomes a sealed 413. out needs a ceiling of
 * at least REPLY_MAX_BYTES. ERR_DEFECT: no status, or a reply with a source. ERR_NO_MEMORY: nothing
 * was written.
 */
MUST_USE enum err envelope_seal(const struct reply_key *key, const struct reply *reply,
                                struct buf *out);

/*
 * For a v4 reply with a body source: what stands before and after the source's bytes in the
 * bencoded plaintext ("l<n>:<meta><m>:" and "e"). The caller seals head, pieces and tail with
 * box_stream_*. Appended to ret_head, a buffer of the caller's. *ret_total: length of the whole
 * plaintext. ERR_TOO_LARGE: sealed it would pass REPLY_MAX_BYTES. ERR_DEFECT: no status or no
 * source.
 */
MUST_USE enum err envelope_stream_head(const struct reply *reply, struct buf *ret_head,
                                       uint64_t *ret_total);

#endif
