/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages between members (protocol 02, 2.12), against real processes and with the real encryption of clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/community_dms.h"
#include "integration/database.h"
#include "integration/world.h"
#include "store/dms.h"

enum { SEEN_WITHIN_MS = 1000, GONE_WITHIN_MS = 15000, DAYS_15_S = 15 * 86400 };

#define NEWEST "SELECT value FROM conclave.versions WHERE scope = 4"

static struct world w; /* two servers and a path of three relays, for all tests */

struct person {
    struct account account;
    struct server_link *link;
    struct community community;
};

/* Three people whom no server has seen yet, in a world without messages. */
struct cast {
    struct person ana, ben, carl;
    struct db *db;
};

static int open_world(void **state)
{
    (void)state;
    struct world_options options = {.servers = 2, .relays = 3, .no_fsync = true};
    if (world_open(&w, &options) != OK)
        fail_msg("%s", w.trouble);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    assert_true(world_close(&w));
    return 0;
}

static void meet(struct person *p, size_t server, bool through_relays)
{
    struct server_link_options options = world_route(&w, server, through_relays);
    assert_int_equal(account_new(&p->account), OK);
    assert_int_equal(server_link_open(&options, &p->link), OK);
    assert_int_equal(community_open(p->link, &p->account, &p->community), OK);
}

static void part(struct person *p)
{
    community_close(&p->community);
    server_link_close(p->link);
}

static void open_cast(struct cast *c, size_t ana_at, size_t ben_at, bool through_relays)
{
    struct database d = {{0}, {0}};
    meet(&c->ana, ana_at, through_relays);
    meet(&c->ben, ben_at, through_relays);
    meet(&c->carl, ana_at, false);
    (void)snprintf(d.url, sizeof(d.url), "%.150s", w.database_url);
    c->db = database_connect_bare(&d);
    database_run(c->db, "DELETE FROM conclave.direct_messages");
}

static void close_cast(struct cast *c)
{
    db_free(c->db);
    part(&c->ana);
    part(&c->ben);
    part(&c->carl);
}

/* Authenticates once, which is what makes somebody reachable. */
static void show_up(struct person *m)
{
    json_auto_t *list = NULL;
    assert_int_equal(community_capabilities(&m->community, &list), OK);
}

/* Asks, and says the code; the body goes to ret_body as text when that is not NULL. */
static int ask(struct person *m, const char *method, const char *target, const char *json,
               enum signing signing, char *ret_body, size_t size)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request request = {.method = method,
                                        .target = target,
                                        .body = span_of_text(json != NULL ? json : ""),
                                        .content_type = json != NULL ? "application/json" : NULL,
                                        .signing = signing};
    assert_int_equal(community_call(&m->community, &request, &reply), OK);
    if (ret_body != NULL)
        (void)snprintf(ret_body, size, "%.*s", (int)reply.body.len, (const char *)reply.body.p);
    return reply.code;
}

static int64_t send_to(struct person *from, const struct person *to, const char *text)
{
    json_auto_t *sent = NULL;
    if (community_dm(&from->community, &to->community.blinded.id, text, &sent) != OK)
        fail_msg("%d %s", from->community.refusal.code, from->community.refusal.text);
    return json_integer_value(json_object_get(sent, "id"));
}

static size_t mail(struct person *m, enum mail_box box, int64_t since, json_t **ret_rows)
{
    assert_int_equal(community_mail(&m->community, box, since, ret_rows), OK);
    return json_array_size(*ret_rows);
}

static size_t mail_count(struct person *m, enum mail_box box, int64_t since)
{
    json_auto_t *rows = NULL;
    return mail(m, box, since, &rows);
}

static void assert_text(const struct person *m, const json_t *row, const struct account *author,
                        const char *text)
{
    struct direct_message dm AUTO_DIRECT_MESSAGE = {0};
    assert_int_equal(direct_message_read(&m->community, row, &dm), OK);
    assert_true(span_eq_text(dm.text, text));
    assert_true(session_id_eq(&dm.author, &author->id));
}

