/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 300, test-waits: 56
 *
 * Clocks that jump: that of one server, or that of the whole machine, PostgreSQL's included.
 * Nothing crashes, nothing goes early, nothing stays for ever, nothing can be replayed, and the
 * operator is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/file_client.h"
#include "client/http_client.h"
#include "integration/command.h"
#include "integration/fake_clock.h"
#include "integration/file_fixture.h"

enum {
    TOLD_MAX_MS = 3 * SECOND_MS, /* as docs/operate.md promises */
    STEP_MS = 100,
    TURN_MS = 11 * SECOND_MS,
    TURNS_MS = 2 * TURN_MS,
    GONE_MAX_MS = 30 * SECOND_MS,
    POSTS_IN_A_ROW = 4,
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
};

static const char live_nonces[] = "SELECT count(*) FROM nonces";
static const char live_files[] = "SELECT count(*) FROM files";

struct scene {
    struct fake_clock server, database;
    struct world w;
    struct member ana;
};

static void set_server(struct scene *s, int64_t ahead_s)
{
    assert_true(fake_clock_set(&s->server, ahead_s));
}

static void set_both(struct scene *s, int64_t ahead_s)
{
    assert_true(fake_clock_set(&s->database, ahead_s));
    set_server(s, ahead_s);
    s->ana.community.clock_offset_s = ahead_s;
}

static void open_scene(struct scene *s)
{
    static const char *const settings[] = {"CONCLAVE_FILES_TYPE_CHECK=off", NULL};
    *s = (struct scene){.w = {.server_count = 0}};
    assert_true(fake_clock_open(&s->server, "server"));
    assert_true(fake_clock_open(&s->database, "database"));
    const struct world_options options = {.servers = 0,
                                          .accounts = 1,
                                          .env = settings,
                                          .cluster_env = s->database.env,
                                          .no_fsync = true};
    assert_int_equal(world_prepare(&s->w, &options), OK);
    assert_int_equal(world_start_database(&s->w), OK);
    if (world_start_server(&s->w, s->server.env, NULL) != OK)
        fail_msg("%s", s->w.trouble);
    assert_int_equal(member_open(&s->w, 0, 0, false, &s->ana), OK);
}

static void close_scene(struct scene *s)
{
    member_close(&s->ana);
    assert_true(world_close(&s->w));
    fake_clock_close(&s->server);
    fake_clock_close(&s->database);
}

static void show_log(const struct scene *s)
{
    AUTO_BUF struct buf log = buf_make(MIB(4));
    if (world_log(&s->w, 0, &log) == OK)
        (void)fprintf(stderr, "answered %d; the server says:\n%.*s", s->ana.community.refusal.code,
                      (int)log.len, (const char *)log.p);
}

