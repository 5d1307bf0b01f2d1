/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's accounts, blinded ids and XEd25519 against the outside vectors. The server's own
 * code has its tests; here nothing of it takes part.
 */
#include "client_vectors.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/account.h"
#include "client/blinding.h"
#include "client/xed25519.h"

static struct account account_of(const json_t *at, const char *name)
{
    uint8_t seed[ACCOUNT_SEED_BYTES];
    struct account a = {0};
    vectors_bytes(at, name, seed, sizeof(seed));
    assert_int_equal(account_from_seed(seed, &a), OK);
    return a;
}

static struct session_id id_of(const json_t *at, const char *name)
{
    struct session_id id = {{0}};
    assert_int_equal(account_id_read(span_of_text(vectors_text(at, name)), &id), OK);
    return id;
}

static void account__from_every_vector_seed__has_its_keys_and_id(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("identity.json");
    const json_t *list = vectors_list(file, "accounts", 6);
    size_t i;
    const json_t *at;
    json_array_foreach(list, i, at)
    {
        struct account a = account_of(at, "seed32");
        ASSERT_KEY_IS(&a.ed, at, "ed25519_pk");
        assert_span_is(span_of(a.sk64, sizeof(a.sk64)), at, "ed25519_sk64");
        assert_int_equal(a.ed.b[31] >> 7, vectors_int(at, "ed25519_pk_sign_bit"));
        ASSERT_KEY_IS(&a.scalar, at, "ed25519_scalar_equals_x25519_sk");
        ASSERT_KEY_IS(&a.x_secret, at, "ed25519_scalar_equals_x25519_sk");
        ASSERT_KEY_IS(&a.x, at, "x25519_pk");
        assert_string_equal(account_id_text(&a.id).s, vectors_text(at, "session_id"));
        /*
         * seed16 is the random half, the rest zeros; the phrase is the one difference
         * (differences.md).
         */
        assert_span_is(span_of(a.seed, ACCOUNT_RANDOM_BYTES), at, "seed16");
        assert_true(json_is_object(json_object_get(at, "mnemonic")));
    }
}

static void account__new__has_sixteen_random_bytes_and_sixteen_zeros(void **state)
{
    static const uint8_t zeros[16];
    struct account a;
    struct account b;
    (void)state;
    assert_int_equal(account_new(&a), OK);
    assert_int_equal(account_new(&b), OK);
    assert_memory_not_equal(a.seed, b.seed, 16);
    assert_memory_not_equal(a.seed, zeros, 16);
    assert_memory_equal(a.seed + 16, zeros, 16);
    assert_int_equal(a.id.b[0], 0x05);
}

