/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the apps really send (docs/protocol/community.md, 6), from the first look at the list of
 * rooms to the ban, each in its own spelling, through three relays; and desktop's habit of sending
 * the same bytes again.
 *
 * test-seconds: 17
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <poll.h>

#include "base/base64.h"
#include "base/clock.h"
#include "client/community_dms.h"
#include "integration/app_play.h"
#include "integration/talk.h"

enum { ADMIN, READER, TROLL, PEOPLE };
enum { SEEN_WITHIN_MS = 5000, STEP_MS = 10 };

/* The smallest PNG that there is: one pixel. */
static const uint8_t pixel[] = {
    0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,   13,  'I',  'H',  'D',  'R',  0,
    0,    0,    1,    0,    0,    0,    1,    8,    6,    0,    0,   0,   0x1f, 0x15, 0xc4, 0x89, 0,
    0,    0,    10,   'I',  'D',  'A',  'T',  0x78, 0x9c, 0x63, 0,   1,   0,    0,    5,    0,    1,
    0x0d, 0x0a, 0x2d, 0xb4, 0,    0,    0,    0,    'I',  'E',  'N', 'D', 0xae, 0x42, 0x60, 0x82};

struct stage {
    struct world w;
    struct app apps[PEOPLE];
};

static int ask(struct app *a, const char *method, const char *target, json_t *json, json_t **ret)
{
    json_auto_t *mine = json;
    struct app_request request = {.method = method, .target = target, .json = mine};
    return app_ask(a, &request, ret, NULL);
}

/* The admin is one once the server says so to everybody. */
static void appoint(struct stage *s)
{
    struct buf out AUTO_BUF = buf_make(KIB(16));
    struct id_text id = app_id(&s->apps[ADMIN]);
    const char *const args[] = {"mod", "add", id.s, "--room", "lobby", "--admin", NULL};
    int status = -1;
    assert_int_equal(world_conclave(&s->w, 0, args, &out, &status), OK);
    assert_int_equal(status, 0);
    int64_t deadline_ms = clock_mono_ms() + SEEN_WITHIN_MS;
    for (bool seen = false; !seen; (void)poll(NULL, 0, STEP_MS)) {
        json_auto_t *room = NULL;
        assert_true(clock_mono_ms() < deadline_ms);
        assert_int_equal(ask(&s->apps[ADMIN], "GET", "/room/lobby", NULL, &room), 200);
        seen = json_is_true(json_object_get(room, "admin"));
    }
}

static void stage_open(struct stage *s, enum app_kind kind)
{
    static const struct world_options options = {
        .servers = 1, .relays = 3, .accounts = PEOPLE, .no_fsync = true};
    assert_int_equal(world_open(&s->w, &options), OK);
    for (size_t i = 0; i < PEOPLE; i++)
        app_open(&s->w, i, kind, &s->apps[i]);
    appoint(s);
}

static void stage_close(struct stage *s)
{
    for (size_t i = 0; i < PEOPLE; i++)
        app_close(&s->apps[i]);
    assert_true(world_close(&s->w));
}

static json_t *post_body(const struct app *a, const char *text)
{
    json_t *body = community_post_body(&a->member.community, text);
    assert_non_null(body);
    return body;
}

/* iOS refuses the whole room when one of these is missing or of another type. */
static void assert_room(const json_t *room)
{
    static const char *const integers[] = {"info_updates", "message_sequence", "active_users",
                                           "active_users_cutoff"};
    static const char *const booleans[] = {"read", "write", "upload"};
    for (size_t i = 0; i < COUNT_OF(integers); i++)
        assert_true(json_is_integer(json_object_get(room, integers[i])));
    for (size_t i = 0; i < COUNT_OF(booleans); i++)
        assert_true(json_is_boolean(json_object_get(room, booleans[i])));
    assert_true(json_is_string(json_object_get(room, "token")));
    assert_true(json_is_string(json_object_get(room, "name")));
    assert_true(json_is_real(json_object_get(room, "created")));
    assert_true(json_is_array(json_object_get(room, "admins")));
    assert_true(json_is_array(json_object_get(room, "moderators")));
}

