/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ids, conversions between curves, blinding and point checks, against values that others computed.
 * Recovery phrases in identity.json are a client's business and are not read here.
 */
#include "unit/vectors.h"

#include <sodium.h>

#include "base/base64.h"
#include "crypto/blind.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

static struct session_id id_of(const json_t *object, const char *key)
{
    struct session_id id;
    assert_int_equal(session_id_read(vector_text(object, key), &id), OK);
    return id;
}

static void identity__every_account__converts_to_its_id(void **state)
{
    (void)state;
    json_t *root = vectors_load("identity.json");
    const json_t *accounts = vectors_list(root, "accounts", 6);
    size_t i;
    const json_t *account;
    json_array_foreach(accounts, i, account)
    {
        struct ed25519_pub ed, back;
        struct x25519_pub x, expected;
        VECTOR_KEY(account, "ed25519_pk", &ed);
        VECTOR_KEY(account, "x25519_pk", &expected);
        assert_int_equal(blind_to_x25519(&ed, &x), OK);
        assert_memory_equal(x.b, expected.b, sizeof(x.b));

        blind_to_ed25519(&x, &back);
        ed.b[31] &= 0x7f;
        assert_memory_equal(back.b, ed.b, sizeof(ed.b));

        struct session_id id = id_of(account, "session_id");
        char text[SESSION_ID_TEXT_LEN];
        session_id_write(&id, text);
        assert_span_equal(span_of(text, sizeof(text)), vector_text(account, "session_id"));
        assert_memory_equal(id.b + 1, x.b, sizeof(x.b));

        uint8_t raw[32];
        struct server_keys keys;
        vector_hex(account, "ed25519_scalar_equals_x25519_sk", raw, sizeof(raw));
        assert_int_equal(server_keys_open(raw, &keys), OK);
        assert_memory_equal(keys.pub.b, x.b, sizeof(x.b));
        assert_memory_equal(keys.ed_form.b, ed.b, sizeof(ed.b));
        server_keys_close(&keys);
    }
    json_decref(root);
}

static void xed25519__every_conversion__gives_the_positive_key(void **state)
{
    (void)state;
    json_t *root = vectors_load("xed25519.json");
    size_t i;
    const json_t *c;
    json_array_foreach(vectors_list(root, "conversion", 4), i, c)
    {
        struct x25519_pub x, back;
        struct ed25519_pub ed, expected;
        VECTOR_KEY(c, "x25519_pk", &x);
        VECTOR_KEY(c, "xed25519_pk", &expected);
        blind_to_ed25519(&x, &ed);
        assert_memory_equal(ed.b, expected.b, sizeof(ed.b));
        assert_int_equal(blind_to_x25519(&ed, &back), OK);
        assert_memory_equal(back.b, x.b, sizeof(x.b));
    }
    json_array_foreach(vectors_list(root, "conversion_edge_cases", 6), i, c)
    {
        struct x25519_pub u;
        struct ed25519_pub y, expected;
        VECTOR_KEY(c, "u", &u);
        VECTOR_KEY(c, "y", &expected);
        blind_to_ed25519(&u, &y);
        assert_memory_equal(y.b, expected.b, sizeof(y.b));
    }
    json_decref(root);
}

