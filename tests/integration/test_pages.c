/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A page of `since` is the same whether memory or the database answers, wherever the database's
 * chunks are cut (pages of every size, from every number), and costs what is on it: not the
 * deletions of messages that the reader never had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "integration/talk.h"

enum { ANA, BEN, MOD, MEMBERS };
enum {
    SPAM = 400, /* posts of one person that a moderator clears away at once */
    LIVE = 70,  /* more than one chunk of the database */
    AFTER = 40,
    STEPS = 220,
    FILLERS = 1100, /* a window holds 1,024 messages */
    KNOWN_MAX = 64,
    SINCE_STEP = 3,
    PAGES_MAX = 4000,
};
/* 64 messages are one chunk of the database; the others cut its first chunk anywhere below that. */
static const int limits[] = {1, 2, 3, 5, 8, 13, 31, 63, 64, 65, 100, 128};

static const char request_sql[] = "conclave_sql_statements_total{origin=\"request\"}";

static struct talk talk;
static int64_t last; /* the room's counter when its history ended */

struct asked {
    int64_t since;
    int limit;
    json_t *rows;
};
static struct asked pages[PAGES_MAX];
static size_t page_count;

static double statements(void)
{
    double value = 0;
    assert_int_equal(world_metric(&talk.w, 0, request_sql, &value), OK);
    return value;
}

/* ---- what happens in the room ---- */

static void clear_spam(void)
{
    struct id_text id;
    for (int i = 0; i < SPAM; i++)
        (void)talk_post(&talk, BEN, "lobby", "spam");
    for (int i = 0; i < LIVE; i++)
        (void)talk_post(&talk, ANA, "lobby", "live");
    json_decref(talk_do(&talk, MOD, "DELETE", "/room/lobby/all/%s", talk_id(&talk, BEN, &id)));
    for (int i = 0; i < AFTER; i++)
        (void)talk_post(&talk, ANA, "lobby", "after");
}

/* Refusals are part of it: the message may be deleted by now. */
static enum err change(unsigned what, int64_t id, unsigned *random)
{
    static const char *const texts[] = {"👍", "👎", "🍍"};
    struct community *anybody = &talk.members[rand_r(random) % 2 == 0 ? ANA : BEN].community;
    const char *text = texts[(unsigned)rand_r(random) % COUNT_OF(texts)];
    if (what < 12)
        return community_edit(&talk.members[ANA].community, "lobby", id, "something else");
    if (what < 18)
        return community_react(anybody, "lobby", id, text, NULL);
    return community_delete(&talk.members[ANA].community, "lobby", id);
}

static void happen(int64_t *known, size_t *count, unsigned *random)
{
    unsigned what = (unsigned)rand_r(random) % 20;
    int64_t id = *count > 0
                     ? known[(unsigned)rand_r(random) % (*count < KNOWN_MAX ? *count : KNOWN_MAX)]
                     : 0;
    if (what < 7 || id == 0) {
        known[(*count)++ % KNOWN_MAX] = talk_post(&talk, ANA, "lobby", "something new");
    } else if (what < 9) {
        (void)talk_whisper(&talk, MOD, "lobby", "not for Ben", ANA, false);
    } else {
        enum err e = change(what, id, random);
        assert_true(e == OK || e == ERR_DENIED);
    }
    if (*count == 2 * KNOWN_MAX)
        *count = KNOWN_MAX;
}

/* ---- asking ---- */

static json_t *page(int64_t since, int limit)
{
    return talk_get(&talk, BEN, "/room/lobby/messages/since/%lld?t=r&limit=%d", (long long)since,
                    limit);
}

/* Pages that are full: what happens later does not belong on them. */
static void ask_memory(void)
{
    double before = statements();
    for (size_t l = 0; l < COUNT_OF(limits); l++) {
        for (int64_t since = 0; since < last && page_count < PAGES_MAX; since += SINCE_STEP) {
            json_t *rows = page(since, limits[l]);
            if (json_array_size(rows) < (size_t)limits[l]) {
                json_decref(rows);
                break;
            }
            pages[page_count++] = (struct asked){since, limits[l], rows};
        }
    }
    assert_true(page_count > 1000);
    assert_true(statements() <= before);
}

static void assert_same(const struct asked *asked, const json_t *now)
{
    if (json_equal(asked->rows, now))
        return;
    char *had = json_dumps(asked->rows, JSON_COMPACT);
    char *is = json_dumps(now, JSON_COMPACT);
    fail_msg("since %lld, limit %d: memory said\n%s\nthe database says\n%s",
             (long long)asked->since, asked->limit, had, is);
}

static void pages__behind_the_windows__are_those_that_memory_gave(void **state)
{
    (void)state;
    int64_t known[KNOWN_MAX];
    size_t count = 0;
    unsigned random = 17;
    clear_spam();
    for (int i = 0; i < STEPS; i++)
        happen(known, &count, &random);
    last = talk_sequence(&talk, BEN, "lobby");
    ask_memory();
    for (int i = 0; i < FILLERS; i++)
        (void)talk_post(&talk, MOD, "lobby", "filler");
    double before = statements();
    for (size_t i = 0; i < page_count; i++) {
        json_auto_t *now = page(pages[i].since, pages[i].limit);
        assert_same(&pages[i], now);
        json_decref(pages[i].rows);
    }
    assert_true(statements() >= before + (double)page_count);
    print_message("%zu pages over %lld events\n", page_count, (long long)last);
}

/*
 * He begins behind the spam's posts: its deletions are nothing to him, also not in the second
 * chunk.
 */
static void page__across_deletions_of_what_the_reader_never_had__costs_two_statements(void **state)
{
    (void)state;
    double before = statements();
    json_auto_t *rows =
        talk_get(&talk, BEN, "/room/lobby/messages/since/0?limit=%d", LIVE + AFTER / 2);
    assert_int_equal(json_array_size(rows), LIVE + AFTER / 2);
    double cost = statements() - before;
    print_message("%.0f statements\n", cost);
    assert_true(cost <= 4); /* and the reactions of each chunk */
}

static int set_up(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off", NULL};
    (void)state;
    talk_open(&talk, 1, MEMBERS, env);
    talk_appoint(&talk, MOD, "lobby", NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages__behind_the_windows__are_those_that_memory_gave),
        cmocka_unit_test(page__across_deletions_of_what_the_reader_never_had__costs_two_statements),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
