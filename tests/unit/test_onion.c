/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole onion requests and answers as other implementations made them, and frames that none of them
 * accepts. Our own inventions of bad payloads: test_payload.c; sizes and streams of answers:
 * test_seal.c.
 */
#include "unit/vectors.h"

#include "base/arena.h"
#include "base/base64.h"
#include "onion/bencode.h"
#include "onion/envelope.h"
#include "onion/frame.h"
#include "router/json_in.h"

struct world {
    json_t *v4, *hops, *bencode;
    struct server_keys keys;
    struct arena *mem;
};

static int world_open(void **state)
{
    static struct world w;
    uint8_t raw[32];
    w = (struct world){.v4 = vectors_load("onion-v4.json"),
                       .hops = vectors_load("onion-hops.json"),
                       .bencode = vectors_load("bencode.json"),
                       .mem = arena_new(MIB(4))};
    vector_hex(w.v4, "server_x25519_sk", raw, sizeof(raw));
    *state = &w;
    return server_keys_open(raw, &w.keys) == OK && w.mem != NULL ? 0 : -1;
}

static int world_close(void **state)
{
    struct world *w = *state;
    json_decref(w->v4);
    json_decref(w->hops);
    json_decref(w->bencode);
    server_keys_close(&w->keys);
    arena_free(w->mem);
    return 0;
}

/* What the vectors' requests say, read by eye from their plaintexts. */
static const struct expectation {
    const char *name, *method, *path, *content_type;
    size_t body_len;
} expectations[] = {
    {"v4 aes-gcm GET", "GET", "/capabilities", "", 0},
    {"v4 aes-gcm default when enc_type absent", "GET", "/capabilities", "", 0},
    {"v4 xchacha20 GET", "GET", "/capabilities", "", 0},
    {"v4 xchacha20 POST with body", "POST", "/room/test/message", "application/json", 122},
    {"v4 alias gcm", "GET", "/capabilities", "", 0},
    {"v4 alias xchacha20-poly1305", "GET", "/capabilities", "", 0},
    {"v4 binary body", "POST", "/room/test/file", "application/octet-stream", 256},
    {"v4 empty second string", "GET", "/capabilities", "", 0},
    {"v3 oxen", "GET", "/capabilities", "application/json", 0},
    {"v3 loki legacy endpoint", "GET", "/legacy/rooms", "application/json", 0},
};

static const struct expectation *expectation_of(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(expectations); i++) {
        if (span_eq_text(name, expectations[i].name))
            return &expectations[i];
    }
    fail_msg("no expectation for %.*s", (int)name.len, (const char *)name.p);
    return NULL;
}

static void assert_request(struct arena *mem, enum envelope_kind kind, struct span plain,
                           const struct expectation *expected)
{
    struct request *req = NULL;
    assert_int_equal(envelope_parse(mem, kind, plain, &req), OK);
    assert_true(span_eq_text(req->method_text, expected->method));
    assert_true(span_eq_text(req->path, expected->path));
    assert_int_equal(req->query.len, 0);
    assert_true(span_eq_text(request_header(req, "content-type"), expected->content_type));
    assert_int_equal(req->body.len, expected->body_len);
    if (kind == ENVELOPE_V4 && req->body.len != 0) /* not copied: it lies at the end of plain */
        assert_ptr_equal(req->body.p + req->body.len + 1, plain.p + plain.len);
}

