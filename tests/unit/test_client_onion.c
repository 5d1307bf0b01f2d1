/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's onion requests against the outside vectors: what it builds must be the same bytes,
 * what it gets back must open. How hops peel them stands in test_relay.c.
 */
#include "client_vectors.h"

#include <sodium.h>

#include "base/base64.h"
#include "client/frame.h"
#include "client/onion_client.h"

enum { BIG = 1 << 20 };

/* The destination of onion-v4.json and onion-hops.json. */
static struct onion_destination destination_of(const json_t *file)
{
    struct onion_destination to = {.target = "/oxen/v4/lsrpc"};
    vectors_bytes(file, "server_x25519_pk", to.key.b, sizeof(to.key.b));
    assert_int_equal(server_url_read(SPAN("http://sogs.example"), &to.url), OK);
    return to;
}

static struct onion_style style_of(const json_t *at)
{
    struct onion_style style = {.enc_type = vectors_text(at, "enc_type")};
    assert_int_equal(layer_cipher_read(span_of_text(style.enc_type), &style.cipher), OK);
    const json_t *named = json_object_get(at, "enc_type_present_in_json");
    if (json_is_false(named))
        style.enc_type = NULL;
    return style;
}

static void fix_nonce(const json_t *at, const char *name, enum layer_cipher cipher,
                      struct onion_fixed *fixed)
{
    struct buf nonce AUTO_BUF = vectors_buf(at, name);
    assert_int_equal(nonce.len, layer_nonce_bytes(cipher));
    memcpy(fixed->nonce, nonce.p, nonce.len);
}

static void open_response(const json_t *at, const struct onion_secret *secret)
{
    bool v3 = vectors_int(at, "version") == 3;
    bool base64 = strcmp(vectors_text(at, "response_http_body_encoding"), "ascii base64") == 0;
    const char *text = vectors_text(at, "response_http_body");
    struct buf raw AUTO_BUF = buf_make(BIG);
    struct onion_reply reply = {0};
    assert_int_equal(base64, v3);
    if (base64)
        buf_put_text(&raw, text);
    else
        raw = vectors_buf(at, "response_http_body");
    assert_int_equal(onion_client_open(v3 ? ONION_V3 : ONION_V4, secret, buf_span(&raw), &reply),
                     OK);
    assert_span_is(buf_span(&reply.plain), at, "response_plaintext");
    assert_true(reply.code >= 200 && reply.code < 500);
    onion_reply_done(&reply);
    /* One changed bit anywhere and it does not open. */
    raw.p[raw.len / 2] ^= v3 ? 0x02 : 0x01;
    if (secret->cipher != LAYER_AES_CBC) /* which has no tag */
        assert_int_not_equal(
            onion_client_open(v3 ? ONION_V3 : ONION_V4, secret, buf_span(&raw), &reply), OK);
}

static void onion_v4__every_request__is_built_byte_for_byte_and_its_response_opens(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("onion-v4.json");
    struct onion_destination to = destination_of(file);
    struct onion_path no_hops = {0};
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "cases", 11), i, at)
    {
        struct onion_style style = style_of(at);
        struct onion_fixed fixed = {0};
        struct onion_secret secret;
        struct buf plain AUTO_BUF = vectors_buf(at, "request_plaintext");
        struct buf body AUTO_BUF = buf_make(BIG);
        vectors_bytes(file, "client_ephemeral_sk", fixed.secret.b, 32);
        to.target = vectors_text(at, "url");
        fix_nonce(at, "request_nonce", style.cipher, &fixed);
        struct layer_pair pair = layer_pair_of(&fixed.secret);
        ASSERT_KEY_IS(&pair.pub, file, "client_ephemeral_pk");
        assert_int_equal(
            onion_client_wrap(&no_hops, &to, &style, buf_span(&plain), &fixed, &body, &secret), OK);
        ASSERT_KEY_IS(&secret.key, at, "key");
        assert_span_is(buf_span(&body), at, "request_body");
        open_response(at, &secret);
    }
}

