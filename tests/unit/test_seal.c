/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealing replies: the plaintext of every kind of reply, the largest one, and bodies that come in
 * pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/mem.h"
#include "onion/bencode.h"
#include "onion/envelope.h"
#include "onion/v4.h"

static const struct reply_key keys[] = {
    {.kind = ENVELOPE_V4, .cipher = CIPHER_AES_GCM, .key = {.b = {1, 2, 3}}},
    {.kind = ENVELOPE_V4, .cipher = CIPHER_XCHACHA20, .key = {.b = {1, 2, 3}}},
    {.kind = ENVELOPE_V3, .cipher = CIPHER_AES_GCM, .key = {.b = {1, 2, 3}}},
    {.kind = ENVELOPE_V3, .cipher = CIPHER_XCHACHA20, .key = {.b = {1, 2, 3}}},
};

/* Opens where it lies; for v3 the base64 goes first. */
static struct span opened(const struct reply_key *key, struct buf *sealed)
{
    struct bytes bytes = {sealed->p, sealed->len}, plain;
    if (key->kind == ENVELOPE_V3)
        assert_int_equal(base64_read(buf_span(sealed), bytes.p, &bytes.len), OK);
    assert_int_equal(box_open(key->cipher, &key->key, SPAN(""), bytes, &plain), OK);
    return span_of_bytes(plain);
}

static void assert_plain(const struct reply_key *key, const struct reply *reply, struct span wanted)
{
    AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
    assert_int_equal(envelope_seal(key, reply, &out), OK);
    struct span plain = opened(key, &out);
    assert_int_equal(plain.len, wanted.len);
    assert_memory_equal(plain.p, wanted.p, wanted.len);
}

static void seal__json__v4_carries_status_and_v3_only_the_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct reply r;
        reply_init(&r);
        buf_put_text(reply_json(&r, 201), "{\"id\":1}");
        assert_plain(&keys[i], &r,
                     keys[i].kind == ENVELOPE_V3
                         ? SPAN("{\"id\":1}")
                         : SPAN("l58:{\"code\":201,\"headers\":{\"content-type\":"
                                "\"application/json\"}}8:{\"id\":1}e"));
        reply_done(&r);
    }
}

static void seal__error__v4_carries_its_text_and_v3_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct reply r;
        reply_init(&r);
        reply_text(&r, 400, ENVELOPE_V4_BAD_REQUEST);
        assert_plain(&keys[i], &r,
                     keys[i].kind == ENVELOPE_V3
                         ? SPAN("{\"status_code\":400}")
                         : SPAN("l67:{\"code\":400,\"headers\":{\"content-type\":"
                                "\"text/plain; charset=utf-8\"}}24:Invalid v4 onion requeste"));
        reply_done(&r);
    }
}

static void seal__not_modified__has_empty_headers_and_body(void **state)
{
    (void)state;
    struct reply r;
    reply_init(&r);
    r.status = 304;
    assert_plain(&keys[0], &r, SPAN("l25:{\"code\":304,\"headers\":{}}0:e"));
    assert_plain(&keys[2], &r, SPAN("{\"status_code\":304}"));
    reply_done(&r);
}

static void seal__headers__are_escaped_and_the_last_of_a_name_wins(void **state)
{
    (void)state;
    struct reply r;
    reply_init(&r);
    r.status = 200;
    r.content_type = CONTENT_BINARY;
    reply_add_header(&r, "allow", SPAN("GET"));
    reply_add_header(&r, "x-name", SPAN("a\"\\\n\xc3\xa9"));
    reply_add_header(&r, "allow", SPAN("GET, POST"));
    assert_plain(&keys[0], &r,
                 SPAN("l107:{\"code\":200,\"headers\":{\"content-type\":\"application/"
                      "octet-stream\",\"x-name\":\"a\\\"\\\\\\n\xc3\xa9\",\"allow\":\"GET, "
                      "POST\"}}0:e"));
    reply_done(&r);
}

static void seal__header_too_long_for_the_head__is_a_413(void **state)
{
    (void)state;
    static uint8_t text[V4_HEAD_MAX_BYTES];
    memset(text, 'a', sizeof(text));
    struct reply r;
    reply_init(&r);
    r.status = 200;
    reply_add_header(&r, "x", span_of(text, sizeof(text)));
    AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
    assert_int_equal(envelope_seal(&keys[0], &r, &out), OK);
    assert_true(span_starts_with(opened(&keys[0], &out), SPAN("l67:{\"code\":413,")));
    reply_done(&r);
}