static void dm__through_three_relays__is_read_by_its_two_ends_alone(void **state)
{
    (void)state;
    struct cast c;
    open_cast(&c, 0, 0, true);
    show_up(&c.ben);
    show_up(&c.carl);
    int64_t id = send_to(&c.ana, &c.ben, "between us");
    json_auto_t *inbox = NULL;
    json_auto_t *outbox = NULL;
    assert_int_equal(mail(&c.ben, MAIL_INBOX, 0, &inbox), 1);
    assert_int_equal(mail(&c.ana, MAIL_OUTBOX, 0, &outbox), 1);
    assert_text(&c.ben, json_array_get(inbox, 0), &c.ana.account, "between us");
    assert_text(&c.ana, json_array_get(outbox, 0), &c.ana.account, "between us");
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, id - 1), 1);
    assert_int_equal(mail_count(&c.ben, MAIL_OUTBOX, 0), 0);
    assert_int_equal(mail_count(&c.ana, MAIL_INBOX, 0), 0);
    assert_int_equal(mail_count(&c.carl, MAIL_INBOX, 0), 0);
    assert_int_equal(mail_count(&c.carl, MAIL_OUTBOX, 0), 0);
    close_cast(&c);
}

static void statement_70__recipient_unknown_or_banned__is_404_otherwise_201(void **state)
{
    (void)state;
    struct cast c;
    char target[128], body[1024];
    open_cast(&c, 0, 0, false);
    struct id_text ben = account_id_text(&c.ben.community.blinded.id);
    (void)snprintf(target, sizeof(target), "/inbox/%s", ben.s);
    assert_int_equal(ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, NULL, 0),
                     404);
    show_up(&c.ben);
    assert_int_equal(
        ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, body, sizeof(body)),
        201);
    json_auto_t *sent = json_loads(body, 0, NULL);
    assert_int_equal(json_object_size(sent), 5);
    assert_true(json_is_integer(json_object_get(sent, "id")));
    assert_string_equal(json_string_value(json_object_get(sent, "recipient")), ben.s);
    assert_string_equal(json_string_value(json_object_get(sent, "sender")),
                        account_id_text(&c.ana.community.blinded.id).s);
    double posted = json_real_value(json_object_get(sent, "posted_at"));
    double expires = json_real_value(json_object_get(sent, "expires_at"));
    assert_true(expires - posted > DAYS_15_S - 1 && expires - posted < DAYS_15_S + 1);
    assert_null(json_object_get(sent, "message"));

    database_run(c.db, "UPDATE conclave.users SET banned = true WHERE id = "
                       "(SELECT recipient FROM conclave.direct_messages)");
    assert_int_equal(ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, NULL, 0),
                     404);
    assert_int_equal(database_number(c.db, "SELECT count(*) FROM conclave.direct_messages"), 1);
    close_cast(&c);
}

static void statement_71__caller_without_a_blinded_key__is_401(void **state)
{
    (void)state;
    static const char *const targets[] = {"/inbox", "/outbox", "/inbox/since/0", "/outbox/since/5"};
    struct cast c;
    char body[256];
    open_cast(&c, 0, 0, false);
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        assert_int_equal(ask(&c.ana, "GET", targets[i], NULL, UNSIGNED, NULL, 0), 401);
        /* An unblinded key never comes so far on a server that requires blinding (row 6 of 1.4). */
        assert_int_equal(ask(&c.ana, "GET", targets[i], NULL, SIGNED_UNBLINDED, body, sizeof(body)),
                         400);
        assert_string_equal(body,
                            "Invalid authentication: this server requires the use of blinded ids");
    }
    assert_int_equal(ask(&c.ana, "DELETE", "/inbox", NULL, UNSIGNED, NULL, 0), 401);
    char target[128];
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&c.ana.community.blinded.id).s);
    show_up(&c.ana);
    assert_int_equal(ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", UNSIGNED, NULL, 0), 401);
    close_cast(&c);
}

