/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reactions as people use them (docs/protocol/community.md, 6, statements 44-49, and what goes with
 * them). One world; each test has a room of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "db/db.h"
#include "integration/talk.h"

enum { ANA, BEN, CLEO, DAN, EVE, MOD, MEMBERS };

static struct talk talk;

static const json_t *reaction(const json_t *row, const char *text)
{
    return json_object_get(json_object_get(row, "reactions"), text);
}

/* The row of a message as a member sees it now. */
static json_t *one(size_t member, const char *room, int64_t id)
{
    return talk_get(&talk, member, "/room/%s/message/%lld?reactors=20", room, (long long)id);
}

static void reaction_of_twelve_code_points__is_the_longest(void **state)
{
    (void)state;
    talk_room(&talk, "s44");
    int64_t id = talk_post(&talk, ANA, "s44", "twelve");
    (void)talk_react(&talk, BEN, "s44", id, "🍍🍍🍍🍍🍍🍍🍍🍍🍍🍍🍍🍍");
    (void)talk_react(&talk, BEN, "s44", id, "a/b?c%d\"e\\");
    talk_refused(&talk, BEN, 400, "PUT", "/room/s44/reaction/%lld/1234567890123", (long long)id);
    talk_refused(&talk, BEN, 400, "DELETE", "/room/s44/reaction/%lld/1234567890123", (long long)id);
    talk_refused(&talk, BEN, 404, "PUT", "/room/s44/reaction/%lld/", (long long)id);
    talk_refused(&talk, BEN, 404, "PUT", "/room/s44/reaction/%lld", (long long)id);
    json_auto_t *row = one(ANA, "s44", id);
    assert_int_equal(json_object_size(json_object_get(row, "reactions")), 2);
    assert_int_equal(talk_int(reaction(row, "a/b?c%d\"e\\"), "index"), 1);
}

static void same_reaction_twice__changes_nothing(void **state)
{
    (void)state;
    talk_room(&talk, "s45");
    int64_t id = talk_post(&talk, ANA, "s45", "once is enough");
    int64_t seqno = talk_react(&talk, BEN, "s45", id, "👍");
    assert_int_equal(seqno, 2);
    json_auto_t *again = talk_do(&talk, BEN, "PUT", "/room/s45/reaction/%lld/👍", (long long)id);
    assert_true(json_is_false(json_object_get(again, "added")));
    assert_int_equal(talk_int(again, "seqno"), seqno);
    assert_int_equal(talk_sequence(&talk, BEN, "s45"), seqno);
    json_auto_t *gone = talk_do(&talk, CLEO, "DELETE", "/room/s45/reaction/%lld/👍", (long long)id);
    assert_true(json_is_false(json_object_get(gone, "removed")));
    assert_int_equal(talk_sequence(&talk, BEN, "s45"), seqno);
}

static void reaction__withdrawn_by_its_last_user_and_added_again__comes_last(void **state)
{
    (void)state;
    talk_room(&talk, "s46");
    int64_t id = talk_post(&talk, ANA, "s46", "order");
    (void)talk_react(&talk, BEN, "s46", id, "1");
    (void)talk_react(&talk, BEN, "s46", id, "2");
    (void)talk_react(&talk, CLEO, "s46", id, "2");
    json_auto_t *a = talk_do(&talk, BEN, "DELETE", "/room/s46/reaction/%lld/2", (long long)id);
    assert_true(json_is_true(json_object_get(a, "removed")));
    (void)talk_react(&talk, BEN, "s46", id, "2"); /* Cleo kept its place */
    json_auto_t *row = one(ANA, "s46", id);
    assert_int_equal(talk_int(reaction(row, "1"), "index"), 0);
    assert_int_equal(talk_int(reaction(row, "2"), "index"), 1);
    json_auto_t *b = talk_do(&talk, BEN, "DELETE", "/room/s46/reaction/%lld/1", (long long)id);
    assert_true(json_is_true(json_object_get(b, "removed")));
    (void)talk_react(&talk, BEN, "s46", id, "1");
    json_auto_t *after = one(ANA, "s46", id);
    assert_int_equal(talk_int(reaction(after, "2"), "index"), 0);
    assert_int_equal(talk_int(reaction(after, "1"), "index"), 1);
}