static void blind15__every_vector__matches_in_one_of_two_signs(void **state)
{
    (void)state;
    json_t *root = vectors_load("blinding.json");
    size_t i, j;
    const json_t *c, *s;
    size_t signatures = 0;
    json_array_foreach(vectors_list(root, "blind15", 10), i, c)
    {
        struct x25519_pub server;
        struct scalar k, expected_k;
        VECTOR_KEY(c, "server_pk", &server);
        VECTOR_KEY(c, "k", &expected_k);
        blind15_factor(&server, &k);
        assert_memory_equal(k.b, expected_k.b, sizeof(k.b));

        struct session_id account = id_of(c, "session_id");
        struct session_id positive = id_of(c, "positive_id");
        struct session_id negative = id_of(c, "negative_id");
        struct session_id true_id = id_of(c, "blinded_id");
        struct session_id absolute;
        assert_int_equal(blind15_absolute(&k, &account, &absolute), OK);
        assert_true(session_id_eq(&absolute, &positive));
        struct session_id other = blind15_negate(&absolute);
        struct session_id candidates[2];
        assert_int_equal(blind15_candidates(&k, &account, candidates), 2);
        assert_true(session_id_eq(&candidates[0], &absolute));
        assert_true(session_id_eq(&candidates[1], &other));
        assert_int_equal(blind15_candidates(&k, &absolute, candidates), 0); /* is one already */
        struct session_id from_other = blind15_absolute_form(&other);
        struct session_id from_itself = blind15_absolute_form(&absolute);
        assert_true(session_id_eq(&from_other, &absolute));
        assert_true(session_id_eq(&from_itself, &absolute));
        assert_true(session_id_eq(&other, &negative));
        assert_true(session_id_eq(&true_id, &absolute) || session_id_eq(&true_id, &other));

        struct ed25519_pub key;
        VECTOR_KEY(c, "blinded_pk_kA", &key);
        assert_true(sign_point_ok(&key));
        json_array_foreach(vectors_list(c, "signatures", 3), j, s)
        {
            struct bytes message = vector_bytes(s, "message");
            struct ed25519_sig a, b;
            VECTOR_KEY(s, "signature_nonce_from_seed32", &a);
            VECTOR_KEY(s, "signature_nonce_from_sk64", &b);
            assert_true(sign_verify(&key, &a, span_of_bytes(message)));
            assert_true(sign_verify(&key, &b, span_of_bytes(message)));
            a.b[0] ^= 1;
            assert_false(sign_verify(&key, &a, span_of_bytes(message)));
            b.b[63] |= 0x80;
            assert_false(sign_verify(&key, &b, span_of_bytes(message)));
            test_free(message.p);
            signatures++;
        }
    }
    assert_true(signatures >= 30);
    json_decref(root);
}

static void blind25__every_vector__is_the_one_id(void **state)
{
    (void)state;
    json_t *root = vectors_load("blinding.json");
    size_t i, j;
    const json_t *c, *s;
    json_array_foreach(vectors_list(root, "blind25", 10), i, c)
    {
        struct x25519_pub server;
        VECTOR_KEY(c, "server_pk", &server);
        struct session_id account = id_of(c, "session_id");
        struct session_id expected = id_of(c, "blinded_id");
        struct session_id blinded;
        assert_int_equal(blind25_id(&server, &account, &blinded), OK);
        assert_true(session_id_eq(&blinded, &expected));

        struct ed25519_pub key;
        memcpy(key.b, blinded.b + 1, sizeof(key.b));
        json_array_foreach(vectors_list(c, "signatures", 3), j, s)
        {
            struct bytes message = vector_bytes(s, "message");
            struct ed25519_sig sig;
            VECTOR_KEY(s, "signature", &sig);
            assert_true(sign_verify(&key, &sig, span_of_bytes(message)));
            test_free(message.p);
        }
    }
    json_decref(root);
}

static bool matches(const json_t *c)
{
    struct x25519_pub server;
    VECTOR_KEY(c, "server_pk", &server);
    struct session_id account = id_of(c, "session_id");
    struct session_id claimed = id_of(c, "blinded_id");
    struct session_id blinded;
    if (claimed.b[0] == ID_BLINDED25) {
        assert_int_equal(blind25_id(&server, &account, &blinded), OK);
        return session_id_eq(&blinded, &claimed);
    }
    struct scalar k;
    blind15_factor(&server, &k);
    assert_int_equal(blind15_absolute(&k, &account, &blinded), OK);
    struct session_id negative = blind15_negate(&blinded);
    return session_id_eq(&blinded, &claimed) || session_id_eq(&negative, &claimed);
}

static void blinding__every_pair__matches_as_the_references_say(void **state)
{
    (void)state;
    json_t *root = vectors_load("blinding.json");
    size_t i;
    const json_t *c;
    json_array_foreach(vectors_list(root, "matching", 42), i, c)
    {
        assert_int_equal(matches(c), json_is_true(json_object_get(c, "matches")));
    }
    json_decref(root);
}

static void points__every_bad_one__is_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("blinding.json");
    size_t i;
    const json_t *c;
    json_array_foreach(vectors_list(root, "invalid_points", 7), i, c)
    {
        struct ed25519_pub key;
        struct x25519_pub x;
        VECTOR_KEY(c, "pk", &key);
        assert_false(sign_point_ok(&key));
        assert_int_equal(blind_to_x25519(&key, &x), ERR_MALFORMED);
    }
    json_decref(root);
}

