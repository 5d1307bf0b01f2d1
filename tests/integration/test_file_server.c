/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file-server half through onion requests, as its clients use it: ids, lifetimes, duplicates,
 * renewal, and what is refused. The numbers of the statements it proves stand in
 * docs/acceptance-files.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "client/fs_auth.h"
#include "client/http_client.h"
#include "client/xed25519.h"
#include "integration/file_ask.h"
#include "integration/file_fixture.h"
#include "store/files.h"
#include "integration/raw.h"
#include "unit/sniff_samples.h"

enum { MAX_BYTES = 10223616, DAY_S = 86400, DEFAULT_TTL_S = 14 * DAY_S, JOB_TURN_MS = 30000 };

static struct world world;
static struct server_link *server;

/* Random bodies of a few bytes may look like something; the rate is another test's. */
static const char *const settings[] = {"CONCLAVE_FILES_UPLOAD_LIMIT=off",
                                       "CONCLAVE_FILES_SESSION_VERSION_DESKTOP=1.17.3", NULL};

static int open_all(void **state)
{
    (void)state;
    struct world_options options = {
        .servers = 1, .relays = 3, .accounts = 1, .env = settings, .no_fsync = true};
    file_world_open(&world, &options);
    struct server_link_options route = world_route(&world, 0, false);
    assert_int_equal(server_link_open(&route, &server), OK);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    server_link_close(server);
    return world_close(&world) ? 0 : -1;
}

static int64_t files(void)
{
    return file_number(&world, "SELECT count(*) FROM files");
}

/* ---- upload ---- */

static void upload__of_every_size__comes_back_byte_for_byte_or_is_413(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4096, 32785, 65536, 262143, 262144, 262145, MAX_BYTES};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        AUTO_BUF struct buf body = file_random(sizes[i]);
        struct stored s = file_put(server, buf_span(&body), NULL);
        char target[128];
        (void)snprintf(target, sizeof(target), "/file/%s", s.id);
        struct answer a AUTO_ANSWER = file_ask(server, "GET", target);
        assert_int_equal(a.reply.code, 200);
        assert_string_equal(onion_reply_header(&a.reply, "content-type"),
                            "application/octet-stream");
        assert_true(span_eq(a.reply.body, buf_span(&body)));
    }
    int64_t before = files();
    AUTO_BUF struct buf large = file_random(MAX_BYTES + 1);
    struct answer too_large AUTO_ANSWER =
        file_ask_with(server, "POST", "/file", buf_span(&large), NULL);
    file_assert_status(&too_large, 413);
    struct answer empty AUTO_ANSWER = file_ask(server, "POST", "/file");
    file_assert_status(&empty, 413);
    assert_int_equal(files(), before);
}

static void upload__of_full_size__fits_into_one_post_of_a_storage_node(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(MAX_BYTES), wrapped = buf_make(2 * MAX_BYTES);
    struct onion_secret secret = {0};
    struct onion_request request = {
        .method = "POST", .endpoint = "/file", .body = buf_span(&body), .has_body = true};
    assert_int_equal(server_link_wrap(server, &request, &wrapped, &secret), OK);
    assert_in_range(wrapped.len, MAX_BYTES, 10485760);
    onion_client_done(&secret);
}

static void upload__reply__has_string_id_and_numeric_expiry(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(100);
    double before = file_now_s();
    struct answer a AUTO_ANSWER = file_ask_with(server, "POST", "/file", buf_span(&body), NULL);
    double after = file_now_s();
    struct stored s = file_stored(&a);
    assert_true(s.expires >= before + DEFAULT_TTL_S - 1 && s.expires <= after + DEFAULT_TTL_S + 1);
    assert_true(s.uploaded >= before - 1 && s.uploaded <= after + 1);
    assert_int_equal(json_integer_value(json_object_get(a.json, "size")), 100);
    assert_string_equal(onion_reply_header(&a.reply, "content-type"), "application/json");
}

static void upload__listed_bodies__have_the_listed_ids(void **state)
{
    (void)state;
    AUTO_BUF struct buf zeros = buf_make(6000000), ramp = buf_make(256);
    memset(buf_reserve(&zeros, 6000000), 0, 6000000);
    buf_commit(&zeros, 6000000);
    for (int i = 0; i < 256; i++)
        buf_put_byte(&ramp, (uint8_t)i);
    assert_string_equal(file_put(server, SPAN("hello"), NULL).id,
                        "tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jB");
    assert_string_equal(file_put(server, span_first(buf_span(&zeros), 1000), NULL).id,
                        "ZgiHa7VCqgsyTJU7ICOT5iSL-LOF3tPwtQWr-HoJUn6T");
    assert_string_equal(file_put(server, buf_span(&ramp), NULL).id,
                        "m5iyqCETZfwOqA1U88jq5yAVtRqeXOvM7ysIrGX_ijHt");
    assert_string_equal(file_put(server, buf_span(&zeros), NULL).id,
                        "MiNhWS_HQT4CtArJ-IJXiziJpONZxEY8gGPOv3mMPytW");
}

