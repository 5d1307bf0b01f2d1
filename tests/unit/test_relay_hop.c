/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one hop decides, against the vectors of the storage server. Its listener is tested in
 * test_relay.c.
 */
#include "relay_requests.h"

#include "base/base64.h"

/*
 * --- One hop, by the vectors
 * --------------------------------------------------------------------------------------
 */

static struct hop_keys keys_of_hop(const json_t *file, size_t n)
{
    const json_t *hop = json_array_get(vectors_list(file, "hops", 3), n);
    struct hop_keys keys;
    uint8_t seed[32];
    vectors_bytes(hop, "ed25519_seed", seed, sizeof(seed));
    assert_int_equal(hop_keys_from_seed(seed, &keys), OK);
    ASSERT_KEY_IS(&keys.ed, hop, "ed25519_pk");
    ASSERT_KEY_IS(&keys.x, hop, "x25519_pk");
    ASSERT_KEY_IS(&keys.x_secret, hop, "x25519_sk");
    return keys;
}

/*
 * The outgoing frame of a forward: the next layer's bytes and its route with the hop number counted
 * up.
 */
static void check_forward(const struct hop_step *s, const json_t *next_layer, int hop_number)
{
    struct frame f AUTO_FRAME = {0};
    assert_int_equal(frame_read(buf_span(&s->outgoing), &f), OK);
    assert_span_is(f.sealed, next_layer, "ciphertext");
    assert_string_equal(vectors_text(f.route, "ephemeral_key"),
                        vectors_text(next_layer, "ephemeral_pk"));
    assert_int_equal(vectors_int(f.route, "hop_no"), hop_number);
    assert_int_equal(json_object_size(f.route), 3);
}

static void hop__listed_requests__peel_to_the_listed_layers_and_the_listed_server_call(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("onion-hops.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "cases", 2), i, at)
    {
        const json_t *layers = vectors_list(at, "layers_innermost_first", 4);
        struct buf body AUTO_BUF = vectors_buf(at, "guard_request_body");
        assert_string_equal(vectors_text(at, "guard_url_path"), "/onion_req/v2");
        for (size_t hop = 0; hop < 3; hop++) {
            struct hop_keys keys = keys_of_hop(file, hop);
            struct hop_step s;
            assert_int_equal(hop_decide(&keys, buf_span(&body), &s), OK);
            if (hop < 2) {
                struct hop_keys next = keys_of_hop(file, hop + 1);
                assert_int_equal(s.action, HOP_FORWARD);
                assert_memory_equal(s.next.b, next.ed.b, 32);
                check_forward(&s, json_array_get(layers, 2 - hop), (int)hop + 1);
            } else {
                const json_t *post = json_object_get(at, "last_hop_posts");
                assert_int_equal(s.action, HOP_SERVER);
                assert_string_equal(vectors_text(post, "url"), "http://sogs.example/oxen/v4/lsrpc");
                assert_string_equal(s.server.at.host, "sogs.example");
                assert_int_equal(s.server.at.port, 80);
                assert_false(s.server.https);
                assert_string_equal(s.target, "/oxen/v4/lsrpc");
                assert_span_is(buf_span(&s.outgoing), post, "body");
            }
            buf_reset(&body);
            buf_put(&body, buf_span(&s.outgoing));
            hop_step_done(&s);
        }
    }
}

static void hop__listed_targets__are_allowed_as_the_storage_server_allows_them(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("onion-hops.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "target_filter", 12), i, at) assert_int_equal(
        hop_target_allowed(span_of_text(vectors_text(at, "target"))), vectors_bool(at, "allowed"));
    /* What would break out of a request line is refused as well. */
    assert_false(hop_target_allowed(SPAN("/oxen/v4 /lsrpc")));
    assert_false(hop_target_allowed(SPAN("/oxen/\r\nX: y/lsrpc")));
    assert_false(hop_target_allowed(SPAN("")));
    assert_false(hop_target_allowed(SPAN("/lsrpc")));
}

static struct hop_keys keys_of_server(const json_t *file)
{
    struct hop_keys keys = {0};
    vectors_bytes(file, "server_x25519_pk", keys.x.b, 32);
    vectors_bytes(file, "server_x25519_sk", keys.x_secret.b, 32);
    return keys;
}

/* Opens a refusal that was sealed to the hop's client. */
static void assert_refused_inside(const struct hop_step *s, enum layer_cipher cipher,
                                  const struct aead_key *key, const char *want)
{
    uint8_t sealed[1024];
    size_t len = 0;
    struct buf plain AUTO_BUF = buf_make(1024);
    assert_int_equal(s->action, HOP_ANSWER);
    assert_int_equal(s->status, 200);
    assert_true(base64_max_decoded(s->answer.len) <= sizeof(sealed));
    assert_int_equal(base64_read(buf_span(&s->answer), sealed, &len), OK);
    assert_int_equal(layer_open(cipher, key, span_of(sealed, len), &plain), OK);
    assert_span_equal(buf_span(&plain), span_of_text(want));
}

/*
 * A hop in the server's place opens all three ciphers under all names; what is inside is no frame.
 */
static void hop__every_cipher_and_alias__is_opened_as_the_storage_server_does(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("onion-v4.json");
    struct hop_keys keys = keys_of_server(file);
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "cases", 11), i, at)
    {
        struct buf body AUTO_BUF = vectors_buf(at, "request_body");
        struct aead_key key;
        enum layer_cipher cipher;
        struct hop_step s;
        vectors_bytes(at, "key", key.b, sizeof(key.b));
        assert_int_equal(layer_cipher_read(span_of_text(vectors_text(at, "enc_type")), &cipher),
                         OK);
        assert_int_equal(hop_decide(&keys, buf_span(&body), &s), OK);
        assert_refused_inside(&s, cipher, &key, "{\"status\":400,\"body\":\"Invalid json\"}");
        hop_step_done(&s);
    }
}