static int64_t whole(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* What a poll asks, in the app's order; since < 0: the first one. */
static json_t *poll_elements(const struct app *a, int64_t since, int64_t info_updates, int64_t dm)
{
    const char *limit = a->kind == APP_IOS ? "&limit=100" : "";
    const char *flag = a->kind == APP_DESKTOP ? "" : "t=r&";
    char path[160];
    json_t *all = json_array();
    if (a->kind != APP_ANDROID)
        json_array_append_new(all, app_element(a, "GET", "/capabilities", NULL, NULL));
    (void)snprintf(path, sizeof(path), "/room/lobby/pollInfo/%lld",
                   a->kind == APP_DESKTOP ? 0LL : (long long)info_updates);
    json_array_append_new(all, app_element(a, "GET", path, NULL, NULL));
    if (since < 0)
        (void)snprintf(path, sizeof(path), "/room/lobby/messages/recent?%sreactors=5%s", flag,
                       limit);
    else
        (void)snprintf(path, sizeof(path), "/room/lobby/messages/since/%lld?t=r&reactors=5%s",
                       (long long)since, limit);
    json_array_append_new(all, app_element(a, "GET", path, NULL, NULL));
    for (int box = 0; box < 2; box++) {
        const char *name = box == 0 ? "inbox" : "outbox";
        if (since < 0)
            (void)snprintf(path, sizeof(path), "/%s", name);
        else
            (void)snprintf(path, sizeof(path), "/%s/since/%lld", name, (long long)dm);
        json_array_append_new(all, app_element(a, "GET", path, NULL, NULL));
    }
    return all;
}

/* The replies of a poll without the capabilities, which Android does not ask for. */
struct polled {
    json_t *replies;
    const json_t *info, *messages;
    int inbox_code, outbox_code;
};

static struct polled poll_once(struct app *a, int64_t since, int64_t info_updates, int64_t dm)
{
    struct polled p = {
        .replies = app_batch(a, "/batch", poll_elements(a, since, info_updates, dm), false)};
    size_t first = a->kind == APP_ANDROID ? 0 : 1;
    assert_int_equal(json_array_size(p.replies), first + 4);
    assert_int_equal(app_code(p.replies, first), 200);
    assert_int_equal(app_code(p.replies, first + 1), 200);
    p.info = app_body(p.replies, first);
    p.messages = app_body(p.replies, first + 1);
    p.inbox_code = app_code(p.replies, first + 2);
    p.outbox_code = app_code(p.replies, first + 3);
    return p;
}

/*
 * First poll, then a steady one: nothing new, no details for a known counter, 304 from both boxes.
 */
static void play_polls(struct app *a)
{
    struct polled first = poll_once(a, -1, 0, 0);
    const json_t *details = json_object_get(first.info, "details");
    assert_room(details);
    assert_string_equal(json_string_value(json_object_get(first.info, "token")), "lobby");
    assert_int_equal(first.inbox_code, 200);
    assert_int_equal(first.outbox_code, 200);
    int64_t info_updates = whole(details, "info_updates");
    json_decref(first.replies);
    struct polled steady = poll_once(a, 1000000, info_updates, 0);
    assert_int_equal(json_array_size(steady.messages), 0);
    assert_true((json_object_get(steady.info, "details") == NULL) == (a->kind != APP_DESKTOP));
    assert_int_equal(steady.inbox_code, 304);
    assert_int_equal(steady.outbox_code, 304);
    json_decref(steady.replies);
}

/* Posts as the app does; the row of the echo, owned. */
static json_t *play_post(struct app *a, const char *text, int64_t file)
{
    json_t *body = post_body(a, text);
    json_t *row = NULL;
    /* Keys that the server does not know come along from desktop and Android. */
    (void)json_object_set_new(body, "timestamp", json_integer(1700000000000));
    if (file > 0) {
        char id[32];
        (void)snprintf(id, sizeof(id), "%lld", (long long)file);
        (void)json_object_set_new(body, "files", json_pack("[s]", id));
    }
    if (a->kind != APP_ANDROID) {
        assert_int_equal(ask(a, "POST", "/room/lobby/message", body, &row), 201);
    } else {
        json_t *replies = app_batch(
            a, "/batch",
            json_pack("[o]", app_element(a, "POST", "/room/lobby/message", "json", body)), false);
        assert_int_equal(app_code(replies, 0), 201);
        row = json_deep_copy(app_body(replies, 0));
        json_decref(replies);
    }
    struct message echo AUTO_MESSAGE = {0};
    assert_int_equal(message_read(row, &echo), OK);
    assert_true(echo.verified);
    assert_true(json_is_real(json_object_get(row, "posted")));
    return row;
}

static int64_t play_upload(struct app *a, struct span file)
{
    json_auto_t *reply = NULL;
    if (a->kind != APP_ANDROID) {
        struct app_request request = {
            .method = "POST",
            .target = "/room/lobby/file",
            .bytes = file,
            .disposition = a->kind == APP_IOS ? "attachment; filename=\"a.png\"" : NULL};
        assert_int_equal(app_ask(a, &request, &reply, NULL), 201);
        return whole(reply, "id");
    }
    char text[256];
    assert_true(base64_len(file.len) < sizeof(text));
    base64_write(file, text);
    reply = app_batch(a, "/batch",
                      json_pack("[o]", app_element(a, "POST", "/room/lobby/file", "b64",
                                                   json_stringn(text, base64_len(file.len)))),
                      false);
    assert_int_equal(app_code(reply, 0), 201);
    return whole(app_body(reply, 0), "id");
}

static void play_download(struct app *a, int64_t id, struct span expected)
{
    struct buf bytes AUTO_BUF = buf_make(KIB(64));
    char target[64];
    (void)snprintf(target, sizeof(target), "/room/lobby/file/%lld", (long long)id);
    struct app_request request = {.method = "GET", .target = target};
    assert_int_equal(app_ask(a, &request, NULL, &bytes), 200);
    assert_true(span_eq(buf_span(&bytes), expected));
}

/* Desktop and phones write the sign raw, Android escapes it; only Android sends a body with it. */
static void play_reaction(struct app *a, int64_t message)
{
    char target[96];
    json_auto_t *added = NULL;
    (void)snprintf(target, sizeof(target), "/room/lobby/reaction/%lld/%s", (long long)message,
                   a->kind == APP_ANDROID ? "%F0%9F%8D%8D" : "\xf0\x9f\x8d\x8d");
    if (a->kind != APP_ANDROID) {
        assert_int_equal(ask(a, "PUT", target, NULL, &added), 200);
        assert_true(json_is_true(json_object_get(added, "added")));
        json_auto_t *removed = NULL;
        assert_int_equal(ask(a, "DELETE", target, NULL, &removed), 200);
        assert_true(json_is_true(json_object_get(removed, "removed")));
        json_decref(added);
        added = NULL;
        assert_int_equal(ask(a, "PUT", target, NULL, &added), 200);
        assert_true(json_is_true(json_object_get(added, "added")));
        return;
    }
    added = app_batch(
        a, "/batch", json_pack("[o]", app_element(a, "PUT", target, "json", json_object())), false);
    assert_int_equal(app_code(added, 0), 200);
    assert_true(json_is_true(json_object_get(app_body(added, 0), "added")));
}

/*
 * The reader hears of the message with what others put on it: reactors is always there for desktop.
 */
static void assert_seen(struct app *reader, int64_t since, int64_t message)
{
    struct polled p = poll_once(reader, since, 0, 0);
    const json_t *row = talk_row(p.messages, message);
    assert_non_null(row);
    const json_t *sign = json_object_get(json_object_get(row, "reactions"), "\xf0\x9f\x8d\x8d");
    assert_int_equal(whole(sign, "count"), 1);
    assert_int_equal(json_array_size(json_object_get(sign, "reactors")), 1);
    assert_null(json_object_get(sign, "you"));
    json_decref(p.replies);
}

static void play_delete(struct app *a, int64_t message)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/room/lobby/message/%lld", (long long)message);
    json_auto_t *replies =
        app_batch(a, "/batch", json_pack("[o]", app_element(a, "DELETE", path, NULL, NULL)), false);
    assert_int_equal(app_code(replies, 0), 200);
}

