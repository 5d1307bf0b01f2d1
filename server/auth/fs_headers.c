/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the three headers in the order in which the reference complains about them, then verifies.
 */
#include "auth/fs_headers.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/hex.h"
#include "crypto/sign.h"

enum {
    TIMESTAMP_SLACK_S = 24 * 60 * 60,
    ID_VERSION_CHECK = 0x07,
    ID_BYTES = 33,
    ID_HEX_LEN = 66,
    SIGNATURE_HEX_LEN = 128,
};

struct fs_proof {
    uint8_t id[ID_BYTES];
    struct ed25519_pub key;
    struct ed25519_sig signature;
    int64_t timestamp_s;
};

/* Exactly size bytes, as base64 or as hex, told apart by the length. */
static bool read_bytes(struct span text, size_t hex_len, uint8_t *out, size_t size)
{
    uint8_t decoded[SIGNATURE_HEX_LEN]; /* more than it can become */
    size_t len = 0;
    if (text.len == hex_len)
        return hex_read(text, out, size) == OK;
    if (text.len > hex_len || base64_read(text, decoded, &len) != OK || len != size)
        return false;
    memcpy(out, decoded, size);
    return true;
}

/* NULL, or what is wrong. */
static const char *read_proof(struct span pubkey, struct span timestamp, struct span signature,
                              struct fs_proof *proof)
{
    if (!read_bytes(pubkey, ID_HEX_LEN, proof->id, sizeof(proof->id)))
        return "Invalid authentication: X-FS-Pubkey is not a valid 66-hex digit id";
    if (proof->id[0] != ID_VERSION_CHECK)
        return "Invalid authentication: X-FS-Pubkey must be 07- prefixed";
    memcpy(proof->key.b, proof->id + 1, sizeof(proof->key.b));
    if (!sign_point_ok(&proof->key))
        return "Invalid authentication: given X-FS-Pubkey is not a valid Ed25519 pubkey";
    if (!read_bytes(signature, SIGNATURE_HEX_LEN, proof->signature.b, sizeof(proof->signature.b)))
        return "Invalid authentication: X-FS-Signature is not base64[86]";
    if (span_to_i64(timestamp, &proof->timestamp_s) != OK)
        return "Invalid authentication: X-FS-Timestamp is not a valid timestamp";
    return NULL;
}

/*
 * timestamp || METHOD || path [?query] || body, as libsession signs; no body was ever seen from a
 * client.
 */
static bool is_signed(const struct request *req, struct span timestamp,
                      const struct fs_proof *proof)
{
    AUTO_BUF struct buf message =
        buf_make(timestamp.len + REQUEST_PATH_MAX_BYTES + KIB(1) + req->body.len);
    buf_put(&message, timestamp);
    buf_put(&message, req->method_text);
    buf_put(&message, req->path);
    if (req->query.len > 0) {
        buf_put_byte(&message, '?');
        buf_put(&message, req->query);
    }
    buf_put(&message, req->body);
    return buf_verdict(&message) == OK &&
           sign_verify(&proof->key, &proof->signature, buf_span(&message));
}

bool fs_headers_check(const struct request *req, bool required, int64_t now_s, struct reply *reply)
{
    struct span pubkey, timestamp, signature;
    struct fs_proof proof;
    int given = (int)request_find_header(req, "X-FS-Pubkey", &pubkey) +
                (int)request_find_header(req, "X-FS-Timestamp", &timestamp) +
                (int)request_find_header(req, "X-FS-Signature", &signature);
    if (given == 0 && !required)
        return true;
    if (given < 3) {
        reply_text(reply, 400,
                   "Invalid authentication: one or more X-FS-* auth headers is missing");
        return false;
    }
    const char *problem = read_proof(pubkey, timestamp, signature, &proof);
    if (problem != NULL) {
        reply_text(reply, 400, problem);
        return false;
    }
    if (proof.timestamp_s > now_s + TIMESTAMP_SLACK_S ||
        proof.timestamp_s < now_s - TIMESTAMP_SLACK_S) {
        reply_text(reply, 425,
                   "Invalid authentication: X-FS-Timestamp is too far from current time");
        return false;
    }
    if (!is_signed(req, timestamp, &proof)) {
        reply_text(reply, 401, "Invalid authentication: X-FS-Signature verification failed");
        return false;
    }
    return true;
}