static void statement_72__after_its_time__dm_is_gone(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_DIRECT_MESSAGES_TTL=2s", NULL};
    struct cast c;
    size_t server = 0;
    assert_int_equal(world_start_server(&w, env, &server), OK);
    open_cast(&c, server, server, false);
    show_up(&c.ben);
    send_to(&c.ana, &c.ben, "soon gone");
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, 0), 1);
    int64_t deadline = clock_mono_ms() + GONE_WITHIN_MS;
    int64_t expected = clock_mono_ms() + 2000;
    while (mail_count(&c.ben, MAIL_INBOX, 0) > 0)
        assert_true(clock_mono_ms() < expected + SEEN_WITHIN_MS);
    assert_int_equal(mail_count(&c.ana, MAIL_OUTBOX, 0), 0);
    while (database_number(c.db, "SELECT count(*) FROM conclave.direct_messages") > 0)
        assert_true(clock_mono_ms() < deadline);
    close_cast(&c);
}

static void statement_05__poll_with_nothing_new__is_304_without_headers_and_body(void **state)
{
    (void)state;
    static const char *const targets[] = {"/inbox/since/0", "/outbox/since/0",
                                          "/inbox/since/99999999999999999999"};
    struct cast c;
    open_cast(&c, 0, 0, false);
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        struct community_request request = {
            .method = "GET", .target = targets[i], .signing = SIGNED_BLINDED};
        assert_int_equal(community_call(&c.ana.community, &request, &reply), OK);
        assert_int_equal(reply.code, 304);
        assert_int_equal(reply.body.len, 0);
        assert_int_equal(json_object_size(reply.headers), 0);
    }
    char body[16];
    assert_int_equal(ask(&c.ana, "GET", "/inbox", NULL, SIGNED_BLINDED, body, sizeof(body)), 200);
    assert_string_equal(body, "[]");
    /* In a batch the three keys are there (protocol 02, 1.9). */
    char batch[256];
    assert_int_equal(ask(&c.ana, "POST", "/batch",
                         "[{\"method\":\"GET\",\"path\":\"/inbox/since/0\"}]", SIGNED_BLINDED,
                         batch, sizeof(batch)),
                     200);
    assert_string_equal(batch, "[{\"code\":304,\"headers\":{},\"body\":\"\"}]");
    close_cast(&c);
}

static void ids__after_everything_was_deleted__grow_on(void **state)
{
    (void)state;
    struct cast c;
    int64_t deleted = -1;
    open_cast(&c, 0, 0, false);
    show_up(&c.ben);
    int64_t first = send_to(&c.ana, &c.ben, "one");
    int64_t second = send_to(&c.ana, &c.ben, "two");
    int64_t own = send_to(&c.ben, &c.ben, "to myself");
    assert_true(second > first && own > second);
    assert_int_equal(community_clear_inbox(&c.ana.community, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(community_clear_inbox(&c.ben.community, &deleted), OK);
    assert_int_equal(deleted, 3);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, 0), 0);
    assert_int_equal(mail_count(&c.ana, MAIL_OUTBOX, 0), 0);
    assert_true(send_to(&c.ana, &c.ben, "three") > own);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, own), 1);
    close_cast(&c);
}

