/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whispers (docs/protocol/community.md, 6, statements 36-39), and that nothing hidden leaks: each
 * reader against each kind of message, through each way of reading.
 *
 * test-timeout-s: 240
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "db/db.h"
#include "integration/talk.h"
#include "integration/unmarked.h"

enum { ANA, BEN, CLEO, MOD, ADMIN, MEMBERS };

static struct talk talk;

/* ---- whispers ---- */

/* Does this member find the message in any way of reading? All ways must agree. */
static bool sees(size_t member, const char *room, int64_t id)
{
    char target[96];
    json_auto_t *recent = talk_get(&talk, member, "/room/%s/messages/recent", room);
    json_auto_t *before =
        talk_get(&talk, member, "/room/%s/messages/before/%lld", room, (long long)id + 1);
    json_auto_t *all = talk_since(&talk, member, room, 0, "?t=r");
    (void)snprintf(target, sizeof(target), "/room/%s/message/%lld", room, (long long)id);
    bool seen = talk_ask(&talk, member, "GET", target, NULL, NULL) == 200;
    assert_int_equal(talk_row(recent, id) != NULL, seen);
    assert_int_equal(talk_row(before, id) != NULL, seen);
    assert_int_equal(talk_row(all, id) != NULL, seen);
    return seen;
}

static void whisper_to_b__only_b_and_the_sender_see_it(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "s36");
    int64_t id = talk_whisper(&talk, MOD, "s36", "just you", BEN, false);
    assert_true(sees(BEN, "s36", id));
    assert_true(sees(MOD, "s36", id));
    assert_false(sees(ADMIN, "s36", id));
    assert_false(sees(ANA, "s36", id));
    json_auto_t *row = talk_get(&talk, BEN, "/room/s36/message/%lld", (long long)id);
    struct id_text text;
    assert_true(json_is_true(json_object_get(row, "whisper")));
    assert_true(json_is_false(json_object_get(row, "whisper_mods")));
    assert_string_equal(json_string_value(json_object_get(row, "whisper_to")),
                        talk_id(&talk, BEN, &text));
}

static void whisper_to_the_moderators__all_of_them_see_it(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "s37");
    int64_t mods = talk_whisper(&talk, MOD, "s37", "among us", -1, true);
    assert_true(sees(ADMIN, "s37", mods));
    assert_true(sees(MOD, "s37", mods));
    assert_false(sees(BEN, "s37", mods));
    int64_t both = talk_whisper(&talk, MOD, "s37", "and you", BEN, true);
    assert_true(sees(ADMIN, "s37", both));
    assert_true(sees(BEN, "s37", both));
    assert_false(sees(ANA, "s37", both));
}

static void deleted_whisper__only_who_saw_it_gets_the_tombstone(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "s38");
    int64_t id = talk_whisper(&talk, MOD, "s38", "just you", BEN, false);
    int64_t n = talk_sequence(&talk, MOD, "s38");
    talk_delete(&talk, MOD, "s38", id);
    static const bool expected[] = {
        [ANA] = false, [BEN] = true, [CLEO] = false, [MOD] = true, [ADMIN] = false};
    for (size_t member = 0; member < MEMBERS; member++) {
        json_auto_t *rows = talk_since(&talk, member, "s38", n, "?t=r");
        assert_int_equal(json_array_size(rows), expected[member] ? 1 : 0);
        if (!expected[member])
            continue;
        assert_true(talk_is_tombstone(json_array_get(rows, 0)));
        assert_true(json_is_true(json_object_get(json_array_get(rows, 0), "whisper")));
        assert_non_null(json_object_get(json_array_get(rows, 0), "whisper_to"));
    }
}

