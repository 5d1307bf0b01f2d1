/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct messages between members (docs/protocol/community.md, 2.12), against real processes and
 * with the real encryption of clients.
 *
 * test-seconds: 24
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "integration/database.h"
#include "integration/mail.h"
#include "store/dms.h"

enum { DAYS_15_S = 15 * 86400 };

#define NEWEST "SELECT value FROM conclave.versions WHERE scope = 4"

static void dm__through_three_relays__is_read_by_its_two_ends_alone(void **state)
{
    (void)state;
    struct mail_cast c;
    mail_cast_open(&c, 0, 0, true);
    mail_show_up(&c.ben);
    mail_show_up(&c.carl);
    int64_t id = mail_send(&c.ana, &c.ben, "between us");
    json_auto_t *inbox = NULL;
    json_auto_t *outbox = NULL;
    assert_int_equal(mail_read(&c.ben, MAIL_INBOX, 0, &inbox), 1);
    assert_int_equal(mail_read(&c.ana, MAIL_OUTBOX, 0, &outbox), 1);
    mail_assert_text(&c.ben, json_array_get(inbox, 0), &c.ana.account, "between us");
    mail_assert_text(&c.ana, json_array_get(outbox, 0), &c.ana.account, "between us");
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, id - 1), 1);
    assert_int_equal(mail_count(&c.ben, MAIL_OUTBOX, 0), 0);
    assert_int_equal(mail_count(&c.ana, MAIL_INBOX, 0), 0);
    assert_int_equal(mail_count(&c.carl, MAIL_INBOX, 0), 0);
    assert_int_equal(mail_count(&c.carl, MAIL_OUTBOX, 0), 0);
    mail_cast_close(&c);
}

static void recipient_unknown_or_banned__is_404_otherwise_201(void **state)
{
    (void)state;
    struct mail_cast c;
    char target[128], body[1024];
    mail_cast_open(&c, 0, 0, false);
    struct id_text ben = account_id_text(&c.ben.community.blinded.id);
    (void)snprintf(target, sizeof(target), "/inbox/%s", ben.s);
    assert_int_equal(
        mail_ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, NULL, 0), 404);
    mail_show_up(&c.ben);
    assert_int_equal(mail_ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", SIGNED_BLINDED,
                              body, sizeof(body)),
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
    assert_int_equal(
        mail_ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, NULL, 0), 404);
    assert_int_equal(database_number(c.db, "SELECT count(*) FROM conclave.direct_messages"), 1);
    mail_cast_close(&c);
}

static void caller_without_a_blinded_key__is_401(void **state)
{
    (void)state;
    static const char *const targets[] = {"/inbox", "/outbox", "/inbox/since/0", "/outbox/since/5"};
    struct mail_cast c;
    char body[256];
    mail_cast_open(&c, 0, 0, false);
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        assert_int_equal(mail_ask(&c.ana, "GET", targets[i], NULL, UNSIGNED, NULL, 0), 401);
        /* An unblinded key never comes so far on a server that requires blinding (row 6 of 1.4). */
        assert_int_equal(
            mail_ask(&c.ana, "GET", targets[i], NULL, SIGNED_UNBLINDED, body, sizeof(body)), 400);
        assert_string_equal(body,
                            "Invalid authentication: this server requires the use of blinded ids");
    }
    assert_int_equal(mail_ask(&c.ana, "DELETE", "/inbox", NULL, UNSIGNED, NULL, 0), 401);
    char target[128];
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&c.ana.community.blinded.id).s);
    mail_show_up(&c.ana);
    assert_int_equal(mail_ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", UNSIGNED, NULL, 0),
                     401);
    mail_cast_close(&c);
}

static void direct_message__after_its_time__is_gone(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_DIRECT_MESSAGES_TTL=2s", NULL};
    struct mail_cast c;
    size_t server = mail_other_server(env);
    mail_cast_open(&c, server, server, false);
    mail_show_up(&c.ben);
    mail_send(&c.ana, &c.ben, "soon gone");
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, 0), 1);
    int64_t deadline = clock_mono_ms() + MAIL_GONE_WITHIN_MS;
    int64_t expected = clock_mono_ms() + 2000;
    while (mail_count(&c.ben, MAIL_INBOX, 0) > 0)
        assert_true(clock_mono_ms() < expected + MAIL_SEEN_WITHIN_MS);
    assert_int_equal(mail_count(&c.ana, MAIL_OUTBOX, 0), 0);
    while (database_number(c.db, "SELECT count(*) FROM conclave.direct_messages") > 0)
        assert_true(clock_mono_ms() < deadline);
    mail_cast_close(&c);
}