/*
 * Two requests from Android, one sequence from the others; then the banned one is told so in the
 * way iOS understands.
 */
static void play_ban_and_delete(struct app *admin, struct app *troll)
{
    char ban[128], all[128];
    struct id_text id = app_id(troll);
    (void)snprintf(ban, sizeof(ban), "/user/%s/ban", id.s);
    (void)snprintf(all, sizeof(all), "/room/lobby/all/%s", id.s);
    json_t *rooms = json_pack("{s:[s]}", "rooms", "lobby");
    if (admin->kind == APP_ANDROID) {
        json_auto_t *banned =
            app_batch(admin, "/batch",
                      json_pack("[o]", app_element(admin, "POST", ban, "json", rooms)), false);
        assert_int_equal(app_code(banned, 0), 200);
        json_auto_t *deleted =
            app_batch(admin, "/batch",
                      json_pack("[o]", app_element(admin, "DELETE", all, NULL, NULL)), false);
        assert_int_equal(app_code(deleted, 0), 200);
    } else {
        json_auto_t *replies =
            app_batch(admin, "/sequence",
                      json_pack("[o, o]", app_element(admin, "POST", ban, "json", rooms),
                                app_element(admin, "DELETE", all, NULL, NULL)),
                      false);
        assert_int_equal(json_array_size(replies), 2);
        assert_int_equal(app_code(replies, 0), 200);
        assert_int_equal(app_code(replies, 1), 200);
    }
    assert_int_equal(ask(troll, "GET", "/room/lobby/pollInfo/0", NULL, NULL), 403);
    assert_int_equal(ask(troll, "GET", "/room/lobby", NULL, NULL), 404);
    assert_int_equal(ask(troll, "POST", "/room/lobby/message", post_body(troll, "no"), NULL), 403);
}

