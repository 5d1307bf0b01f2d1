/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes with a message, and everything of one person at once (docs/protocol/community.md, 2.8,
 * 3.4 and 3.6).
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

enum { ANA, BEN, CLEO, MOD, ADMIN, MEMBERS };

static struct talk talk;

/* ---- everything of one person ---- */

static void delete_all__in_slices__gives_each_message_its_number(void **state)
{
    (void)state;
    enum { MANY = 1203 };
    talk_room_with_staff(&talk, MOD, ADMIN, "purge");
    (void)talk_post(&talk, BEN, "purge", "stays");
    (void)talk_post(&talk, ANA, "purge", "the first");
    /* A thousand posts by hand would take a minute: the rest are copies of that one. */
    struct db *db = talk_database(&talk);
    assert_int_equal(
        DB_QUERY(db,
                 "WITH copied AS ("
                 "    INSERT INTO conclave.messages (room, author, posted, seqno_creation,"
                 "                                   seqno_data, key_id, body)"
                 "    SELECT m.room, m.author, m.posted + n, 2 + n, 2 + n, m.key_id, m.body"
                 "      FROM conclave.messages m"
                 "      JOIN conclave.rooms r ON r.id = m.room AND r.token = 'purge'"
                 "     CROSS JOIN generate_series(1, $1::bigint) AS n"
                 "     WHERE m.seqno_creation = 2)"
                 "UPDATE conclave.rooms SET message_sequence = 2 + $1 WHERE token = 'purge'",
                 NULL, PARAM_I64(MANY - 1)),
        OK);
    struct id_text id;
    talk_refused(&talk, BEN, 403, "DELETE", "/room/purge/all/%s", talk_id(&talk, ANA, &id));
    talk_refused(&talk, MOD, 404, "DELETE", "/room/purge/all/15%064d", 7);
    talk_refused(&talk, MOD, 403, "DELETE", "/room/purge/all/%s", talk_id(&talk, ADMIN, &id));
    json_auto_t *done =
        talk_do(&talk, MOD, "DELETE", "/room/purge/all/%s", talk_id(&talk, ANA, &id));
    assert_int_equal(json_object_size(done), 0);
    talk_refused(&talk, MOD, 404, "DELETE", "/room/purge/all/%s", talk_id(&talk, ANA, &id));
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(DB_QUERY(db,
                              "SELECT count(*), count(DISTINCT m.seqno_data), min(m.seqno_data),"
                              "       max(m.seqno_data), max(r.message_sequence)"
                              "  FROM conclave.messages m"
                              "  JOIN conclave.rooms r ON r.id = m.room AND r.token = 'purge'"
                              " WHERE m.body IS NULL AND $1::bigint > 0",
                              &rows, PARAM_I64(1)),
                     OK);
    assert_true(rows_next(&rows, &row));
    assert_int_equal(row_i64(&row, 0), MANY);
    assert_int_equal(row_i64(&row, 1), MANY);
    assert_int_equal(row_i64(&row, 2), 2 + MANY);
    assert_int_equal(row_i64(&row, 3), 1 + 2 * MANY);
    assert_int_equal(row_i64(&row, 4), 1 + 2 * MANY);
    db_free(db);
    json_auto_t *left = talk_get(&talk, CLEO, "/room/purge/messages/recent");
    assert_int_equal(json_array_size(left), 1);
}