static void inbox__with_limit__is_read_in_pages_oldest_first(void **state)
{
    (void)state;
    struct cast c;
    char body[4096];
    open_cast(&c, 0, 0, false);
    show_up(&c.ben);
    int64_t ids[5];
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = send_to(&c.ana, &c.ben, "page by page");
    int64_t since = 0;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char target[64];
        (void)snprintf(target, sizeof(target), "/inbox/since/%lld?limit=0", (long long)since);
        assert_int_equal(ask(&c.ben, "GET", target, NULL, SIGNED_BLINDED, body, sizeof(body)), 200);
        json_auto_t *rows = json_loads(body, 0, NULL);
        assert_int_equal(json_array_size(rows), 1); /* 0 is clamped to 1 */
        since = json_integer_value(json_object_get(json_array_get(rows, 0), "id"));
        assert_int_equal(since, ids[i]);
    }
    assert_int_equal(ask(&c.ben, "GET", "/inbox?limit=x", NULL, SIGNED_BLINDED, NULL, 0), 400);
    assert_int_equal(ask(&c.ben, "GET", "/inbox/since/-1", NULL, SIGNED_BLINDED, NULL, 0), 404);
    close_cast(&c);
}

static double sql(size_t server)
{
    double request = 0;
    assert_int_equal(
        world_metric(&w, server, "conclave_sql_statements_total{origin=\"request\"}", &request),
        OK);
    return request;
}

static void poll(struct person *m)
{
    struct room_view view = {.token = "lobby"};
    json_t *batch = NULL;
    assert_int_equal(community_poll(&m->community, POLL_DESKTOP, &view, 1, &batch), OK);
    json_decref(batch);
}

static void idle_polls__of_people_with_and_without_dms__touch_no_sql(void **state)
{
    (void)state;
    struct cast c;
    open_cast(&c, 0, 0, false);
    show_up(&c.ben);
    send_to(&c.ana, &c.ben, "something that was read");
    struct person *all[] = {&c.ana, &c.ben, &c.carl};
    for (int round = 0; round < 2; round++) /* the first learns, the second has read it all */
        for (size_t i = 0; i < COUNT_OF(all); i++)
            poll(all[i]);
    assert_true(c.ben.community.inbox_seen > 0 && c.ana.community.outbox_seen > 0);
    double before = sql(0);
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < COUNT_OF(all); i++)
            poll(all[i]);
    assert_true(sql(0) <= before);
    /* A message to one of them costs the others nothing. */
    int64_t id = send_to(&c.ana, &c.ben, "news");
    before = sql(0);
    poll(&c.carl);
    assert_true(sql(0) <= before);
    poll(&c.ben);
    assert_int_equal(c.ben.community.inbox_seen, id);
    close_cast(&c);
}

/* Ben polls another process than Ana posts to, and all his polls before cost no SQL. */
static void dm__sent_to_another_process__is_seen_within_a_second(void **state)
{
    (void)state;
    struct cast c;
    open_cast(&c, 0, 1, false);
    poll(&c.ben);
    /* His row is written by the sightings of his own process, which come every few seconds. */
    json_t *sent = NULL;
    int64_t deadline = clock_mono_ms() + GONE_WITHIN_MS;
    while (community_dm(&c.ana.community, &c.ben.community.blinded.id, "first", &sent) != OK) {
        assert_int_equal(c.ana.community.refusal.code, 404);
        assert_true(clock_mono_ms() < deadline);
    }
    json_decref(sent);
    for (int i = 0; i < 30; i++) {
        int64_t id = send_to(&c.ana, &c.ben, "across");
        deadline = clock_mono_ms() + SEEN_WITHIN_MS;
        while (c.ben.community.inbox_seen < id) {
            assert_true(clock_mono_ms() < deadline);
            poll(&c.ben);
        }
    }
    poll(&c.ben);
    double before = sql(1);
    for (int i = 0; i < 20; i++)
        poll(&c.ben);
    assert_true(sql(1) <= before);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, 0), 31);
    close_cast(&c);
}

static void dm__acknowledged__survives_kill_9(void **state)
{
    (void)state;
    struct cast c;
    open_cast(&c, 0, 0, false);
    show_up(&c.ben);
    int64_t id = send_to(&c.ana, &c.ben, "before the end");
    poll(&c.ben);
    world_kill_server(&w, 0);
    assert_int_equal(world_restart_server(&w, 0, NULL), OK);
    json_auto_t *rows = NULL;
    assert_int_equal(mail(&c.ben, MAIL_INBOX, 0, &rows), 1);
    assert_text(&c.ben, json_array_get(rows, 0), &c.ana.account, "before the end");
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, id), 0);
    assert_true(send_to(&c.ana, &c.ben, "after it") > id);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, id), 1);
    close_cast(&c);
}