/* The vector's answer opens under our key, and sealing the same reply gives the same plaintext. */
static void assert_answer(const struct reply_key *key, struct span plaintext, struct bytes sealed)
{
    struct bytes opened;
    assert_int_equal(box_open(key->cipher, &key->key, SPAN(""), sealed, &opened), OK);
    assert_span_equal(span_of_bytes(opened), plaintext);

    struct reply reply;
    reply_init(&reply);
    struct bencode_pair pair = {{NULL, 0}, plaintext};
    reply.status = 200;
    if (key->kind == ENVELOPE_V4) {
        assert_int_equal(bencode_read_pair(plaintext, &pair), OK);
        reply.status = span_starts_with(pair.first, SPAN("{\"code\":201")) ? 201 : 200;
    } else if (span_starts_with(plaintext, SPAN("{\"status_code\":404"))) {
        reply.status = 404;
        pair.second = SPAN("Not found");
    }
    reply.content_type = CONTENT_JSON;
    buf_put(&reply.body, pair.second);
    AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
    assert_int_equal(envelope_seal(key, &reply, &out), OK);
    reply_done(&reply);

    struct bytes ours = {out.p, out.len};
    if (key->kind == ENVELOPE_V3)
        assert_int_equal(base64_read(buf_span(&out), ours.p, &ours.len), OK);
    assert_int_equal(box_open(key->cipher, &key->key, SPAN(""), ours, &opened), OK);
    assert_span_equal(span_of_bytes(opened), plaintext);
}

static void onion__every_vector__opens_parses_and_is_answered(void **state)
{
    struct world *w = *state;
    size_t i, answered = 0, refused = 0;
    const json_t *c;
    json_array_foreach(vectors_list(w->v4, "cases", 11), i, c)
    {
        enum envelope_kind kind =
            json_integer_value(json_object_get(c, "version")) == 4 ? ENVELOPE_V4 : ENVELOPE_V3;
        struct bytes frame = vector_bytes(c, "request_body"), plain;
        struct reply_key key;
        enum err e = envelope_open(w->mem, &w->keys, kind, frame, &plain, &key);
        if (span_eq_text(vector_text(c, "enc_type"), "aes-cbc")) {
            /*
             * Allowed difference (docs/protocol/identity.md, 4.2): unauthenticated, answered as
             * undecryptable.
             */
            assert_int_equal(e, ERR_SEALED);
            refused++;
            test_free(frame.p);
            continue;
        }
        assert_int_equal(e, OK);
        struct aead_key expected_key;
        VECTOR_KEY(c, "key", &expected_key);
        assert_memory_equal(key.key.b, expected_key.b, sizeof(expected_key.b));
        struct bytes expected = vector_bytes(c, "request_plaintext");
        assert_span_equal(span_of_bytes(plain), span_of_bytes(expected));
        assert_request(w->mem, kind, span_of_bytes(plain), expectation_of(vector_text(c, "name")));

        struct bytes answer = vector_bytes(c, "response_encrypted");
        struct bytes answer_plain = vector_bytes(c, "response_plaintext");
        assert_answer(&key, span_of_bytes(answer_plain), answer);
        envelope_forget(&key);
        answered++;
        test_free(frame.p);
        test_free(expected.p);
        test_free(answer.p);
        test_free(answer_plain.p);
    }
    assert_int_equal(answered, COUNT_OF(expectations));
    assert_int_equal(refused, 1);
}

static void onion__what_the_last_hop_posts__opens_and_is_answered(void **state)
{
    struct world *w = *state;
    size_t i;
    const json_t *c;
    json_array_foreach(vectors_list(w->hops, "cases", 2), i, c)
    {
        const json_t *innermost = json_array_get(vectors_list(c, "layers_innermost_first", 4), 0);
        struct bytes frame = vector_bytes(json_object_get(c, "last_hop_posts"), "body"), plain;
        struct bytes expected = vector_bytes(innermost, "plaintext");
        struct reply_key key;
        assert_int_equal(envelope_open(w->mem, &w->keys, ENVELOPE_V4, frame, &plain, &key), OK);
        assert_span_equal(span_of_bytes(plain), span_of_bytes(expected));
        assert_request(w->mem, ENVELOPE_V4, span_of_bytes(plain), &expectations[0]);
        struct bytes answer = vector_bytes(c, "response_body_unchanged_through_all_hops");
        struct bytes answer_plain = vector_bytes(c, "response_plaintext");
        assert_answer(&key, span_of_bytes(answer_plain), answer);
        envelope_forget(&key);
        test_free(frame.p);
        test_free(expected.p);
        test_free(answer.p);
        test_free(answer_plain.p);
    }
}

