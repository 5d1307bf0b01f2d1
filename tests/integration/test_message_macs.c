/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 300
 *
 * Somebody who can write into the database cannot make a server say what nobody wrote: rows that
 * are not as a server left them are served to nobody, counted, and listed by `check --rows`. And
 * rows of before MACs, or of a program that makes none, are served and get theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/room_file.h"
#include "crypto/secret.h"
#include "integration/command.h"
#include "integration/database.h"
#include "integration/talk.h"
#include "integration/unmarked.h"
#include "jobs/macs.h"
#include "metrics/metrics.h"
#include "store/message_mac.h"
#include "store/store.h"

enum { ANA, BEN, MOD, ADMIN, PEOPLE };

static struct talk t;
static struct db *db; /* of the test, without statements of ours */

/* $1 is the id. */
static void run(const char *sql, int64_t id)
{
    assert_int_equal(DB_QUERY(db, sql, NULL, PARAM_I64(id)), OK);
}

static int64_t number(const char *sql, int64_t id)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(DB_QUERY(db, sql, &rows, PARAM_I64(id)), OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

/* Memory knows what it was told when it was written; a fresh start reads what is stored. */
static void restart(void)
{
    assert_int_equal(world_stop_server(&t.w, 0), 0);
    assert_int_equal(world_restart_server(&t.w, 0, NULL), OK);
}

static double damaged(const char *kind)
{
    char name[96];
    double value = -1;
    (void)snprintf(name, sizeof(name), "conclave_damaged_rows_total{kind=\"%s\"}", kind);
    assert_int_equal(world_metric(&t.w, 0, name, &value), OK);
    return value;
}

static bool stands_in(size_t member, const char *target, int64_t id)
{
    json_auto_t *rows = talk_get(&t, member, "%s", target);
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (talk_int(json_array_get(rows, i), "id") == id)
            return true;
    return false;
}

/* By each way of reading, from the database and from memory. */
static void expect(const char *what, const char *room, int64_t id, bool served)
{
    static const char *const ways[] = {"since/0?t=r", "recent", "before/9999999"};
    char target[96];
    for (int turn = 0; turn < 2; turn++)
        for (size_t member = 0; member < PEOPLE; member++) {
            for (size_t i = 0; i < COUNT_OF(ways); i++) {
                (void)snprintf(target, sizeof(target), "/room/%s/messages/%s", room, ways[i]);
                if (stands_in(member, target, id) != served)
                    fail_msg("%s: member %zu, %s: %s", what, member, target,
                             served ? "not served" : "served");
            }
            (void)snprintf(target, sizeof(target), "/room/%s/message/%" PRId64, room, id);
            int code = talk_ask(&t, member, "GET", target, NULL, NULL);
            if (code != (served ? 200 : 404))
                fail_msg("%s: member %zu: %s is %d", what, member, target, code);
        }
}

static void expect_listed(const char *kind, int64_t id, bool listed)
{
    static struct said said;
    char words[96];
    (void)snprintf(words, sizeof(words), "damaged: %s %" PRId64, kind, id);
    command_run(&t.w, NULL, ARGS("check", "--rows"), &said);
    const char *at = strstr(said.out, words);
    if ((at != NULL && strchr(" \n", at[strlen(words)]) != NULL) != listed)
        fail_msg("%s %slisted: %s", words, listed ? "not " : "", said.out);
}

/* ---- with write access to the database ---- */

static const struct {
    const char *what, *sql; /* $1: the message */
    bool whisper;
} attacks[] = {
    {"a whisper to Ana made public", "UPDATE conclave.messages SET whisper_to = NULL WHERE id = $1",
     true},
    {"a whisper to Ana made one to Ben",
     "UPDATE conclave.messages SET whisper_to = (SELECT author FROM conclave.messages"
     " ORDER BY id LIMIT 1) WHERE id = $1",
     true},
    {"another author",
     "UPDATE conclave.messages SET author = (SELECT max(id) FROM conclave.users u"
     " WHERE u.id <> author) WHERE id = $1",
     false},
    {"another time", "UPDATE conclave.messages SET posted = posted + 1 WHERE id = $1", false},
    {"a number as if it were newer",
     "UPDATE conclave.messages SET seqno_data = seqno_data + 1,"
     " mac = overlay(mac PLACING mac FROM 1) WHERE id = $1",
     false},
    {"no MAC", "UPDATE conclave.messages SET mac = NULL WHERE id = $1", false},
    {"a MAC of another row",
     "UPDATE conclave.messages m SET mac = o.mac FROM conclave.messages o"
     " WHERE o.id = m.id - 1 AND m.id = $1",
     false},
    {"another room",
     "UPDATE conclave.messages m SET room = (SELECT id FROM conclave.rooms WHERE token = 'lobby')"
     " WHERE m.id = $1",
     false},
};

static void row__that_nobody_wrote_so__is_served_to_nobody(void **state)
{
    (void)state;
    talk_room_with_staff(&t, MOD, ADMIN, "attacked");
    (void)talk_post(&t, BEN, "attacked", "the first");
    int64_t ids[COUNT_OF(attacks)];
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        (void)talk_post(&t, BEN, "attacked", "between");
        ids[i] = attacks[i].whisper ? talk_whisper(&t, MOD, "attacked", "psst", ANA, false)
                                    : talk_post(&t, ANA, "attacked", "words");
    }
    int64_t held = talk_post(&t, ANA, "attacked", "last");
    expect("before", "attacked", held, true);
    for (size_t i = 0; i < COUNT_OF(attacks); i++)
        run(attacks[i].sql, ids[i]);
    restart();
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        bool moved = strcmp(attacks[i].what, "another room") == 0;
        expect(attacks[i].what, moved ? "lobby" : "attacked", ids[i], false);
    }
    expect("beside them", "attacked", held, true);
    assert_float_equal(damaged("message"), (double)COUNT_OF(attacks), 0);
    for (size_t i = 0; i < COUNT_OF(attacks); i++)
        expect_listed("message", ids[i], true);
    expect_listed("message", held, false);
}