static void ordinary_user__may_not_whisper(void **state)
{
    (void)state;
    talk_room(&talk, "s39");
    struct id_text id;
    json_auto_t *body = community_post_body(&talk.members[ANA].community, "psst");
    (void)json_object_set_new(body, "whisper_to", json_string(talk_id(&talk, BEN, &id)));
    assert_int_equal(talk_ask(&talk, ANA, "POST", "/room/s39/message", body, NULL), 403);
    json_auto_t *mods = community_post_body(&talk.members[ANA].community, "help");
    (void)json_object_set_new(mods, "whisper_mods", json_true());
    assert_int_equal(talk_ask(&talk, ANA, "POST", "/room/s39/message", mods, NULL), 403);
    assert_int_equal(talk_sequence(&talk, ANA, "s39"), 0);
}

/* ---- the matrix ---- */

enum kind { PLAIN, TO_BEN, TO_MODS, TO_BEN_AND_MODS, FILTERED, HELD, KINDS };
enum reader { NOBODY = MEMBERS, READERS }; /* an anonymous one beside the members */

static const char *const kind_names[KINDS] = {"plain",           "to Ben",   "to moderators",
                                              "to Ben and mods", "filtered", "held"};

/* Who may see what: docs/protocol/community.md, 3.4, with Mod as the sender of all whispers. */
static bool may_see(enum kind kind, size_t reader)
{
    switch (kind) {
    case PLAIN:
        return true;
    case TO_BEN:
        return reader == BEN || reader == MOD;
    case TO_MODS:
        return reader == MOD || reader == ADMIN;
    case TO_BEN_AND_MODS:
        return reader == BEN || reader == MOD || reader == ADMIN;
    case FILTERED:
    case HELD:
    case KINDS:
        break;
    }
    return false;
}

/* One read by a member or by nobody; its code. */
static int read_as(size_t reader, const char *target, json_t **ret)
{
    if (reader != NOBODY)
        return talk_ask(&talk, reader, "GET", target, NULL, ret);
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request request = {.method = "GET", .target = target, .signing = UNSIGNED};
    assert_int_equal(community_call(&talk.members[ANA].community, &request, &reply), OK);
    *ret = json_loadb((const char *)reply.body.p, reply.body.len, JSON_DECODE_ANY, NULL);
    return reply.code;
}

/*
 * A copy of a message in another state, as a filter would leave it; its seal is bound to the number
 * of creation.
 */
static int64_t copy_as(struct db *db, int64_t id, int64_t state)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(
        DB_QUERY(db,
                 "WITH numbered AS ("
                 "    UPDATE conclave.rooms r SET message_sequence = message_sequence + 1"
                 "      FROM conclave.messages m WHERE m.id = $1::bigint AND r.id = m.room"
                 "    RETURNING r.id, r.message_sequence AS seqno)"
                 "INSERT INTO conclave.messages (room, author, posted, seqno_creation, seqno_data,"
                 "                               state, key_id, body)"
                 "SELECT m.room, m.author, m.posted + 1, m.seqno_creation, n.seqno, $2::smallint,"
                 "       m.key_id, m.body"
                 "  FROM conclave.messages m, numbered n"
                 " WHERE m.id = $1"
                 " RETURNING id",
                 &rows, PARAM_I64(id), PARAM_I16(state)),
        OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

static void expect(size_t reader, enum kind kind, const char *way, bool seen, bool expected)
{
    if (seen != expected)
        fail_msg("reader %zu, kind \"%s\", by %s: %s", reader, kind_names[kind], way,
                 seen ? "leaked" : "hidden");
}

/* Each list and each single message, for one reader. */
static void look(size_t reader, const int64_t *ids, const char *room, int64_t since_n, bool deleted)
{
    char targets[4][96];
    (void)snprintf(targets[0], sizeof(targets[0]), "/room/%s/messages/since/0?t=r", room);
    (void)snprintf(targets[1], sizeof(targets[1]), "/room/%s/messages/since/%lld?t=r", room,
                   (long long)since_n);
    (void)snprintf(targets[2], sizeof(targets[2]), "/room/%s/messages/recent", room);
    (void)snprintf(targets[3], sizeof(targets[3]), "/room/%s/messages/before/%lld", room,
                   (long long)INT64_MAX);
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        json_auto_t *rows = NULL;
        assert_int_equal(read_as(reader, targets[i], &rows), 200);
        for (enum kind kind = 0; kind < KINDS; kind++) {
            bool shown = !deleted || i == 1; /* tombstones only to those who know the message */
            expect(reader, kind, targets[i], talk_row(rows, ids[kind]) != NULL,
                   shown && may_see(kind, reader));
        }
    }
    for (enum kind kind = 0; kind < KINDS; kind++) {
        char target[96];
        json_auto_t *row = NULL, *reactors = NULL;
        (void)snprintf(target, sizeof(target), "/room/%s/message/%lld", room, (long long)ids[kind]);
        int code = read_as(reader, target, &row);
        expect(reader, kind, target, code != 404, !deleted && may_see(kind, reader));
        (void)snprintf(target, sizeof(target), "/room/%s/reactors/%lld/x", room,
                       (long long)ids[kind]);
        /* To everybody alike: what can have no reactions is not there. */
        assert_int_equal(read_as(reader, target, &reactors), kind == PLAIN && !deleted ? 200 : 404);
        assert_int_equal(json_array_size(reactors), 0);
    }
}