static void blinding__what_is_no_05_id_or_no_point__is_malformed(void **state)
{
    (void)state;
    struct x25519_pub server = {.b = {9}};
    struct scalar k;
    struct session_id out;
    blind15_factor(&server, &k);
    struct session_id account = {.b = {ID_BLINDED15, 9}};
    assert_int_equal(blind15_absolute(&k, &account, &out), ERR_MALFORMED);
    assert_int_equal(blind25_id(&server, &account, &out), ERR_MALFORMED);
    account = (struct session_id){.b = {ID_UNBLINDED, 0}}; /* u = 0: small order */
    assert_int_equal(blind15_absolute(&k, &account, &out), ERR_MALFORMED);
    account = (struct session_id){.b = {ID_UNBLINDED, 2}}; /* on the twist */
    assert_int_equal(blind15_absolute(&k, &account, &out), ERR_MALFORMED);
    assert_int_equal(blind25_id(&server, &account, &out), ERR_MALFORMED);
    account = (struct session_id){.b = {ID_UNBLINDED, 9}};
    assert_int_equal(blind15_absolute(&k, &account, &out), OK);
}

static void conversion__random_accounts__agrees_with_libsodium(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        uint8_t secret[crypto_sign_SECRETKEYBYTES];
        struct ed25519_pub ed, back;
        struct x25519_pub x;
        crypto_sign_keypair(ed.b, secret);
        assert_int_equal(blind_to_x25519(&ed, &x), OK);
        blind_to_ed25519(&x, &back);
        ed.b[31] &= 0x7f;
        assert_memory_equal(ed.b, back.b, sizeof(ed.b));
    }
}

static void session_id__what_is_not_66_hex_with_a_known_prefix__is_malformed(void **state)
{
    (void)state;
    static const char good[] = "15B74ED205f1f931e1bb1291183778a9456b835937d923b0f2e248aa3a44c07844";
    struct session_id id;
    assert_int_equal(session_id_read(span_of_text(good), &id), OK);
    char text[SESSION_ID_TEXT_LEN];
    session_id_write(&id, text);
    assert_memory_equal(text, "15b74ed2", 8);
    for (size_t len = 0; len < SESSION_ID_TEXT_LEN; len++)
        assert_int_equal(session_id_read(span_of(good, len), &id), ERR_MALFORMED);
    assert_int_equal(session_id_read(span_of(good, sizeof(good)), &id), ERR_MALFORMED); /* a NUL */
    for (int prefix = 0; prefix < 256; prefix++) {
        bool known = prefix == 0x05 || prefix == 0x15 || prefix == 0x25;
        (void)snprintf(text, sizeof(text), "%02x", (unsigned)prefix);
        memcpy(text + 2, good + 2, sizeof(text) - 2);
        assert_int_equal(session_id_read(span_of(text, sizeof(text)), &id),
                         known ? OK : ERR_MALFORMED);
    }
    text[65] = 'g';
    assert_int_equal(session_id_read(span_of(text, sizeof(text)), &id), ERR_MALFORMED);
}

static void hash_file_id__is_keyed_by_the_protocols_salt(void **state)
{
    (void)state;
    json_t *root = vectors_load("attachments.json");
    size_t i;
    const json_t *c;
    json_array_foreach(vectors_list(root, "file_server_content_ids", 3), i, c)
    {
        struct bytes content = vector_bytes(c, "content");
        uint8_t digest[33];
        char id[44];
        hash_file_id(digest, span_of_bytes(content));
        assert_int_equal(base64url_write(span_of(digest, sizeof(digest)), id), sizeof(id));
        assert_span_equal(span_of(id, sizeof(id)), vector_text(c, "file_id"));
        test_free(content.p);
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity__every_account__converts_to_its_id),
        cmocka_unit_test(xed25519__every_conversion__gives_the_positive_key),
        cmocka_unit_test(blind15__every_vector__matches_in_one_of_two_signs),
        cmocka_unit_test(blind25__every_vector__is_the_one_id),
        cmocka_unit_test(blinding__every_pair__matches_as_the_references_say),
        cmocka_unit_test(points__every_bad_one__is_refused),
        cmocka_unit_test(blinding__what_is_no_05_id_or_no_point__is_malformed),
        cmocka_unit_test(conversion__random_accounts__agrees_with_libsodium),
        cmocka_unit_test(session_id__what_is_not_66_hex_with_a_known_prefix__is_malformed),
        cmocka_unit_test(hash_file_id__is_keyed_by_the_protocols_salt),
    };
    if (crypto_start() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
