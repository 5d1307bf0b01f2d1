/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The wall clock of a server jumps by an hour, forwards and backwards, while PostgreSQL's stays: nothing crashes, nothing
 * goes early, nothing stays for ever, nothing can be replayed, and the operator is told. The clock is moved by libfaketime,
 * which the sanitizers do not get along with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/file_client.h"
#include "integration/world.h"

#define LIBRARY_PATTERN "/usr/lib/%s/faketime/libfaketimeMT.so.1"

enum { TOLD_MAX_MS = 30 * SECOND_MS, STEP_MS = 200, POSTS_IN_A_ROW = 4, HOUR_S = 3600 };

struct scene {
    char control[64];
    struct world w;
    struct member ana;
};

static void set_clock(struct scene *s, int offset_s)
{
    char fresh[sizeof(s->control) + 8];
    (void)snprintf(fresh, sizeof(fresh), "%s.new", s->control);
    FILE *f = fopen(fresh, "we");
    assert_non_null(f);
    assert_true(fprintf(f, "%+d\n", offset_s) > 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(fresh, s->control), 0); /* never half a file */
}

static const char *library(char *out, size_t size)
{
    static const char *const places[] = {"x86_64-linux-gnu", "aarch64-linux-gnu"};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        (void)snprintf(out, size, LIBRARY_PATTERN, places[i]);
        if (access(out, R_OK) == 0)
            return out;
    }
    fail_msg("libfaketime is not installed (make deps)");
    return NULL;
}

static void open_scene(struct scene *s)
{
    char path[128], preload[160], file[128];
    *s = (struct scene){.w = {.server_count = 0}};
    (void)snprintf(s->control, sizeof(s->control), "/tmp/conclave-clock-%ld", (long)getpid());
    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library(path, sizeof(path)));
    (void)snprintf(file, sizeof(file), "FAKETIME_TIMESTAMP_FILE=%s", s->control);
    const char *const env[] = {preload,
                               file,
                               "FAKETIME_NO_CACHE=1",
                               "CONCLAVE_FILES_TYPE_CHECK=off",
                               "DONT_FAKE_MONOTONIC=1",
                               "FAKETIME_DONT_FAKE_MONOTONIC=1",
                               NULL};
    set_clock(s, 0);
    const struct world_options options = {.servers = 0, .accounts = 1};
    assert_int_equal(world_prepare(&s->w, &options), OK);
    assert_int_equal(world_start_database(&s->w), OK);
    if (world_start_server(&s->w, env, NULL) != OK)
        fail_msg("%s", s->w.trouble);
    assert_int_equal(member_open(&s->w, 0, 0, false, &s->ana), OK);
}

static void close_scene(struct scene *s)
{
    member_close(&s->ana);
    assert_true(world_close(&s->w));
    (void)unlink(s->control);
}

/* `posted` of a new message, in seconds. */
static double post(struct scene *s)
{
    json_t *message = NULL;
    assert_int_equal(community_post(&s->ana.community, "lobby", "tick", &message), OK);
    double posted = json_number_value(json_object_get(message, "posted"));
    json_decref(message);
    return posted;
}

static void poll_room(struct scene *s)
{
    struct room_view view = {.token = "lobby"};
    json_auto_t *batch = NULL;
    assert_int_equal(community_poll(&s->ana.community, POLL_IOS, &view, 1, &batch), OK);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(batch, 1), "code")), 200);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(batch, 2), "code")), 200);
}

static void upload(struct scene *s, uint8_t fill, const char *life_s,
                   struct file_ticket *ret_ticket)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    json_auto_t *headers =
        json_pack("{s:s, s:s}", "Content-Type", "application/octet-stream", "X-FS-TTL", life_s);
    const uint8_t content[] = {fill, 1, 2, 3};
    const struct onion_request request = {.method = "POST",
                                          .endpoint = "/file",
                                          .headers = headers,
                                          .body = span_of(content, sizeof(content)),
                                          .has_body = true};
    assert_int_equal(server_link_call(s->ana.link, &request, &reply), OK);
    assert_int_equal(reply.code, 200);
    json_auto_t *json = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    (void)snprintf(ret_ticket->id, sizeof(ret_ticket->id), "%s",
                   json_string_value(json_object_get(json, "id")));
}

