/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The thirteen checks of a signed request, in their order: clients and their tests compare statuses
 * and texts, and one of them (blinding required) switches desktop's behaviour. Decides nothing
 * about rooms.
 */
#include "auth/identity.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/hex.h"
#include "crypto/blind.h"
#include "crypto/sign.h"

enum {
    TIMESTAMP_SLACK_S = 24 * 60 * 60, /* either side; exactly that still passes */
    PUBKEY_BYTES = 33,
    NONCE_BYTES = 16,
    SIGNATURE_BYTES = 64,
    BODY_HASH_BYTES = 64,
    PREFIX_UNBLINDED = 0x00,
};

struct refusal {
    int status;
    const char *text;
};

#define REFUSED(status, words) ((struct refusal){(status), "Invalid authentication: " words})
#define PASSED                 ((struct refusal){0, NULL})

/* The four headers as sent. */
struct proof_text {
    struct span pubkey, nonce, timestamp, signature;
};

/* And as they were understood. */
struct proof {
    uint8_t prefix;
    struct ed25519_pub key;
    struct session_id id;
    uint8_t nonce[NONCE_BYTES];
    struct ed25519_sig signature;
    int64_t timestamp_s;
};

/*
 * The length decides: twice the size is hex, else it must be base64 of that size, padded in full or
 * not at all.
 */
static bool decode(struct span text, uint8_t *out, size_t size)
{
    enum { DECODED_MAX_BYTES = 96 }; /* base64 of at most 128 characters */
    uint8_t raw[DECODED_MAX_BYTES];
    size_t len = 0;
    if (text.len == 2 * size)
        return hex_read(text, out, size) == OK;
    size_t unpadded = (size * 4 + 2) / 3;
    if (text.len != base64_len(size) && text.len != unpadded)
        return false;
    if (base64_max_decoded(text.len) > sizeof raw || base64_read(text, raw, &len) != OK ||
        len != size)
        return false;
    memcpy(out, raw, size);
    return true;
}

/* What 64 bits cannot hold stands at their end, so that it is "too far" and not malformed. */
static bool read_timestamp(struct span text, int64_t *ret_s)
{
    return request_signed_int(text, ret_s) == OK;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool too_far(int64_t timestamp_s, int64_t now_ms)
{
    int64_t now_s = floor_div(now_ms, 1000);
    int64_t apart_s;
    if (__builtin_sub_overflow(timestamp_s, now_s, &apart_s))
        return true;
    return apart_s > TIMESTAMP_SLACK_S || apart_s < -TIMESTAMP_SLACK_S;
}

static struct refusal read_key(const struct identity_rules *rules, struct span text,
                               struct proof *proof)
{
    uint8_t raw[PUBKEY_BYTES];
    if (!decode(text, raw, sizeof raw))
        return REFUSED(400, "X-SOGS-Pubkey is not a valid 66-hex digit id");
    proof->prefix = raw[0];
    memcpy(proof->key.b, raw + 1, sizeof proof->key.b);
    if (proof->prefix != PREFIX_UNBLINDED && proof->prefix != ID_BLINDED15)
        return REFUSED(400, "X-SOGS-Pubkey must be 00- or 15- prefixed");
    /*
     * The check is as dear as the signature itself; a key that proved itself once need not be
     * checked again.
     */
    if (!recall_has(rules->keys, SPAN_OF_KEY(&proof->key)) && !sign_point_ok(&proof->key))
        return REFUSED(400, "given X-SOGS-Pubkey is not a valid Ed25519 pubkey");
    if (proof->prefix == PREFIX_UNBLINDED && rules->blinding_required)
        return REFUSED(400, "this server requires the use of blinded ids");
    return PASSED;
}

/* The id this key speaks for: itself when blinded, else the account behind it. */
static struct refusal derive_id(struct proof *proof)
{
    proof->id.b[0] = proof->prefix;
    memcpy(proof->id.b + 1, proof->key.b, sizeof proof->key.b);
    if (proof->prefix != PREFIX_UNBLINDED)
        return PASSED;
    struct x25519_pub account;
    if (blind_to_x25519(&proof->key, &account) != OK)
        return REFUSED(400, "given X-SOGS-Pubkey is not a valid Ed25519 pubkey");
    proof->id.b[0] = ID_UNBLINDED;
    memcpy(proof->id.b + 1, account.b, sizeof account.b);
    return PASSED;
}

static struct refusal read_rest(const struct proof_text *text, struct proof *proof)
{
    if (!decode(text->nonce, proof->nonce, NONCE_BYTES))
        return REFUSED(400, "X-SOGS-Nonce must be 16 bytes (encoded as base64 or hex)");
    if (!decode(text->signature, proof->signature.b, SIGNATURE_BYTES))
        return REFUSED(400, "X-SOGS-Signature is not base64[88]");
    if (!read_timestamp(text->timestamp, &proof->timestamp_s))
        return REFUSED(400, "X-SOGS-Timestamp is not a valid timestamp");
    return PASSED;
}

static uint8_t *append(uint8_t *to, struct span s)
{
    if (s.len > 0)
        memcpy(to, s.p, s.len);
    return to + s.len;
}

/*
 * server key || nonce || timestamp as sent || METHOD || path [?query] [|| hash of the body]. Empty
 * without memory.
 */
static struct span signed_bytes(const struct call *call, const struct x25519_pub *server,
                                struct span nonce, struct span timestamp)
{
    const struct request *req = call->req;
    uint8_t hash[BODY_HASH_BYTES];
    size_t hash_len = req->body.len > 0 ? sizeof hash : 0;
    size_t query_len = req->query.len > 0 ? 1 + req->query.len : 0; /* a bare '?' is not signed */
    size_t len = sizeof server->b + nonce.len + timestamp.len + req->method_text.len +
                 req->path.len + query_len + hash_len;
    uint8_t *bytes = arena_alloc(call->mem, len);
    if (bytes == NULL)
        return (struct span){NULL, 0};
    uint8_t *to = append(bytes, SPAN_OF_KEY(server));
    to = append(to, nonce);
    to = append(to, timestamp);
    to = append(to, req->method_text);
    to = append(to, req->path);
    if (query_len > 0) {
        to = append(to, SPAN("?"));
        to = append(to, req->query);
    }
    if (hash_len > 0) {
        hash_blake2b(hash, sizeof hash, req->body);
        (void)append(to, span_of(hash, hash_len));
    }
    return span_of(bytes, len);
}

/*
 * Clients escape what stands after the '?'. PySOGS verifies over other bytes than were signed when
 * one does not.
 */
static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] >= 0x80)
            return false;
    }
    return true;
}