static void expect_reactors(const json_t *r, const size_t *members, size_t count)
{
    const json_t *list = json_object_get(r, "reactors");
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; i++) {
        struct id_text id;
        assert_string_equal(json_string_value(json_array_get(list, i)),
                            talk_id(&talk, members[i], &id));
    }
}

static void five_reactors__the_first_are_shown_and_you_only_to_oneself(void **state)
{
    (void)state;
    static const size_t order[] = {EVE, BEN, DAN, CLEO, MOD};
    talk_room(&talk, "s47");
    int64_t id = talk_post(&talk, ANA, "s47", "popular");
    for (size_t i = 0; i < COUNT_OF(order); i++)
        (void)talk_react(&talk, order[i], "s47", id, "👍");
    for (int by_sql = 0; by_sql < 2; by_sql++) { /* from memory, then from behind the windows */
        json_auto_t *three =
            talk_get(&talk, MOD, "/room/s47/message/%lld?reactors=3", (long long)id);
        assert_int_equal(talk_int(reaction(three, "👍"), "count"), 5);
        expect_reactors(reaction(three, "👍"), order, 3);
        assert_true(json_is_true(json_object_get(reaction(three, "👍"), "you")));
        json_auto_t *none = talk_get(&talk, ANA, "/room/s47/messages/since/0?t=r&reactors=0");
        const json_t *r = reaction(talk_row(none, id), "👍");
        assert_int_equal(json_object_size(r), 2); /* index, count */
        json_auto_t *many = talk_get(&talk, ANA, "/room/s47/messages/recent?reactors=99");
        expect_reactors(reaction(talk_row(many, id), "👍"), order, 5);
        assert_null(json_object_get(reaction(talk_row(many, id), "👍"), "you"));
        /* A restarted server has nothing in memory. */
        assert_int_equal(world_stop_server(&talk.w, 0), 0);
        assert_int_equal(world_restart_server(&talk.w, 0, NULL), OK);
        for (size_t i = 0; i < MEMBERS; i++)
            talk_move(&talk, i, 0);
    }
    json_auto_t *list = talk_get(&talk, ANA, "/room/s47/reactors/%lld/👍", (long long)id);
    assert_int_equal(json_array_size(list), 5);
    double last = 0;
    for (size_t i = 0; i < 5; i++) {
        struct id_text text;
        const json_t *pair = json_array_get(list, i);
        assert_string_equal(json_string_value(json_array_get(pair, 0)),
                            talk_id(&talk, order[i], &text));
        assert_true(json_real_value(json_array_get(pair, 1)) >= last);
        last = json_real_value(json_array_get(pair, 1));
    }
    json_auto_t *two = talk_get(&talk, ANA, "/room/s47/reactors/%lld/👍?limit=2", (long long)id);
    assert_int_equal(json_array_size(two), 2);
    json_auto_t *all = talk_get(&talk, ANA, "/room/s47/reactors/%lld/👍?limit=-1", (long long)id);
    assert_int_equal(json_array_size(all), 5);
    json_auto_t *nobody = talk_get(&talk, ANA, "/room/s47/reactors/%lld/👎", (long long)id);
    assert_int_equal(json_array_size(nobody), 0);
}

static void whisper_or_deleted_message__cannot_be_reacted_to(void **state)
{
    (void)state;
    talk_room(&talk, "s48");
    talk_appoint(&talk, MOD, "s48", NULL);
    int64_t whisper = talk_whisper(&talk, MOD, "s48", "only for Ben", BEN, false);
    int64_t deleted = talk_post(&talk, ANA, "s48", "soon gone");
    talk_delete(&talk, ANA, "s48", deleted);
    int64_t elsewhere = talk_post(&talk, ANA, "lobby", "in another room");
    const int64_t ids[] = {whisper, deleted, elsewhere, INT64_MAX};
    int64_t sequence = talk_sequence(&talk, BEN, "s48");
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        talk_refused(&talk, BEN, 404, "PUT", "/room/s48/reaction/%lld/x", (long long)ids[i]);
        talk_refused(&talk, BEN, 404, "DELETE", "/room/s48/reaction/%lld/x", (long long)ids[i]);
        talk_refused(&talk, MOD, 404, "DELETE", "/room/s48/reactions/%lld/x", (long long)ids[i]);
        talk_refused(&talk, MOD, 404, "DELETE", "/room/s48/reactions/%lld", (long long)ids[i]);
    }
    assert_int_equal(talk_sequence(&talk, BEN, "s48"), sequence);
}