/* The plaintexts too: parsed from the vector and written again, they are the same bytes. */
static void onion_plaintexts__rebuilt_from_their_parts__are_the_same_bytes(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("onion-v4.json");
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "cases", 11), i, at)
    {
        struct buf plain AUTO_BUF = vectors_buf(at, "request_plaintext");
        struct buf built AUTO_BUF = buf_make(BIG);
        bool v3 = vectors_int(at, "version") == 3;
        struct span text = buf_span(&plain);
        struct span rest = {0};
        if (!v3) {
            size_t colon = span_find(text, ':');
            int64_t len = 0;
            assert_int_equal(span_to_i64(span_skip(span_first(text, colon), 1), &len), OK);
            rest = span_skip(text, colon + 1 + (size_t)len);
            text = span_first(span_skip(text, colon + 1), (size_t)len);
        }
        json_auto_t *meta = json_loadb((const char *)text.p, text.len, 0, NULL);
        assert_true(json_is_object(meta));
        struct onion_request request = {
            .method = vectors_text(meta, "method"),
            .endpoint = vectors_text(meta, "endpoint"),
            .headers = json_object_get(meta, "headers"),
            .has_body = v3 ? json_object_get(meta, "body") != NULL : rest.len > 1,
        };
        if (request.has_body && v3)
            request.body = span_of_text(vectors_text(meta, "body"));
        else if (request.has_body) {
            request.body = span_skip(rest, span_find(rest, ':') + 1);
            request.body.len--; /* the list's e */
        }
        assert_int_equal(onion_client_plain(v3 ? ONION_V3 : ONION_V4, &request, &built), OK);
        assert_span_equal(buf_span(&built), buf_span(&plain));
    }
}

/* Layer by layer against the vector: key, plaintext frame, ciphertext. */
static void check_layers(const json_t *file, const json_t *at, const struct onion_style *style,
                         struct onion_fixed fixed[static 4], struct node hops[static 3])
{
    size_t i;
    const json_t *layer;
    json_array_foreach(vectors_list(at, "layers_innermost_first", 4), i, layer)
    {
        struct x25519_pub to;
        struct aead_key key;
        struct buf plain AUTO_BUF = vectors_buf(layer, "plaintext");
        struct buf sealed AUTO_BUF = buf_make(BIG);
        vectors_bytes(layer, "encrypt_to", to.b, sizeof(to.b));
        vectors_bytes(layer, "ephemeral_sk", fixed[i].secret.b, 32);
        fix_nonce(layer, "nonce", style->cipher, &fixed[i]);
        struct layer_pair pair = layer_pair_of(&fixed[i].secret);
        ASSERT_KEY_IS(&pair.pub, layer, "ephemeral_pk");
        assert_int_equal(layer_key(style->cipher, &pair.secret, &to, &pair.pub, &to, &key), OK);
        ASSERT_KEY_IS(&key, layer, "key");
        assert_int_equal(layer_seal(style->cipher, &key, fixed[i].nonce, buf_span(&plain), &sealed),
                         OK);
        assert_span_is(buf_span(&sealed), layer, "ciphertext");
        if (i == 0)
            continue;
        /*
         * A hop's layer: the hop is the one of the list, and its plaintext ends in the route it
         * reads.
         */
        struct frame frame = {0};
        const json_t *hop = json_array_get(vectors_list(file, "hops", 3), 3 - i);
        assert_int_equal(vectors_int(hop, "n"), 4 - (int64_t)i);
        vectors_bytes(hop, "ed25519_pk", hops[3 - i].ed.b, 32);
        vectors_bytes(hop, "x25519_pk", hops[3 - i].x.b, 32);
        assert_memory_equal(hops[3 - i].x.b, to.b, 32);
        assert_int_equal(frame_read(buf_span(&plain), &frame), OK);
        json_auto_t *route = json_loads(vectors_text(layer, "route_json"), 0, NULL);
        assert_true(json_equal(frame.route, route));
        frame_done(&frame);
    }
}

static void
onion_hops__both_ciphers__every_layer_and_the_guard_body_are_the_listed_bytes(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("onion-hops.json");
    struct onion_destination to = destination_of(file);
    size_t i;
    const json_t *at;
    json_array_foreach(vectors_list(file, "cases", 2), i, at)
    {
        struct onion_style style = style_of(at);
        struct onion_fixed fixed[4];
        struct node hops[3] = {0};
        struct onion_path path = {hops, 3};
        struct onion_secret secret;
        struct onion_reply reply = {0};
        struct buf body AUTO_BUF = buf_make(BIG);
        check_layers(file, at, &style, fixed, hops);
        const json_t *innermost = json_array_get(json_object_get(at, "layers_innermost_first"), 0);
        struct buf plain AUTO_BUF = vectors_buf(innermost, "plaintext");
        assert_int_equal(
            onion_client_wrap(&path, &to, &style, buf_span(&plain), fixed, &body, &secret), OK);
        assert_span_is(buf_span(&body), at, "guard_request_body");
        struct span tail = span_of_text(vectors_text(at, "guard_outer_json"));
        assert_span_equal(span_skip(buf_span(&body), body.len - tail.len), tail);

        struct buf sealed AUTO_BUF = vectors_buf(at, "response_body_unchanged_through_all_hops");
        assert_int_equal(onion_client_open(ONION_V4, &secret, buf_span(&sealed), &reply), OK);
        assert_span_is(buf_span(&reply.plain), at, "response_plaintext");
        assert_int_equal(reply.code, 200);
        assert_string_equal(onion_reply_header(&reply, "content-type"), "application/json");
        onion_reply_done(&reply);
        /* The response is that very encryption under the listed nonce. */
        struct buf nonce AUTO_BUF = vectors_buf(at, "response_nonce");
        struct buf response AUTO_BUF = vectors_buf(at, "response_plaintext");
        struct buf again AUTO_BUF = buf_make(BIG);
        assert_int_equal(
            layer_seal(secret.cipher, &secret.key, nonce.p, buf_span(&response), &again), OK);
        assert_span_equal(buf_span(&again), buf_span(&sealed));
    }
}