/* `posted` of a new message, in seconds. */
static double post(struct scene *s)
{
    json_t *message = NULL;
    enum err e = community_post(&s->ana.community, "lobby", "tick", &message);
    if (e != OK)
        show_log(s);
    assert_int_equal(e, OK);
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

/* ---- what the operator sees ---- */

/* Waits until /health/ready answers that status with those words (NULL: without any reason). */
static void wait_told(struct scene *s, unsigned status, const char *words)
{
    struct http_target target = {.timeout_ms = TOLD_MAX_MS, .max_reply_bytes = KIB(64)};
    int64_t deadline_ms = clock_mono_ms() + TOLD_MAX_MS;
    memcpy(target.unix_path, s->w.servers[0].operator_path, sizeof(s->w.servers[0].operator_path));
    struct http_client *c AUTO_HTTP = http_client_new(&target);
    assert_non_null(c);
    for (;;) {
        struct http_reply reply;
        assert_int_equal(
            http_client_call(c, "GET", "/health/ready", NULL, (struct span){0}, &reply), OK);
        bool said = words == NULL
                        ? memmem(reply.body.p, reply.body.len, "clock", 5) == NULL
                        : memmem(reply.body.p, reply.body.len, words, strlen(words)) != NULL;
        if (said && (unsigned)reply.status == status)
            return;
        if (clock_mono_ms() >= deadline_ms) {
            show_log(s);
            fail_msg("not \"%s\" but %d: %.*s", words == NULL ? "" : words, (int)reply.status,
                     (int)reply.body.len, (const char *)reply.body.p);
        }
        (void)poll(NULL, 0, STEP_MS);
    }
}

static void assert_logged(struct scene *s, const char *words)
{
    AUTO_BUF struct buf log = buf_make(MIB(4));
    assert_int_equal(world_log(&s->w, 0, &log), OK);
    assert_non_null(memmem(log.p, log.len, words, strlen(words)));
}

/* ---- a signed request, to be sent again at another hour ---- */

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

static void frame_done(struct frame *f)
{
    buf_done(&f->bytes);
    onion_client_done(&f->secret);
}

/* ---- the scenes ---- */

static void clock__of_the_machine_jumps_an_hour_forth_and_two_back__breaks_nothing(void **state)
{
    (void)state;
    if (!fake_clock_possible())
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

    set_both(&s, HOUR_S);
    double ahead = post(&s);
    assert_true(ahead > now_s + HOUR_S - 60 && ahead < now_s + HOUR_S + 60);
    poll_room(&s);
    assert_int_equal(send_frame(&s, &f), 425);
    assert_int_equal(fetch(&s, &long_lived), 200); /* half an hour is left */
    assert_int_equal(fetch(&s, &short_lived), 404);
    assert_true(file_wait_number(&s.w, live_files, 1, GONE_MAX_MS));

    set_both(&s, -HOUR_S);
    /*
     * Times of one author never go back; and posts that claim to be in the future use up nobody's
     * rate.
     */
    for (int i = 0; i < POSTS_IN_A_ROW; i++) {
        double next = post(&s);
        assert_true(next > ahead);
        ahead = next;
    }
    poll_room(&s);
    assert_int_equal(send_frame(&s, &f), 425);
    assert_int_equal(fetch(&s, &long_lived), 200);
    upload(&s, 3, "1", &short_lived); /* ends an hour before now, by the right clock */

    set_both(&s, 0);
    assert_int_equal(fetch(&s, &short_lived), 404);
    assert_int_equal(fetch(&s, &long_lived), 200);
    poll_room(&s);
    wait_told(&s, 200, NULL);
    frame_done(&f);
    close_scene(&s);
}

static void clock__of_one_server_is_ahead__deletes_nothing_and_says_so(void **state)
{
    (void)state;
    if (!fake_clock_possible())
        return;
    struct scene s;
    struct frame f;
    static struct said said;
    struct file_ticket file;
    open_scene(&s);
    make_frame(&s, &f);
    assert_int_equal(send_frame(&s, &f), 201);
    upload(&s, 1, "5400", &file);
    int64_t nonces = file_number(&s.w, live_nonces);

    set_server(&s, 40 * DAY_S);
    wait_told(&s, 503, "960 hours ahead of the database's");
    command_expect(&s.w, NULL, ARGS("status"), 1, "deletes nothing", &said);
    assert_logged(&s, "warn event=clock.skew");
    (void)poll(NULL, 0, TURNS_MS);
    assert_int_equal(file_number(&s.w, live_files), 1);
    assert_true(file_number(&s.w, live_nonces) >= nonces);

    /* The captured request, after the clock was three days ahead for some turns. */
    set_server(&s, 3 * DAY_S);
    (void)poll(NULL, 0, TURNS_MS);
    set_server(&s, 0);
    assert_int_equal(send_frame(&s, &f), 425);
    wait_told(&s, 200, NULL);
    assert_int_equal(fetch(&s, &file), 200);

    /* A server that is a little off serves, and says so. */
    set_server(&s, HOUR_S);
    wait_told(&s, 200, "3600 seconds ahead of the database's");
    poll_room(&s);
    (void)post(&s);
    set_server(&s, 0);
    wait_told(&s, 200, NULL);
    frame_done(&f);
    close_scene(&s);
}

/* By a clock that is behind, an upload would have ended before it began. */
static void clock__of_one_server_is_behind__ends_no_file_early(void **state)
{
    (void)state;
    if (!fake_clock_possible())
        return;
    struct scene s;
    struct file_ticket file;
    size_t right = 0;
    open_scene(&s);
    assert_int_equal(world_start_server(&s.w, NULL, &right), OK);
    set_server(&s, -2 * DAY_S);
    wait_told(&s, 503, "48 hours behind the database's");
    upload(&s, 1, "5400", &file);
    (void)poll(NULL, 0, TURNS_MS); /* the other server takes the jobs over */
    assert_int_equal(file_number(&s.w, live_files), 1);
    assert_int_equal(file_number(&s.w, "SELECT count(*) FROM files WHERE expiry > "
                                       "extract(epoch FROM clock_timestamp()) + 5000"),
                     1);
    file_age(&s.w, 5500);
    assert_true(file_wait_number(&s.w, live_files, 0, GONE_MAX_MS));
    close_scene(&s);
}

static void clock__of_the_machine_jumps_forty_days__waits_for_a_word(void **state)
{
    (void)state;
    if (!fake_clock_possible())
        return;
    struct scene s;
    struct frame f;
    static struct said said;
    struct file_ticket file;
    open_scene(&s);
    make_frame(&s, &f);
    assert_int_equal(send_frame(&s, &f), 201);
    upload(&s, 1, "5400", &file);
    int64_t nonces = file_number(&s.w, live_nonces);

    set_both(&s, 40 * DAY_S);
    wait_told(&s, 200, "type `conclave clock confirm` if it is right");
    command_expect(&s.w, s.server.env, ARGS("status"), 0, "nothing is deleted", &said);
    assert_logged(&s, "warn event=clock.jumped hours_from_last_trusted=96");
    (void)poll(NULL, 0, TURNS_MS);
    double posted = post(&s); /* goes on, with the time that the clock shows */
    assert_true(posted > (double)clock_wall_ms() / SECOND_MS + 39.0 * DAY_S);
    assert_int_equal(send_frame(&s, &f), 425);
    assert_int_equal(file_number(&s.w, live_files), 1);
    assert_true(file_number(&s.w, live_nonces) >= nonces);

    /* It was a mistake: nothing is lost, and nothing can be replayed. */
    set_both(&s, 0);
    wait_told(&s, 200, NULL);
    assert_int_equal(fetch(&s, &file), 200);
    assert_int_equal(send_frame(&s, &f), 425);

    /* Somebody whose own clock differs cannot confirm. */
    set_both(&s, 40 * DAY_S);
    wait_told(&s, 200, "clock confirm");
    command_expect(&s.w, NULL, ARGS("clock", "confirm"), 1, "differ by more than 2 seconds", &said);
    command_expect(&s.w, s.server.env, ARGS("clock", "confirm"), 0, "The time is trusted", &said);
    wait_told(&s, 200, NULL);
    assert_true(file_wait_number(&s.w, live_files, 0, GONE_MAX_MS));

    /*
     * The word was wrong: claims of today went with it, and so nothing that was signed before is
     * accepted any more.
     */
    set_both(&s, 0);
    wait_told(&s, 200, "before the last time that was trusted");
    assert_int_equal(send_frame(&s, &f), 425);
    command_expect(&s.w, s.server.env, ARGS("clock", "confirm"), 0, "The time is trusted", &said);
    wait_told(&s, 200, NULL);
    assert_int_equal(send_frame(&s, &f), 425);
    (void)poll(NULL, 0, TURN_MS); /* the next turn of the jobs makes the days again */
    (void)post(&s);
    assert_int_equal(file_number(&s.w, "SELECT count(*) FROM messages WHERE posted > 0"), 3);
    frame_done(&f);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock__of_the_machine_jumps_an_hour_forth_and_two_back__breaks_nothing),
        cmocka_unit_test(clock__of_one_server_is_ahead__deletes_nothing_and_says_so),
        cmocka_unit_test(clock__of_one_server_is_behind__ends_no_file_early),
        cmocka_unit_test(clock__of_the_machine_jumps_forty_days__waits_for_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
