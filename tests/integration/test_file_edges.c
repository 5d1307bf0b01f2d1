/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands around the file-server half's own files: versions of clients, keys, old envelopes,
 * and what is refused for what it is.
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

static void session_version__answers_what_the_operator_set(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int code;
    } cases[] = {{"/session_version", 404},
                 {"/session_version?platform=windows", 404},
                 {"/session_version?platform=ios", 502},
                 {"/session_version?platform=desktop&release_channel=alpha", 502},
                 {"/token_info", 404}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer a AUTO_ANSWER = file_ask(server, "GET", cases[i].target);
        assert_int_equal(a.reply.code, cases[i].code);
    }
    struct answer a AUTO_ANSWER =
        file_ask(server, "GET", "/session_version?platform=desktop&release_channel=stable");
    assert_int_equal(a.reply.code, 200);
    assert_string_equal(json_string_value(json_object_get(a.json, "result")), "1.17.3");
    assert_int_equal(json_integer_value(json_object_get(a.json, "status_code")), 200);
    assert_true(json_is_number(json_object_get(a.json, "updated")));
}

static void session_version__signed__is_checked(void **state)
{
    (void)state;
    static const char target[] = "/session_version?platform=desktop";
    const int64_t now = clock_wall_ms() / SECOND_MS;
    struct fs_request request = {"GET", target, {NULL, 0}, now};
    json_t *headers = json_object();
    assert_int_equal(fs_auth_sign(&world.accounts[0], &request, headers), OK);
    struct answer good AUTO_ANSWER =
        file_ask_with(server, "GET", target, (struct span){NULL, 0}, json_deep_copy(headers));
    assert_int_equal(good.reply.code, 200);
    struct answer other AUTO_ANSWER =
        file_ask_with(server, "GET", "/session_version?platform=android", (struct span){NULL, 0},
                      json_deep_copy(headers));
    assert_int_equal(other.reply.code, 401);
    assert_string_equal(onion_reply_header(&other.reply, "content-type"),
                        "text/plain; charset=utf-8");
    (void)json_object_del(headers, "X-FS-Signature");
    struct answer two AUTO_ANSWER =
        file_ask_with(server, "GET", target, (struct span){NULL, 0}, json_deep_copy(headers));
    assert_int_equal(two.reply.code, 400);
    (void)json_object_del(headers, "X-FS-Timestamp");
    struct answer one AUTO_ANSWER =
        file_ask_with(server, "GET", target, (struct span){NULL, 0}, headers);
    assert_int_equal(one.reply.code, 400);
    json_t *old = json_object();
    request.timestamp_s = now - 25 * 3600;
    assert_int_equal(fs_auth_sign(&world.accounts[0], &request, old), OK);
    struct answer late AUTO_ANSWER =
        file_ask_with(server, "GET", target, (struct span){NULL, 0}, old);
    assert_int_equal(late.reply.code, 425);
}

static void numbers__in_replies__have_a_full_stop(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(50);
    struct answer a AUTO_ANSWER = file_ask_with(server, "POST", "/file", buf_span(&body), NULL);
    assert_int_equal(a.reply.code, 200);
    /* Read by a strict parser above; and no number has a comma inside. */
    assert_non_null(a.json);
    assert_non_null(memmem(a.reply.body.p, a.reply.body.len, ".", 1));
}

static void missing_file__in_v3__is_a_status_code_alone(void **state)
{
    (void)state;
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *old AUTO_LINK = NULL;
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    route.version = ONION_V3;
    route.style = (struct onion_style){LAYER_AES_GCM, NULL};
    assert_int_equal(server_link_open(&route, &old), OK);
    struct onion_request request = {
        .method = "GET", .endpoint = "file/tKO2VVg1JPHwgZuvqK_7bDHJeSr4UJ_8i13ETlwAn0jX"};
    assert_int_equal(server_link_call(old, &request, &reply), OK);
    assert_int_equal(reply.code, 404);
    assert_true(span_eq_text(reply.body, "{\"status_code\":404}"));
}