static void seal__unfinished_reply__is_a_defect(void **state)
{
    (void)state;
    struct reply r;
    reply_init(&r);
    AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
    assert_int_equal(envelope_seal(&keys[0], &r, &out), ERR_DEFECT);
    assert_int_equal(out.len, 0);
    reply_done(&r);
}

/* A reply whose body makes its sealed form exactly as large as wanted (v4 only). */
static void make_large(struct reply *r, const struct reply_key *key, size_t sealed_bytes)
{
    static const size_t around = sizeof("l66:{\"code\":200,\"headers\":{\"content-type\":"
                                        "\"application/octet-stream\"}}10485000:e") -
                                 1;
    size_t len = sealed_bytes - around - box_overhead_bytes(key->cipher);
    reply_init(r);
    r->status = 200;
    r->content_type = CONTENT_BINARY;
    uint8_t *p = buf_reserve(&r->body, len);
    assert_non_null(p);
    memset(p, 'x', len);
    buf_commit(&r->body, len);
}

static void seal__largest_v4_reply__passes_and_one_more_byte_is_a_413(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t more = 0; more < 2; more++) {
            struct reply r;
            make_large(&r, &keys[i], REPLY_MAX_BYTES + more);
            AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
            assert_int_equal(envelope_seal(&keys[i], &r, &out), OK);
            if (more == 0)
                assert_int_equal(out.len, REPLY_MAX_BYTES);
            struct span plain = opened(&keys[i], &out);
            assert_true(span_starts_with(plain, more == 0 ? SPAN("l66:{\"code\":200,")
                                                          : SPAN("l67:{\"code\":413,")));
            reply_done(&r);
        }
    }
}

static void seal__v3_reply_too_large_as_base64__is_a_413(void **state)
{
    (void)state;
    /* 7,864,320 bytes become 10,485,760 characters. */
    static const size_t fits = REPLY_MAX_BYTES / 4 * 3;
    for (size_t more = 0; more < 2; more++) {
        const struct reply_key *key = &keys[2];
        struct reply r;
        reply_init(&r);
        r.status = 200;
        size_t len = fits - box_overhead_bytes(key->cipher) + more;
        uint8_t *p = buf_reserve(&r.body, len);
        assert_non_null(p);
        memset(p, 'x', len);
        buf_commit(&r.body, len);
        AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
        assert_int_equal(envelope_seal(key, &r, &out), OK);
        if (more == 0)
            assert_int_equal(out.len, REPLY_MAX_BYTES);
        struct span plain = opened(key, &out);
        assert_int_equal(span_eq(plain, SPAN("{\"status_code\":413}")), more == 1);
        reply_done(&r);
    }
}

static void seal__body_that_hit_its_ceiling__is_a_413(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct reply r = {.status = 200, .content_type = CONTENT_JSON, .body = buf_make(4)};
        buf_put_text(&r.body, "[1]");
        buf_put_text(&r.body, "more");
        AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
        assert_int_equal(envelope_seal(&keys[i], &r, &out), OK);
        struct span plain = opened(&keys[i], &out);
        assert_true(span_starts_with(plain, keys[i].kind == ENVELOPE_V3
                                                ? SPAN("{\"status_code\":413}")
                                                : SPAN("l67:{\"code\":413,")));
        reply_done(&r);
    }
}

static void seal__any_failing_allocation__is_no_memory_and_sends_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        enum err e = ERR_NO_MEMORY;
        for (int64_t n = 0; n < 50 && e != OK; n++) {
            struct reply r;
            reply_init(&r);
            buf_put_text(reply_json(&r, 200), "{}");
            AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
            (void)mem_fail_after(n);
            e = envelope_seal(&keys[i], &r, &out);
            (void)mem_fail_after(-1);
            assert_true(e == ERR_NO_MEMORY || (e == OK && n > 0));
            assert_int_equal(out.len == 0, e != OK);
            reply_done(&r);
        }
        assert_int_equal(e, OK);
    }
}

/* ---- bodies in pieces ---- */

struct pieces {
    struct body_source source;
    bool closed;
};

static enum err no_piece(struct body_source *source, struct db *db, struct span *ret_piece)
{
    (void)source;
    (void)db;
    (void)ret_piece;
    return ERR_DEFECT; /* the envelope must not read: it has no database */
}