static void play_dm(struct app *from, struct app *to)
{
    char target[96];
    struct id_text id = app_id(to);
    const struct session_id *whom = &to->member.community.blinded.id;
    json_t *body = community_dm_body(&from->member.community, whom, "psst");
    json_auto_t *sent = NULL;
    assert_non_null(body);
    (void)snprintf(target, sizeof(target), "/inbox/%s", id.s);
    if (from->kind == APP_DESKTOP) {
        (void)json_object_set_new(body, "timestamp", json_integer(1700000000000));
        (void)json_object_set_new(body, "signature", json_string("AAAA"));
    }
    if (from->kind != APP_ANDROID) {
        assert_int_equal(ask(from, "POST", target, body, &sent), 201);
    } else {
        json_auto_t *replies =
            app_batch(from, "/batch",
                      json_pack("[o]", app_element(from, "POST", target, "json", body)), false);
        assert_int_equal(app_code(replies, 0), 201);
        sent = json_deep_copy(app_body(replies, 0));
    }
    assert_null(json_object_get(sent, "message"));
    struct polled p = poll_once(to, 1000000, 0, 0);
    assert_int_equal(p.inbox_code, 200);
    json_decref(p.replies);
}

/* Discovery and joining, which every app does in its own way. */
static void play_join(struct app *a)
{
    if (a->kind == APP_IOS) {
        json_auto_t *found =
            app_batch(a, "/sequence",
                      json_pack("[o, o]", app_element(a, "GET", "/capabilities", NULL, NULL),
                                app_element(a, "GET", "/rooms", NULL, NULL)),
                      true);
        assert_int_equal(json_array_size(found), 2);
        assert_room(json_array_get(app_body(found, 1), 0));
        json_auto_t *joined =
            app_batch(a, "/sequence",
                      json_pack("[o, o]", app_element(a, "GET", "/capabilities", NULL, NULL),
                                app_element(a, "GET", "/room/lobby", NULL, NULL)),
                      false);
        assert_int_equal(json_array_size(joined), 2);
        assert_room(app_body(joined, 1));
        return;
    }
    const struct app_request rooms = {.method = "GET", .target = "/rooms", .is_unsigned = true};
    /* Android joins without a signature, desktop with one. */
    const struct app_request can = {
        .method = "GET", .target = "/capabilities", .is_unsigned = a->kind == APP_ANDROID};
    const struct app_request room = {
        .method = "GET", .target = "/room/lobby", .is_unsigned = a->kind == APP_ANDROID};
    json_auto_t *list = NULL, *capabilities = NULL, *joined = NULL;
    assert_int_equal(app_ask(a, &rooms, &list, NULL), 200);
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(app_ask(a, &can, &capabilities, NULL), 200);
    assert_int_equal(json_array_size(json_object_get(capabilities, "capabilities")), 3);
    assert_int_equal(app_ask(a, &room, &joined, NULL), 200);
    assert_room(joined);
}

static void play(enum app_kind kind)
{
    static struct stage s;
    struct span picture = span_of(pixel, sizeof(pixel));
    stage_open(&s, kind);
    struct app *admin = &s.apps[ADMIN], *reader = &s.apps[READER], *troll = &s.apps[TROLL];
    for (size_t i = 0; i < PEOPLE; i++) {
        play_join(&s.apps[i]);
        play_polls(&s.apps[i]);
    }
    json_auto_t *said = play_post(admin, "good morning", 0);
    int64_t file = play_upload(admin, picture);
    json_auto_t *shown = play_post(admin, "and a picture", file);
    play_download(reader, file, picture);
    int64_t id = whole(said, "id");
    assert_true(whole(shown, "id") > id);
    play_reaction(admin, id);
    assert_seen(reader, 0, id);
    play_dm(admin, reader);
    json_auto_t *trolled = play_post(troll, "buy my coins", 0);
    play_delete(admin, id);
    play_ban_and_delete(admin, troll);
    struct polled last = poll_once(reader, whole(trolled, "seqno"), 0, 0);
    assert_true(json_is_true(json_object_get(talk_row(last.messages, id), "deleted")));
    assert_true(
        json_is_true(json_object_get(talk_row(last.messages, whole(trolled, "id")), "deleted")));
    json_decref(last.replies);
    stage_close(&s);
}