static void poll_with_nothing_new__is_304_without_headers_and_body(void **state)
{
    (void)state;
    static const char *const targets[] = {"/inbox/since/0", "/outbox/since/0",
                                          "/inbox/since/99999999999999999999"};
    struct mail_cast c;
    mail_cast_open(&c, 0, 0, false);
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
    assert_int_equal(mail_ask(&c.ana, "GET", "/inbox", NULL, SIGNED_BLINDED, body, sizeof(body)),
                     200);
    assert_string_equal(body, "[]");
    /* In a batch the three keys are there (docs/protocol/community.md, 1.9). */
    char batch[256];
    assert_int_equal(mail_ask(&c.ana, "POST", "/batch",
                              "[{\"method\":\"GET\",\"path\":\"/inbox/since/0\"}]", SIGNED_BLINDED,
                              batch, sizeof(batch)),
                     200);
    assert_string_equal(batch, "[{\"code\":304,\"headers\":{},\"body\":\"\"}]");
    mail_cast_close(&c);
}

static void ids__after_everything_was_deleted__grow_on(void **state)
{
    (void)state;
    struct mail_cast c;
    int64_t deleted = -1;
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    int64_t first = mail_send(&c.ana, &c.ben, "one");
    int64_t second = mail_send(&c.ana, &c.ben, "two");
    int64_t own = mail_send(&c.ben, &c.ben, "to myself");
    assert_true(second > first && own > second);
    assert_int_equal(community_clear_inbox(&c.ana.community, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(community_clear_inbox(&c.ben.community, &deleted), OK);
    assert_int_equal(deleted, 3);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, 0), 0);
    assert_int_equal(mail_count(&c.ana, MAIL_OUTBOX, 0), 0);
    assert_true(mail_send(&c.ana, &c.ben, "three") > own);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, own), 1);
    mail_cast_close(&c);
}

static void inbox__with_limit__is_read_in_pages_oldest_first(void **state)
{
    (void)state;
    struct mail_cast c;
    char body[4096];
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    int64_t ids[5];
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = mail_send(&c.ana, &c.ben, "page by page");
    int64_t since = 0;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char target[64];
        (void)snprintf(target, sizeof(target), "/inbox/since/%lld?limit=0", (long long)since);
        assert_int_equal(mail_ask(&c.ben, "GET", target, NULL, SIGNED_BLINDED, body, sizeof(body)),
                         200);
        json_auto_t *rows = json_loads(body, 0, NULL);
        assert_int_equal(json_array_size(rows), 1); /* 0 is clamped to 1 */
        since = json_integer_value(json_object_get(json_array_get(rows, 0), "id"));
        assert_int_equal(since, ids[i]);
    }
    assert_int_equal(mail_ask(&c.ben, "GET", "/inbox?limit=x", NULL, SIGNED_BLINDED, NULL, 0), 400);
    assert_int_equal(mail_ask(&c.ben, "GET", "/inbox/since/-1", NULL, SIGNED_BLINDED, NULL, 0),
                     404);
    mail_cast_close(&c);
}

static void keys__of_past_months__go_with_the_last_message_they_sealed(void **state)
{
    (void)state;
    struct mail_cast c;
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    mail_send(&c.ana, &c.ben, "kept");
    database_run(c.db, "UPDATE conclave.ring_keys SET month = month - 3 WHERE kind = 3");
    database_run(c.db, "INSERT INTO conclave.ring_keys (kind, month, wrapped)"
                       " SELECT 3, month - 1, wrapped FROM conclave.ring_keys WHERE kind = 3");
    int64_t deadline = clock_mono_ms() + MAIL_GONE_WITHIN_MS;
    while (database_number(c.db, "SELECT count(*) FROM conclave.ring_keys WHERE kind = 3") > 1)
        assert_true(clock_mono_ms() < deadline);
    /* The one that is left is the one in use. */
    assert_int_equal(database_number(c.db, "SELECT count(*) FROM conclave.ring_keys k,"
                                           " conclave.direct_messages d WHERE k.id = d.key_id"),
                     1);
    database_run(c.db, "UPDATE conclave.ring_keys SET month = month + 3 WHERE kind = 3");
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, 0), 1);
    mail_cast_close(&c);
}