static void account__saved_and_loaded__is_the_same_and_private_and_never_overwritten(void **state)
{
    char path[] = "/tmp/conclave-account-XXXXXX";
    struct account a;
    struct account b;
    struct stat info;
    (void)state;
    assert_int_equal(account_new(&a), OK);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(account_save(&a, path), ERR_CONFLICT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(account_load(path, &b), ERR_MISSING);
    assert_int_equal(account_save(&a, path), OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(account_load(path, &b), OK);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_int_equal(unlink(path), 0);
}

static void account__file_with_another_content__is_malformed(void **state)
{
    static const struct {
        const char *text;
        enum err want;
    } cases[] = {
        {"", ERR_MALFORMED},
        {"\n", ERR_MALFORMED},
        {"0123456789abcdef0123456789abcde\n", ERR_MALFORMED},
        {"0123456789abcdef0123456789abcdef\n", OK}, /* the 16-byte form */
        {"0123456789ABCDEF0123456789abcdef", OK},
        {"0123456789abcdef0123456789abcdef00", ERR_MALFORMED},
        {"0123456789abcdef0123456789abcdef00000000000000000000000000000000\n", OK},
        {"0123456789abcdef0123456789abcdef00000000000000000000000000000000\n\n", ERR_MALFORMED},
        {"x123456789abcdef0123456789abcdef00000000000000000000000000000000\n", ERR_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char path[] = "/tmp/conclave-account-XXXXXX";
        struct account a;
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, cases[i].text, strlen(cases[i].text)),
                         (ssize_t)strlen(cases[i].text));
        assert_int_equal(close(fd), 0);
        assert_int_equal(account_load(path, &a), cases[i].want);
        if (cases[i].want == OK)
            assert_string_equal(
                account_id_text(&a.id).s,
                "05d2ad010eeb72d72e561d9de7bd7b6989af77dcabffa03a5111a6c859ae5c3a72");
        assert_int_equal(unlink(path), 0);
    }
}

static void check_signatures15(const struct account *a, const struct blinded *b, const json_t *at)
{
    const json_t *list = vectors_list(at, "signatures", 3);
    size_t i;
    const json_t *s;
    json_array_foreach(list, i, s)
    {
        struct buf message AUTO_BUF = vectors_buf(s, "message");
        struct ed25519_sig sig;
        assert_int_equal(blinding_sign15(a, b, BLINDING_NONCE_SEED32, buf_span(&message), &sig),
                         OK);
        ASSERT_KEY_IS(&sig, s, "signature_nonce_from_seed32");
        assert_int_equal(crypto_sign_verify_detached(sig.b, message.p, message.len, b->key.b), 0);
        assert_int_equal(blinding_sign15(a, b, BLINDING_NONCE_SK64, buf_span(&message), &sig), OK);
        ASSERT_KEY_IS(&sig, s, "signature_nonce_from_sk64");
    }
}

static void blinding15__every_vector__has_its_factor_key_id_and_both_signatures(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("blinding.json");
    const json_t *list = vectors_list(file, "blind15", 10);
    size_t i;
    const json_t *at;
    json_array_foreach(list, i, at)
    {
        struct account a = account_of(at, "seed32");
        struct x25519_pub server;
        struct ed25519_pub converted;
        struct blinded b;
        vectors_bytes(at, "server_pk", server.b, sizeof(server.b));
        assert_string_equal(account_id_text(&a.id).s, vectors_text(at, "session_id"));
        ASSERT_KEY_IS(&a.ed, at, "ed25519_pk");
        assert_int_equal(a.ed.b[31] >> 7, vectors_int(at, "ed25519_pk_sign_bit"));
        struct scalar k = blinding_factor15(&server);
        ASSERT_KEY_IS(&k, at, "k");
        assert_int_equal(xed25519_convert(&a.x, &converted), OK);
        ASSERT_KEY_IS(&converted, at, "xed25519_pk_of_session_id");
        assert_int_equal(blinding_15(&a, &server, &b), OK);
        ASSERT_KEY_IS(&b.scalar, at, "blinded_scalar_ka");
        ASSERT_KEY_IS(&b.key, at, "blinded_pk_kA");
        assert_string_equal(account_id_text(&b.id).s, vectors_text(at, "blinded_id"));
        /* Both forms are the account's for whoever looks it up. */
        struct session_id positive = id_of(at, "positive_id");
        struct session_id negative = id_of(at, "negative_id");
        assert_true(blinding_matches(&a.id, &positive, &server));
        assert_true(blinding_matches(&a.id, &negative, &server));
        assert_int_equal(positive.b[32] >> 7, 0);
        assert_int_equal(negative.b[32] >> 7, 1);
        check_signatures15(&a, &b, at);
    }
}

static void blinding25__every_vector__has_its_factor_id_and_signatures(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("blinding.json");
    const json_t *list = vectors_list(file, "blind25", 10);
    size_t i;
    const json_t *at;
    json_array_foreach(list, i, at)
    {
        struct account a = account_of(at, "seed32");
        struct x25519_pub server;
        struct blinded b;
        size_t n;
        const json_t *s;
        vectors_bytes(at, "server_pk", server.b, sizeof(server.b));
        assert_string_equal(account_id_text(&a.id).s, vectors_text(at, "session_id"));
        assert_int_equal(a.ed.b[31] >> 7, vectors_int(at, "ed25519_pk_sign_bit"));
        assert_int_equal(blinding_25(&a, &server, &b), OK);
        ASSERT_KEY_IS(&b.scalar, at, "blinded_scalar");
        assert_string_equal(account_id_text(&b.id).s, vectors_text(at, "blinded_id"));
        json_array_foreach(vectors_list(at, "signatures", 3), n, s)
        {
            struct buf message AUTO_BUF = vectors_buf(s, "message");
            struct ed25519_sig sig;
            assert_int_equal(blinding_sign25(&a, &b, buf_span(&message), &sig), OK);
            ASSERT_KEY_IS(&sig, s, "signature");
            assert_int_equal(crypto_sign_verify_detached(sig.b, message.p, message.len, b.key.b),
                             0);
        }
    }
}

/*
 * What is signed is composed in fs_auth.c (test_fs_auth); the key and its plain signatures stand
 * here.
 */
static void blinding07__every_vector__has_its_seed_key_and_signatures(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("blinding.json");
    const json_t *list = vectors_list(file, "blind07", 3);
    size_t i;
    const json_t *at;
    json_array_foreach(list, i, at)
    {
        struct account a = account_of(at, "seed32");
        struct ed25519_pub key;
        uint8_t seed[32];
        uint8_t sk64[64];
        size_t n;
        const json_t *r;
        assert_string_equal(vectors_text(at, "hash_key_ascii"), "VersionCheckKey_sig");
        blinding_07(&a, &key, seed, sk64);
        assert_span_is(span_of(seed, sizeof(seed)), at, "blinded_seed");
        ASSERT_KEY_IS(&key, at, "blinded_pk");
        assert_memory_equal(vectors_text(at, "id"), "07", 2);
        assert_string_equal(vectors_text(at, "id") + 2, vectors_text(at, "blinded_pk"));
        json_array_foreach(vectors_list(at, "requests", 3), n, r)
        {
            struct buf bytes AUTO_BUF = vectors_buf(r, "signed_bytes");
            struct ed25519_sig sig;
            assert_int_equal(crypto_sign_detached(sig.b, NULL, bytes.p, bytes.len, sk64), 0);
            ASSERT_KEY_IS(&sig, r, "signature");
        }
    }
}

static void blinding__matching_cases__match_as_listed(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("blinding.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "matching", 42), i, at)
    {
        struct session_id account = id_of(at, "session_id");
        struct session_id blinded = id_of(at, "blinded_id");
        struct x25519_pub server;
        vectors_bytes(at, "server_pk", server.b, sizeof(server.b));
        assert_int_equal(blinding_matches(&account, &blinded, &server),
                         vectors_bool(at, "matches"));
        /* An id of another kind never matches. */
        blinded.b[0] = 0x05;
        assert_false(blinding_matches(&account, &blinded, &server));
    }
}

static void blinding__invalid_points__are_refused_and_good_keys_are_not(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("blinding.json");
    size_t i;
    const json_t *at;
    struct ed25519_pub key;
    json_array_foreach(vectors_list(file, "invalid_points", 7), i, at)
    {
        vectors_bytes(at, "pk", key.b, sizeof(key.b));
        assert_false(blinding_point_ok(&key));
    }
    json_array_foreach(vectors_list(file, "blind15", 10), i, at)
    {
        vectors_bytes(at, "blinded_pk_kA", key.b, sizeof(key.b));
        assert_true(blinding_point_ok(&key));
    }
}

static void xed25519__conversions_and_edge_cases__are_as_listed(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("xed25519.json");
    size_t i;
    const json_t *at;
    struct x25519_pub x;
    struct ed25519_pub ed;
    json_array_foreach(vectors_list(file, "conversion", 4), i, at)
    {
        struct ed25519_pub original;
        vectors_bytes(at, "x25519_pk", x.b, sizeof(x.b));
        vectors_bytes(at, "original_ed25519_pk", original.b, sizeof(original.b));
        assert_int_equal(xed25519_convert(&x, &ed), OK);
        ASSERT_KEY_IS(&ed, at, "xed25519_pk");
        assert_int_equal(memcmp(ed.b, original.b, 32) == 0, vectors_bool(at, "equal"));
        original.b[31] &= 0x7f;
        assert_memory_equal(ed.b, original.b, 32);
    }
    json_array_foreach(vectors_list(file, "conversion_edge_cases", 6), i, at)
    {
        vectors_bytes(at, "u", x.b, sizeof(x.b));
        assert_int_equal(xed25519_convert(&x, &ed), OK);
        ASSERT_KEY_IS(&ed, at, "y");
    }
}

static void
xed25519__both_producers__make_the_listed_bytes_and_one_verifier_takes_both(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("xed25519.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "signatures", 8), i, at)
    {
        struct x25519_secret secret;
        struct x25519_pub x;
        struct ed25519_pub ed;
        struct ed25519_sig sig;
        uint8_t random[XED25519_RANDOM_BYTES];
        struct buf message AUTO_BUF = vectors_buf(at, "message");
        vectors_bytes(at, "x25519_sk", secret.b, sizeof(secret.b));
        vectors_bytes(at, "x25519_pk", x.b, sizeof(x.b));
        vectors_bytes(at, "random64", random, sizeof(random));
        assert_int_equal(xed25519_sign(&secret, buf_span(&message), random, &sig), OK);
        ASSERT_KEY_IS(&sig, at, "signature_blake2b_nonce");
        assert_true(xed25519_verify(&x, buf_span(&message), &sig));
        assert_int_equal(sig.b[63] >> 7, 0);

        assert_int_equal(xed25519_sign_desktop(&secret, buf_span(&message), &sig), OK);
        ASSERT_KEY_IS(&sig, at, "signature_curve25519js_deterministic");
        assert_true(xed25519_verify(&x, buf_span(&message), &sig));
        assert_int_equal(sig.b[63] >> 7, vectors_bool(at, "curve25519js_signature_has_high_bit"));
        assert_int_equal(xed25519_convert(&x, &ed), OK);
        assert_int_equal(
            crypto_sign_verify_detached(sig.b, message.p, message.len, ed.b) == 0,
            vectors_bool(at,
                         "curve25519js_signature_passes_plain_ed25519_verify_with_positive_key"));

        vectors_bytes(at, "bad_signature", sig.b, sizeof(sig.b));
        assert_false(xed25519_verify(&x, buf_span(&message), &sig));
        /* Fresh randomness gives other bytes that verify just as well. */
        struct ed25519_sig other;
        assert_int_equal(xed25519_sign(&secret, buf_span(&message), NULL, &sig), OK);
        assert_int_equal(xed25519_sign(&secret, buf_span(&message), NULL, &other), OK);
        assert_memory_not_equal(sig.b, other.b, sizeof(sig.b));
        assert_true(xed25519_verify(&x, buf_span(&message), &sig));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account__from_every_vector_seed__has_its_keys_and_id),
        cmocka_unit_test(account__new__has_sixteen_random_bytes_and_sixteen_zeros),
        cmocka_unit_test(account__saved_and_loaded__is_the_same_and_private_and_never_overwritten),
        cmocka_unit_test(account__file_with_another_content__is_malformed),
        cmocka_unit_test(blinding15__every_vector__has_its_factor_key_id_and_both_signatures),
        cmocka_unit_test(blinding25__every_vector__has_its_factor_id_and_signatures),
        cmocka_unit_test(blinding07__every_vector__has_its_seed_key_and_signatures),
        cmocka_unit_test(blinding__matching_cases__match_as_listed),
        cmocka_unit_test(blinding__invalid_points__are_refused_and_good_keys_are_not),
        cmocka_unit_test(xed25519__conversions_and_edge_cases__are_as_listed),
        cmocka_unit_test(
            xed25519__both_producers__make_the_listed_bytes_and_one_verifier_takes_both),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