static void app__desktop__from_the_list_of_rooms_to_the_ban(void **state)
{
    (void)state;
    play(APP_DESKTOP);
}

static void app__ios__from_the_list_of_rooms_to_the_ban(void **state)
{
    (void)state;
    play(APP_IOS);
}

static void app__android__from_the_list_of_rooms_to_the_ban(void **state)
{
    (void)state;
    play(APP_ANDROID);
}

static void app__desktop__appoints_and_paints_the_room(void **state)
{
    (void)state;
    static struct stage s;
    stage_open(&s, APP_DESKTOP);
    struct app *admin = &s.apps[ADMIN], *reader = &s.apps[READER];
    play_join(reader);
    struct id_text id = app_id(reader);
    char target[128];
    (void)snprintf(target, sizeof(target), "/user/%s/moderator", id.s);
    int64_t icon = play_upload(admin, span_of(pixel, sizeof(pixel)));
    json_t *role = json_pack("{s:[s], s:b, s:b, s:b, s:b}", "rooms", "lobby", "global", 0,
                             "visible", 1, "admin", 1, "moderator", 1);
    json_t *image = json_pack("{s:I}", "image", (json_int_t)icon);
    json_t *words = json_pack("{s:s, s:s}", "name", "Lobby", "description", "Come in");
    json_auto_t *replies =
        app_batch(admin, "/batch",
                  json_pack("[o, o, o]", app_element(admin, "POST", target, "json", role),
                            app_element(admin, "PUT", "/room/lobby", "json", image),
                            app_element(admin, "PUT", "/room/lobby", "json", words)),
                  false);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(app_code(replies, i), 200);
    struct polled p = poll_once(reader, -1, 0, 0);
    const json_t *details = json_object_get(p.info, "details");
    assert_int_equal(whole(details, "image_id"), icon);
    assert_string_equal(json_string_value(json_object_get(details, "name")), "Lobby");
    assert_int_equal(json_array_size(json_object_get(details, "admins")), 2);
    assert_true(json_is_true(json_object_get(p.info, "admin")));
    json_decref(p.replies);
    /* Phones fetch the icon without signing. */
    (void)snprintf(target, sizeof(target), "/room/lobby/file/%lld", (long long)icon);
    struct app_request unsigned_get = {.method = "GET", .target = target, .is_unsigned = true};
    assert_int_equal(app_ask(reader, &unsigned_get, NULL, NULL), 200);
    stage_close(&s);
}

/* After a lost reply desktop sends the identical bytes twice more. */
static void app__desktop__sends_the_same_bytes_again__nothing_is_done_twice(void **state)
{
    (void)state;
    static struct stage s;
    stage_open(&s, APP_DESKTOP);
    struct app *a = &s.apps[READER];
    json_auto_t *body = post_body(a, "once");
    struct community_request request = {
        .method = "POST", .target = "/room/lobby/message", .json = body, .signing = SIGNED_BLINDED};
    struct buf wrapped AUTO_BUF = buf_make(KIB(64));
    struct onion_secret secret = {0};
    assert_int_equal(community_wrap(&a->member.community, &request, &wrapped, &secret), OK);
    for (int time = 0; time < 3; time++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        assert_int_equal(server_link_post(a->member.link, buf_span(&wrapped), &secret, &reply), OK);
        assert_int_equal(reply.code, time == 0 ? 201 : 425);
    }
    onion_client_done(&secret);
    json_auto_t *rows = NULL;
    assert_int_equal(ask(a, "GET", "/room/lobby/messages/since/0?t=r&reactors=5", NULL, &rows),
                     200);
    assert_int_equal(json_array_size(rows), 1);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(app__desktop__from_the_list_of_rooms_to_the_ban),
        cmocka_unit_test(app__ios__from_the_list_of_rooms_to_the_ban),
        cmocka_unit_test(app__android__from_the_list_of_rooms_to_the_ban),
        cmocka_unit_test(app__desktop__appoints_and_paints_the_room),
        cmocka_unit_test(app__desktop__sends_the_same_bytes_again__nothing_is_done_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