/* The malformed frames that are not ERR_MALFORMED with us; "either" in the file is settled here. */
static const struct {
    const char *name;
    enum err err;
} exceptions[] = {
    {"ephemeral_key upper-case hex", OK},
    {"ephemeral_key base64 with padding", OK},
    {"ephemeral_key base64 without padding", OK},
    {"whitespace around json", OK},
    {"ephemeral_key all zero (low order)", ERR_SEALED},
    {"tag flipped", ERR_SEALED},
    {"nonce flipped (xchacha20)", ERR_SEALED},
    {"gcm bytes under enc_type xchacha20", ERR_SEALED},
    {"ciphertext shorter than nonce+tag (gcm, 27 bytes)", ERR_SEALED},
    {"ciphertext shorter than nonce+tag (xchacha20, 39 bytes)", ERR_SEALED},
    {"ciphertext empty", ERR_SEALED},
};

static enum err expected_error(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(exceptions); i++) {
        if (span_eq_text(name, exceptions[i].name))
            return exceptions[i].err;
    }
    return ERR_MALFORMED;
}

static void onion__every_malformed_frame__is_refused_as_expected(void **state)
{
    struct world *w = *state;
    size_t i, counts[3] = {0};
    const json_t *c;
    json_array_foreach(vectors_list(w->v4, "malformed_outer", 27), i, c)
    {
        struct span name = vector_text(c, "name"), expect = vector_text(c, "expect");
        struct bytes frame = vector_bytes(c, "body"), plain = {NULL, 0};
        struct reply_key key;
        enum err e = envelope_open(w->mem, &w->keys, ENVELOPE_V4, frame, &plain, &key);
        enum err expected = expected_error(name);
        if (e != expected)
            fail_msg("%.*s: %s", (int)name.len, (const char *)name.p, err_name(e));
        if (span_eq_text(expect, "http 400"))
            assert_int_not_equal(e, OK);
        else if (span_eq_text(expect, "accept"))
            assert_int_equal(e, OK);
        else
            assert_true(span_eq_text(expect, "either"));
        if (e == OK)
            assert_request(w->mem, ENVELOPE_V4, span_of_bytes(plain), &expectations[0]);
        else
            assert_null(plain.p);
        counts[e == OK ? 0 : e == ERR_SEALED ? 1 : 2]++;
        test_free(frame.p);
    }
    assert_int_equal(counts[0], 4);
    assert_int_equal(counts[1], 7);
    assert_int_equal(counts[2], 16);
}

static void onion__every_bencode_vector__parses_or_is_malformed(void **state)
{
    struct world *w = *state;
    size_t i, accepted = 0;
    const json_t *c;
    json_array_foreach(vectors_list(w->bencode, "cases", 33), i, c)
    {
        struct bytes input = vector_bytes(c, "input");
        struct request *req = NULL;
        enum err e = envelope_parse(w->mem, ENVELOPE_V4, span_of_bytes(input), &req);
        bool expected =
            json_is_true(json_object_get(c, "reference_accepts")) &&
            !span_eq_text(vector_text(c, "name"), "one stray byte after the first string");
        assert_int_equal(e, expected ? OK : ERR_MALFORMED);
        if (e == OK) {
            struct bytes body = vector_bytes(c, "body");
            assert_span_equal(req->body, span_of_bytes(body));
            test_free(body.p);
            accepted++;
        }
        test_free(input.p);
    }
    assert_int_equal(accepted, 8);
    const json_t *failure = json_object_get(w->bencode, "failure_reply");
    assert_true(span_eq_text(vector_text(failure, "body"), ENVELOPE_V4_BAD_REQUEST));
}

/* A ciphertext in a frame of our own making. */
static enum err open_forged(struct world *w, uint32_t length, struct span ciphertext,
                            struct span json)
{
    size_t size = 4 + ciphertext.len + json.len;
    struct bytes frame = {test_malloc(size), size}, plain;
    for (size_t i = 0; i < 4; i++)
        frame.p[i] = (uint8_t)(length >> (8 * i));
    memcpy(frame.p + 4, ciphertext.p, ciphertext.len);
    memcpy(frame.p + 4 + ciphertext.len, json.p, json.len);
    struct reply_key key;
    enum err e = envelope_open(w->mem, &w->keys, ENVELOPE_V4, frame, &plain, &key);
    test_free(frame.p);
    return e;
}