static void upload__headers_about_type_and_name__change_and_leave_nothing(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(500);
    struct stored plain = file_put(server, buf_span(&body), NULL);
    struct answer a AUTO_ANSWER =
        file_ask_with(server, "POST", "/file", buf_span(&body),
                      json_pack("{s:s, s:s}", "Content-Type", "image/png", "content-disposition",
                                "attachment; filename=\"a name that must not be kept\""));
    assert_string_equal(file_stored(&a).id, plain.id);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM files"
                                         " WHERE room IS NULL AND name IS NOT NULL"),
                     0);
    AUTO_BUF struct buf log = buf_make(MIB(16));
    assert_int_equal(world_log(&world, 0, &log), OK);
    assert_null(memmem(log.p, log.len, "must not be kept", 16));
    assert_null(memmem(log.p, log.len, plain.id, ASK_ID_LEN));
}

static void upload__with_a_lifetime__ends_after_it(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(100), other = file_random(100);
    struct stored s = file_put(server, buf_span(&body), "30");
    assert_true(fabs(s.expires - file_now_s() - 30) < 5);
    struct answer a AUTO_ANSWER = file_ask_with(server, "POST", "/file", buf_span(&other),
                                                json_pack("{s:i}", "x-fs-ttl", 30));
    assert_true(fabs(file_stored(&a).expires - file_now_s() - 30) < 5);
    s = file_put(server, buf_span(&body), "2592000");
    assert_true(fabs(s.expires - file_now_s() - 30 * DAY_S) < 5);
    /* Longer than [files] max_ttl: that. */
    static const char *const longer[] = {"2592001", "9223372036854775808", "99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(longer); i++) {
        AUTO_BUF struct buf new = file_random(100);
        s = file_put(server, buf_span(&new), longer[i]);
        assert_true(fabs(s.expires - file_now_s() - 30 * DAY_S) < 5);
    }
}

static void upload__with_a_bad_lifetime__is_400_and_stores_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"-1", "abc", "1.5",  "",
                                      "+5", " 30", "0x10", "9999999999999999999x"};
    int64_t before = files();
    AUTO_BUF struct buf body = file_random(100);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct answer a AUTO_ANSWER = file_ask_with(server, "POST", "/file", buf_span(&body),
                                                    json_pack("{s:s}", "X-FS-TTL", bad[i]));
        file_assert_status(&a, 400);
    }
    assert_int_equal(files(), before);
}

/* ---- download ---- */

static void download__tells_its_end__as_an_rfc_1123_date(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(4096);
    struct stored s = file_put(server, buf_span(&body), "1000");
    char target[128];
    struct tm tm = {0};
    (void)snprintf(target, sizeof(target), "/file/%s", s.id);
    struct answer a AUTO_ANSWER = file_ask(server, "GET", target);
    const char *expires = onion_reply_header(&a.reply, "expires");
    const char *end = strptime(expires, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    assert_non_null(end);
    assert_string_equal(end, "");
    assert_int_equal(timegm(&tm), (time_t)s.expires);
    assert_int_equal(strlen(expires), strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
}

static void download__of_what_is_no_id__is_404(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jX",
        "tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0j",
        "tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jBB",
        "tKO2VVg1JPHwgZuvqK%2f7bDHJeSr4UJ_8i13ETlwAn0jB",
        "..",
        ".",
        "tKO2VVg1JPHwgZuvqK.7bDHJeSr4UJ_8i13ETlwAn0jB",
        "tKO2VVg1JPHwgZuvqK'7bDHJeSr4UJ_8i13ETlwAn0jB",
        "tKO2VVg1JPHwgZuvqK%227bDHJeSr4UJ_8i13ETlwAn0jB",
        "%C3%A9KO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwA",
        "12345678901234567",
        "1",
    };
    char target[256];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        (void)snprintf(target, sizeof(target), "/file/%s", bad[i]);
        struct answer a AUTO_ANSWER = file_ask(server, "GET", target);
        assert_int_equal(a.reply.code, 404);
        /* A slash inside makes another path, which is not this half's. */
        if (strstr(bad[i], "%2f") == NULL)
            file_assert_status(&a, 404);
    }
    /* A NUL is no character of any path. */
    struct answer nul AUTO_ANSWER =
        file_ask(server, "GET", "/file/tKO2VVg1JPHwgZuvqK%007bDHJeSr4UJ_8i13ETlwAn0jB");
    assert_in_range(nul.reply.code, 400, 404);
    assert_int_equal(file_code(server, "POST", "12345678901234567", "/extend"), 404);
    assert_int_equal(file_code(server, "GET", "12345678901234567", "/info"), 404);
}

