/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ana and Ben (who is made an admin), and a stranger at the door.
 */
#include "integration/marked_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/community_dms.h"
#include "client/file_client.h"
#include "client/room_file.h"
#include "integration/raw.h"

#define ROOM       TALK_ROOM
#define NOWHERE    "qnowhereq-51d0-mark"
#define MESSAGE    "q said in the room, 3b9e mark"
#define BATCHED    "q said in a batch, a870 mark"
#define ATTACHMENT "q attached to nothing, c44d mark"
#define EDITED     "q said better, 66af mark"
#define REACTION   "qreact-8e"
#define PRIVATE    "q said to one, 2c93 mark"
#define ROOM_FILE  "q attached to a room, f01e mark"
#define FILE_NAME  "qfileq-93b1-mark.png"
#define HEADER     "qheaderq-5d0e-mark"
#define QUERY      "qqueryq-e2a6-mark"
#define JSON_TYPE  "application/json"

enum { ANA, BEN, STRANGER, READY_MS = 60000, ANSWER_MS = 10000 };

static const char *const addresses[TALK_PEOPLE + 1] = {"127.83.21.7", "127.84.5.119",
                                                       "127.85.44.201"};

/* What will be said, and from where. */
static void mark_words(struct talk_marks *marks)
{
    static const struct {
        const char *name, *words;
    } said[] = {
        {"a message", MESSAGE},
        {"a message of a batch", BATCHED},
        {"an edit", EDITED},
        {"a reaction", REACTION},
        {"a direct message", PRIVATE},
        {"an attachment", ATTACHMENT},
        {"an attachment to a room", ROOM_FILE},
        {"the name of a file", FILE_NAME},
    };
    for (size_t i = 0; i < COUNT_OF(said); i++)
        marks_add_text(&marks->said, said[i].name, said[i].words);
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        marks_add_text(&marks->said, "an address", addresses[i]);
    marks_add_text(&marks->places, "a room", ROOM);
    marks_add_text(&marks->places, "an unknown room", NOWHERE);
    marks_add_text(&marks->places, "a query", QUERY);
    marks_add_text(&marks->places, "a header", HEADER);
}

static struct member join_from(const struct world *w, size_t account, const char *address)
{
    struct server_link_options options = world_route(w, 0, false);
    struct member m = {0};
    (void)snprintf(options.bind_address, sizeof(options.bind_address), "%s", address);
    assert_int_equal(server_link_open(&options, &m.link), OK);
    assert_int_equal(community_open(m.link, &w->accounts[account], &m.community), OK);
    return m;
}

/* Ids in the forms that requests and rows have. */
static void mark_account(struct talk_marks *marks, const struct account *a, const struct member *m)
{
    marks_add(&marks->identities, "an Ed25519 key", span_of(a->ed.b, sizeof(a->ed.b)));
    marks_add(&marks->identities, "an X25519 key", span_of(a->x.b, sizeof(a->x.b)));
    marks_add(&marks->identities, "a blinded id",
              span_of(m->community.blinded.id.b + 1, sizeof(m->community.blinded.id.b) - 1));
}

static int call(struct member *m, const char *method, const char *target, const char *type,
                struct span body, enum signing signing)
{
    const struct community_request request = {
        .method = method, .target = target, .body = body, .content_type = type, .signing = signing};
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    if (community_call(&m->community, &request, &reply) != OK)
        return 0;
    return reply.code;
}

static int get(struct member *m, const char *target)
{
    return call(m, "GET", target, NULL, (struct span){0}, SIGNED_BLINDED);
}

static int send_json(struct member *m, const char *method, const char *target, const char *json)
{
    return call(m, method, target, JSON_TYPE, span_of_text(json), SIGNED_BLINDED);
}