static void author__of_a_row_that_is_not_his__cannot_make_it_his_by_an_edit(void **state)
{
    (void)state;
    talk_room(&t, "edited");
    (void)talk_post(&t, BEN, "edited", "Ben was here");
    int64_t id = talk_post(&t, ANA, "edited", "words");
    run("UPDATE conclave.messages m SET author = o.author FROM conclave.messages o"
        " WHERE o.id = m.id - 1 AND m.id = $1",
        id);
    restart();
    assert_int_not_equal(community_edit(&t.members[BEN].community, "edited", id, "now it is mine"),
                         OK);
    expect("edited by whom it was given to", "edited", id, false);
}

/* The body and MAC of before the edit, under the number of now; and the body alone. */
static void version__put_back__is_served_to_nobody(void **state)
{
    (void)state;
    talk_room(&t, "versions");
    int64_t ids[3];
    database_run(db, "CREATE TABLE IF NOT EXISTS public.kept"
                     " (id bigint, body bytea, mac bytea, key_id bigint)");
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        ids[i] = talk_post(&t, ANA, "versions", "what was said first");
        run("INSERT INTO public.kept SELECT id, body, mac, key_id FROM conclave.messages"
            " WHERE id = $1",
            ids[i]);
        talk_edit(&t, ANA, "versions", ids[i], "what was meant");
    }
    restart();
    expect("edited", "versions", ids[2], true);
    run("UPDATE conclave.messages m SET body = k.body, mac = k.mac FROM public.kept k"
        " WHERE k.id = m.id AND m.id = $1",
        ids[0]);
    run("UPDATE conclave.messages m SET body = k.body FROM public.kept k"
        " WHERE k.id = m.id AND m.id = $1",
        ids[1]);
    restart();
    for (size_t i = 0; i < 2; i++) {
        expect("put back", "versions", ids[i], false);
        expect_listed("message", ids[i], true);
    }
    expect("left alone", "versions", ids[2], true);
    /* What was deleted does not come back either. */
    talk_delete(&t, ANA, "versions", ids[2]);
    run("UPDATE conclave.messages m SET body = k.body, mac = k.mac FROM public.kept k"
        " WHERE k.id = m.id AND m.id = $1",
        ids[2]);
    restart();
    expect("undeleted", "versions", ids[2], false);
}

