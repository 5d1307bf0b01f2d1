/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clients sign, send and read: request signatures, padding, posts, sealed boxes, classic
 * attachments, against the outside vectors.
 */
#include "client_vectors.h"

#include <sodium.h>

#include "base/base64.h"
#include "client/attachment.h"
#include "client/content.h"
#include "client/message.h"
#include "client/padding.h"
#include "client/sealed_box.h"
#include "client/sogs_auth.h"
#include "client/xed25519.h"

enum { BIG = 1 << 24 };

static struct account account_of(const json_t *at, const char *name)
{
    uint8_t seed[ACCOUNT_SEED_BYTES];
    struct account a = {0};
    vectors_bytes(at, name, seed, sizeof(seed));
    assert_int_equal(account_from_seed(seed, &a), OK);
    return a;
}

/*
 * --- X-SOGS headers
 * ------------------------------------------------------------------------------------------------
 */

/*
 * Fills a request from a case that the reference accepted, as far as our own form of the headers
 * goes.
 */
static bool request_of(const json_t *at, struct buf *body, struct sogs_request *r)
{
    const json_t *headers = json_object_get(at, "headers");
    const char *nonce = json_string_value(json_object_get(headers, "X-SOGS-Nonce"));
    const char *timestamp = json_string_value(json_object_get(headers, "X-SOGS-Timestamp"));
    uint8_t decoded[24];
    size_t len = 0;
    *r = (struct sogs_request){.method = vectors_text(at, "method"),
                               .target = vectors_text(at, "request_target")};
    if (vectors_int(json_object_get(at, "expect"), "status") != 200 || nonce == NULL ||
        timestamp == NULL)
        return false;
    if (strlen(nonce) > 24 || base64_read(span_of_text(nonce), decoded, &len) != OK ||
        len != SOGS_NONCE_BYTES)
        return false;
    if (span_to_i64(span_of_text(timestamp), &r->timestamp_s) != OK || timestamp[0] == '0')
        return false;
    memcpy(r->nonce, decoded, sizeof(r->nonce));
    if (!json_is_null(json_object_get(at, "body")))
        *body = vectors_buf(at, "body");
    r->body = buf_span(body);
    return true;
}

static void
sogs_auth__accepted_requests_of_the_reference__have_our_signed_bytes_and_signature(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("sogs-auth.json");
    struct account alice = account_of(file, "alice_seed32");
    struct x25519_pub server;
    struct blinded blinded;
    size_t i;
    size_t checked = 0;
    size_t signatures = 0;
    const json_t *at;
    vectors_bytes(file, "server_x25519_pk", server.b, sizeof(server.b));
    assert_int_equal(blinding_15(&alice, &server, &blinded), OK);
    json_array_foreach(vectors_list(file, "cases", 92), i, at)
    {
        struct buf body AUTO_BUF = buf_make(0);
        struct buf bytes AUTO_BUF = buf_make(BIG);
        struct sogs_request request;
        if (!request_of(at, &body, &request))
            continue;
        checked++;
        assert_int_equal(sogs_auth_bytes(&server, &request, &bytes), OK);
        assert_span_is(buf_span(&bytes), at, "signed_bytes");
        const json_t *headers = json_object_get(at, "headers");
        const char *key = json_string_value(json_object_get(headers, "X-SOGS-Pubkey"));
        if (key == NULL || strcmp(key, account_id_text(&blinded.id).s) != 0)
            continue;
        /* Desktop's nonce derivation is the vector's, so even the signature is the same. */
        struct sogs_signer signer = {&alice, &blinded, server};
        json_auto_t *ours = json_object();
        assert_int_equal(sogs_auth_sign(&signer, &request, ours), OK);
        if (json_equal(json_object_get(ours, "X-SOGS-Signature"),
                       json_object_get(headers, "X-SOGS-Signature")))
            signatures++;
        assert_string_equal(vectors_text(ours, "X-SOGS-Timestamp"),
                            vectors_text(headers, "X-SOGS-Timestamp"));
    }
    /*
     * Counted by hand; the rest are refusals, anonymous, or in forms of the headers that we do not
     * write.
     */
    assert_int_equal(checked, 22);
    assert_int_equal(signatures, 15);
}