/* Returns the id of what Ana posted. */
static int64_t speak(struct member *ana, struct member *ben, struct talk_marks *marks)
{
    json_t *message = NULL, *rows = NULL, *room = NULL;
    struct file_ticket ticket = {.id = ""};
    int code = 0;
    assert_int_equal(community_join(&ana->community, ROOM, &room), OK);
    assert_int_equal(community_post(&ana->community, ROOM, MESSAGE, &message), OK);
    assert_int_equal(community_since(&ben->community, ROOM, 0, 0, &rows), OK);
    assert_int_equal(json_array_size(rows), 1);
    int64_t id = json_integer_value(json_object_get(message, "id"));
    json_decref(message);
    json_decref(rows);
    json_decref(room);

    json_t *post = community_post_body(&ben->community, BATCHED);
    json_t *batch = json_pack("[{s:s,s:s,s:o}]", "method", "POST", "path", "/room/" ROOM "/message",
                              "json", post);
    const struct community_request request = {
        .method = "POST", .target = "/batch", .json = batch, .signing = SIGNED_BLINDED};
    AUTO_ONION_REPLY struct onion_reply reply = {0};
    assert_int_equal(community_call(&ben->community, &request, &reply), OK);
    assert_int_equal(reply.code, 200);
    json_decref(batch);

    AUTO_BUF struct buf file = buf_make(MIB(1));
    for (int i = 0; i < 5000; i++)
        buf_put_text(&file, ATTACHMENT);
    assert_int_equal(file_client_put(ana->link, buf_span(&file), &ticket, &code), OK);
    AUTO_BUF struct buf back = buf_make(MIB(1));
    assert_int_equal(file_client_get(ben->link, ticket.id, &back, &code), OK);
    marks_add_text(&marks->places, "the id of a file", ticket.id);
    return id;
}

/* Changed, reacted to, attached, and sent to one person alone. */
static void speak_on(struct member *ana, struct member *ben, int64_t id)
{
    json_t *message = NULL, *mail = NULL, *reaction = NULL;
    int64_t file_id = 0;
    AUTO_BUF struct buf file = buf_make(MIB(1));
    AUTO_BUF struct buf back = buf_make(MIB(1));
    assert_int_equal(community_react(&ben->community, ROOM, id, REACTION, &reaction), OK);
    assert_int_equal(community_edit(&ana->community, ROOM, id, EDITED), OK);
    for (int i = 0; i < 5000; i++)
        buf_put_text(&file, ROOM_FILE);
    assert_int_equal(room_file_put(&ana->community, ROOM, buf_span(&file),
                                   "attachment; filename=\"" FILE_NAME "\"", &file_id),
                     OK);
    assert_int_equal(room_file_get(&ben->community, ROOM, file_id, SIGNED_BLINDED, &back, NULL),
                     OK);
    assert_int_equal(community_dm(&ana->community, &ben->community.blinded.id, PRIVATE, &message),
                     OK);
    assert_int_equal(community_mail(&ben->community, MAIL_INBOX, 0, &mail), OK);
    json_decref(message);
    json_decref(mail);
    json_decref(reaction);
}

/* What an admin does to people: each names one in its path, in its body, or in both. */
static void rule(struct member *admin, const char *other_id, int64_t id)
{
    static const struct {
        const char *method, *form, *json;
    } deeds[] = {
        {"PUT", "/room/" ROOM, "{\"description\":\"" HEADER "\"}"},
        {"POST", "/room/" ROOM "/pin/#", ""},
        {"POST", "/room/" ROOM "/permissions/@", "{\"write\":true,\"read\":null}"},
        {"GET", "/room/" ROOM "/permissions/@", ""},
        {"POST", "/room/" ROOM "/futurePermissions/@", "{\"upload\":true,\"in\":3600}"},
        {"GET", "/room/" ROOM "/futurePermissions", ""},
        {"POST", "/user/@/moderator", "{\"rooms\":[\"" ROOM "\"],\"moderator\":true}"},
        {"POST", "/user/@/moderator", "{\"rooms\":[\"" ROOM "\"],\"moderator\":false}"},
        {"POST", "/user/@/ban", "{\"rooms\":[\"" ROOM "\"],\"timeout\":3600}"},
        {"POST", "/user/@/unban", "{\"rooms\":[\"" ROOM "\"]}"},
        {"POST", "/user/@/ban", "{\"rooms\":[\"" NOWHERE "\"]}"},
    };
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        char target[400];
        size_t n = strcspn(deeds[i].form, "@#");
        const char *rest = deeds[i].form + n;
        char number[24] = "";
        (void)snprintf(number, sizeof(number), "%lld", (long long)id);
        (void)snprintf(target, sizeof(target), "%.*s%s%s", (int)n, deeds[i].form,
                       *rest == '@'   ? other_id
                       : *rest == '#' ? number
                                      : "",
                       *rest != '\0' ? rest + 1 : "");
        int code = deeds[i].method[0] == 'G'
                       ? get(admin, target)
                       : send_json(admin, deeds[i].method, target, deeds[i].json);
        bool done = code == 200, last = i + 1 == COUNT_OF(deeds); /* of a room that is not there */
        if (done == last)
            print_error("%s %s: %d\n", deeds[i].method, deeds[i].form, code);
        assert_int_equal(done, !last);
    }
}