/* ---- files ---- */

static int fetch(size_t member, const char *room, int64_t file)
{
    AUTO_BUF struct buf out = buf_make(KIB(64));
    enum err e =
        room_file_get(&t.members[member].community, room, file, SIGNED_BLINDED, &out, NULL);
    return e == OK ? 200 : 404;
}

static void file__moved_to_another_room__is_served_to_nobody(void **state)
{
    (void)state;
    int64_t moved = 0, repointed = 0, kept = 0, foreign = 0;
    talk_room_with_staff(&t, MOD, ADMIN, "private");
    talk_room(&t, "public");
    struct community *of = &t.members[MOD].community;
    assert_int_equal(room_file_put(of, "private", SPAN("a secret"), NULL, &moved), OK);
    assert_int_equal(room_file_put(of, "private", SPAN("another"), NULL, &repointed), OK);
    assert_int_equal(room_file_put(of, "private", SPAN("a third"), NULL, &kept), OK);
    assert_int_equal(room_file_put(of, "public", SPAN("for all"), NULL, &foreign), OK);
    assert_int_equal(fetch(ANA, "public", foreign), 200);
    run("UPDATE conclave.files SET room = (SELECT id FROM conclave.rooms WHERE token = 'public')"
        " WHERE id = $1",
        moved);
    assert_int_equal(DB_QUERY(db,
                              "UPDATE conclave.files f SET blob = o.blob FROM conclave.files o"
                              " WHERE o.id = $1 AND f.id = $2",
                              NULL, PARAM_I64(repointed), PARAM_I64(foreign)),
                     OK);
    restart();
    assert_int_equal(fetch(ANA, "public", moved), 404);
    assert_int_equal(fetch(ANA, "public", foreign), 404);
    assert_int_equal(fetch(ANA, "private", kept), 200);
    assert_int_equal(fetch(ANA, "private", repointed), 200);
    assert_true(damaged("file") >= 2);
    expect_listed("file", number("SELECT blob FROM conclave.files WHERE id = $1", moved), true);
    expect_listed("file", number("SELECT blob FROM conclave.files WHERE id = $1", kept), false);
}

/* ---- messages without MACs ---- */

static int64_t without_mac(void)
{
    return number("SELECT count(*) FROM conclave.messages WHERE mac IS NULL AND body IS NOT NULL"
                  " AND id > $1",
                  0);
}

static int64_t oldest_program(void)
{
    return number("SELECT coalesce(oldest_program, 0) FROM conclave.schema_migrations"
                  " WHERE name LIKE '%message_macs%' AND 0 = $1::bigint",
                  0);
}

/* What a program does that does not know of MACs. */
static void post_like_an_old_program(int64_t id)
{
    run("UPDATE conclave.messages SET mac = NULL WHERE id = $1", id);
}