static void other_methods__change_nothing(void **state)
{
    (void)state;
    static const char *const tries[][2] = {{"POST", "/file/%s"},   {"PUT", "/file"},
                                           {"DELETE", "/file/%s"}, {"PUT", "/file/%s"},
                                           {"GET", "/file"},       {"GET", "/file/%s/extend"}};
    AUTO_BUF struct buf body = file_random(100);
    struct stored s = file_put(server, buf_span(&body), NULL);
    int64_t before = files();
    for (size_t i = 0; i < COUNT_OF(tries); i++) {
        char target[128];
        (void)snprintf(target, sizeof(target), tries[i][1][5] == '\0' ? "/file" : "/file/%s", s.id);
        if (strstr(tries[i][1], "extend") != NULL)
            (void)snprintf(target, sizeof(target), "/file/%s/extend", s.id);
        struct answer a AUTO_ANSWER = file_ask(server, tries[i][0], target);
        assert_true(a.reply.code == 404 || a.reply.code == 405);
    }
    assert_int_equal(files(), before);
    assert_int_equal(file_code(server, "GET", s.id, ""), 200);
}

static void info__shows_size_and_times(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(12345);
    struct stored s = file_put(server, buf_span(&body), NULL);
    char target[128];
    (void)snprintf(target, sizeof(target), "/file/%s/info", s.id);
    struct answer a AUTO_ANSWER = file_ask(server, "GET", target);
    assert_int_equal(a.reply.code, 200);
    assert_int_equal(json_integer_value(json_object_get(a.json, "size")), 12345);
    assert_true(fabs(json_number_value(json_object_get(a.json, "uploaded")) - s.uploaded) < 0.001);
    assert_true(fabs(json_number_value(json_object_get(a.json, "expires")) - s.expires) < 0.001);
    assert_int_equal(json_object_size(a.json), 3);
}

/* ---- duplicates ---- */

static void same_bytes_twice__are_one_blob_charged_once(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(300000), flipped = buf_make(300001);
    int64_t blobs = file_number(&world, "SELECT count(*) FROM blobs");
    int64_t bytes = file_number(&world, "SELECT bytes FROM file_usage");
    struct stored first = file_put(server, buf_span(&body), NULL),
                  second = file_put(server, buf_span(&body), NULL);
    assert_string_equal(first.id, second.id);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM blobs"), blobs + 1);
    assert_int_equal(file_number(&world, "SELECT bytes FROM file_usage"), bytes + 300000);
    buf_put(&flipped, buf_span(&body));
    flipped.p[200000] ^= 4;
    assert_string_not_equal(file_put(server, buf_span(&flipped), NULL).id, first.id);
}

static void same_bytes_again__take_the_later_end(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(100);
    struct stored first = file_put(server, buf_span(&body), "1000");
    struct stored shorter = file_put(server, buf_span(&body), "10");
    assert_true(fabs(shorter.expires - first.expires) < 0.001);
    assert_true(shorter.uploaded >= first.uploaded);
    struct stored longer = file_put(server, buf_span(&body), "5000");
    assert_true(fabs(longer.expires - file_now_s() - 5000) < 5);
}

/* ---- expiry and renewal ---- */

static void file__past_its_end__is_404_before_anybody_cleaned_up_and_gone_afterwards(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(700000), other = file_random(1000);
    int64_t bytes = file_number(&world, "SELECT bytes FROM file_usage");
    struct stored kept = file_put(server, buf_span(&other), NULL),
                  s = file_put(server, buf_span(&body), "2");
    assert_int_equal(file_code(server, "GET", s.id, ""), 200);
    while (file_now_s() < s.expires)
        continue;
    assert_int_equal(file_code(server, "GET", s.id, ""), 404);
    assert_int_equal(file_code(server, "GET", s.id, "/info"), 404);
    assert_int_equal(file_code(server, "POST", s.id, "/extend"), 404);
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "SELECT bytes - %lld FROM file_usage", (long long)bytes);
    assert_true(file_wait_number(&world, sql, FILE_BLOCK_BYTES, JOB_TURN_MS));
    assert_int_equal(file_number(&world, "SELECT count(*) FROM chunks c WHERE NOT EXISTS"
                                         " (SELECT FROM blobs b WHERE b.id = c.blob)"),
                     0);
    assert_int_equal(file_code(server, "GET", kept.id, ""), 200);
}

