/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing about people leaves by the side doors (design D11, D13): after a conversation with marked names, ids, addresses and
 * headers, at log level debug and with every refusal we can provoke, the server's log, PostgreSQL's log and the metrics hold
 * none of the marks; and a dump of the database holds neither addresses nor anything that was said, in clear.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hex.h"
#include "client/file_client.h"
#include "integration/marks.h"
#include "integration/raw.h"
#include "integration/world.h"

#define ROOM       "qroomq-7c1f-mark"
#define NOWHERE    "qnowhereq-51d0-mark"
#define MESSAGE    "q said in the room, 3b9e mark"
#define BATCHED    "q said in a batch, a870 mark"
#define ATTACHMENT "q attached to nothing, c44d mark"
#define FILE_NAME  "qfileq-93b1-mark.png"
#define HEADER     "qheaderq-5d0e-mark"
#define QUERY      "qqueryq-e2a6-mark"
#define PASSWORD   "qpasswordq-0f61-mark"
#define JSON_TYPE  "application/json"

enum { ANA, BEN, PEOPLE, TEXT_MAX_BYTES = 64 << 20, COMMAND_MS = 60000, ANSWER_MS = 10000 };

static const char *const addresses[PEOPLE + 1] = {"127.83.21.7", "127.84.5.119", "127.85.44.201"};
enum { STRANGER = PEOPLE };

/* What must be nowhere, and what only a dump may hold (ids, rooms) or must not (what was said). */
static struct marks identities, said, places;

