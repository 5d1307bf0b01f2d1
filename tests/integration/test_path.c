/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ways to a server, and the world these tests live in: ciphers and envelopes through real
 * relays, a second server on the same database, a crash, the client on the command line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <poll.h>

#include "base/clock.h"
#include "base/hex.h"
#include "integration/group.h"
#include "integration/world.h"

enum { ANA, BEN, PEOPLE };
enum { SEEN_WITHIN_MS = 10000, STEP_MS = 20 };

static int open_world(void **state)
{
    static const struct world_options options = {
        .servers = 1, .relays = 3, .accounts = PEOPLE, .no_fsync = true};
    return group_open(state, &options);
}

static void path__every_cipher_and_envelope__reaches_the_server(void **state)
{
    static const struct onion_style styles[] = {{LAYER_XCHACHA20, "xchacha20"},
                                                {LAYER_AES_GCM, "aes-gcm"},
                                                {LAYER_AES_GCM, NULL},
                                                {LAYER_AES_GCM, "gcm"}};
    const struct world *w = *state;
    for (size_t i = 0; i < 4 * COUNT_OF(styles); i++) {
        struct server_link_options route = world_route(w, 0, i % 2 == 0);
        struct onion_request request = {.method = "GET", .endpoint = "/capabilities"};
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        struct server_link *l AUTO_LINK = NULL;
        route.style = styles[i / 4];
        route.version = i % 4 < 2 ? ONION_V4 : ONION_V3;
        assert_int_equal(server_link_open(&route, &l), OK);
        assert_int_equal(server_link_call(l, &request, &reply), OK);
        assert_int_equal(reply.code, 200);
        json_auto_t *json = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
        assert_int_equal(json_array_size(json_object_get(json, "capabilities")), 3);
    }
}

static void path__aes_cbc__cannot_be_decrypted_by_the_server(void **state)
{
    const struct world *w = *state;
    struct server_link_options route = world_route(w, 0, true);
    struct onion_request request = {.method = "GET", .endpoint = "/capabilities"};
    struct onion_reply reply = {0};
    struct server_link *l AUTO_LINK = NULL;
    route.style = (struct onion_style){LAYER_AES_CBC, "aes-cbc"};
    assert_int_equal(server_link_open(&route, &l), OK);
    assert_int_equal(server_link_call(l, &request, &reply), ERR_DENIED);
    assert_int_equal(server_link_trouble(l)->status, 400);
}

/* Ben polls until he has seen a post, or too long. Every row on the way must verify. */
static void wait_for_post(struct member *ben, struct room_view *view, const char *text)
{
    int64_t deadline_ms = clock_mono_ms() + SEEN_WITHIN_MS;
    while (clock_mono_ms() < deadline_ms) {
        json_auto_t *batch = NULL;
        assert_int_equal(community_poll(&ben->community, POLL_IOS, view, 1, &batch), OK);
        const json_t *rows = json_object_get(json_array_get(batch, 2), "body");
        for (size_t i = 0; i < json_array_size(rows); i++) {
            struct message m AUTO_MESSAGE = {0};
            assert_int_equal(message_read(json_array_get(rows, i), &m), OK);
            assert_true(m.verified);
            if (span_eq_text(m.content.text, text))
                return;
        }
        (void)poll(NULL, 0, STEP_MS);
    }
    fail_msg("\"%s\" was not seen", text);
}

static void world__second_server_on_one_database__shows_what_the_first_took(void **state)
{
    struct world *w = *state;
    struct member ana;
    struct member ben;
    struct room_view view = {.token = "lobby"};
    size_t second = 0;
    json_auto_t *row = NULL;
    assert_int_equal(world_start_server(w, NULL, &second), OK);
    assert_int_equal(member_open(w, ANA, 0, true, &ana), OK);
    assert_int_equal(member_open(w, BEN, second, false, &ben), OK);
    assert_int_equal(community_post(&ana.community, "lobby", "from the first", &row), OK);
    wait_for_post(&ben, &view, "from the first");
    member_close(&ana);
    member_close(&ben);
    assert_int_equal(world_stop_server(w, second), 0);
}