static void pieces_close(struct body_source *source)
{
    ((struct pieces *)source)->closed = true;
}

static void stream__head_pieces_and_end__open_as_the_whole_reply_would(void **state)
{
    (void)state;
    static const char content[] = "the content of a file";
    for (size_t i = 0; i < 2; i++) {
        struct pieces p = {.source = {sizeof(content) - 1, no_piece, pieces_close}};
        struct reply r;
        reply_init(&r);
        r.status = 200;
        r.content_type = CONTENT_BINARY;
        r.source = &p.source;
        AUTO_BUF struct buf head = buf_make(KIB(64));
        uint64_t total = 0;
        assert_int_equal(envelope_stream_head(&r, &head, &total), OK);

        struct box_stream *s = NULL;
        uint8_t nonce[BOX_NONCE_MAX_BYTES], out[500];
        assert_int_equal(box_stream_new(keys[i].cipher, &keys[i].key, &s, nonce), OK);
        size_t at = box_nonce_bytes(keys[i].cipher);
        memcpy(out, nonce, at);
        const struct span parts[] = {buf_span(&head), span_of(content, 7),
                                     span_of(content + 7, sizeof(content) - 8), SPAN("e")};
        for (size_t n = 0; n < COUNT_OF(parts); n++) {
            assert_int_equal(box_stream_update(s, parts[n], out + at), OK);
            at += parts[n].len;
        }
        assert_int_equal(box_stream_finish(s, out + at), OK);
        box_stream_free(s);
        assert_int_equal(at, total + box_nonce_bytes(keys[i].cipher));

        struct bytes sealed = {out, at + BOX_TAG_BYTES}, plain;
        assert_int_equal(box_open(keys[i].cipher, &keys[i].key, SPAN(""), sealed, &plain), OK);
        r.source = NULL;
        buf_put_text(&r.body, content);
        assert_plain(&keys[i], &r, span_of_bytes(plain));
        r.source = &p.source;
        reply_done(&r);
        assert_true(p.closed);
    }
}

static void stream__length_that_cannot_be_carried__is_too_large(void **state)
{
    (void)state;
    static const size_t head_bytes = sizeof("l66:{\"code\":200,\"headers\":{\"content-type\":"
                                            "\"application/octet-stream\"}}10485000:") -
                                     1;
    uint64_t most = REPLY_MAX_BYTES - BOX_NONCE_MAX_BYTES - BOX_TAG_BYTES - head_bytes - 1;
    const struct {
        uint64_t length;
        enum err err;
    } cases[] = {{0, OK}, {most, OK}, {most + 1, ERR_TOO_LARGE}, {UINT64_MAX, ERR_TOO_LARGE}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pieces p = {.source = {cases[i].length, no_piece, pieces_close}};
        struct reply r;
        reply_init(&r);
        r.status = 200;
        r.content_type = CONTENT_BINARY;
        r.source = &p.source;
        AUTO_BUF struct buf head = buf_make(KIB(64));
        uint64_t total = 7;
        assert_int_equal(envelope_stream_head(&r, &head, &total), cases[i].err);
        assert_int_equal(total == 7, cases[i].err != OK);
        AUTO_BUF struct buf out = buf_make(REPLY_MAX_BYTES);
        assert_int_equal(envelope_seal(&keys[0], &r, &out), ERR_DEFECT); /* not for sources */
        reply_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seal__json__v4_carries_status_and_v3_only_the_body),
        cmocka_unit_test(seal__error__v4_carries_its_text_and_v3_its_status),
        cmocka_unit_test(seal__not_modified__has_empty_headers_and_body),
        cmocka_unit_test(seal__headers__are_escaped_and_the_last_of_a_name_wins),
        cmocka_unit_test(seal__header_too_long_for_the_head__is_a_413),
        cmocka_unit_test(seal__unfinished_reply__is_a_defect),
        cmocka_unit_test(seal__largest_v4_reply__passes_and_one_more_byte_is_a_413),
        cmocka_unit_test(seal__v3_reply_too_large_as_base64__is_a_413),
        cmocka_unit_test(seal__body_that_hit_its_ceiling__is_a_413),
        cmocka_unit_test(seal__any_failing_allocation__is_no_memory_and_sends_nothing),
        cmocka_unit_test(stream__head_pieces_and_end__open_as_the_whole_reply_would),
        cmocka_unit_test(stream__length_that_cannot_be_carried__is_too_large),
    };
    if (crypto_start() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