#define CLIENT_KEY "d79a50b82ba8ca665f854382b42ba159efd16eef87409e97a8d07395b9492928"

struct first_case {
    struct bytes body;
    struct span ciphertext;
};

static struct first_case first_case_of(struct world *w)
{
    struct bytes body =
        vector_bytes(json_array_get(vectors_list(w->v4, "cases", 11), 0), "request_body");
    return (struct first_case){body, span_of(body.p + 4, 0x59)};
}

static void frame__every_truncation__is_refused(void **state)
{
    struct world *w = *state;
    struct first_case c = first_case_of(w);
    for (size_t len = 0; len < c.body.len; len++) {
        struct bytes copy = {test_malloc(len + (len == 0)), len}, plain;
        memcpy(copy.p, c.body.p, len);
        struct reply_key key;
        assert_int_equal(envelope_open(w->mem, &w->keys, ENVELOPE_V4, copy, &plain, &key),
                         ERR_MALFORMED);
        test_free(copy.p);
    }
    test_free(c.body.p);
}

static void frame__any_other_length__is_refused(void **state)
{
    struct world *w = *state;
    struct first_case c = first_case_of(w);
    struct span json = SPAN("{\"ephemeral_key\":\"" CLIENT_KEY "\"}");
    for (uint32_t length = 0; length < 300; length++) {
        enum err e = open_forged(w, length, c.ciphertext, json);
        assert_int_equal(e == OK, length == c.ciphertext.len);
    }
    static const uint32_t huge[] = {0x59000000, 0x7fffffff, 0x80000000, 0xfffffffc, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(huge); i++)
        assert_int_equal(open_forged(w, huge[i], c.ciphertext, json), ERR_MALFORMED);
    test_free(c.body.p);
}

/* iOS writes every slash as "\/". */
static void frame__base64_key_with_escaped_slashes__is_read(void **state)
{
    struct world *w = *state;
    struct frame parts;
    uint8_t raw[] = "\0\0\0\0{\"ephemeral_key\":\"\\/\\/\\/\\/////////////////////////////////////"
                    "//8=\",\"enc_type\":\"xchacha20\"}";
    struct bytes frame = {raw, sizeof(raw) - 1};
    assert_int_equal(frame_parse(w->mem, frame, &parts), OK);
    for (size_t i = 0; i < sizeof(parts.ephemeral.b); i++)
        assert_int_equal(parts.ephemeral.b[i], 0xff);
    assert_int_equal(parts.cipher, CIPHER_XCHACHA20);
}

