/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libmagic, as it is installed, makes of plain files, of random bytes and of everything that
 * clients encrypt. If a new database of types weakens a rule, honest people would lose files: this
 * is where it is noticed. test-timeout-s: 300
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "client/attachment.h"
#include "client/attachment_stream.h"
#include "files/sniff.h"
#include "unit/sniff_samples.h"

enum { RANDOM_BODIES = 20000, BODIES_EACH = 2000, THREADS = 8, BODIES_SHARED = 400 };

static struct sniffer *sniffer;

static int open_sniffer(void **state)
{
    (void)state;
    return sniffer_new(2, &sniffer) == OK ? 0 : -1;
}

static int close_sniffer(void **state)
{
    (void)state;
    sniffer_free(sniffer);
    return 0;
}

static bool refused(struct span body)
{
    char type[SNIFF_TYPE_MAX];
    sniffer_type(sniffer, body, type);
    return sniff_is_plain(type, body.len);
}

static void sample__of_every_refused_type__is_recognised(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        AUTO_BUF struct buf body = buf_make(SAMPLE_MAX_BYTES);
        char type[SNIFF_TYPE_MAX];
        sniff_sample_put(&sniff_samples[i], &body);
        sniffer_type(sniffer, buf_span(&body), type);
        assert_string_equal(type, sniff_samples[i].type);
        assert_true(sniff_is_plain(type, body.len));
    }
}

static void types__that_random_bytes_show__are_never_refused(void **state)
{
    (void)state;
    static const char *const never[] = {"application/octet-stream",
                                        "application/x-dosexec",
                                        "application/zlib",
                                        "application/gzip",
                                        "audio/mpeg",
                                        "audio/x-mp4a-latm",
                                        "image/jxl",
                                        "image/g3fax",
                                        "text/PGP",
                                        "application/postscript",
                                        "image/x-award-bioslogo"};
    for (size_t i = 0; i < COUNT_OF(never); i++)
        assert_false(sniff_is_plain(never[i], 1 << 20));
    assert_false(sniff_is_plain("text/plain", 511));
    assert_true(sniff_is_plain("text/plain", 512));
    assert_true(sniff_is_plain("image/png", 8));
    assert_true(sniff_is_plain("application/x-pie-executable", 100));
}

/*
 * A length with the same weight for each of the classes of docs/protocol/files.md, 4.2, from 64
 * bytes on.
 */
static size_t random_size(void)
{
    static const size_t from[] = {64, 256, 1024, 4096}, to[] = {256, 1024, 4096, 65536};
    size_t class = randombytes_uniform(COUNT_OF(from));
    return from[class] + randombytes_uniform((uint32_t)(to[class] - from[class]));
}

static size_t count(size_t full)
{
    return getenv("CONCLAVE_TEST_SHORT") != NULL ? full / 3 : full;
}

static void random_bodies__are_all_accepted(void **state)
{
    (void)state;
    static uint8_t body[65536];
    for (size_t i = 0; i < count(RANDOM_BODIES); i++) {
        size_t len = random_size();
        randombytes_buf(body, len < SNIFF_BYTES ? len : SNIFF_BYTES);
        assert_false(refused(span_of(body, len)));
    }
}

/* Plaintexts are as plain as can be: nothing of them may show through. */
static struct buf plain_body(size_t i)
{
    struct buf body = buf_make(70000);
    size_t len = randombytes_uniform(i % 16 == 0 ? 65536 : 5000);
    while (body.len < len)
        sniff_sample_put(&sniff_samples[i % SAMPLES], &body);
    return body;
}

static void put_gcm_like(struct span plain, struct buf *out)
{
    /* nonce 12, ciphertext, tag 16: the bytes of AES-GCM are as random as those of any cipher. */
    uint8_t *to = buf_reserve(out, plain.len + 28);
    assert_non_null(to);
    randombytes_buf(to, plain.len + 28);
    buf_commit(out, plain.len + 28);
}

enum format { LEGACY, LEGACY_PREVIEW, LEGACY_AVATAR, DETERMINISTIC, PROFILE_PICTURE, FORMATS };

