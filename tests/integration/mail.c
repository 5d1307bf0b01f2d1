/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See mail.h.
 */
#include "integration/mail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "integration/database.h"

struct world mail_world;

int mail_world_open(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_LIMITS_DIRECT_MESSAGES=off", NULL};
    struct world_options options = {.servers = 2, .relays = 3, .env = env, .no_fsync = true};
    if (world_open(&mail_world, &options) != OK)
        fail_msg("%s", mail_world.trouble);
    return 0;
}

int mail_world_close(void **state)
{
    (void)state;
    assert_true(world_close(&mail_world));
    return 0;
}

/* A server with other settings: one at a time, in the same place. */
size_t mail_other_server(const char *const *env)
{
    static size_t other;
    if (other == 0) {
        assert_int_equal(world_start_server(&mail_world, env, &other), OK);
        return other;
    }
    assert_int_equal(world_stop_server(&mail_world, other), 0);
    assert_int_equal(world_restart_server(&mail_world, other, env), OK);
    return other;
}

void mail_meet(struct mail_person *p, size_t server, bool through_relays)
{
    struct server_link_options options = world_route(&mail_world, server, through_relays);
    assert_int_equal(account_new(&p->account), OK);
    assert_int_equal(server_link_open(&options, &p->link), OK);
    assert_int_equal(community_open(p->link, &p->account, &p->community), OK);
}

void mail_part(struct mail_person *p)
{
    community_close(&p->community);
    server_link_close(p->link);
}

void mail_cast_open(struct mail_cast *c, size_t ana_at, size_t ben_at, bool through_relays)
{
    struct database d = {{0}, {0}};
    mail_meet(&c->ana, ana_at, through_relays);
    mail_meet(&c->ben, ben_at, through_relays);
    mail_meet(&c->carl, ana_at, false);
    (void)snprintf(d.url, sizeof(d.url), "%.150s", mail_world.database_url);
    c->db = database_connect_bare(&d);
    database_run(c->db, "DELETE FROM conclave.direct_messages");
}

void mail_cast_close(struct mail_cast *c)
{
    db_free(c->db);
    mail_part(&c->ana);
    mail_part(&c->ben);
    mail_part(&c->carl);
}

/* Authenticates once, which is what makes somebody reachable. */
void mail_show_up(struct mail_person *m)
{
    json_auto_t *list = NULL;
    assert_int_equal(community_capabilities(&m->community, &list), OK);
}

/* Asks, and says the code; the body goes to ret_body as text when that is not NULL. */
int mail_ask(struct mail_person *m, const char *method, const char *target, const char *json,
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

int64_t mail_send(struct mail_person *from, const struct mail_person *to, const char *text)
{
    json_auto_t *sent = NULL;
    if (community_dm(&from->community, &to->community.blinded.id, text, &sent) != OK)
        fail_msg("%d %s", from->community.refusal.code, from->community.refusal.text);
    return json_integer_value(json_object_get(sent, "id"));
}

size_t mail_read(struct mail_person *m, enum mail_box box, int64_t since, json_t **ret_rows)
{
    assert_int_equal(community_mail(&m->community, box, since, ret_rows), OK);
    return json_array_size(*ret_rows);
}

size_t mail_count(struct mail_person *m, enum mail_box box, int64_t since)
{
    json_auto_t *rows = NULL;
    return mail_read(m, box, since, &rows);
}

void mail_assert_text(const struct mail_person *m, const json_t *row, const struct account *author,
                      const char *text)
{
    struct direct_message dm AUTO_DIRECT_MESSAGE = {0};
    assert_int_equal(direct_message_read(&m->community, row, &dm), OK);
    assert_true(span_eq_text(dm.text, text));
    assert_true(session_id_eq(&dm.author, &author->id));
}

double mail_sql(size_t server)
{
    double request = 0;
    assert_int_equal(world_metric(&mail_world, server,
                                  "conclave_sql_statements_total{origin=\"request\"}", &request),
                     OK);
    return request;
}

void mail_poll(struct mail_person *m)
{
    struct room_view view = {.token = "lobby"};
    json_t *batch = NULL;
    assert_int_equal(community_poll(&m->community, POLL_DESKTOP, &view, 1, &batch), OK);
    json_decref(batch);
}