/* What the file leaves open, and how this hop answers it (differences.md). */
static int settled(const char *name)
{
    static const struct {
        const char *name;
        int status;
    } open_cases[] = {
        {"ephemeral_key base64 with padding", 200},
        {"ephemeral_key base64 without padding", 200},
        {"trailing NUL after json", 400},
        {"duplicate ephemeral_key, last wins", 200},
    };
    for (size_t i = 0; i < COUNT_OF(open_cases); i++) {
        if (strcmp(open_cases[i].name, name) == 0)
            return open_cases[i].status;
    }
    fail_msg("a case that nobody has settled: %s", name);
    return 0;
}

static void hop__malformed_outer_frames__are_400_as_listed(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("onion-v4.json");
    struct hop_keys keys = keys_of_server(file);
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "malformed_outer", 27), i, at)
    {
        struct buf body AUTO_BUF = vectors_buf(at, "body");
        const char *expect = vectors_text(at, "expect");
        struct hop_step s;
        assert_int_equal(hop_decide(&keys, buf_span(&body), &s), OK);
        assert_int_equal(s.action, HOP_ANSWER);
        if (strcmp(expect, "http 400") == 0)
            assert_int_equal(s.status, 400);
        else if (strcmp(expect, "accept") == 0)
            assert_int_equal(s.status, 200); /* opened; refused inside, as it is no frame */
        else                                 /* what the file leaves open: see differences.md */
            assert_int_equal(s.status, settled(vectors_text(at, "name")));
        hop_step_done(&s);
    }
}