static void encrypt(enum format format, struct span plain, struct buf *out)
{
    struct attachment_keys keys;
    uint8_t seed[32], key[STREAM_KEY_BYTES];
    randombytes_buf(seed, sizeof(seed));
    switch (format) {
    case LEGACY:
    case LEGACY_PREVIEW:
        assert_int_equal(attachment_seal(plain, format == LEGACY, NULL, out, &keys), OK);
        return;
    case LEGACY_AVATAR:
        put_gcm_like(plain, out);
        return;
    case DETERMINISTIC:
        assert_int_equal(
            attachment_stream_seal(STREAM_DOMAIN_BYTE, STREAM_ATTACHMENT, seed, plain, out, key),
            OK);
        return;
    case PROFILE_PICTURE:
        assert_int_equal(
            attachment_stream_seal(STREAM_PERSONAL, STREAM_PROFILE_PICTURE, seed, plain, out, key),
            OK);
        return;
    case FORMATS:
        break;
    }
    fail();
}

static void bodies__in_every_format_of_clients__are_all_accepted(void **state)
{
    (void)state;
    for (int format = 0; format < FORMATS; format++) {
        for (size_t i = 0; i < count(BODIES_EACH); i++) {
            AUTO_BUF struct buf plain = plain_body(i), body = buf_make(1 << 20);
            encrypt((enum format)format, buf_span(&plain), &body);
            assert_false(refused(buf_span(&body)));
        }
    }
}

/* ---- threads ---- */

struct shared {
    uint8_t (*bodies)[512];
    char (*types)[SNIFF_TYPE_MAX];
    bool agreed;
};

static void *sniff_all(void *arg)
{
    struct shared *s = arg;
    s->agreed = true;
    for (size_t i = 0; i < BODIES_SHARED; i++) {
        char type[SNIFF_TYPE_MAX];
        sniffer_type(sniffer, span_of(s->bodies[i], 512), type);
        s->agreed = s->agreed && strcmp(type, s->types[i]) == 0;
    }
    return NULL;
}

static void eight_threads__agree_with_one(void **state)
{
    (void)state;
    static uint8_t bodies[BODIES_SHARED][512];
    static char types[BODIES_SHARED][SNIFF_TYPE_MAX];
    struct shared shared[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < BODIES_SHARED; i++) {
        AUTO_BUF struct buf sample = buf_make(SAMPLE_MAX_BYTES);
        randombytes_buf(bodies[i], sizeof(bodies[i]));
        sniff_sample_put(&sniff_samples[i % SAMPLES], &sample);
        if (i % 2 == 0)
            memcpy(bodies[i], sample.p, sample.len < 512 ? sample.len : 512);
        sniffer_type(sniffer, span_of(bodies[i], 512), types[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        shared[i] = (struct shared){.bodies = bodies, .types = types};
        assert_int_equal(pthread_create(&threads[i], NULL, sniff_all, &shared[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(shared[i].agreed);
    }
}

/* ---- lists of operators ---- */

static void list__of_types__matches_exact_names_and_beginnings(void **state)
{
    (void)state;
    struct span list = SPAN("image/,application/pdf,text/plain");
    assert_true(sniff_list_ok(list));
    assert_true(sniff_is_listed(list, "image/png"));
    assert_true(sniff_is_listed(list, "application/pdf"));
    assert_true(sniff_is_listed(list, "text/plain"));
    assert_false(sniff_is_listed(list, "application/pdfx"));
    assert_false(sniff_is_listed(list, "application/pd"));
    assert_false(sniff_is_listed(list, "video/mp4"));
    assert_false(sniff_is_listed(list, "images/png"));
}

static void list__that_is_none__is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", ",", "image", "/png", "image/,", "image/,,a/", "image/ , a/b", "im\tage/", ",a/b"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(sniff_list_ok(span_of_text(bad[i])));
    assert_true(sniff_list_ok(SPAN("image/")));
}

static void body__that_is_empty__is_of_no_type(void **state)
{
    (void)state;
    char type[SNIFF_TYPE_MAX];
    sniffer_type(sniffer, (struct span){NULL, 0}, type);
    assert_string_equal(type, "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample__of_every_refused_type__is_recognised),
        cmocka_unit_test(types__that_random_bytes_show__are_never_refused),
        cmocka_unit_test(random_bodies__are_all_accepted),
        cmocka_unit_test(bodies__in_every_format_of_clients__are_all_accepted),
        cmocka_unit_test(eight_threads__agree_with_one),
        cmocka_unit_test(list__of_types__matches_exact_names_and_beginnings),
        cmocka_unit_test(list__that_is_none__is_refused),
        cmocka_unit_test(body__that_is_empty__is_of_no_type),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, open_sniffer, close_sniffer);
}