/* ---- the tool ---- */

static int run_client(const struct mail_person *who, const char *const *words, struct buf *out)
{
    char program[256], account[WORLD_PATH_MAX + 80], server[64], key[65] = {0};
    char path[4 * sizeof(struct node_text)];
    const char *argv[16] = {program};
    size_t n = 1;
    int status = -1;
    (void)snprintf(program, sizeof(program), "%s/conclave-client", mail_world.build);
    (void)snprintf(account, sizeof(account), "%s/%s.account", mail_world.folder,
                   account_id_text(&who->account.id).s);
    enum err saved = account_save(&who->account, account);
    assert_true(saved == OK || saved == ERR_CONFLICT); /* there already the second time */
    (void)snprintf(server, sizeof(server), "http://127.0.0.1:%u",
                   (unsigned)mail_world.servers[0].at.port);
    (void)snprintf(path, sizeof(path), "%s,%s,%s", node_write(&mail_world.nodes[0]).s,
                   node_write(&mail_world.nodes[1]).s, node_write(&mail_world.nodes[2]).s);
    hex_write(SPAN_OF_KEY(&mail_world.key), key);
    for (; *words != NULL; words++)
        argv[n++] = *words;
    const char *const options[] = {"--server",  server,  "--key",  key,
                                   "--account", account, "--path", path};
    for (size_t i = 0; i < COUNT_OF(options); i++)
        argv[n++] = options[i];
    struct process_spec spec = {.argv = argv};
    assert_int_equal(process_run(&spec, WORLD_COMMAND_MS, out, &status), OK);
    return status;
}

static void tool__dm_and_inbox__through_three_relays__agree(void **state)
{
    (void)state;
    struct mail_cast c;
    struct buf sent AUTO_BUF = buf_make(KIB(64));
    struct buf read AUTO_BUF = buf_make(KIB(64));
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    struct id_text ben = account_id_text(&c.ben.community.blinded.id);
    const char *const dm[] = {"dm", ben.s, "typed by hand", NULL};
    const char *const inbox[] = {"inbox", NULL};
    const char *const unblinded[] = {"dm", account_id_text(&c.ben.account.id).s, "x", NULL};
    assert_int_equal(run_client(&c.ana, dm, &sent), 0);
    assert_int_equal(run_client(&c.ben, inbox, &read), 0);
    json_auto_t *out = json_loadb((const char *)sent.p, sent.len, 0, NULL);
    json_auto_t *in = json_loadb((const char *)read.p, read.len, 0, NULL);
    assert_true(json_equal(json_object_get(out, "id"), json_object_get(in, "id")));
    assert_string_equal(json_string_value(json_object_get(in, "text")), "typed by hand");
    assert_string_equal(json_string_value(json_object_get(in, "session_id")),
                        account_id_text(&c.ana.account.id).s);
    assert_true(json_is_true(json_object_get(in, "verified")));
    assert_int_equal(run_client(&c.ana, unblinded, &sent), 2);
    mail_cast_close(&c);
}