static void remove_all__counts_each_user_reaction(void **state)
{
    (void)state;
    talk_room(&talk, "s49");
    talk_appoint(&talk, MOD, "s49", NULL);
    int64_t id = talk_post(&talk, ANA, "s49", "cleared");
    for (size_t m = BEN; m <= EVE; m++)
        (void)talk_react(&talk, m, "s49", id, "a");
    (void)talk_react(&talk, BEN, "s49", id, "b");
    int64_t before = talk_react(&talk, CLEO, "s49", id, "b");
    talk_refused(&talk, BEN, 403, "DELETE", "/room/s49/reactions/%lld/a", (long long)id);
    json_auto_t *one_kind =
        talk_do(&talk, MOD, "DELETE", "/room/s49/reactions/%lld/a", (long long)id);
    assert_int_equal(talk_int(one_kind, "removed"), 4);
    assert_int_equal(talk_int(one_kind, "seqno"), before + 4);
    json_auto_t *row = one(ANA, "s49", id);
    assert_null(reaction(row, "a"));
    assert_int_equal(talk_int(reaction(row, "b"), "index"), 0);
    json_auto_t *all = talk_do(&talk, MOD, "DELETE", "/room/s49/reactions/%lld", (long long)id);
    assert_int_equal(talk_int(all, "removed"), 2);
    assert_int_equal(talk_int(all, "seqno"), before + 6);
    assert_int_equal(talk_sequence(&talk, ANA, "s49"), before + 6);
    json_auto_t *rows =
        talk_get(&talk, ANA, "/room/s49/messages/since/%lld?t=r", (long long)before);
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(json_object_size(json_array_get(rows, 0)), 3);
    assert_int_equal(json_object_size(json_object_get(json_array_get(rows, 0), "reactions")), 0);
    json_auto_t *again = talk_do(&talk, MOD, "DELETE", "/room/s49/reactions/%lld", (long long)id);
    assert_int_equal(talk_int(again, "removed"), 0);
    assert_int_equal(talk_int(again, "seqno"), before + 6);
}

static void reaction__by_an_anonymous_caller__is_refused(void **state)
{
    (void)state;
    int64_t id = talk_post(&talk, ANA, "lobby", "names, please");
    char target[64];
    (void)snprintf(target, sizeof(target), "/room/lobby/reaction/%lld/x", (long long)id);
    struct community_request request = {.method = "PUT", .target = target, .signing = UNSIGNED};
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    assert_int_equal(community_call(&talk.members[ANA].community, &request, &reply), OK);
    assert_int_equal(reply.code, 401);
}

static void reaction__at_rest__is_sealed_and_of_one_size(void **state)
{
    (void)state;
    int64_t id = talk_post(&talk, ANA, "lobby", "sealed");
    (void)talk_react(&talk, BEN, "lobby", id, "marked-word");
    (void)talk_react(&talk, BEN, "lobby", id, "x");
    struct db *db = talk_database(&talk);
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(
        DB_QUERY(db,
                 "SELECT count(*), count(*) FILTER (WHERE position($1::bytea IN text) > 0),"
                 "       count(DISTINCT octet_length(text)), count(DISTINCT text)"
                 "  FROM conclave.reactions WHERE message = $2::bigint",
                 &rows, PARAM_BYTES(SPAN("marked")), PARAM_I64(id)),
        OK);
    assert_true(rows_next(&rows, &row));
    assert_int_equal(row_i64(&row, 0), 2);
    assert_int_equal(row_i64(&row, 1), 0);
    assert_int_equal(row_i64(&row, 2), 1);
    assert_int_equal(row_i64(&row, 3), 2);
    db_free(db);
}