static void world__killed_server_started_again__has_the_message_that_was_answered(void **state)
{
    struct world *w = *state;
    struct member ana;
    struct member ben;
    struct room_view view = {.token = "lobby"};
    json_auto_t *row = NULL;
    assert_int_equal(member_open(w, ANA, 0, false, &ana), OK);
    assert_int_equal(member_open(w, BEN, 0, true, &ben), OK);
    assert_int_equal(community_post(&ana.community, "lobby", "before the crash", &row), OK);
    world_kill_server(w, 0);
    assert_int_equal(world_restart_server(w, 0, NULL), OK);
    wait_for_post(&ben, &view, "before the crash");
    member_close(&ana);
    member_close(&ben);
}

static void world__metrics_and_log__can_be_read(void **state)
{
    struct world *w = *state;
    struct buf log AUTO_BUF = buf_make(PROCESS_OUTPUT_MAX_BYTES);
    struct buf metrics AUTO_BUF = buf_make(1 << 20);
    double value = -1;
    assert_int_equal(world_log(w, 0, &log), OK);
    assert_true(log.len > 0);
    assert_int_equal(world_metrics(w, 0, &metrics), OK);
    assert_true(metrics.len > 0);
    assert_int_equal(world_metric(w, 0, "conclave_no_such_metric", &value), ERR_MISSING);
    assert_int_equal(
        world_metric(w, 0, "conclave_sql_statements_total{origin=\"request\"}", &value), OK);
    assert_true(value >= 0);
}

static void client__post_and_read_on_the_command_line__agree(void **state)
{
    struct world *w = *state;
    char program[256];
    char account[WORLD_PATH_MAX + 16];
    char server[64];
    char key[65] = {0};
    char path[4 * sizeof(struct node_text)];
    int status = -1;
    struct buf posted AUTO_BUF = buf_make(1 << 16);
    struct buf read AUTO_BUF = buf_make(1 << 20);
    (void)snprintf(program, sizeof(program), "%s/conclave-client", w->build);
    (void)snprintf(account, sizeof(account), "%s/tool.account", w->folder);
    (void)snprintf(server, sizeof(server), "http://127.0.0.1:%u", (unsigned)w->servers[0].at.port);
    (void)snprintf(path, sizeof(path), "%s,%s,%s", node_write(&w->nodes[0]).s,
                   node_write(&w->nodes[1]).s, node_write(&w->nodes[2]).s);
    hex_write(SPAN_OF_KEY(&w->key), key);
    assert_int_equal(account_save(&w->accounts[BEN], account), OK);
    const char *post[] = {program,  "post",  "lobby", "typed by hand", "--server",
                          server,   "--key", key,     "--account",     account,
                          "--path", path,    NULL};
    const char *list[] = {program,     "--server", server, "--key", key,
                          "--account", account,    "read", "lobby", NULL};
    struct process_spec post_spec = {.argv = post};
    struct process_spec read_spec = {.argv = list};
    assert_int_equal(process_run(&post_spec, WORLD_COMMAND_MS, &posted, &status), OK);
    assert_int_equal(status, 0);
    assert_int_equal(process_run(&read_spec, WORLD_COMMAND_MS, &read, &status), OK);
    assert_int_equal(status, 0);
    json_auto_t *ours = json_loadb((const char *)posted.p, posted.len, 0, NULL);
    json_auto_t *found = NULL;
    for (struct span rest = buf_span(&read); rest.len > 0;) {
        size_t n = span_find(rest, '\n');
        json_auto_t *line = json_loadb((const char *)rest.p, n, 0, NULL);
        assert_non_null(line);
        if (json_equal(json_object_get(line, "id"), json_object_get(ours, "id")) == 1)
            found = json_incref(line);
        rest = span_skip(rest, n + 1);
    }
    assert_non_null(found);
    assert_string_equal(json_string_value(json_object_get(found, "text")), "typed by hand");
    assert_true(json_is_true(json_object_get(found, "verified")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path__every_cipher_and_envelope__reaches_the_server),
        cmocka_unit_test(path__aes_cbc__cannot_be_decrypted_by_the_server),
        cmocka_unit_test(world__second_server_on_one_database__shows_what_the_first_took),
        cmocka_unit_test(client__post_and_read_on_the_command_line__agree),
        cmocka_unit_test(world__killed_server_started_again__has_the_message_that_was_answered),
        cmocka_unit_test(world__metrics_and_log__can_be_read),
    };
    return cmocka_run_group_tests(tests, open_world, group_close);
}
