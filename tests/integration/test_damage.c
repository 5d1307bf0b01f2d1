/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 300, test-seconds: 23
 *
 * Rows that do not open any more (bytes that changed on a disk, a key that is gone): they are left
 * out, what stands beside them is served, and nobody is ever told that they were deleted, upon
 * which apps would erase their good copies. The operator hears of it: counted, logged once, and
 * listed by `conclave check --rows`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/community_dms.h"
#include "client/file_client.h"
#include "integration/cast.h"
#include "integration/command.h"

enum {
    ANA,
    BEN,
    MEMBERS,
};
enum {
    BEFORE = 6,
    /* Damaged in a row: more than two chunks of the database, and than any page asked for here. */
    RUN = 150,
    AFTER = 6,
    FILLERS = 1100, /* a window holds 1,024 messages: what is older is read from the database */
    LIMIT = 5,
    PAGES_MAX = (BEFORE + RUN + AFTER + FILLERS) / LIMIT + 10,
    BIG_BYTES = 700 * 1024, /* three chunks */
    SAYS_MAX = 64,
};

static struct cast c;

static struct member *ana(void)
{
    return &c.members[ANA];
}

static int64_t post(const char *room)
{
    return say(ana(), room, "words");
}

/* Another bit in the middle of that sealed column. */
#define DAMAGE(table, column, where)                                                               \
    "UPDATE conclave." table " SET " column " = set_byte(" column ", 45, get_byte(" column         \
    ", 45) # 1) WHERE " where

/* Memory knows what it was told when it was written; a fresh start reads what is stored. */
static void restart(void)
{
    assert_int_equal(world_stop_server(&c.w, 0), 0);
    assert_int_equal(world_restart_server(&c.w, 0, NULL), OK);
}

static double damaged(const char *kind)
{
    char name[96];
    double value = -1;
    (void)snprintf(name, sizeof name, "conclave_damaged_rows_total{kind=\"%s\"}", kind);
    assert_int_equal(world_metric(&c.w, 0, name, &value), OK);
    return value;
}