/* More people than memory keeps: whoever is not among them still learns the truth about himself. */
static void reaction__with_more_people_than_memory_keeps__still_tells_you(void **state)
{
    (void)state;
    enum { CROWD = 1500 };
    talk_room(&talk, "crowd");
    int64_t id = talk_post(&talk, ANA, "crowd", "everybody likes it");
    (void)talk_react(&talk, BEN, "crowd", id, "👍");
    struct db *db = talk_database(&talk);
    assert_int_equal(
        DB_QUERY(db,
                 "WITH people AS ("
                 "    INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
                 "    SELECT decode('15' || lpad(to_hex(n), 64, '0'), 'hex'), 0, 0"
                 "      FROM generate_series(1, $2::bigint) AS n"
                 "    RETURNING id),"
                 "given AS ("
                 "    INSERT INTO conclave.user_reactions (reaction, user_id, seqno, at)"
                 "    SELECT r.id, p.id, 3, 0"
                 "      FROM people p, conclave.reactions r WHERE r.message = $1::bigint"
                 "    RETURNING reaction)"
                 "UPDATE conclave.reactions SET users = users + $2 WHERE message = $1",
                 NULL, PARAM_I64(id), PARAM_I64(CROWD)),
        OK);
    db_free(db);
    int64_t seqno = talk_react(&talk, CLEO, "crowd", id, "👍"); /* the last of all */
    for (int i = 0; i < 2; i++) {
        json_auto_t *cleo = one(CLEO, "crowd", id);
        assert_int_equal(talk_int(reaction(cleo, "👍"), "count"), CROWD + 2);
        assert_int_equal(json_array_size(json_object_get(reaction(cleo, "👍"), "reactors")), 20);
        assert_true(json_is_true(json_object_get(reaction(cleo, "👍"), "you")));
        json_auto_t *ben = one(BEN, "crowd", id); /* the first of all */
        assert_true(json_is_true(json_object_get(reaction(ben, "👍"), "you")));
        json_auto_t *dan = one(DAN, "crowd", id);
        assert_null(json_object_get(reaction(dan, "👍"), "you"));
        json_auto_t *rows =
            talk_get(&talk, CLEO, "/room/crowd/messages/since/%lld?t=r", (long long)seqno - 1);
        assert_true(json_is_true(json_object_get(reaction(talk_row(rows, id), "👍"), "you")));
    }
    talk_appoint(&talk, MOD, "crowd", NULL);
    json_auto_t *all = talk_do(&talk, MOD, "DELETE", "/room/crowd/reactions/%lld", (long long)id);
    assert_int_equal(talk_int(all, "removed"), CROWD + 2);
    assert_int_equal(talk_int(all, "seqno"), seqno + CROWD + 2);
}

static void reactions__beyond_the_bound_of_a_message__are_refused(void **state)
{
    (void)state;
    talk_room(&talk, "bound");
    int64_t id = talk_post(&talk, ANA, "bound", "full");
    for (int i = 0; i < 256; i++) {
        char text[8];
        (void)snprintf(text, sizeof(text), "%d", i);
        (void)talk_react(&talk, BEN, "bound", id, text);
    }
    talk_refused(&talk, BEN, 429, "PUT", "/room/bound/reaction/%lld/more", (long long)id);
    (void)talk_react(&talk, CLEO, "bound", id, "0"); /* what is there may be joined */
    json_auto_t *row = one(ANA, "bound", id);
    assert_int_equal(json_object_size(json_object_get(row, "reactions")), 256);
}

static int set_up(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off", NULL};
    (void)state;
    talk_open(&talk, 1, MEMBERS, env);
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
        cmocka_unit_test(reaction_of_twelve_code_points__is_the_longest),
        cmocka_unit_test(same_reaction_twice__changes_nothing),
        cmocka_unit_test(reaction__withdrawn_by_its_last_user_and_added_again__comes_last),
        cmocka_unit_test(five_reactors__the_first_are_shown_and_you_only_to_oneself),
        cmocka_unit_test(whisper_or_deleted_message__cannot_be_reacted_to),
        cmocka_unit_test(remove_all__counts_each_user_reaction),
        cmocka_unit_test(reaction__by_an_anonymous_caller__is_refused),
        cmocka_unit_test(reaction__at_rest__is_sealed_and_of_one_size),
        cmocka_unit_test(reaction__with_more_people_than_memory_keeps__still_tells_you),
        cmocka_unit_test(reactions__beyond_the_bound_of_a_message__are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