static int fetch(struct scene *s, const struct file_ticket *ticket)
{
    AUTO_BUF struct buf got = buf_make(KIB(4));
    int code = 0;
    enum err e = file_client_get(s->ana.link, ticket->id, &got, &code);
    assert_true(e == OK || e == ERR_MISSING);
    return code;
}

static double warnings(struct scene *s)
{
    double value = 0;
    assert_int_equal(world_metric(&s->w, 0, "conclave_clock_skew_warnings_total", &value), OK);
    return value;
}

static void wait_told(struct scene *s, double before)
{
    int64_t deadline_ms = clock_mono_ms() + TOLD_MAX_MS;
    while (warnings(s) <= before) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, STEP_MS);
    }
    AUTO_BUF struct buf log = buf_make(MIB(4));
    assert_int_equal(world_log(&s->w, 0, &log), OK);
    assert_non_null(memmem(log.p, log.len, "warn event=clock.skew", 21));
}

/* A signed request, to be sent again at another hour. */
struct frame {
    struct buf bytes;
    struct onion_secret secret;
};

static void make_frame(struct scene *s, struct frame *ret_frame)
{
    json_auto_t *body = community_post_body(&s->ana.community, "once");
    const struct community_request request = {
        .method = "POST", .target = "/room/lobby/message", .json = body, .signing = SIGNED_BLINDED};
    *ret_frame = (struct frame){.bytes = buf_make(KIB(64))};
    assert_int_equal(
        community_wrap(&s->ana.community, &request, &ret_frame->bytes, &ret_frame->secret), OK);
}

static int send_frame(struct scene *s, const struct frame *f)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    assert_int_equal(server_link_post(s->ana.link, buf_span(&f->bytes), &f->secret, &reply), OK);
    return reply.code;
}

static void clock__jumps_an_hour_forth_and_two_back__breaks_nothing(void **state)
{
    (void)state;
    if (getenv("CONCLAVE_TEST_SHORT") != NULL)
        return;
    struct scene s;
    struct frame f;
    struct file_ticket short_lived, long_lived;
    open_scene(&s);
    double now_s = (double)clock_wall_ms() / SECOND_MS;
    make_frame(&s, &f);
    assert_int_equal(send_frame(&s, &f), 201);
    double posted = post(&s);
    assert_true(posted > now_s - 60 && posted < now_s + 60);
    upload(&s, 1, "5400", &long_lived);
    upload(&s, 2, "1", &short_lived);
    assert_true(warnings(&s) < 1);

    set_clock(&s, HOUR_S);
    double ahead = post(&s);
    assert_true(ahead > now_s + HOUR_S - 60 && ahead < now_s + HOUR_S + 60);
    poll_room(&s);
    assert_int_equal(send_frame(&s, &f), 425);
    assert_int_equal(fetch(&s, &long_lived), 200); /* half an hour is left */
    assert_int_equal(fetch(&s, &short_lived), 404);
    wait_told(&s, 0);

    double told = warnings(&s);
    set_clock(&s, -HOUR_S);
    /* Times of one author never go back; and posts that claim to be in the future use up nobody's rate. */
    for (int i = 0; i < POSTS_IN_A_ROW; i++) {
        double next = post(&s);
        assert_true(next > ahead);
        ahead = next;
    }
    poll_room(&s);
    assert_int_equal(send_frame(&s, &f), 425);
    assert_int_equal(fetch(&s, &long_lived), 200);
    upload(&s, 3, "1", &short_lived); /* ends an hour before now, by the right clock */
    wait_told(&s, told);

    set_clock(&s, 0);
    assert_int_equal(fetch(&s, &short_lived), 404);
    assert_int_equal(fetch(&s, &long_lived), 200);
    poll_room(&s);
    buf_done(&f.bytes);
    onion_client_done(&f.secret);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock__jumps_an_hour_forth_and_two_back__breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