static void dm__at_rest__is_sealed_and_bound_to_its_people(void **state)
{
    (void)state;
    struct mail_cast c;
    char target[128];
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    mail_show_up(&c.carl);
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&c.ben.community.blinded.id).s);
    assert_int_equal(mail_ask(&c.ana, "POST", target,
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
    mail_send(&c.ana, &c.carl, "so that he has a row");
    database_run(c.db, "UPDATE conclave.direct_messages SET recipient = (SELECT recipient FROM "
                       "conclave.direct_messages ORDER BY id DESC LIMIT 1)");
    assert_int_equal(mail_count(&c.carl, MAIL_INBOX, 0), 1); /* his own alone */
    mail_cast_close(&c);
}

static void boxes__as_full_as_allowed__refuse_more_and_change_nothing(void **state)
{
    (void)state;
    struct mail_cast c;
    char target[128], fill[512];
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    mail_send(&c.ana, &c.ben, "the first of many");
    (void)snprintf(fill, sizeof(fill),
                   "INSERT INTO conclave.direct_messages"
                   " SELECT g, sender, recipient, posted_at, expires_at, key_id, body"
                   "  FROM conclave.direct_messages, generate_series(90002, %d) g",
                   90000 + DMS_PER_SENDER);
    database_run(c.db, fill);
    database_run(c.db, "UPDATE conclave.versions SET value = 100000 WHERE scope = 4");
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&c.ben.community.blinded.id).s);
    assert_int_equal(
        mail_ask(&c.ana, "POST", target, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, NULL, 0), 429);
    assert_int_equal(database_number(c.db, NEWEST), 100000);
    assert_true(mail_send(&c.carl, &c.ben, "from somebody else") > 100000);
    int64_t deleted = 0;
    assert_int_equal(community_clear_inbox(&c.ben.community, &deleted), OK);
    assert_int_equal(deleted, DMS_PER_SENDER + 1);
    mail_send(&c.ana, &c.ben, "there is room again");
    mail_cast_close(&c);
}

/* Copies of the first message with the lowest ids, so that they are the oldest. */
static void fill_inbox(struct mail_cast *c, int first_id, int count, const char *sender,
                       const char *by_stranger)
{
    char fill[600];
    (void)snprintf(fill, sizeof(fill),
                   "INSERT INTO conclave.direct_messages"
                   " SELECT g, %s, d.recipient, posted_at, expires_at, key_id, body, %s"
                   "  FROM (SELECT * FROM conclave.direct_messages ORDER BY id LIMIT 1) d,"
                   "       generate_series(%d, %d) g",
                   sender, by_stranger, first_id, first_id + count - 1);
    database_run(c->db, fill);
    database_run(c->db, "UPDATE conclave.versions SET value = 200000 WHERE scope = 4");
}

static int64_t of_strangers(struct mail_cast *c)
{
    return database_number(c->db,
                           "SELECT count(*) FROM conclave.direct_messages WHERE by_stranger");
}

static void strangers__hold_a_quarter_of_an_inbox_and_the_loudest_makes_room(void **state)
{
    (void)state;
    struct mail_cast c;
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    mail_send(&c.ana, &c.ben, "the first of many");
    assert_int_equal(of_strangers(&c), 1); /* everybody is new here */
    fill_inbox(&c, 1, DMS_OF_STRANGERS - 1, "d.sender", "true");
    assert_true(mail_send(&c.carl, &c.ben, "from an honest one") > 200000);
    assert_int_equal(of_strangers(&c), DMS_OF_STRANGERS);
    assert_int_equal(database_number(c.db, "SELECT min(id) FROM conclave.direct_messages"), 2);
    assert_true(mail_send(&c.carl, &c.ben, "and another") > 200000);
    assert_int_equal(of_strangers(&c), DMS_OF_STRANGERS);
    assert_int_equal(database_number(c.db, "SELECT min(id) FROM conclave.direct_messages"), 3);
    /* A member's message takes no stranger's place while there is room. */
    database_run(c.db, "UPDATE conclave.direct_messages SET by_stranger = false WHERE id < 500");
    assert_true(mail_send(&c.carl, &c.ben, "a third") > 200000);
    assert_int_equal(database_number(c.db, "SELECT min(id) FROM conclave.direct_messages"), 3);
    mail_cast_close(&c);
}