static void make_due(struct ring *ring, struct metrics *metrics, bool due)
{
    struct mac_turns turns = {.after = 0};
    struct db *job = NULL;
    const struct db_options options = {.url = t.w.database_url,
                                       .origin = DB_JOB,
                                       .metrics = metrics,
                                       .tables = store_statements,
                                       .table_count = store_statement_count};
    int64_t now_ms = clock_wall_ms() + (due ? 2 * MACS_QUIET_S * (int64_t)SECOND_MS : 0);
    assert_int_equal(db_new(&options, &job), OK);
    assert_int_equal(db_ensure(job), OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(macs_turn(job, ring, metrics, &turns, now_ms + i), OK);
    if (due)
        assert_int_equal(
            macs_turn(job, ring, metrics, &turns, now_ms + 2 * MACS_QUIET_S * (int64_t)SECOND_MS),
            OK);
    db_free(job);
}

static void row__of_before_macs__is_served_gets_one_and_then_must_have_it(void **state)
{
    (void)state;
    uint8_t raw[32];
    char path[WORLD_PATH_MAX + 16];
    struct ring *ring = NULL;
    struct metrics *metrics = metrics_new();
    database_run(db, "DELETE FROM conclave.messages"); /* those that others damaged */
    database_run(db, "UPDATE conclave.schema_migrations SET oldest_program = 0"
                     " WHERE name LIKE '%message_macs%'");
    (void)snprintf(path, sizeof(path), "%s/storage.key", t.w.folder);
    assert_int_equal(key_file_read(path, raw), KEY_FILE_OK);
    talk_room(&t, "older");
    int64_t ids[3];
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = talk_post(&t, ANA, "older", "of an older program");
    /* The server that runs keeps what it knows; a new one asks the database. */
    unmark(&t.w, db);
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        post_like_an_old_program(ids[i]);
    restart();
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        expect("without a MAC", "older", ids[i], true);
    assert_int_equal(ring_new(raw, &ring), OK);
    make_due(ring, metrics, false);
    assert_int_equal(without_mac(), 0);
    assert_false(ring_macs_required(ring));
    /* An older program edits: it knows of no MAC, and what it wrote is served all the same. */
    run("UPDATE conclave.messages SET edited = posted + 1, seqno_data = 1000, body = body"
        " WHERE id = $1",
        ids[0]);
    assert_int_equal(without_mac(), 1);
    restart();
    expect("edited by an older program", "older", ids[0], true);
    /* A wrong one is never right. */
    run("UPDATE conclave.messages SET mac = set_byte(mac, 0, get_byte(mac, 0) # 1)"
        " WHERE id = $1",
        ids[1]);
    restart();
    expect("with a wrong MAC", "older", ids[1], false);
    assert_int_equal(oldest_program(), 0);
    make_due(ring, metrics, true);
    assert_true(ring_macs_required(ring));
    assert_true(oldest_program() > 0);
    assert_int_equal(without_mac(), 0);
    restart();
    expect("with its MAC", "older", ids[0], true);
    post_like_an_old_program(ids[2]);
    restart();
    expect("without a MAC at last", "older", ids[2], false);
    expect_listed("message", ids[2], true);
    ring_free(ring);
    metrics_free(metrics);
}

/* A restart, an exchange of the storage key: the mark and the MACs stay. */
static void mark__after_an_exchange_of_the_storage_key__stays(void **state)
{
    (void)state;
    static struct said said;
    talk_room(&t, "rotated");
    int64_t with = talk_post(&t, ANA, "rotated", "with"),
            without = talk_post(&t, ANA, "rotated", "without");
    command_expect(&t.w, NULL, ARGS("key", "rotate"), 0, NULL, &said);
    post_like_an_old_program(without);
    restart();
    expect("with", "rotated", with, true);
    expect("without", "rotated", without, false);
}

static int open_talk(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                      "CONCLAVE_FILES_TYPE_CHECK=off", NULL};
    talk_open(&t, 1, PEOPLE, env);
    db = talk_database(&t);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    db_free(db);
    talk_close(&t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row__that_nobody_wrote_so__is_served_to_nobody),
        cmocka_unit_test(author__of_a_row_that_is_not_his__cannot_make_it_his_by_an_edit),
        cmocka_unit_test(version__put_back__is_served_to_nobody),
        cmocka_unit_test(file__moved_to_another_room__is_served_to_nobody),
        cmocka_unit_test(row__of_before_macs__is_served_gets_one_and_then_must_have_it),
        cmocka_unit_test(mark__after_an_exchange_of_the_storage_key__stays),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