/* ---- the conversation ---- */

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
static void mark_account(const struct world *w, const struct member *m, size_t account)
{
    const struct account *a = &w->accounts[account];
    marks_add(&identities, "an Ed25519 key", span_of(a->ed.b, sizeof(a->ed.b)));
    marks_add(&identities, "an X25519 key", span_of(a->x.b, sizeof(a->x.b)));
    marks_add(&identities, "a blinded id",
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

static void speak(struct member *ana, struct member *ben)
{
    json_t *message = NULL, *rows = NULL, *room = NULL;
    struct file_ticket ticket = {.id = ""};
    int code = 0;
    assert_int_equal(community_join(&ana->community, ROOM, &room), OK);
    assert_int_equal(community_post(&ana->community, ROOM, MESSAGE, &message), OK);
    assert_int_equal(community_since(&ben->community, ROOM, 0, 0, &rows), OK);
    assert_int_equal(json_array_size(rows), 1);
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
    marks_add_text(&places, "the id of a file", ticket.id);
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
                                 "\",\"data\":\"QUFBQQ==\",\"name\":\"" HEADER "\"}");
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
    assert_int_equal(world_wait_ready(w, 0, COMMAND_MS), OK);
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

/* ---- searching ---- */

static void slurp(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (ssize_t n = 1; n > 0;) {
        uint8_t *to = buf_reserve(out, KIB(64));
        assert_non_null(to);
        n = read(fd, to, KIB(64));
        if (n > 0)
            buf_commit(out, (size_t)n);
    }
    (void)close(fd);
}

static void assert_silent(const char *where, struct span text)
{
    size_t found = marks_found(&identities, where, text) + marks_found(&said, where, text) +
                   marks_found(&places, where, text);
    assert_int_equal(found, 0);
}

static void log__of_the_server_at_debug__holds_no_mark(void **state)
{
    const struct world *w = *state;
    AUTO_BUF struct buf log = buf_make(TEXT_MAX_BYTES);
    assert_int_equal(world_log(w, 0, &log), OK);
    assert_non_null(memmem(log.p, log.len, "event=server.ready", 18));
    assert_non_null(memmem(log.p, log.len, "event=db.lost", 13)); /* the refusals reached it */
    assert_silent("server log", buf_span(&log));
    char path[WORLD_PATH_MAX + 8];
    AUTO_BUF struct buf out = buf_make(TEXT_MAX_BYTES);
    (void)snprintf(path, sizeof(path), "%s.out", w->servers[0].log_path);
    slurp(path, &out);
    assert_silent("server stdout", buf_span(&out));
}

static void log__of_postgresql__holds_no_mark(void **state)
{
    const struct world *w = *state;
    char path[WORLD_PATH_MAX + 8];
    AUTO_BUF struct buf log = buf_make(TEXT_MAX_BYTES);
    (void)snprintf(path, sizeof(path), "%s/log", w->folder);
    slurp(path, &log);
    assert_non_null(memmem(log.p, log.len, "database system is ready", 24));
    assert_silent("PostgreSQL log", buf_span(&log));
}

static void metrics__of_the_server__hold_no_mark(void **state)
{
    AUTO_BUF struct buf text = buf_make(TEXT_MAX_BYTES);
    assert_int_equal(world_metrics(*state, 0, &text), OK);
    assert_true(text.len > 1000);
    assert_silent("metrics", buf_span(&text));
}

static void dump__of_the_database__holds_neither_addresses_nor_what_was_said(void **state)
{
    const struct world *w = *state;
    char url[sizeof(w->database_url)];
    memcpy(url, w->database_url, sizeof(url));
    const char *argv[] = {"/usr/lib/postgresql/15/bin/pg_dump", "--dbname", url, NULL};
    const struct process_spec spec = {.argv = argv};
    AUTO_BUF struct buf dump = buf_make(TEXT_MAX_BYTES);
    int status = -1;
    assert_int_equal(process_run(&spec, COMMAND_MS, &dump, &status), OK);
    assert_int_equal(status, 0);
    /* The right dump, and a search that finds: rooms and ids are in it. */
    assert_non_null(memmem(dump.p, dump.len, ROOM, strlen(ROOM)));
    assert_true(marks_found(&identities, "(expected in the dump)", buf_span(&dump)) >= PEOPLE);
    assert_int_equal(marks_found(&said, "dump", buf_span(&dump)), 0);
}

/* ---- the world ---- */

static void converse(struct world *w)
{
    struct member people[PEOPLE];
    char ben_id[SESSION_ID_TEXT_LEN + 1] = "";
    static const char *const add_room[] = {"room", "add", ROOM, "--name", HEADER, NULL};
    static const char *const bad_room[] = {"room", "show", NOWHERE, NULL};
    command(w, add_room, 0);
    command(w, bad_room, 1);
    for (size_t i = 0; i < PEOPLE; i++) {
        people[i] = join_from(w, i, addresses[i]);
        mark_account(w, &people[i], i);
    }
    session_id_write(&people[BEN].community.blinded.id, ben_id);
    const char *const appoint[] = {"mod", "add", ben_id, "--room", ROOM, "--admin", NULL};
    command(w, appoint, 0);
    speak(&people[ANA], &people[BEN]);
    be_refused(&people[ANA]);
    try_routes(&people[ANA], ben_id);
    shout_at_the_door(w);
    be_cut_off(w, &people[ANA]);
    try_routes(&people[BEN], ben_id);
    for (size_t i = 0; i < PEOPLE; i++)
        member_close(&people[i]);
}

static int open_world(void **state)
{
    static struct world w;
    static const char *const env[] = {"CONCLAVE_LOG_LEVEL=debug", "CONCLAVE_ROOMS_POST_LIMIT=off",
                                      NULL};
    const struct world_options options = {.accounts = PEOPLE, .no_fsync = true, .env = env};
    *state = &w;
    enum err e = world_open(&w, &options);
    if (e == OK)
        e = world_start_database(&w);
    char url[sizeof(w.database_url) + 64];
    (void)snprintf(url, sizeof(url), "CONCLAVE_DATABASE_URL=%s&password=" PASSWORD, w.database_url);
    const char *const with_password[] = {url, NULL};
    if (e == OK)
        e = world_start_server(&w, with_password, NULL);
    if (e != OK) {
        print_error("%s\n", w.trouble);
        return -1;
    }
    marks_add_text(&places, "a room", ROOM);
    marks_add_text(&places, "an unknown room", NOWHERE);
    marks_add_text(&places, "a query", QUERY);
    marks_add_text(&places, "a header", HEADER);
    marks_add_text(&said, "a message", MESSAGE);
    marks_add_text(&said, "a message of a batch", BATCHED);
    marks_add_text(&said, "an attachment", ATTACHMENT);
    marks_add_text(&said, "the name of a file", FILE_NAME);
    marks_add_text(&said, "the password of the database", PASSWORD);
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        marks_add_text(&said, "an address", addresses[i]);
    converse(&w);
    return 0;
}

static int close_world(void **state)
{
    marks_done(&identities);
    marks_done(&said);
    marks_done(&places);
    return world_close(*state) ? 0 : -1;
}

int main(void)
{
    if (crypto_start() != OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__of_the_server_at_debug__holds_no_mark),
        cmocka_unit_test(log__of_postgresql__holds_no_mark),
        cmocka_unit_test(metrics__of_the_server__hold_no_mark),
        cmocka_unit_test(dump__of_the_database__holds_neither_addresses_nor_what_was_said),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