static void inbox__that_is_full__loses_the_oldest_of_whoever_sent_most(void **state)
{
    (void)state;
    struct mail_cast c;
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    mail_send(&c.ana, &c.ben, "the first of many");
    database_run(c.db, "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
                       " SELECT decode('15' || lpad(g::text, 64, '0'), 'hex'), 0, 0"
                       "  FROM generate_series(1, 5) g");
    fill_inbox(&c, 1, DMS_PER_RECIPIENT - 1,
               "(SELECT id + CASE WHEN g % 8 < 4 THEN 0 ELSE g % 4 END FROM conclave.users"
               "  WHERE encode(session_id, 'hex') LIKE '15%01')",
               "false");
    int64_t heaviest =
        database_number(c.db, "SELECT sender FROM conclave.direct_messages GROUP BY sender"
                              " ORDER BY count(*) DESC LIMIT 1");
    char sql[160];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT min(id) FROM conclave.direct_messages WHERE sender = %lld",
                   (long long)heaviest);
    int64_t oldest = database_number(c.db, sql);
    int64_t honest = mail_send(&c.carl, &c.ben, "from an honest one");
    assert_true(database_number(c.db, sql) > oldest);
    assert_int_equal(database_number(c.db, "SELECT count(*) FROM conclave.direct_messages"),
                     DMS_PER_RECIPIENT);
    assert_true(mail_count(&c.ben, MAIL_INBOX, honest - 1) > 0);
    mail_cast_close(&c);
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
    struct mail_cast c;
    char target[128], unblinded[128];
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    int64_t newest = database_number(c.db, NEWEST);
    (void)snprintf(target, sizeof(target), "/inbox/%s",
                   account_id_text(&c.ben.community.blinded.id).s);
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        int code = mail_ask(&c.ana, "POST", target, bodies[i], SIGNED_BLINDED, NULL, 0);
        if (code != 400)
            fail_msg("%s: %d", bodies[i], code);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        int code =
            mail_ask(&c.ana, others[i].method, others[i].target, NULL, SIGNED_BLINDED, NULL, 0);
        if (code != others[i].code && !(code == 400 && others[i].code == 404))
            fail_msg("%s %s: %d", others[i].method, others[i].target, code);
    }
    (void)snprintf(unblinded, sizeof(unblinded), "/inbox/%s", account_id_text(&c.ben.account.id).s);
    assert_int_equal(
        mail_ask(&c.ana, "POST", unblinded, "{\"message\":\"aGk=\"}", SIGNED_BLINDED, NULL, 0),
        404);
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
    mail_cast_close(&c);
}

static void message__larger_than_allowed__is_413(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_MESSAGE_BYTES=1K", NULL};
    struct mail_cast c;
    char text[2048];
    json_auto_t *sent = NULL;
    size_t server = mail_other_server(env);
    mail_cast_open(&c, server, server, false);
    mail_show_up(&c.ben);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(community_dm(&c.ana.community, &c.ben.community.blinded.id, text, &sent),
                     ERR_DENIED);
    assert_int_equal(c.ana.community.refusal.code, 413);
    text[500] = '\0';
    mail_send(&c.ana, &c.ben, text);
    mail_cast_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dm__through_three_relays__is_read_by_its_two_ends_alone),
        cmocka_unit_test(recipient_unknown_or_banned__is_404_otherwise_201),
        cmocka_unit_test(caller_without_a_blinded_key__is_401),
        cmocka_unit_test(direct_message__after_its_time__is_gone),
        cmocka_unit_test(poll_with_nothing_new__is_304_without_headers_and_body),
        cmocka_unit_test(ids__after_everything_was_deleted__grow_on),
        cmocka_unit_test(inbox__with_limit__is_read_in_pages_oldest_first),
        cmocka_unit_test(keys__of_past_months__go_with_the_last_message_they_sealed),
        cmocka_unit_test(tool__dm_and_inbox__through_three_relays__agree),
        cmocka_unit_test(dm__at_rest__is_sealed_and_bound_to_its_people),
        cmocka_unit_test(boxes__as_full_as_allowed__refuse_more_and_change_nothing),
        cmocka_unit_test(strangers__hold_a_quarter_of_an_inbox_and_the_loudest_makes_room),
        cmocka_unit_test(inbox__that_is_full__loses_the_oldest_of_whoever_sent_most),
        cmocka_unit_test(bad_input__to_every_route__is_refused_and_changes_nothing),
        cmocka_unit_test(message__larger_than_allowed__is_413),
    };
    return cmocka_run_group_tests(tests, mail_world_open, mail_world_close);
}