static struct refusal verify(const struct identity_rules *rules, const struct call *call,
                             const struct proof_text *text, const struct proof *proof)
{
    struct span nonce = span_of(proof->nonce, sizeof proof->nonce);
    struct span message = signed_bytes(call, rules->server, nonce, text->timestamp);
    if (message.len == 0)
        return (struct refusal){503, "Server busy"};
    if (!is_ascii(call->req->query) || !sign_verify(&proof->key, &proof->signature, message))
        return REFUSED(401, "X-SOGS-Signature verification failed");
    return PASSED;
}

/* Rows 3 to 13 of the table. Nothing is remembered before the signature held. */
static struct refusal check(const struct identity_rules *rules, const struct call *call,
                            const struct proof_text *text, struct proof *proof)
{
    struct refusal no = read_key(rules, text->pubkey, proof);
    if (no.status == 0)
        no = read_rest(text, proof);
    if (no.status != 0)
        return no;
    if (too_far(proof->timestamp_s, call->now_ms))
        return REFUSED(425, "X-SOGS-Timestamp is too far from current time");
    no = derive_id(proof);
    if (no.status != 0)
        return no;
    if (rules->banned(rules->banned_arg, &proof->id))
        return (struct refusal){403, IDENTITY_BANNED};
    struct span nonce = span_of(proof->nonce, sizeof proof->nonce);
    if (recall_has(rules->nonces, nonce))
        return (struct refusal){425, IDENTITY_REPLAYED};
    no = verify(rules, call, text, proof);
    if (no.status != 0)
        return no;
    (void)recall_add(rules->keys, SPAN_OF_KEY(&proof->key));
    /*
     * The same request twice at the same moment: both passed the look-up above, one of them is the
     * replay.
     */
    if (!recall_add(rules->nonces, nonce))
        return (struct refusal){425, IDENTITY_REPLAYED};
    return PASSED;
}

bool identity_claimed(const struct request *req, struct session_id *ret_id)
{
    struct span text = request_header(req, "X-SOGS-Pubkey");
    return text.len > 0 && decode(text, ret_id->b, sizeof ret_id->b);
}

bool identity_check(const struct identity_rules *rules, struct call *call)
{
    static const char *const missing_texts[] = {
        NULL,
        "Invalid authentication headers: missing 1/4 required X-SOGS-* headers",
        "Invalid authentication headers: missing 2/4 required X-SOGS-* headers",
        "Invalid authentication headers: missing 3/4 required X-SOGS-* headers",
    };
    const struct proof_text text = {
        .pubkey = request_header(call->req, "X-SOGS-Pubkey"),
        .nonce = request_header(call->req, "X-SOGS-Nonce"),
        .timestamp = request_header(call->req, "X-SOGS-Timestamp"),
        .signature = request_header(call->req, "X-SOGS-Signature"),
    };
    int missing = (text.pubkey.len == 0) + (text.nonce.len == 0) + (text.timestamp.len == 0) +
                  (text.signature.len == 0);
    call->who = (struct identity){.known = false};
    if (missing == 4)
        return true;
    if (missing > 0) {
        reply_text(call->reply, 400, missing_texts[missing]);
        return false;
    }
    struct proof proof = {.prefix = 0};
    struct refusal no = check(rules, call, &text, &proof);
    if (no.status != 0) {
        reply_text(call->reply, no.status, no.text);
        return false;
    }
    call->who = (struct identity){.known = true, .id = proof.id};
    memcpy(call->nonce.b, proof.nonce, sizeof call->nonce.b);
    call->nonce.signed_s = proof.timestamp_s;
    return true;
}