static void onion_wrap__without_fixed_values__never_repeats_itself(void **state)
{
    (void)state;
    json_auto_t *file = vectors_load("onion-hops.json");
    struct onion_destination to = destination_of(file);
    struct onion_style style = {LAYER_XCHACHA20, "xchacha20"};
    struct onion_path no_hops = {0};
    struct onion_secret secret;
    struct buf a AUTO_BUF = buf_make(BIG);
    struct buf b AUTO_BUF = buf_make(BIG);
    assert_int_equal(onion_client_wrap(&no_hops, &to, &style, SPAN("x"), NULL, &a, &secret), OK);
    assert_int_equal(onion_client_wrap(&no_hops, &to, &style, SPAN("x"), NULL, &b, &secret), OK);
    assert_int_equal(a.len, b.len);
    assert_memory_not_equal(a.p, b.p, 32);
    /* A key of low order is refused, not used. */
    to.key = (struct x25519_pub){{0}};
    assert_int_equal(onion_client_wrap(&no_hops, &to, &style, SPAN("x"), NULL, &b, &secret),
                     ERR_SEALED);
}

/* Seals a plaintext as a server would and opens it as the client does. */
static enum err open_plain(struct span plain, struct onion_reply *ret_reply)
{
    struct onion_secret secret = {.cipher = LAYER_AES_GCM, .key = {{1, 2, 3}}};
    struct buf sealed AUTO_BUF = buf_make(BIG);
    assert_int_equal(layer_seal(secret.cipher, &secret.key, NULL, plain, &sealed), OK);
    return onion_client_open(ONION_V4, &secret, buf_span(&sealed), ret_reply);
}

static void onion_reply__every_truncation_and_every_lie__is_malformed(void **state)
{
    static const char good[] =
        "l65:{\"code\":201,\"headers\":{\"content-type\":\"application/json\",\"a\":\"\"}}2:{}e";
    static const char *const bad[] = {
        "",
        "l",
        "e",
        "le",
        "l0:0:e",
        "l2:{}0:e",
        "l2:{}e",
        "l25:{\"code\":200,\"headers\":{}}e",
        "l25:{\"code\":200,\"headers\":{}}0:0:e",
        "l25:{\"code\":200,\"headers\":[]}0:e",
        "l27:{\"code\":\"200\",\"headers\":{}}0:e",
        "l24:{\"code\":99,\"headers\":{}}0:e",
        "l12:{\"code\":200}0:e",
        "l-1:{}0:e",
        "l99999999999999999999:{}0:e",
        "d25:{\"code\":200,\"headers\":{}}0:e",
        "l25:{\"code\":200,\"headers\":{}}1:e",
        "l25:{\"code\":200,\"headers\":{}}0:ex",
    };
    struct onion_reply reply = {0};
    (void)state;
    assert_int_equal(open_plain(span_of_text(good), &reply), OK);
    assert_int_equal(reply.code, 201);
    assert_span_equal(reply.body, SPAN("{}"));
    assert_string_equal(onion_reply_header(&reply, "content-type"), "application/json");
    assert_string_equal(onion_reply_header(&reply, "x"), "");
    onion_reply_done(&reply);
    for (size_t n = 0; n < sizeof(good) - 1; n++)
        assert_int_equal(open_plain(span_of(good, n), &reply), ERR_MALFORMED);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(open_plain(span_of_text(bad[i]), &reply), ERR_MALFORMED);
    struct onion_secret secret = {.cipher = LAYER_AES_GCM};
    assert_int_equal(onion_client_open(ONION_V4, &secret, SPAN("short"), &reply), ERR_SEALED);
    assert_int_equal(onion_client_open(ONION_V3, &secret, SPAN("not base64!"), &reply),
                     ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onion_v4__every_request__is_built_byte_for_byte_and_its_response_opens),
        cmocka_unit_test(onion_plaintexts__rebuilt_from_their_parts__are_the_same_bytes),
        cmocka_unit_test(
            onion_hops__both_ciphers__every_layer_and_the_guard_body_are_the_listed_bytes),
        cmocka_unit_test(onion_wrap__without_fixed_values__never_repeats_itself),
        cmocka_unit_test(onion_reply__every_truncation_and_every_lie__is_malformed),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