/* How often these words stand in the log. */
static int logged(const char *words)
{
    AUTO_BUF struct buf log = buf_make(PROCESS_OUTPUT_MAX_BYTES);
    int count = 0;
    assert_int_equal(world_log(&c.w, 0, &log), OK);
    buf_put_byte(&log, '\0');
    for (const char *at = (const char *)log.p; (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

/* Every row is a whole message of its own. */
static void assert_no_tombstone(const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_null(json_object_get(row, "deleted"));
        assert_true(json_string_length(json_object_get(row, "data")) > 0);
    }
}

/* All of a room by pages of `since`, and by pages of `before`: how many messages. */
static size_t walk_since(const char *room)
{
    size_t count = 0;
    int64_t since = 0;
    for (int pages = 0;; pages++) {
        assert_true(pages < PAGES_MAX);
        json_auto_t *rows =
            must(ana(), "GET", NULL, "/room/%s/messages/since/%" PRId64 "?t=r&limit=%d", room,
                 since, LIMIT);
        if (json_array_size(rows) == 0)
            return count;
        assert_no_tombstone(rows);
        count += json_array_size(rows);
        const json_t *newest = json_array_get(rows, json_array_size(rows) - 1);
        since = json_integer_value(json_object_get(newest, "seqno"));
    }
}

static size_t walk_before(const char *room)
{
    size_t count = 0;
    int64_t before = INT64_MAX;
    for (int pages = 0;; pages++) {
        assert_true(pages < PAGES_MAX);
        json_auto_t *rows =
            must(ana(), "GET", NULL, "/room/%s/messages/before/%" PRId64 "?limit=%d", room, before,
                 LIMIT);
        if (json_array_size(rows) == 0)
            return count;
        assert_no_tombstone(rows);
        count += json_array_size(rows);
        const json_t *oldest = json_array_get(rows, json_array_size(rows) - 1);
        before = json_integer_value(json_object_get(oldest, "id"));
    }
}

static size_t recent(const char *room)
{
    json_auto_t *rows = must(ana(), "GET", NULL, "/room/%s/messages/recent?limit=256", room);
    assert_no_tombstone(rows);
    return json_array_size(rows);
}

static void make_room(const char *token)
{
    char path[64];
    assert_int_equal(command(&c, "room add %s --name Room", token), 0);
    (void)snprintf(path, sizeof path, "/room/%s", token);
    (void)wait_for_code(ana(), 200, "GET", path);
}

/* ---- messages ---- */

static void message__damaged__is_left_out_alone(void **state)
{
    (void)state;
    int64_t ids[5];
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = post("lobby");
    sql(&c, DAMAGE("messages", "body", "id = %" PRId64), ids[2]);
    restart();
    for (int i = 0; i < 3; i++) { /* from the database first, then from memory */
        assert_int_equal(recent("lobby"), 4);
        assert_int_equal(walk_since("lobby"), 4);
        assert_int_equal(walk_before("lobby"), 4);
        assert_int_equal(ask(ana(), "GET", NULL, NULL, "/room/lobby/message/%" PRId64, ids[2]),
                         404);
        assert_int_equal(ask(ana(), "GET", NULL, NULL, "/room/lobby/message/%" PRId64, ids[3]),
                         200);
    }
    assert_float_equal(damaged("message"), 1, 0);
    assert_int_equal(logged("event=store.damaged kind=message rows=1"), 1);
    /* The room goes on, and what the author still has mends it. */
    (void)post("lobby");
    assert_int_equal(walk_since("lobby"), 5);
    assert_int_equal(community_edit(&ana()->community, "lobby", ids[2], "again"), OK);
    assert_int_equal(walk_since("lobby"), 6);
    assert_int_equal(recent("lobby"), 6);
}

/* Who knows it and asks what changed since hears nothing of it, where a deletion would be told. */
static void message__damaged_after_an_edit__is_no_tombstone_to_who_knows_it(void **state)
{
    (void)state;
    make_room("known");
    int64_t id = post("known");
    json_auto_t *known = must(ana(), "GET", NULL, "/room/known/messages/since/0");
    int64_t since = json_integer_value(json_object_get(json_array_get(known, 0), "seqno"));
    assert_int_equal(community_edit(&ana()->community, "known", id, "other words"), OK);
    sql(&c, DAMAGE("messages", "body", "id = %" PRId64), id);
    restart();
    for (int i = 0; i < 2; i++) {
        json_auto_t *rows =
            must(ana(), "GET", NULL, "/room/known/messages/since/%" PRId64 "?t=r", since);
        assert_int_equal(json_array_size(rows), 0);
    }
    sql(&c, "DELETE FROM conclave.messages WHERE id = %" PRId64, id);
}

static void message__damaged__may_be_deleted(void **state)
{
    (void)state;
    make_room("deleting");
    int64_t id = post("deleting");
    (void)post("deleting");
    sql(&c, DAMAGE("messages", "body", "id = %" PRId64), id);
    restart();
    assert_int_equal(recent("deleting"), 1);
    assert_int_equal(community_delete(&ana()->community, "deleting", id), OK);
    json_auto_t *rows = must(ana(), "GET", NULL, "/room/deleting/messages/since/2");
    assert_int_equal(json_array_size(rows), 1);
    assert_true(json_is_true(json_object_get(json_array_get(rows, 0), "deleted")));
}

static void page__of_damaged_rows_alone__does_not_end_the_walk(void **state)
{
    (void)state;
    make_room("walk");
    int64_t first = 0, last = 0;
    for (int i = 0; i < BEFORE + RUN + AFTER; i++) {
        int64_t id = post("walk");
        if (i == BEFORE)
            first = id;
        if (i == BEFORE + RUN - 1)
            last = id;
    }
    sql(&c, DAMAGE("messages", "body", "id BETWEEN %" PRId64 " AND %" PRId64), first, last);
    restart();
    /* In memory. */
    assert_int_equal(recent("walk"), BEFORE + AFTER);
    assert_int_equal(walk_since("walk"), BEFORE + AFTER);
    assert_int_equal(walk_before("walk"), BEFORE + AFTER);
    /* Behind it. */
    for (int i = 0; i < FILLERS; i++)
        (void)post("walk");
    restart();
    assert_int_equal(walk_since("walk"), BEFORE + AFTER + FILLERS);
    assert_int_equal(walk_before("walk"), BEFORE + AFTER + FILLERS);
    assert_float_equal(damaged("message"), RUN, 0);
    assert_int_equal(ask(ana(), "GET", NULL, NULL, "/room/walk/message/%" PRId64, first), 404);
}

static void key__missing_or_damaged__darkens_what_it_sealed_and_nothing_else(void **state)
{
    (void)state;
    make_room("keyless");
    make_room("keybad");
    for (int i = 0; i < 3; i++) {
        (void)post("keyless");
        (void)post("keybad");
    }
    sql(&c, "DELETE FROM conclave.ring_keys WHERE room ="
            " (SELECT id FROM conclave.rooms WHERE token = 'keyless')");
    sql(&c, DAMAGE("ring_keys", "wrapped",
                   "room = (SELECT id FROM conclave.rooms WHERE token = 'keybad')"));
    restart();
    assert_int_equal(recent("keyless"), 0);
    assert_int_equal(walk_since("keyless"), 0);
    assert_int_equal(recent("keybad"), 0);
    assert_int_equal(walk_before("keybad"), 0);
    assert_float_equal(damaged("key"), 1, 0);
    /* A new key is made; in place of a damaged one, the next month's. */
    (void)post("keyless");
    assert_int_equal(recent("keyless"), 1);
    (void)post("keybad");
    (void)post("keybad");
    assert_int_equal(recent("keybad"), 2);
    restart();
    assert_int_equal(recent("keybad"), 2);
}

static void reaction__damaged__is_left_out_alone(void **state)
{
    (void)state;
    make_room("signs");
    int64_t id = post("signs");
    json_t *ignored = NULL;
    assert_int_equal(community_react(&ana()->community, "signs", id, "A", &ignored), OK);
    json_decref(ignored);
    assert_int_equal(community_react(&ana()->community, "signs", id, "B", &ignored), OK);
    json_decref(ignored);
    sql(&c,
        DAMAGE("reactions", "text",
               "id = (SELECT min(id) FROM conclave.reactions WHERE message = %" PRId64 ")"),
        id);
    restart();
    json_auto_t *row = must(ana(), "GET", NULL, "/room/signs/message/%" PRId64, id);
    const json_t *signs = json_object_get(row, "reactions");
    assert_int_equal(json_object_size(signs), 1);
    assert_non_null(json_object_get(signs, "B"));
    assert_int_equal(recent("signs"), 1);
    /* Others go on reacting, and it goes with its message. */
    assert_int_equal(community_react(&c.members[BEN].community, "signs", id, "B", &ignored), OK);
    json_decref(ignored);
    assert_float_equal(damaged("reaction"), 1, 0);
    assert_int_equal(community_delete(&ana()->community, "signs", id), OK);
    assert_int_equal(
        sql_number(&c, "SELECT count(*) FROM conclave.reactions WHERE message = %" PRId64, id), 0);
}

/* ---- direct messages ---- */

static int64_t send_dm(const char *text)
{
    json_auto_t *sent = NULL;
    struct session_id to = c.members[BEN].community.blinded.id;
    assert_int_equal(community_dm(&ana()->community, &to, text, &sent), OK);
    return json_integer_value(json_object_get(sent, "id"));
}

static size_t inbox(int limit)
{
    json_auto_t *rows = NULL;
    int code = ask(&c.members[BEN], "GET", NULL, &rows, "/inbox?limit=%d", limit);
    assert_int_equal(code, 200);
    return json_array_size(rows);
}

static void direct_message__damaged__is_left_out_alone(void **state)
{
    (void)state;
    json_decref(must(&c.members[BEN], "GET", NULL, "/room/lobby"));
    int64_t ids[5];
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = send_dm("words");
    assert_int_equal(inbox(100), 5);
    sql(&c, DAMAGE("direct_messages", "body", "id < %" PRId64), ids[3]);
    restart();
    assert_int_equal(inbox(100), 2);
    assert_int_equal(inbox(2), 1); /* the first page has damaged ones alone: it is the next one */
    assert_float_equal(damaged("direct_message"), 3, 0);
    assert_int_equal(logged("event=store.damaged kind=direct_message"), 3);
}

/* ---- files ---- */

static int fetch(const char *id, struct buf *out)
{
    int code = 0;
    enum err e = file_client_get(ana()->link, id, out, &code);
    return e == OK ? 200 : code;
}

static void file__with_a_damaged_chunk__is_missing_or_cut(void **state)
{
    (void)state;
    struct file_ticket beginning, middle, good;
    int code = 0;
    AUTO_BUF struct buf big = buf_make(BIG_BYTES), out = buf_make(2 * BIG_BYTES);
    for (int i = 0; i < BIG_BYTES; i++)
        buf_put_byte(&big, (uint8_t)(i * 31 + i / 256));
    for (int i = 0; i < 3; i++) {
        big.p[0] = (uint8_t)i; /* another content */
        struct file_ticket *ticket = i == 0 ? &beginning : i == 1 ? &middle : &good;
        assert_int_equal(file_client_put(ana()->link, buf_span(&big), ticket, &code), OK);
    }
    sql(&c, DAMAGE("chunks", "data", "n = 0 AND blob = (SELECT min(id) FROM conclave.blobs)"));
    sql(&c, DAMAGE("chunks", "data", "n = 2 AND blob = (SELECT min(id) + 1 FROM conclave.blobs)"));
    assert_int_equal(fetch(beginning.id, &out), 404);
    assert_int_not_equal(fetch(middle.id, &out), 200); /* its beginning is under way already */
    buf_reset(&out);
    assert_int_equal(fetch(good.id, &out), 200);
    assert_true(span_eq(buf_span(&out), buf_span(&big)));
    assert_float_equal(damaged("file"), 2, 0);
}

/* ---- the command ---- */

/* After all others: everything above is damaged still, but for what was mended or deleted. */
static void check_rows__with_damage__names_it_and_fails(void **state)
{
    (void)state;
    static struct said said;
    char words[SAYS_MAX];
    command_expect(&c.w, NULL, ARGS("check", "--rows"), 1, "some rows do not open", &said);
    const int64_t id =
        sql_number(&c, "SELECT min(m.id) FROM conclave.messages m JOIN conclave.rooms r"
                       " ON r.id = m.room WHERE r.token = 'keyless'");
    (void)snprintf(words, sizeof words, "damaged: message %" PRId64 " of room keyless\n", id);
    assert_non_null(strstr(said.out, words));
    assert_non_null(strstr(said.out, "damaged: direct_message 1\n"));
    assert_non_null(strstr(said.out, "damaged: file "));
    assert_non_null(strstr(said.out, "of room keybad\n"));
    /* walk, three of keyless and three of keybad; three direct messages, two files, one key. */
    (void)snprintf(words, sizeof words, " rows read, %d damaged.\n", RUN + 6 + 3 + 2 + 1);
    assert_non_null(strstr(said.out, words));
}

static void check_rows__without_damage__says_so(void **state)
{
    (void)state;
    static struct said said;
    (void)post("lobby");
    command_expect(&c.w, NULL, ARGS("check", "--rows"), 0, " 0 damaged.", &said);
    command_expect(&c.w, NULL, ARGS("check"), 0, "in order", &said);
    sql(&c, "TRUNCATE conclave.messages CASCADE");
    restart();
}

static int open_cast(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                      "CONCLAVE_FILES_TYPE_CHECK=off", NULL};
    cast_open(&c, 1, MEMBERS, env);
    return 0;
}

static int close_cast(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_rows__without_damage__says_so),
        cmocka_unit_test(message__damaged__is_left_out_alone),
        cmocka_unit_test(message__damaged_after_an_edit__is_no_tombstone_to_who_knows_it),
        cmocka_unit_test(message__damaged__may_be_deleted),
        cmocka_unit_test(page__of_damaged_rows_alone__does_not_end_the_walk),
        cmocka_unit_test(key__missing_or_damaged__darkens_what_it_sealed_and_nothing_else),
        cmocka_unit_test(reaction__damaged__is_left_out_alone),
        cmocka_unit_test(direct_message__damaged__is_left_out_alone),
        cmocka_unit_test(file__with_a_damaged_chunk__is_missing_or_cut),
        cmocka_unit_test(check_rows__with_damage__names_it_and_fails),
    };
    return cmocka_run_group_tests(tests, open_cast, close_cast);
}