/* Whatever is refused, by the room, by rights, by form, by replay. */
static void be_refused(struct member *m)
{
    assert_int_equal(get(m, "/room/" NOWHERE), 404);
    assert_int_equal(get(m, "/room/" ROOM "/messages/since/0?" QUERY "=" QUERY), 200);
    assert_int_equal(get(m, "/room/" ROOM "/messages/recent?limit=" QUERY), 400);
    assert_int_equal(call(m, "GET", "/" NOWHERE "/%zz", NULL, (struct span){0}, UNSIGNED), 400);
    assert_int_equal(get(m, "/file/" NOWHERE), 404);
    assert_int_equal(send_json(m, "POST", "/room/" ROOM "/message", "{\"" QUERY "\":"), 400);
    assert_int_equal(send_json(m, "POST", "/batch", "[{\"method\":\"" QUERY "\"}]"), 400);
    assert_int_equal(send_json(m, "POST", "/room/" ROOM "/message",
                               "{\"data\":\"" HEADER "\",\"signature\":\"" HEADER "\"}"),
                     400);
    m->community.clock_offset_s = 100000;
    assert_int_equal(get(m, "/room/" ROOM), 425);
    m->community.clock_offset_s = 0;
    assert_int_equal(call(m, "POST", "/room/" ROOM "/message", JSON_TYPE, SPAN("{}"), UNSIGNED),
                     401);
}

/* Routes that take names, ids and headers; each may be refused, none may talk. */
static void try_routes(struct member *m, const char *other_id)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
    static const char *const forms[] = {
        "/room/" ROOM "/file/" FILE_NAME,
        "/room/" ROOM "/file",
        "/room/" ROOM "/fileIncoming",
        "/room/" ROOM "/reaction/1/" QUERY,
        "/room/" ROOM "/reactors/1/" QUERY,
        "/room/" ROOM "/reactions/1",
        "/room/" ROOM "/message/1",
        "/room/" ROOM "/pin/1",
        "/room/" ROOM "/all/@",
        "/room/" ROOM "/permissions/@",
        "/room/" ROOM,
        "/rooms",
        "/rooms/all/@",
        "/user/@/ban",
        "/user/@/unban",
        "/user/@/moderator",
        "/inbox",
        "/inbox/@",
        "/inbox/since/0",
        "/outbox",
        "/file/" NOWHERE "/" FILE_NAME,
        "/" QUERY,
    };
    for (size_t f = 0; f < COUNT_OF(forms); f++)
        for (size_t i = 0; i < COUNT_OF(methods); i++) {
            char target[400];
            const char *at = strchr(forms[f], '@');
            size_t before = at != NULL ? (size_t)(at - forms[f]) : strlen(forms[f]);
            (void)snprintf(target, sizeof(target), "%.*s%s%s", (int)before, forms[f],
                           at != NULL ? other_id : "", at != NULL ? at + 1 : "");
            int code = send_json(m, methods[i], target,
                                 "{\"rooms\":[\"" ROOM "\"],\"global\":false,\"message\":\"" HEADER
                                 "\",\"data\":\"QUFBQQ==\",\"name\":\"" HEADER
                                 "\",\"token\":\"" QUERY "\"}");
            assert_true(code >= 200 && code < 600 && code != 500);
        }
}