static void dm__at_rest__is_sealed_and_bound_to_its_people(void **state)
{
    (void)state;
    struct cast c;
    char target[128];
    open_cast(&c, 0, 0, false);
    show_up(&c.ben);
    show_up(&c.carl);
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&c.ben.community.blinded.id).s);
    assert_int_equal(ask(&c.ana, "POST", target,
                         "{\"message\":\"bWFya2VkIHdvcmRz\"}", /* marked words */
                         SIGNED_BLINDED, NULL, 0),
                     201);
    assert_int_equal(database_number(c.db, "SELECT count(*) FROM conclave.direct_messages"
                                           " WHERE position('marked words'::bytea IN body) > 0"),
                     0);
    assert_int_equal(
        database_number(c.db, "SELECT count(*) FROM conclave.ring_keys k, "
                              "conclave.direct_messages d WHERE k.id = d.key_id AND kind = 3"),
        1);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, 0), 1);
    /* Somebody with the database moves the row to another inbox: it does not open there. */
    send_to(&c.ana, &c.carl, "so that he has a row");
    database_run(c.db, "UPDATE conclave.direct_messages SET recipient = (SELECT recipient FROM "
                       "conclave.direct_messages ORDER BY id DESC LIMIT 1)");
    assert_int_equal(ask(&c.carl, "GET", "/inbox", NULL, SIGNED_BLINDED, NULL, 0), 400);
    close_cast(&c);
}

static void boxes__as_full_as_allowed__refuse_more_and_change_nothing(void **state)
{
    (void)state;
    struct cast c;
    char target[128], fill[512];
    open_cast(&c, 0, 0, false);
    show_up(&c.ben);
    send_to(&c.ana, &c.ben, "the first of many");
    (void)snprintf(fill, sizeof(fill),
                   "INSERT INTO conclave.direct_messages"
                   " SELECT g, sender, recipient, posted_at, expires_at, key_id, body"
                   "  FROM conclave.direct_messages, generate_series(90002, %d) g",
                   90000 + DMS_PER_SENDER);
    database_run(c.db, fill);
    database_run(c.db, "UPDATE conclave.versions SET value = 100000 WHERE scope = 4");
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&c.ben.community.blinded.id).s);
    assert_int_equal(ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, NULL, 0),
                     429);
    assert_int_equal(database_number(c.db, NEWEST), 100000);
    assert_true(send_to(&c.carl, &c.ben, "from somebody else") > 100000);
    int64_t deleted = 0;
    assert_int_equal(community_clear_inbox(&c.ben.community, &deleted), OK);
    assert_int_equal(deleted, DMS_PER_SENDER + 1);
    send_to(&c.ana, &c.ben, "there is room again");
    close_cast(&c);
}