static void frame__routing_part__is_read_strictly(void **state)
{
    struct world *w = *state;
    struct first_case c = first_case_of(w);
#define KEY "\"ephemeral_key\":\"" CLIENT_KEY "\""
    static const struct {
        struct span json;
        enum err err;
    } cases[] = {
#define CASE(text, expected) {{(const uint8_t *)(text), sizeof(text) - 1}, expected}
        CASE("{" KEY "}", OK),
        CASE("{" KEY ",\"hop_no\":3,\"unknown\":[{}]}", OK),
        CASE("{" KEY ",\"enc_type\":\"gcm\"}", OK),
        CASE("\t\r\n {" KEY "} ", OK),
        CASE("{" KEY "}x", ERR_MALFORMED),
        CASE("{" KEY "}{}", ERR_MALFORMED),
        CASE("{" KEY "}\0", ERR_MALFORMED),
        CASE("\0{" KEY "}", ERR_MALFORMED),
        CASE("{" KEY "," KEY "}", ERR_MALFORMED),
        CASE("{" KEY ",\"a\":1,\"a\":1}", ERR_MALFORMED),
        CASE("{" KEY ",\"a\":\"\\u0000\"}", OK),
        CASE("{" KEY ",\"hop_no\":99999999999999999999}", OK),
        CASE("{" KEY ",\"enc_type\":\"gcm\\u0000\"}", ERR_MALFORMED),
        CASE("{" KEY ",\"a\":\"\xff\"}", ERR_MALFORMED),
        CASE("{" KEY ",}", ERR_MALFORMED),
        CASE("[{" KEY "}]", ERR_MALFORMED),
        CASE("\"" CLIENT_KEY "\"", ERR_MALFORMED),
        CASE("{\"ephemeral_key\":null}", ERR_MALFORMED),
        CASE("{\"ephemeral_key\":\"\"}", ERR_MALFORMED),
        CASE("{\"ephemeral_key\":\"" CLIENT_KEY "00\"}", ERR_MALFORMED),
        CASE("{\"ephemeral_key\":\"15pQuCuoymZfhUOCtCuhWe/Rbu+HQJ6XqNBzlblJKSgA\"}", ERR_MALFORMED),
        CASE("{\"ephemeral_key\":\"15pQuCuoymZfhUOCtCuhWe_Rbu-HQJ6XqNBzlblJKSg=\"}", ERR_MALFORMED),
        CASE("{" KEY ",\"enc_type\":\"\"}", ERR_MALFORMED),
        CASE("{" KEY ",\"enc_type\":1}", ERR_MALFORMED),
        CASE("{" KEY ",\"enc_type\":\"aes-gcm \"}", ERR_MALFORMED),
        CASE("{" KEY ",\"enc_type\":\"cbc\"}", ERR_SEALED),
        CASE("{" KEY ",\"enc_type\":\"aes-cbc\"}", ERR_SEALED),
        CASE("{" KEY ",\"enc_type\":\"xchacha20\"}", ERR_SEALED),
        CASE("{\"ephemeral_key\":\"e" CLIENT_KEY "\"}", ERR_MALFORMED),
        CASE("", ERR_MALFORMED),
        CASE(" ", ERR_MALFORMED),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum err e = open_forged(w, 0x59, c.ciphertext, cases[i].json);
        if (e != cases[i].err)
            fail_msg("%.*s: %s", (int)cases[i].json.len, (const char *)cases[i].json.p,
                     err_name(e));
    }
    test_free(c.body.p);
}

static void frame__size_and_depth_of_routing_part__have_exact_limits(void **state)
{
    struct world *w = *state;
    struct first_case c = first_case_of(w);
    char json[4200];
    memset(json, ' ', sizeof(json));
    memcpy(json, "{" KEY "}", sizeof("{" KEY "}") - 1);
    assert_int_equal(open_forged(w, 0x59, c.ciphertext, span_of(json, 4096)), OK);
    assert_int_equal(open_forged(w, 0x59, c.ciphertext, span_of(json, 4097)), ERR_MALFORMED);

    for (size_t depth = JSON_MAX_DEPTH - 1; depth <= JSON_MAX_DEPTH; depth++) {
        AUTO_BUF struct buf nested = buf_make(4096);
        buf_put_text(&nested, "{" KEY ",\"x\":");
        for (size_t i = 0; i < depth; i++)
            buf_put_byte(&nested, '[');
        for (size_t i = 0; i < depth; i++)
            buf_put_byte(&nested, ']');
        buf_put_byte(&nested, '}');
        assert_int_equal(open_forged(w, 0x59, c.ciphertext, buf_span(&nested)),
                         depth < JSON_MAX_DEPTH ? OK : ERR_MALFORMED);
    }
    test_free(c.body.p);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(onion__every_vector__opens_parses_and_is_answered),
        IN_WORLD(onion__what_the_last_hop_posts__opens_and_is_answered),
        IN_WORLD(onion__every_malformed_frame__is_refused_as_expected),
        IN_WORLD(onion__every_bencode_vector__parses_or_is_malformed),
        IN_WORLD(frame__every_truncation__is_refused),
        IN_WORLD(frame__any_other_length__is_refused),
        IN_WORLD(frame__base64_key_with_escaped_slashes__is_read),
        IN_WORLD(frame__routing_part__is_read_strictly),
        IN_WORLD(frame__size_and_depth_of_routing_part__have_exact_limits),
    };
    if (crypto_start() != OK)
        return 1;
    json_in_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