static void extend__without_a_body__lengthens_and_never_shortens(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(321);
    struct stored s = file_put(server, buf_span(&body), "60");
    char target[128];
    (void)snprintf(target, sizeof(target), "/file/%s/extend", s.id);
    double before = file_now_s();
    struct answer a AUTO_ANSWER = file_ask(server, "POST", target);
    assert_int_equal(a.reply.code, 200);
    assert_true(json_is_integer(json_object_get(a.json, "size")));
    assert_int_equal(json_integer_value(json_object_get(a.json, "size")), 321);
    assert_true(json_is_number(json_object_get(a.json, "uploaded")));
    double expires = json_number_value(json_object_get(a.json, "expires"));
    assert_true(expires >= before + DEFAULT_TTL_S - 1);
    struct answer b AUTO_ANSWER = file_ask_with(server, "POST", target, (struct span){NULL, 0},
                                                json_pack("{s:s}", "X-FS-TTL", "10"));
    assert_int_equal(b.reply.code, 200);
    assert_true(fabs(json_number_value(json_object_get(b.json, "expires")) - expires) < 0.001);
}

static void extend__of_an_id_too_short__is_404_even_for_a_file_of_that_number(void **state)
{
    (void)state;
    struct member ana = file_world_member(&world, 0);
    AUTO_BUF struct buf body = file_random(100);
    int64_t id = 0;
    char text[32];
    assert_int_equal(room_file_put(&ana.community, "lobby", buf_span(&body), NULL, &id), OK);
    (void)snprintf(text, sizeof(text), "%lld", (long long)id);
    assert_int_equal(file_code(server, "POST", text, "/extend"), 404);
    assert_int_equal(file_code(server, "GET", text, ""), 404);
    member_close(&ana);
}

static void extend__with_a_bad_lifetime__is_400_and_leaves_the_end(void **state)
{
    (void)state;
    static const char *const bad[] = {"-1", "abc", "1.5", "", "2592001x"};
    AUTO_BUF struct buf body = file_random(100);
    struct stored s = file_put(server, buf_span(&body), "60");
    char target[128];
    (void)snprintf(target, sizeof(target), "/file/%s/extend", s.id);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct answer a AUTO_ANSWER = file_ask_with(server, "POST", target, (struct span){NULL, 0},
                                                    json_pack("{s:s}", "X-FS-TTL", bad[i]));
        file_assert_status(&a, 400);
    }
    (void)snprintf(target, sizeof(target), "/file/%s/info", s.id);
    struct answer info AUTO_ANSWER = file_ask(server, "GET", target);
    assert_true(fabs(json_number_value(json_object_get(info.json, "expires")) - s.expires) < 0.001);
}

static void extend__longer_than_the_maximum__gets_the_maximum(void **state)
{
    (void)state;
    static const char *const wishes[] = {"2592001", "99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(wishes); i++) {
        AUTO_BUF struct buf body = file_random(100);
        struct stored s = file_put(server, buf_span(&body), "60");
        char target[128];
        (void)snprintf(target, sizeof(target), "/file/%s/extend", s.id);
        struct answer a AUTO_ANSWER = file_ask_with(server, "POST", target, (struct span){NULL, 0},
                                                    json_pack("{s:s}", "X-FS-TTL", wishes[i]));
        assert_int_equal(a.reply.code, 200);
        double expires = json_number_value(json_object_get(a.json, "expires"));
        assert_true(fabs(expires - file_now_s() - 30 * DAY_S) < 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upload__of_every_size__comes_back_byte_for_byte_or_is_413),
        cmocka_unit_test(upload__of_full_size__fits_into_one_post_of_a_storage_node),
        cmocka_unit_test(upload__reply__has_string_id_and_numeric_expiry),
        cmocka_unit_test(upload__listed_bodies__have_the_listed_ids),
        cmocka_unit_test(upload__headers_about_type_and_name__change_and_leave_nothing),
        cmocka_unit_test(upload__with_a_lifetime__ends_after_it),
        cmocka_unit_test(upload__with_a_bad_lifetime__is_400_and_stores_nothing),
        cmocka_unit_test(download__tells_its_end__as_an_rfc_1123_date),
        cmocka_unit_test(download__of_what_is_no_id__is_404),
        cmocka_unit_test(other_methods__change_nothing),
        cmocka_unit_test(info__shows_size_and_times),
        cmocka_unit_test(same_bytes_twice__are_one_blob_charged_once),
        cmocka_unit_test(same_bytes_again__take_the_later_end),
        cmocka_unit_test(file__past_its_end__is_404_before_anybody_cleaned_up_and_gone_afterwards),
        cmocka_unit_test(extend__without_a_body__lengthens_and_never_shortens),
        cmocka_unit_test(extend__of_an_id_too_short__is_404_even_for_a_file_of_that_number),
        cmocka_unit_test(extend__with_a_bad_lifetime__is_400_and_leaves_the_end),
        cmocka_unit_test(extend__longer_than_the_maximum__gets_the_maximum),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
