/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What memory says about direct messages: idle polls cost no SQL, and whatever happens in whichever
 * process, nothing is missed (docs/decisions/0003-direct-messages-in-memory.md).
 *
 * test-seconds: 18
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "integration/deaf_proxy.h"
#include "integration/mail.h"

static void idle_polls__of_people_with_and_without_dms__touch_no_sql(void **state)
{
    (void)state;
    struct mail_cast c;
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    mail_send(&c.ana, &c.ben, "something that was read");
    struct mail_person *all[] = {&c.ana, &c.ben, &c.carl};
    for (int round = 0; round < 2; round++) /* the first learns, the second has read it all */
        for (size_t i = 0; i < COUNT_OF(all); i++)
            mail_poll(all[i]);
    assert_true(c.ben.community.inbox_seen > 0 && c.ana.community.outbox_seen > 0);
    double before = mail_sql(0);
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < COUNT_OF(all); i++)
            mail_poll(all[i]);
    assert_true(mail_sql(0) <= before);
    /* A message to one of them costs the others nothing. */
    int64_t id = mail_send(&c.ana, &c.ben, "news");
    before = mail_sql(0);
    mail_poll(&c.carl);
    assert_true(mail_sql(0) <= before);
    mail_poll(&c.ben);
    assert_int_equal(c.ben.community.inbox_seen, id);
    mail_cast_close(&c);
}

/* Ben polls another process than Ana posts to, and all his polls before cost no SQL. */
static void dm__sent_to_another_process__is_seen_within_a_second(void **state)
{
    (void)state;
    struct mail_cast c;
    mail_cast_open(&c, 0, 1, false);
    mail_poll(&c.ben);
    /* His row is written by the sightings of his own process, which come every few seconds. */
    json_t *sent = NULL;
    int64_t deadline = clock_mono_ms() + MAIL_GONE_WITHIN_MS;
    while (community_dm(&c.ana.community, &c.ben.community.blinded.id, "first", &sent) != OK) {
        assert_int_equal(c.ana.community.refusal.code, 404);
        assert_true(clock_mono_ms() < deadline);
    }
    json_decref(sent);
    for (int i = 0; i < 30; i++) {
        int64_t id = mail_send(&c.ana, &c.ben, "across");
        deadline = clock_mono_ms() + MAIL_SEEN_WITHIN_MS;
        while (c.ben.community.inbox_seen < id) {
            assert_true(clock_mono_ms() < deadline);
            mail_poll(&c.ben);
        }
    }
    mail_poll(&c.ben);
    double before = mail_sql(1);
    for (int i = 0; i < 20; i++)
        mail_poll(&c.ben);
    assert_true(mail_sql(1) <= before);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, 0), 31);
    mail_cast_close(&c);
}