static void file__asked_for_outside_an_onion_request__is_404(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = file_random(100), request = buf_make(4096), out = buf_make(4096);
    struct stored s = file_put(server, buf_span(&body), NULL);
    buf_put_text(&request, "GET /file/");
    buf_put_text(&request, s.id);
    buf_put_text(&request, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(raw_ask(&world.servers[0].at, buf_span(&request), 5000, &out), OK);
    assert_true(span_starts_with(buf_span(&out), SPAN("HTTP/1.1 404")));
}

static void printed_key__converted_to_x25519__is_the_servers(void **state)
{
    (void)state;
    struct x25519_pub back;
    AUTO_BUF struct buf out = buf_make(KIB(64));
    int status = -1;
    assert_int_equal(
        world_conclave(&world, 0, (const char *[]){"key", "show", NULL}, &out, &status), OK);
    assert_int_equal(status, 0);
    /*
     * The first line is the X25519 key alone; what follows names its Ed25519 form, which links to
     * files carry.
     */
    size_t first = span_find(buf_span(&out), '\n');
    struct span rest = span_skip(buf_span(&out), first + 1);
    struct ed25519_pub ed;
    assert_int_equal(first, 64);
    assert_int_equal(hex_read(span_first(buf_span(&out), 64), back.b, 32), OK);
    assert_memory_equal(back.b, world.key.b, 32);
    static const char *const words[] = {"X25519", "Ed25519", "iOS", "Android", "desktop", "#p="};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        assert_non_null(memmem(rest.p, rest.len, words[i], strlen(words[i])));
    while (rest.len > 64 && hex_read(span_first(rest, 64), ed.b, 32) != OK)
        rest = span_skip(rest, 1);
    assert_true(rest.len > 64);
    assert_int_equal(crypto_sign_ed25519_pk_to_curve25519(back.b, ed.b), 0);
    assert_memory_equal(back.b, world.key.b, 32);
}

static void plain_file__of_every_listed_type__is_415_and_counted(void **state)
{
    (void)state;
    double plain = file_metric(&world, "conclave_uploads_plain_total");
    double refused = file_metric(&world, "conclave_uploads_refused_total{reason=\"type\"}");
    int64_t before = files();
    for (size_t i = 0; i < SAMPLES; i++) {
        AUTO_BUF struct buf body = buf_make(SAMPLE_MAX_BYTES);
        sniff_sample_put(&sniff_samples[i], &body);
        struct answer a AUTO_ANSWER = file_ask_with(server, "POST", "/file", buf_span(&body), NULL);
        file_assert_status(&a, 415);
    }
    assert_int_equal(files(), before);
    assert_int_equal(file_metric(&world, "conclave_uploads_plain_total") - plain, SAMPLES);
    assert_int_equal(
        file_metric(&world, "conclave_uploads_refused_total{reason=\"type\"}") - refused, SAMPLES);
}

static void plain_file__in_modes_count_and_off__is_stored(void **state)
{
    (void)state;
    static const char *const modes[][2] = {{"CONCLAVE_FILES_TYPE_CHECK=count", NULL},
                                           {"CONCLAVE_FILES_TYPE_CHECK=off", NULL}};
    for (size_t m = 0; m < COUNT_OF(modes); m++) {
        assert_int_equal(world_stop_server(&world, 0), 0);
        assert_int_equal(world_restart_server(&world, 0, modes[m]), OK);
        for (size_t i = 0; i < SAMPLES; i++) {
            AUTO_BUF struct buf body = buf_make(SAMPLE_MAX_BYTES);
            sniff_sample_put(&sniff_samples[i], &body);
            (void)file_put(server, buf_span(&body), NULL);
        }
        assert_int_equal(file_metric(&world, "conclave_uploads_plain_total"), m == 0 ? SAMPLES : 0);
    }
    assert_int_equal(world_stop_server(&world, 0), 0);
    assert_int_equal(world_restart_server(&world, 0, NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_version__answers_what_the_operator_set),
        cmocka_unit_test(session_version__signed__is_checked),
        cmocka_unit_test(numbers__in_replies__have_a_full_stop),
        cmocka_unit_test(missing_file__in_v3__is_a_status_code_alone),
        cmocka_unit_test(file__asked_for_outside_an_onion_request__is_404),
        cmocka_unit_test(printed_key__converted_to_x25519__is_the_servers),
        cmocka_unit_test(plain_file__of_every_listed_type__is_415_and_counted),
        cmocka_unit_test(plain_file__in_modes_count_and_off__is_stored),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