static void sogs_auth__bad_escape_in_the_path__is_malformed(void **state)
{
    struct x25519_pub server = {{9}};
    static const char *const targets[] = {"/a%", "/a%4", "/a%zz", "/%2"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct sogs_request request = {.method = "GET", .target = targets[i]};
        struct buf bytes AUTO_BUF = buf_make(BIG);
        assert_int_equal(sogs_auth_bytes(&server, &request, &bytes), ERR_MALFORMED);
    }
}

/*
 * --- Padding and content
 * -------------------------------------------------------------------------------------------
 */

static void padding__every_length__is_padded_as_both_generations_do_and_stripped(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("messages.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "message_padding", 9), i, at)
    {
        struct buf message AUTO_BUF = vectors_buf(at, "message");
        struct buf newer AUTO_BUF = buf_make(BIG);
        struct buf older AUTO_BUF = buf_make(BIG);
        assert_int_equal(message.len, vectors_int(at, "length"));
        padding_put(&newer, buf_span(&message), PADDING_NEWER);
        padding_put(&older, buf_span(&message), PADDING_OLDER);
        assert_int_equal(newer.len, vectors_int(at, "padded_newer_length"));
        assert_int_equal(older.len, vectors_int(at, "padded_older_length"));
        assert_span_is(buf_span(&newer), at, "padded_newer");
        assert_span_is(buf_span(&older), at, "padded_older");
        assert_span_equal(padding_strip(buf_span(&newer)), buf_span(&message));
        assert_span_equal(padding_strip(buf_span(&older)), buf_span(&message));
    }
    json_array_foreach(vectors_list(file, "message_unpadding", 10), i, at)
    {
        struct buf padded AUTO_BUF = vectors_buf(at, "padded");
        assert_span_is(padding_strip(buf_span(&padded)), at, "unpadded");
        assert_int_equal(padded.len, vectors_int(at, "data_size"));
    }
}

enum { SIG_TIMESTAMP_BYTES = 7 }; /* its key, and a varint of today */

static void content__written__reads_back_and_every_truncation_is_told(void **state)
{
    struct content c = {.text = SPAN("Gr\xc3\xbc\xc3\x9f dich"), .timestamp_ms = 1763942400123};
    struct content back;
    struct buf bytes AUTO_BUF = buf_make(BIG);
    (void)state;
    content_put(&bytes, &c);
    assert_int_equal(content_read(buf_span(&bytes), &back), OK);
    assert_span_equal(back.text, c.text);
    assert_int_equal(back.timestamp_ms, c.timestamp_ms);
    const size_t whole = bytes.len - SIG_TIMESTAMP_BYTES; /* the last field may be missing */
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_equal(content_read(span_first(buf_span(&bytes), n), &back), n == 0 ? ERR_MISSING
                                                                               : n == whole
                                                                                   ? OK
                                                                                   : ERR_MALFORMED);
    /*
     * Bytes as protoc makes them: field 1 { field 1 "hi", field 7 = 300 }, behind unknown fields of
     * every wire type.
     */
    static const uint8_t made[] = {0x10, 0x05, 0x19, 1,    2,    3,    4,   5,    6,
                                   7,    8,    0x25, 9,    9,    9,    9,   0x0a, 0x07,
                                   0x0a, 0x02, 0x68, 0x69, 0x38, 0xac, 0x02};
    assert_int_equal(content_read(span_of(made, sizeof(made)), &back), OK);
    assert_span_equal(back.text, SPAN("hi"));
    assert_int_equal(back.timestamp_ms, 300);
    assert_int_equal(content_read(SPAN("\x0b"), &back), ERR_MALFORMED);
    assert_int_equal(content_read(SPAN("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &back),
                     ERR_MALFORMED);
}

/*
 * --- Posts
 * ----------------------------------------------------------------------------------------------------------
 */

/* A row as a server would send it. */
static json_t *row_of(const char *id, const char *data, const struct ed25519_sig *sig)
{
    char text[96];
    base64_write(SPAN_OF_KEY(sig), text);
    return json_pack("{s:i, s:i, s:s, s:f, s:s, s:s%, s:{}}", "id", 1, "seqno", 2, "session_id", id,
                     "posted", 1.5, "data", data, "signature", text, base64_len(64), "reactions");
}

static void assert_row_verified(const json_t *at, const char *id, const struct ed25519_sig *sig)
{
    struct message m AUTO_MESSAGE = {0};
    struct ed25519_sig bad = *sig;
    json_auto_t *row = row_of(id, vectors_text(at, "data_base64"), sig);
    assert_int_equal(message_read(row, &m), OK);
    assert_true(m.verified);
    assert_span_is(buf_span(&m.data), at, "data");
    message_done(&m);
    bad.b[5] ^= 0x10;
    json_auto_t *forged = row_of(id, vectors_text(at, "data_base64"), &bad);
    assert_int_equal(message_read(forged, &m), OK);
    assert_false(m.verified);
}

static void
community_messages__both_kinds_of_author__are_signed_as_listed_and_verified_when_read(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("messages.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "community_messages", 2), i, at)
    {
        struct account a = account_of(at, "seed32");
        struct buf data AUTO_BUF = vectors_buf(at, "data");
        const json_t *blinded = json_object_get(at, "blinded");
        const json_t *plain = json_object_get(at, "unblinded");
        struct x25519_pub server;
        struct blinded b;
        struct ed25519_pub ed;
        struct ed25519_sig sig;
        char text[96] = {0};
        vectors_bytes(at, "server_pk", server.b, sizeof(server.b));
        assert_int_equal(blinding_15(&a, &server, &b), OK);
        assert_string_equal(account_id_text(&b.id).s, vectors_text(blinded, "session_id"));
        assert_int_equal(blinding_sign15(&a, &b, BLINDING_NONCE_SEED32, buf_span(&data), &sig), OK);
        ASSERT_KEY_IS(&sig, blinded, "signature");
        base64_write(SPAN_OF_KEY(&sig), text);
        assert_string_equal(text, vectors_text(blinded, "signature_base64"));
        assert_row_verified(at, vectors_text(blinded, "session_id"), &sig);

        assert_string_equal(account_id_text(&a.id).s, vectors_text(plain, "session_id"));
        assert_int_equal(xed25519_convert(&a.x, &ed), OK);
        ASSERT_KEY_IS(&ed, plain, "xed25519_pk");
        assert_int_equal(xed25519_sign_desktop(&a.x_secret, buf_span(&data), &sig), OK);
        ASSERT_KEY_IS(&sig, plain, "signature_desktop_style");
        assert_row_verified(at, vectors_text(plain, "session_id"), &sig);
        /*
         * libsession's is random (its random bytes are not listed): ours must verify, and so must
         * the listed one.
         */
        vectors_bytes(plain, "signature_libsession_style", sig.b, sizeof(sig.b));
        assert_row_verified(at, vectors_text(plain, "session_id"), &sig);
        assert_int_equal(xed25519_sign(&a.x_secret, buf_span(&data), NULL, &sig), OK);
        assert_row_verified(at, vectors_text(plain, "session_id"), &sig);
    }
}

static void message__rows_of_each_kind__are_told_apart_and_others_refused(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"id\":1}",
        "{\"id\":\"1\",\"seqno\":2}",
        "{\"id\":1,\"seqno\":2.5}",
        "{\"id\":1,\"seqno\":2,\"session_id\":\"15\",\"posted\":1.0,\"data\":null,\"deleted\":"
        "true}",
        "{\"id\":1,\"seqno\":2,\"reactions\":[]}",
        "{\"id\":1,\"seqno\":2,\"session_id\":"
        "\"15e05c478ccaaa8097d884467f5baedab1f61ea5e363029bf997be807074658450\",\"posted\":1.0,"
        "\"data\":\"*\","
        "\"signature\":\"\",\"reactions\":{}}",
    };
    static const char deleted[] =
        "{\"id\":1,\"seqno\":2,\"session_id\":"
        "\"15e05c478ccaaa8097d884467f5baedab1f61ea5e363029bf997be807074658450\","
        "\"posted\":1.0,\"data\":null,\"deleted\":true,\"edited\":2.0}";
    struct message m = {0};
    (void)state;
    json_auto_t *reactions = json_loads("{\"id\":7,\"seqno\":9,\"reactions\":{}}", 0, NULL);
    assert_int_equal(message_read(reactions, &m), OK);
    assert_int_equal(m.kind, MESSAGE_REACTIONS);
    assert_int_equal(m.seqno, 9);
    message_done(&m);
    json_auto_t *tombstone = json_loads(deleted, 0, NULL);
    assert_int_equal(message_read(tombstone, &m), OK);
    assert_int_equal(m.kind, MESSAGE_DELETED);
    message_done(&m);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        json_auto_t *row = json_loads(bad[i], 0, NULL);
        assert_non_null(row);
        assert_int_equal(message_read(row, &m), ERR_MALFORMED);
    }
}

/*
 * --- Sealed boxes and attachments
 * -------------------------------------------------------------------------------------
 */

static void sealed_box__both_vectors__are_the_listed_bytes_and_open(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("messages.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "session_protocol_sealed_box", 2), i, at)
    {
        struct account sender = account_of(at, "sender_seed32");
        struct account recipient = account_of(at, "recipient_seed32");
        struct buf message AUTO_BUF = vectors_buf(at, "message");
        struct buf inner AUTO_BUF = buf_make(BIG);
        struct buf sealed AUTO_BUF = buf_make(BIG);
        struct buf back AUTO_BUF = buf_make(BIG);
        struct session_id from;
        assert_string_equal(account_id_text(&sender.id).s, vectors_text(at, "sender_session_id"));
        assert_string_equal(account_id_text(&recipient.id).s,
                            vectors_text(at, "recipient_session_id"));
        assert_int_equal(sealed_box_inner(&sender, &recipient.id, buf_span(&message), &inner), OK);
        assert_span_is(buf_span(&inner), at, "inner");
        assert_int_equal(sealed_box_seal(&sender, &recipient.id, buf_span(&message), &sealed), OK);
        assert_span_is(buf_span(&sealed), at, "sealed_box");
        assert_span_is(span_first(buf_span(&sealed), 32), at, "ephemeral_pk");
        assert_int_equal(sealed_box_open(&recipient, buf_span(&sealed), &back, &from), OK);
        assert_span_equal(buf_span(&back), buf_span(&message));
        assert_true(session_id_eq(&from, &sender.id));
        assert_int_equal(sealed_box_open(&sender, buf_span(&sealed), &back, &from), ERR_SEALED);
        for (size_t n = 0; n < sealed.len; n++)
            assert_int_equal(
                sealed_box_open(&recipient, span_first(buf_span(&sealed), n), &back, &from),
                ERR_SEALED);
    }
}

static struct buf plaintext_of(const json_t *at)
{
    size_t len = (size_t)vectors_int(at, "plaintext_length");
    struct buf plain = buf_make(BIG);
    assert_string_equal(vectors_text(at, "plaintext_rule"), "byte i = (7*i) mod 256");
    for (size_t i = 0; i < len; i++)
        buf_put_byte(&plain, (uint8_t)(7 * i));
    return plain;
}

static void attachment_classic__every_vector__is_the_listed_file_and_opens(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("attachments.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "classic_aes_cbc_hmac", 6), i, at)
    {
        struct buf plain AUTO_BUF = plaintext_of(at);
        struct buf key AUTO_BUF = vectors_buf(at, "key64");
        struct buf iv AUTO_BUF = vectors_buf(at, "iv");
        struct buf sealed AUTO_BUF = buf_make(BIG);
        struct buf back AUTO_BUF = buf_make(BIG);
        struct attachment_fixed fixed = {key.p, iv.p};
        struct attachment_keys keys;
        assert_int_equal(key.len, ATTACHMENT_KEY_BYTES);
        assert_int_equal(iv.len, ATTACHMENT_IV_BYTES);
        assert_int_equal(attachment_seal(buf_span(&plain), false, &fixed, &sealed, &keys), OK);
        assert_span_is(buf_span(&sealed), at, "encrypted");
        assert_span_is(span_of(keys.digest, sizeof(keys.digest)), at, "digest_sha256");
        assert_int_equal(attachment_open(buf_span(&sealed), &keys, &back), OK);
        assert_span_equal(buf_span(&back), buf_span(&plain));
        /* A wrong digest, a changed byte, a size that lies. */
        sealed.p[sealed.len / 2] ^= 1;
        assert_int_equal(attachment_open(buf_span(&sealed), &keys, &back), ERR_SEALED);
        sealed.p[sealed.len / 2] ^= 1;
        keys.size_bytes = plain.len + 1;
        assert_int_equal(attachment_open(buf_span(&sealed), &keys, &back), ERR_SEALED);
        keys.size_bytes = plain.len;
        keys.digest[0] ^= 1;
        assert_int_equal(attachment_open(buf_span(&sealed), &keys, &back), ERR_SEALED);
        for (size_t n = 0; n < 64; n++)
            assert_int_equal(attachment_open(span_first(buf_span(&sealed), n), &keys, &back),
                             ERR_SEALED);
    }
}

static void attachment_padding__every_listed_size__is_the_same(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("attachments.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "classic_padding_sizes", 16), i, at) assert_int_equal(
        attachment_padded_size((size_t)vectors_int(at, "size")), vectors_int(at, "padded_size"));
    assert_int_equal(attachment_padded_size(0), 541);
}

static void attachment__sealed_with_padding__opens_to_the_true_size(void **state)
{
    struct buf sealed AUTO_BUF = buf_make(BIG);
    struct buf back AUTO_BUF = buf_make(BIG);
    struct attachment_keys keys;
    struct attachment_keys again;
    (void)state;
    assert_int_equal(attachment_seal(SPAN("a small picture"), true, NULL, &sealed, &keys), OK);
    assert_int_equal(sealed.len, 592);
    assert_int_equal(attachment_open(buf_span(&sealed), &keys, &back), OK);
    assert_span_equal(buf_span(&back), SPAN("a small picture"));
    buf_reset(&back);
    keys.size_bytes = ATTACHMENT_SIZE_UNKNOWN;
    assert_int_equal(attachment_open(buf_span(&sealed), &keys, &back), OK);
    assert_int_equal(back.len, 541);
    assert_int_equal(attachment_seal(SPAN("a small picture"), true, NULL, &back, &again), OK);
    assert_memory_not_equal(keys.key, again.key, sizeof(keys.key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            sogs_auth__accepted_requests_of_the_reference__have_our_signed_bytes_and_signature),
        cmocka_unit_test(sogs_auth__bad_escape_in_the_path__is_malformed),
        cmocka_unit_test(padding__every_length__is_padded_as_both_generations_do_and_stripped),
        cmocka_unit_test(content__written__reads_back_and_every_truncation_is_told),
        cmocka_unit_test(
            community_messages__both_kinds_of_author__are_signed_as_listed_and_verified_when_read),
        cmocka_unit_test(message__rows_of_each_kind__are_told_apart_and_others_refused),
        cmocka_unit_test(sealed_box__both_vectors__are_the_listed_bytes_and_open),
        cmocka_unit_test(attachment_classic__every_vector__is_the_listed_file_and_opens),
        cmocka_unit_test(attachment_padding__every_listed_size__is_the_same),
        cmocka_unit_test(attachment__sealed_with_padding__opens_to_the_true_size),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