/* The same through a worker that finds no database, and through an onion whose keys are wrong. */
static void be_cut_off(struct world *w, struct member *ana)
{
    assert_int_equal(world_crash_database(w), OK);
    json_t *message = NULL;
    assert_int_not_equal(community_post(&ana->community, ROOM, MESSAGE, &message), OK);
    (void)get(ana, "/room/" NOWHERE);
    (void)get(ana, "/room/" ROOM "/messages/before/999?limit=7");
    assert_int_equal(world_restart_database(w), OK);
    assert_int_equal(world_wait_ready(w, 0, READY_MS), OK);
    int code = 0;
    for (int i = 0; i < 100 && code != 200; i++)
        code = get(ana, "/room/" ROOM "/messages/since/0");
    assert_int_equal(code, 200);
}

static void shout_at_the_door(const struct world *w)
{
    struct http_target target = {
        .at = w->servers[0].at, .timeout_ms = ANSWER_MS, .max_reply_bytes = KIB(64)};
    struct http_reply reply;
    (void)snprintf(target.bind_address, sizeof(target.bind_address), "%s", addresses[STRANGER]);
    struct http_client *c AUTO_HTTP = http_client_new(&target);
    assert_non_null(c);
    assert_int_equal(
        http_client_call(c, "GET", "/" ROOM "?public_key=" QUERY, NULL, (struct span){0}, &reply),
        OK);
    assert_int_equal(http_client_call(c, "POST", "/oxen/v4/lsrpc", HEADER, SPAN(HEADER), &reply),
                     OK);
    static const char *const raw[] = {
        "GET /" QUERY " HTTP/1.1\r\nHost: " HEADER "\r\nX-Forwarded-For: 127.85.44.201\r\n\r\n",
        "POST /oxen/v4/lsrpc HTTP/1.1\r\nHost: x\r\nContent-Length: " HEADER "\r\n\r\n",
        "POST /oxen/v4/lsrpc HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nA: " HEADER
        "\r\n\r\n",
        HEADER " " QUERY " " ROOM "\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(raw); i++) {
        AUTO_BUF struct buf answer = buf_make(KIB(16));
        assert_int_not_equal(raw_ask(&w->servers[0].at, span_of_text(raw[i]), ANSWER_MS, &answer),
                             ERR_MISSING);
    }
}

static void command(struct world *w, const char *const *args, int expected)
{
    AUTO_BUF struct buf out = buf_make(KIB(64));
    int status = -1;
    assert_int_equal(world_conclave(w, 0, args, &out, &status), OK);
    assert_int_equal(status, expected);
}

void marked_talk(struct world *w, struct talk_marks *marks)
{
    struct member people[TALK_PEOPLE];
    char ana_id[SESSION_ID_TEXT_LEN + 1] = "", ben_id[SESSION_ID_TEXT_LEN + 1] = "";
    static const char *const add_room[] = {"room", "add", ROOM, "--name", HEADER, NULL};
    static const char *const bad_room[] = {"room", "show", NOWHERE, NULL};
    mark_words(marks);
    command(w, add_room, 0);
    command(w, bad_room, 1);
    for (size_t i = 0; i < TALK_PEOPLE; i++) {
        people[i] = join_from(w, i, addresses[i]);
        mark_account(marks, &w->accounts[i], &people[i]);
    }
    session_id_write(&people[ANA].community.blinded.id, ana_id);
    session_id_write(&people[BEN].community.blinded.id, ben_id);
    const char *const appoint[] = {"mod", "add", ben_id, "--room", ROOM, "--admin", NULL};
    command(w, appoint, 0);
    int64_t id = speak(&people[ANA], &people[BEN], marks);
    speak_on(&people[ANA], &people[BEN], id);
    rule(&people[BEN], ana_id, id);
    be_refused(&people[ANA]);
    try_routes(&people[ANA], ben_id);
    shout_at_the_door(w);
    be_cut_off(w, &people[ANA]);
    try_routes(&people[BEN], ben_id);
    for (size_t i = 0; i < TALK_PEOPLE; i++)
        member_close(&people[i]);
}