static void delete_all__everywhere__lists_the_rooms_where_the_caller_may(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "every-One");
    talk_room(&talk, "other");
    (void)talk_post(&talk, CLEO, "every-one", "1");
    (void)talk_post(&talk, CLEO, "every-one", "2");
    (void)talk_post(&talk, CLEO, "other", "3");
    struct id_text id, unblinded;
    json_auto_t *by_mod = talk_do(&talk, MOD, "DELETE", "/rooms/all/%s", talk_id(&talk, CLEO, &id));
    const json_t *rooms = json_object_get(by_mod, "rooms");
    assert_int_equal(talk_int(rooms, "every-One"), 2);
    assert_null(json_object_get(rooms, "other"));
    assert_int_equal(talk_int(by_mod, "total"), 2);
    /* Oneself, by the id that the account has without blinding: every room is one's own. */
    unblinded = account_id_text(&talk.w.accounts[CLEO].id);
    json_auto_t *by_self = talk_do(&talk, CLEO, "DELETE", "/rooms/all/%s", unblinded.s);
    rooms = json_object_get(by_self, "rooms");
    assert_int_equal(talk_int(rooms, "other"), 1);
    assert_int_equal(talk_int(rooms, "every-One"), 0);
    assert_int_equal(talk_int(rooms, "lobby"), 0);
    assert_int_equal(talk_int(by_self, "total"), 1);
    json_auto_t *by_other =
        talk_do(&talk, BEN, "DELETE", "/rooms/all/%s", talk_id(&talk, CLEO, &id));
    assert_int_equal(json_object_size(json_object_get(by_other, "rooms")), 0);
}

/* Nobody learns by it who has been here. Every form of an id, known or not. */
static void delete_all__everywhere__answers_alike_whether_the_id_was_ever_here(void **state)
{
    (void)state;
    struct id_text blinded, unblinded = account_id_text(&talk.w.accounts[ANA].id);
    char unseen[2][80];
    (void)talk_id(&talk, ANA, &blinded);
    (void)snprintf(unseen[0], sizeof(unseen[0]), "15%064d", 7);
    (void)snprintf(unseen[1], sizeof(unseen[1]), "05%064d", 9);
    const char *ids[] = {blinded.s, unblinded.s, unseen[0], unseen[1]};
    (void)talk_post(&talk, ANA, "lobby", "to be known");
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        json_auto_t *told = talk_do(&talk, BEN, "DELETE", "/rooms/all/%s", ids[i]);
        assert_int_equal(talk_int(told, "total"), 0);
        assert_int_equal(json_object_size(json_object_get(told, "rooms")), 0);
        assert_int_equal(json_object_size(told), 2);
    }
    talk_room_with_staff(&talk, MOD, ADMIN, "alike");
    json_auto_t *known = talk_do(&talk, MOD, "DELETE", "/rooms/all/%s", blinded.s);
    json_auto_t *unknown = talk_do(&talk, MOD, "DELETE", "/rooms/all/%s", unseen[0]);
    assert_true(json_equal(known, unknown));
}

/* ---- what a deletion takes along ---- */

static int64_t number(struct db *db, const char *sql, int64_t id)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(DB_QUERY(db, sql, &rows, PARAM_I64(id)), OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

static void deletion__of_a_pinned_message__unpins_it_and_counts(void **state)
{
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "pinned");
    int64_t id = talk_post(&talk, ANA, "pinned", "important");
    int64_t info = talk_info(&talk, ANA, "pinned");
    struct db *db = talk_database(&talk);
    assert_int_equal(DB_QUERY(db,
                              "INSERT INTO conclave.pins (room, message, pinned_by, pinned_at)"
                              "SELECT room, id, author, 1 FROM conclave.messages WHERE id = $1",
                              NULL, PARAM_I64(id)),
                     OK);
    talk_delete(&talk, MOD, "pinned", id);
    assert_int_equal(
        number(db, "SELECT count(*) FROM conclave.pins WHERE message = $1::bigint", id), 0);
    int64_t now = info;
    for (int64_t end = clock_mono_ms() + 5000; now == info && clock_mono_ms() < end;)
        now = talk_info(&talk, ANA, "pinned");
    assert_int_equal(now, info + 1);
    db_free(db);
}