/* The hint that a message came is lost every time: comparing versions finds it. */
static void dm__sent_to_a_process_that_hears_no_notifications__is_seen_within_a_second(void **state)
{
    (void)state;
    static struct deaf_proxy proxy;
    struct mail_cast c;
    char folder[DEAF_PATH_MAX], url[DEAF_URL_MAX + 32];
    const char *deaf[] = {url, NULL};
    (void)snprintf(folder, sizeof(folder), "%.80s/deaf", mail_world.folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(deaf_proxy_open(&proxy, folder, mail_world.database_url), OK);
    (void)snprintf(url, sizeof(url), "CONCLAVE_DATABASE_URL=%s", proxy.url);
    size_t server = mail_other_server(deaf);
    mail_cast_open(&c, 0, server, false);
    mail_show_up(&c.ana);
    mail_poll(&c.ben);
    int64_t deadline = clock_mono_ms() + MAIL_GONE_WITHIN_MS;
    json_t *sent = NULL;
    while (community_dm(&c.ana.community, &c.ben.community.blinded.id, "first", &sent) != OK)
        assert_true(clock_mono_ms() < deadline);
    json_decref(sent);
    for (int i = 0; i < 5; i++) {
        int64_t id = mail_send(&c.ana, &c.ben, "unheard");
        deadline = clock_mono_ms() + MAIL_SEEN_WITHIN_MS;
        while (c.ben.community.inbox_seen < id) {
            assert_true(clock_mono_ms() < deadline);
            mail_poll(&c.ben);
        }
    }
    assert_true(atomic_load(&proxy.dropped) > 0);
    mail_cast_close(&c);
}

/* ---- any order of things ---- */

enum { CROWD = 5, TURNS = 250, KEPT_MAX = 512 };

/* What should be there. */
struct model {
    struct mail_person people[CROWD][2]; /* the same account at both servers */
    struct {
        int64_t id;
        size_t from, to;
    } dms[KEPT_MAX];
    size_t count;
    uint64_t random;
};

static size_t roll(struct model *m, size_t sides)
{
    m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(m->random >> 33) % sides;
}

static void model_send(struct model *m)
{
    size_t from = roll(m, CROWD), to = roll(m, CROWD);
    int64_t id = mail_send(&m->people[from][roll(m, 2)], &m->people[to][0], "words");
    assert_true(m->count < KEPT_MAX);
    m->dms[m->count].id = id;
    m->dms[m->count].from = from;
    m->dms[m->count++].to = to;
}

static void model_clear(struct model *m)
{
    size_t who = roll(m, CROWD), left = 0;
    int64_t deleted = 0;
    assert_int_equal(community_clear_inbox(&m->people[who][roll(m, 2)].community, &deleted), OK);
    for (size_t i = 0; i < m->count; i++)
        if (m->dms[i].to != who)
            m->dms[left++] = m->dms[i];
    assert_int_equal(deleted, m->count - left);
    m->count = left;
}

/*
 * A box from a random place on, at a random server: exactly what the model says, within a second.
 */
static void model_read(struct model *m)
{
    size_t who = roll(m, CROWD), server = roll(m, 2);
    enum mail_box box = roll(m, 2) == 0 ? MAIL_INBOX : MAIL_OUTBOX;
    int64_t since = m->count > 0 && roll(m, 3) > 0 ? m->dms[roll(m, m->count)].id : 0;
    int64_t deadline = clock_mono_ms() + MAIL_SEEN_WITHIN_MS;
    for (bool same = false; !same;) {
        json_auto_t *rows = NULL;
        size_t expected = 0;
        size_t got = mail_read(&m->people[who][server], box, since, &rows);
        same = true;
        for (size_t i = 0; i < m->count; i++) {
            if (m->dms[i].id <= since || (box == MAIL_INBOX ? m->dms[i].to : m->dms[i].from) != who)
                continue;
            const json_t *row = json_array_get(rows, expected++);
            same = same && json_integer_value(json_object_get(row, "id")) == m->dms[i].id;
        }
        same = same && got == expected;
        if (!same && clock_mono_ms() > deadline)
            fail_msg("%zu rows instead of %zu", got, expected);
    }
}

static void
boxes__in_any_order_of_sending_clearing_and_reading__are_what_they_should_be(void **state)
{
    (void)state;
    static struct model m;
    struct mail_cast c;
    m = (struct model){.random = 20261126};
    mail_cast_open(&c, 0, 0, false);
    for (size_t i = 0; i < CROWD; i++) {
        for (size_t server = 0; server < 2; server++) {
            struct server_link_options options = world_route(&mail_world, server, false);
            struct mail_person *p = &m.people[i][server];
            if (server == 0)
                assert_int_equal(account_new(&p->account), OK);
            else
                p->account = m.people[i][0].account;
            assert_int_equal(server_link_open(&options, &p->link), OK);
            assert_int_equal(community_open(p->link, &p->account, &p->community), OK);
            mail_show_up(p);
        }
    }
    for (int turn = 0; turn < TURNS; turn++) {
        size_t what = roll(&m, 20);
        if (what < 7)
            model_send(&m);
        else if (what < 8)
            model_clear(&m);
        else
            model_read(&m);
    }
    for (size_t i = 0; i < CROWD; i++)
        for (size_t server = 0; server < 2; server++)
            mail_part(&m.people[i][server]);
    mail_cast_close(&c);
}

static void dm__acknowledged__survives_kill_9(void **state)
{
    (void)state;
    struct mail_cast c;
    mail_cast_open(&c, 0, 0, false);
    mail_show_up(&c.ben);
    int64_t id = mail_send(&c.ana, &c.ben, "before the end");
    mail_poll(&c.ben);
    world_kill_server(&mail_world, 0);
    assert_int_equal(world_restart_server(&mail_world, 0, NULL), OK);
    json_auto_t *rows = NULL;
    assert_int_equal(mail_read(&c.ben, MAIL_INBOX, 0, &rows), 1);
    mail_assert_text(&c.ben, json_array_get(rows, 0), &c.ana.account, "before the end");
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, id), 0);
    assert_true(mail_send(&c.ana, &c.ben, "after it") > id);
    assert_int_equal(mail_count(&c.ben, MAIL_INBOX, id), 1);
    mail_cast_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_polls__of_people_with_and_without_dms__touch_no_sql),
        cmocka_unit_test(dm__sent_to_another_process__is_seen_within_a_second),
        cmocka_unit_test(
            dm__sent_to_a_process_that_hears_no_notifications__is_seen_within_a_second),
        cmocka_unit_test(
            boxes__in_any_order_of_sending_clearing_and_reading__are_what_they_should_be),
        cmocka_unit_test(dm__acknowledged__survives_kill_9),
    };
    return cmocka_run_group_tests(tests, mail_world_open, mail_world_close);
}