static void bad_input__to_every_route__is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "null",
                                         "[]",
                                         "{}",
                                         "{\"message\":null}",
                                         "{\"message\":7}",
                                         "{\"message\":[\"aGk=\"]}",
                                         "{\"message\":\"%%%\"}",
                                         "{\"message\":\"aGk=\",\"message\":\"aGk=\"}",
                                         "{\"message\":\"aGk=\"",
                                         "{\"message\":\"a\\u0000Gk=\"}",
                                         "{\"message\":\"aGk=\\n\"}",
                                         "{\"message\":true}",
                                         "{\"Message\":\"aGk=\"}",
                                         "{\"message\":\"\xff\"}"};
    static const struct {
        const char *method, *target;
        int code;
    } others[] = {
        {"GET", "/inbox/since/9223372036854775808", 304},
        {"GET", "/inbox/since/x", 404},
        {"GET", "/inbox/since/", 404},
        {"GET", "/outbox/since/1%00", 404},
        {"GET", "/inbox/", 404},
        {"GET", "/outbox?limit=9223372036854775808", 200},
        {"GET", "/inbox?limit=%F0%9F%8D%8D", 400},
        {"PUT", "/inbox", 405},
        {"DELETE", "/outbox", 405},
        {"POST", "/inbox/05", 404},
        {"POST", "/inbox/15zz", 404},
        {"POST", "/inbox/%F0%9F%8D%8D", 404},
    };
    struct cast c;
    char target[128], unblinded[128];
    open_cast(&c, 0, 0, false);
    show_up(&c.ben);
    int64_t newest = database_number(c.db, NEWEST);
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&c.ben.community.blinded.id).s);
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        int code = ask(&c.ana, "POST", target, bodies[i], SIGNED_BLINDED, NULL, 0);
        if (code != 400)
            fail_msg("%s: %d", bodies[i], code);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        int code = ask(&c.ana, others[i].method, others[i].target, NULL, SIGNED_BLINDED, NULL, 0);
        if (code != others[i].code && !(code == 400 && others[i].code == 404))
            fail_msg("%s %s: %d", others[i].method, others[i].target, code);
    }
    (void)snprintf(unblinded, sizeof(unblinded), "/inbox/%s", account_id_text(&c.ben.account.id).s);
    assert_int_equal(
        ask(&c.ana, "POST", unblinded, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, NULL, 0), 404);
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request plain = {.method = "POST",
                                      .target = target,
                                      .body = SPAN("{\"message\":\"aGk=\"}"),
                                      .content_type = "text/plain",
                                      .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&c.ana.community, &plain, &reply), OK);
    assert_int_equal(reply.code, 400);
    assert_int_equal(database_number(c.db, "SELECT count(*) FROM conclave.direct_messages"), 0);
    assert_int_equal(database_number(c.db, NEWEST), newest);
    close_cast(&c);
}

static void message__larger_than_allowed__is_413(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_MESSAGE_BYTES=1K", NULL};
    struct cast c;
    char text[2048];
    json_auto_t *sent = NULL;
    size_t server = 0;
    assert_int_equal(world_start_server(&w, env, &server), OK);
    open_cast(&c, server, server, false);
    show_up(&c.ben);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(community_dm(&c.ana.community, &c.ben.community.blinded.id, text, &sent),
                     ERR_DENIED);
    assert_int_equal(c.ana.community.refusal.code, 413);
    text[500] = '\0';
    send_to(&c.ana, &c.ben, text);
    close_cast(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dm__through_three_relays__is_read_by_its_two_ends_alone),
        cmocka_unit_test(statement_70__recipient_unknown_or_banned__is_404_otherwise_201),
        cmocka_unit_test(statement_71__caller_without_a_blinded_key__is_401),
        cmocka_unit_test(statement_72__after_its_time__dm_is_gone),
        cmocka_unit_test(statement_05__poll_with_nothing_new__is_304_without_headers_and_body),
        cmocka_unit_test(ids__after_everything_was_deleted__grow_on),
        cmocka_unit_test(inbox__with_limit__is_read_in_pages_oldest_first),
        cmocka_unit_test(idle_polls__of_people_with_and_without_dms__touch_no_sql),
        cmocka_unit_test(dm__sent_to_another_process__is_seen_within_a_second),
        cmocka_unit_test(dm__acknowledged__survives_kill_9),
        cmocka_unit_test(dm__at_rest__is_sealed_and_bound_to_its_people),
        cmocka_unit_test(boxes__as_full_as_allowed__refuse_more_and_change_nothing),
        cmocka_unit_test(bad_input__to_every_route__is_refused_and_changes_nothing),
        cmocka_unit_test(message__larger_than_allowed__is_413),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