static void hop__inner_routes_that_lie__are_refused_inside_the_layer(void **state)
{
    static const struct {
        const char *route;
        const char *want;
    } cases[] = {
        {"[]", "{\"status\":400,\"body\":\"Invalid json\"}"},
        {"", "{\"status\":400,\"body\":\"Invalid json\"}"},
        {"{}", "{\"status\":400,\"body\":\"Invalid json\"}"},
        {"{\"destination\":\"00\"}", "{\"status\":400,\"body\":\"Invalid json\"}"},
        {"{\"host\":5,\"target\":\"/oxen/v4/lsrpc\"}",
         "{\"status\":400,\"body\":\"Invalid json\"}"},
        {"{\"host\":\"a\"}", "{\"status\":400,\"body\":\"Invalid json\"}"},
        {"{\"host\":\"a\",\"target\":\"/oxen/v4/lsrpc\",\"port\":\"80\"}",
         "{\"status\":400,\"body\":\"Invalid json\"}"},
        {"{\"host\":\"a\",\"target\":\"/admin\"}", "{\"status\":400,\"body\":\"Invalid url\"}"},
        {"{\"host\":\"a\",\"target\":\"/oxen/v4/lsrpc?x\"}",
         "{\"status\":400,\"body\":\"Invalid url\"}"},
        {"{\"host\":\"a/b\",\"target\":\"/oxen/v4/lsrpc\"}",
         "{\"status\":400,\"body\":\"Invalid url\"}"},
        {"{\"host\":\"a:1\",\"target\":\"/oxen/v4/lsrpc\"}",
         "{\"status\":400,\"body\":\"Invalid url\"}"},
        {"{\"host\":\"a\",\"target\":\"/oxen/v4/lsrpc\",\"protocol\":\"ftp\"}",
         "{\"status\":400,\"body\":\"Invalid url\"}"},
        {"{\"host\":\"a\",\"target\":\"/oxen/v4/lsrpc\",\"port\":65536}",
         "{\"status\":400,\"body\":\"Invalid url\"}"},
        {"{\"host\":\"a\",\"target\":\"/oxen/v4/lsrpc\",\"port\":0}",
         "{\"status\":400,\"body\":\"Invalid url\"}"},
    };
    struct hop_keys keys = random_keys();
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct aead_key key;
        struct hop_step s;
        enum layer_cipher cipher = i % 2 == 0 ? LAYER_XCHACHA20 : LAYER_AES_GCM;
        struct buf body AUTO_BUF = request_to(&keys, cipher, cases[i].route, 0, &key);
        assert_int_equal(hop_decide(&keys, buf_span(&body), &s), OK);
        assert_refused_inside(&s, cipher, &key, cases[i].want);
        hop_step_done(&s);
    }
}

static void hop__defaults_and_order__are_those_of_the_storage_server(void **state)
{
    struct hop_keys keys = random_keys();
    struct aead_key key;
    struct hop_step s;
    (void)state;
    /* Port 443 and https unless named. */
    struct buf plain AUTO_BUF =
        request_to(&keys, LAYER_AES_GCM, "{\"host\":\"a\",\"target\":\"/loki/v3/lsrpc\"}", 0, &key);
    assert_int_equal(hop_decide(&keys, buf_span(&plain), &s), OK);
    assert_int_equal(s.action, HOP_SERVER);
    assert_int_equal(s.server.at.port, 443);
    assert_true(s.server.https);
    hop_step_done(&s);
    /* headers comes before host; this relay is nobody's destination. */
    struct buf own AUTO_BUF =
        request_to(&keys, LAYER_AES_GCM,
                   "{\"headers\":\"\",\"host\":\"a\",\"target\":\"/oxen/v4/lsrpc\"}", 0, &key);
    assert_int_equal(hop_decide(&keys, buf_span(&own), &s), OK);
    assert_refused_inside(&s, LAYER_AES_GCM, &key,
                          "{\"status\":501,\"body\":\"This test relay stores nothing itself\"}");
    hop_step_done(&s);
}

static void hop__number_fifteen__passes_and_sixteen_is_too_long_a_path(void **state)
{
    static const char route[] = "{\"host\":\"a\",\"target\":\"/oxen/v4/lsrpc\"}";
    struct hop_keys keys = random_keys();
    struct aead_key key;
    struct hop_step s;
    (void)state;
    struct buf at_limit AUTO_BUF = request_to(&keys, LAYER_AES_GCM, route, 15, &key);
    assert_int_equal(hop_decide(&keys, buf_span(&at_limit), &s), OK);
    assert_int_equal(s.action, HOP_SERVER);
    hop_step_done(&s);
    struct buf above AUTO_BUF = request_to(&keys, LAYER_AES_GCM, route, 16, &key);
    assert_int_equal(hop_decide(&keys, buf_span(&above), &s), OK);
    assert_int_equal(s.status, 400);
    assert_span_equal(buf_span(&s.answer), SPAN("onion request max path length exceeded"));
    hop_step_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            hop__listed_requests__peel_to_the_listed_layers_and_the_listed_server_call),
        cmocka_unit_test(hop__listed_targets__are_allowed_as_the_storage_server_allows_them),
        cmocka_unit_test(hop__every_cipher_and_alias__is_opened_as_the_storage_server_does),
        cmocka_unit_test(hop__malformed_outer_frames__are_400_as_listed),
        cmocka_unit_test(hop__inner_routes_that_lie__are_refused_inside_the_layer),
        cmocka_unit_test(hop__defaults_and_order__are_those_of_the_storage_server),
        cmocka_unit_test(hop__number_fifteen__passes_and_sixteen_is_too_long_a_path),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