/* A file as an upload leaves it; its id. */
static int64_t upload(struct db *db, size_t member, const char *room, double age_s)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    const struct session_id *id = &talk.members[member].community.blinded.id;
    double now = (double)clock_wall_ms() / SECOND_MS;
    assert_int_equal(
        DB_QUERY(db,
                 "WITH blob AS ("
                 "    INSERT INTO conclave.blobs (size, key_id, chunk_day) VALUES (0, 0, 0)"
                 "    RETURNING id)"
                 "INSERT INTO conclave.files (room, uploader, blob, uploaded, expiry)"
                 "SELECT r.id, u.id, blob.id, $3::float8, $3 + 3600"
                 "  FROM blob, conclave.rooms r, conclave.users u"
                 " WHERE r.token = convert_from($1::bytea, 'UTF8') AND u.session_id = $2::bytea"
                 " RETURNING id",
                 &rows, PARAM_BYTES(span_of_text(room)), PARAM_BYTES(SPAN_OF_KEY(id)),
                 PARAM_F64(now - age_s)),
        OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

static void files__named_by_post_and_edit__are_adopted_and_go_with_the_message(void **state)
{
    static const char message_of[] =
        "SELECT coalesce(message, 0) FROM conclave.files WHERE id = $1::bigint";
    static const char is_gone[] =
        "SELECT (expiry = 0)::int FROM conclave.files WHERE id = $1::bigint";
    (void)state;
    talk_room_with_staff(&talk, MOD, ADMIN, "files");
    (void)talk_post(&talk, ANA, "files", "I exist");
    (void)talk_post(&talk, BEN, "files", "me too");
    struct db *db = talk_database(&talk);
    int64_t by_number = upload(db, ANA, "files", 10), by_text = upload(db, ANA, "files", 10);
    int64_t of_ben = upload(db, BEN, "files", 10), too_old = upload(db, ANA, "files", 3700);
    int64_t elsewhere = upload(db, ANA, "lobby", 10), later = upload(db, ANA, "files", 10);
    int64_t loose = upload(db, ANA, "files", 10);
    char text[24], edit[64];
    (void)snprintf(text, sizeof(text), "%lld", (long long)by_text);
    json_auto_t *body = community_post_body(&talk.members[ANA].community, "look");
    (void)json_object_set_new(body, "files",
                              json_pack("[I, s, I, I, I, I]", (json_int_t)by_number, text,
                                        (json_int_t)of_ben, (json_int_t)too_old,
                                        (json_int_t)elsewhere, (json_int_t)123456789));
    json_auto_t *row = NULL;
    assert_int_equal(talk_ask(&talk, ANA, "POST", "/room/files/message", body, &row), 201);
    int64_t id = talk_int(row, "id");
    assert_int_equal(number(db, message_of, by_number), id);
    assert_int_equal(number(db, message_of, by_text), id);
    assert_int_equal(number(db, message_of, of_ben), 0);
    assert_int_equal(number(db, message_of, too_old), 0);
    assert_int_equal(number(db, message_of, elsewhere), 0);
    assert_int_equal(number(db,
                            "SELECT (expiry - uploaded > 1295000)::int"
                            "  FROM conclave.files WHERE id = $1::bigint",
                            by_number),
                     1);
    json_auto_t *more = community_post_body(&talk.members[ANA].community, "look again");
    (void)json_object_set_new(more, "files", json_pack("[I]", (json_int_t)later));
    (void)snprintf(edit, sizeof(edit), "/room/files/message/%lld", (long long)id);
    assert_int_equal(talk_ask(&talk, ANA, "PUT", edit, more, NULL), 200);
    assert_int_equal(number(db, message_of, later), id);
    talk_delete(&talk, MOD, "files", id);
    assert_int_equal(number(db, is_gone, by_number), 1);
    assert_int_equal(number(db, is_gone, later), 1);
    assert_int_equal(number(db, is_gone, of_ben), 0);
    /* All posts of a person: also what was never attached. */
    struct id_text who;
    json_auto_t *done =
        talk_do(&talk, MOD, "DELETE", "/room/files/all/%s", talk_id(&talk, ANA, &who));
    assert_non_null(done);
    assert_int_equal(number(db, is_gone, loose), 1);
    assert_int_equal(number(db, is_gone, elsewhere), 0);
    db_free(db);
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
        cmocka_unit_test(delete_all__in_slices__gives_each_message_its_number),
        cmocka_unit_test(delete_all__everywhere__lists_the_rooms_where_the_caller_may),
        cmocka_unit_test(delete_all__everywhere__answers_alike_whether_the_id_was_ever_here),
        cmocka_unit_test(deletion__of_a_pinned_message__unpins_it_and_counts),
        cmocka_unit_test(files__named_by_post_and_edit__are_adopted_and_go_with_the_message),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