static void look_all(const int64_t *ids, const char *room, int64_t since_n, bool deleted)
{
    for (size_t reader = 0; reader < READERS; reader++)
        look(reader, ids, room, since_n, deleted);
}

static void hidden_messages__by_any_way_of_reading__never_leak(void **state)
{
    (void)state;
    int64_t ids[KINDS];
    talk_room_with_staff(&talk, MOD, ADMIN, "matrix");
    ids[PLAIN] = talk_post(&talk, MOD, "matrix", "for all");
    ids[TO_BEN] = talk_whisper(&talk, MOD, "matrix", "for Ben", BEN, false);
    ids[TO_MODS] = talk_whisper(&talk, MOD, "matrix", "for moderators", -1, true);
    ids[TO_BEN_AND_MODS] = talk_whisper(&talk, MOD, "matrix", "for both", BEN, true);
    struct db *db = talk_database(&talk);
    unmark(&talk.w, db); /* else copies without a MAC would be damaged */
    ids[FILTERED] = copy_as(db, ids[PLAIN], 1);
    ids[HELD] = copy_as(db, ids[PLAIN], 2);
    db_free(db);
    (void)talk_post(&talk, ANA, "matrix", "a commit that makes memory read the rest");
    int64_t posted = talk_sequence(&talk, MOD, "matrix");
    look_all(ids, "matrix", 0, false);
    for (enum kind kind = 0; kind < KINDS; kind++)
        talk_edit(&talk, MOD, "matrix", ids[kind], "changed");
    look_all(ids, "matrix", posted, false); /* all are events after it */
    int64_t edited = talk_sequence(&talk, MOD, "matrix");
    for (enum kind kind = 0; kind < KINDS; kind++)
        talk_delete(&talk, MOD, "matrix", ids[kind]);
    look_all(ids, "matrix", edited, true);
    /* The same from the database, when nothing is in memory. */
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
    assert_int_equal(world_restart_server(&talk.w, 0, NULL), OK);
    for (size_t i = 0; i < MEMBERS; i++)
        talk_move(&talk, i, 0);
    look_all(ids, "matrix", edited, true);
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
        cmocka_unit_test(whisper_to_b__only_b_and_the_sender_see_it),
        cmocka_unit_test(whisper_to_the_moderators__all_of_them_see_it),
        cmocka_unit_test(deleted_whisper__only_who_saw_it_gets_the_tombstone),
        cmocka_unit_test(ordinary_user__may_not_whisper),
        cmocka_unit_test(hidden_messages__by_any_way_of_reading__never_leak),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
