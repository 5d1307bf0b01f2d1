/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filters and automatic replies (docs/protocol/community.md, 4.5): what is stopped, what is
 * answered, and that nobody ever sees what was swallowed. One world of two servers; each test makes
 * rooms of its own.
 *
 * test-seconds: 18
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "client/padding.h"
#include "integration/database.h"
#include "integration/talk.h"

enum { ANA, BEN, MOD, BOSS, PEOPLE };
enum { KNOWN_WITHIN_MS = 5000, STEP_MS = 10 };
#define PROFANE "what a badger"

static struct talk t;
static struct db *db;
static char words_path[64];
static char words_setting[128];

static int open_talk(void **state)
{
    (void)state;
    (void)snprintf(words_path, sizeof(words_path), "/tmp/conclave-words-%ld", (long)getpid());
    (void)snprintf(words_setting, sizeof(words_setting), "CONCLAVE_FILTERS_WORDS=%s", words_path);
    FILE *f = fopen(words_path, "we");
    assert_non_null(f);
    assert_true(fputs("# unwanted\nbadger\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    static const char *const env[] = {words_setting, NULL}; /* read at each start */
    talk_open(&t, 2, PEOPLE, env);
    talk_appoint(&t, BOSS, NULL, "--admin");
    db = talk_database(&t);
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    db_free(db);
    talk_close(&t);
    (void)unlink(words_path);
    return 0;
}

/* ---- helpers ---- */

/* Rooms show a new description no earlier than what was filtered when it was set. */
static void settle(const char *room)
{
    static int turn;
    char description[32];
    (void)snprintf(description, sizeof(description), "turn %d", ++turn);
    const char *const args[] = {"room", "set", room, "--description", description, NULL};
    talk_command(&t, args);
    for (size_t server = 0; server < 2; server++) {
        struct member m;
        bool seen = false;
        int64_t deadline = clock_mono_ms() + KNOWN_WITHIN_MS;
        assert_int_equal(member_open(&t.w, BEN, server, false, &m), OK);
        while (!seen) {
            json_auto_t *object = NULL;
            assert_int_equal(community_join(&m.community, room, &object), OK);
            const json_t *text = json_object_get(object, "description");
            seen = json_is_string(text) && strcmp(json_string_value(text), description) == 0;
            assert_true(clock_mono_ms() < deadline);
            if (!seen)
                (void)poll(NULL, 0, STEP_MS);
        }
        member_close(&m);
    }
}

static void filter(const char *room, const char *const *words)
{
    const char *args[24] = {"filter"};
    size_t n = 1;
    for (; *words != NULL; words++)
        args[n++] = *words;
    args[n++] = "--room";
    args[n++] = room;
    talk_command(&t, args);
    settle(room);
}
#define FILTER(room, ...) filter((room), (const char *const[]){__VA_ARGS__, NULL})

static void new_room(const char *room)
{
    talk_room(&t, room);
    talk_appoint(&t, MOD, room, NULL);
}

static int post_code(size_t member, const char *room, const json_t *body, json_t **ret)
{
    char target[128];
    (void)snprintf(target, sizeof(target), "/room/%s/message", room);
    return talk_ask(&t, member, "POST", target, body, ret);
}

/* A post of this text; its code. */
static int say_code(size_t member, const char *room, const char *text, json_t **ret)
{
    json_auto_t *body = community_post_body(&t.members[member].community, text);
    return post_code(member, room, body, ret);
}

static json_t *say_swallowed(size_t member, const char *room, const char *text)
{
    json_t *row = NULL;
    assert_int_equal(say_code(member, room, text, &row), 201);
    assert_true(json_is_true(json_object_get(row, "filtered")));
    return row;
}

static json_t *base64_json(struct span s)
{
    char text[8192] = {0};
    assert_true(base64_len(s.len) < sizeof(text));
    base64_write(s, text);
    return json_string(text);
}

/* A post of these very bytes, well signed. */
static json_t *body_of_bytes(size_t member, struct span data)
{
    const struct community *c = &t.members[member].community;
    struct ed25519_sig sig;
    assert_int_equal(blinding_sign15(&c->account, &c->blinded, BLINDING_NONCE_SEED32, data, &sig),
                     OK);
    return json_pack("{s:o, s:o}", "data", base64_json(data), "signature",
                     base64_json(SPAN_OF_KEY(&sig)));
}

static size_t rows_in_database(const char *room)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM conclave.messages m, conclave.rooms r"
                   " WHERE m.room = r.id AND r.token = '%s'",
                   room);
    return (size_t)database_number(db, sql);
}

/* Every list and the message itself, for everybody, at both servers. */
static void assert_nobody_sees(const char *room, int64_t id)
{
    static const char *const lists[] = {"since/0?t=r&limit=256", "since/1?t=r&limit=256",
                                        "since/0?limit=256", "recent?limit=256",
                                        "before/9223372036854775807?limit=256"};
    for (size_t server = 0; server < 2; server++) {
        for (size_t member = 0; member < PEOPLE; member++) {
            talk_move(&t, member, server);
            for (size_t i = 0; i < COUNT_OF(lists); i++) {
                char target[128];
                (void)snprintf(target, sizeof(target), "/room/%s/messages/%s", room, lists[i]);
                json_auto_t *rows = NULL;
                assert_int_equal(talk_ask(&t, member, "GET", target, NULL, &rows), 200);
                if (talk_row(rows, id) != NULL)
                    fail_msg("%s shows it to %zu at %zu", target, member, server);
            }
            talk_refused(&t, member, 404, "GET", "/room/%s/message/%lld", room, (long long)id);
            talk_refused(&t, member, 404, "PUT", "/room/%s/reaction/%lld/x", room, (long long)id);
        }
    }
    for (size_t member = 0; member < PEOPLE; member++)
        talk_move(&t, member, 0);
}

/* ---- swallowed and refused ---- */

static void filtered_post__silent__seems_done_and_is_seen_by_nobody(void **state)
{
    (void)state;
    new_room("silent");
    FILTER("silent", "set", "--profanity", "yes");
    int64_t before = talk_post(&t, ANA, "silent", "good morning");
    int64_t sequence = talk_sequence(&t, ANA, "silent");
    json_auto_t *row = say_swallowed(ANA, "silent", PROFANE);
    int64_t id = talk_int(row, "id");
    assert_true(id > before);
    assert_int_equal(talk_int(row, "seqno"), sequence + 1);
    assert_int_equal(talk_sequence(&t, ANA, "silent"), sequence + 1);
    assert_non_null(json_object_get(row, "signature"));
    talk_post(&t, BEN, "silent", "nobody said anything");
    assert_nobody_sees("silent", id);
    /*
     * From the database too, and after a clean edit: once filtered, always hidden
     * (docs/protocol/community.md, 8, row 23).
     */
    talk_edit(&t, ANA, "silent", id, "a clean sentence");
    for (size_t server = 0; server < 2; server++) {
        world_kill_server(&t.w, server);
        assert_int_equal(world_restart_server(&t.w, server, NULL), OK);
    }
    assert_nobody_sees("silent", id);
    /* Deleting it leaves no tombstone. */
    talk_delete(&t, ANA, "silent", id);
    assert_nobody_sees("silent", id);
}

static void filtered_post__not_silent__is_429_and_changes_nothing(void **state)
{
    (void)state;
    new_room("loud");
    FILTER("loud", "set", "--profanity", "yes", "--profanity-silent", "no", "--alphabets",
           "cyrillic", "--alphabet-silent", "no");
    FILTER("loud", "reply", "--text", "never sent");
    int64_t sequence = talk_sequence(&t, ANA, "loud");
    assert_int_equal(say_code(ANA, "loud", PROFANE, NULL), 429);
    assert_string_equal(t.members[ANA].community.refusal.text,
                        "filtration rejected message (profanity)");
    assert_int_equal(say_code(ANA, "loud", "привет", NULL), 429);
    assert_string_equal(t.members[ANA].community.refusal.text,
                        "filtration rejected message (alphabet)");
    assert_int_equal(talk_sequence(&t, ANA, "loud"), sequence);
    assert_int_equal(rows_in_database("loud"), 0);
    /* What was refused has not used up the limit of posts. */
    for (int i = 0; i < 5; i++)
        talk_post(&t, ANA, "loud", "clean");
}

static void each_alphabet__is_stopped_where_it_is_listed(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {{"persian", "سلام"}, {"arabic", "\u0660"}, {"cyrillic", "привет"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        new_room(cases[i].name);
        FILTER(cases[i].name, "set", "--alphabets", cases[i].name, "--alphabet-silent", "no");
        assert_int_equal(say_code(ANA, cases[i].name, cases[i].text, NULL), 429);
        talk_post(&t, ANA, cases[i].name, "plain letters");
        if (i != 1) /* Arabic holds the letters of Persian */
            talk_post(&t, ANA, cases[i].name, cases[(i + 1) % COUNT_OF(cases)].text);
    }
}

static void display_name__of_an_unwanted_word__is_stopped(void **state)
{
    (void)state;
    /* Content { dataMessage { body "hi", profile(101) { displayName "Badger" } } }, and padding */
    static const char bytes[] = "\x0a\x0f\x0a\x02hi\xaa\x06\x08\x0a\x06"
                                "Badger\x80";
    new_room("names");
    FILTER("names", "set", "--profanity", "yes", "--profanity-silent", "no");
    json_auto_t *body = body_of_bytes(ANA, span_of(bytes, sizeof(bytes) - 1));
    assert_int_equal(post_code(ANA, "names", body, NULL), 429);
}

static void post__that_no_app_can_read__is_refused_where_posts_are_filtered(void **state)
{
    (void)state;
    static const char *const texts[] = {"badger", "\xff\xff\xff\xff", "\x0a\x7f", "\x0b", ""};
    new_room("noise");
    for (int filtered = 0; filtered < 2; filtered++) {
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
            json_auto_t *body = body_of_bytes(filtered ? BEN : ANA, span_of_text(texts[i]));
            /* Nothing at all is a Content, too. */
            assert_int_equal(post_code(filtered ? BEN : ANA, "noise", body, NULL),
                             filtered && texts[i][0] != '\0' ? 400 : 201);
        }
        FILTER("noise", "set", "--alphabets", "arabic");
    }
    assert_int_equal(rows_in_database("noise"), COUNT_OF(texts) + 1);
}

static void moderators__are_passed_over_unless_told_otherwise(void **state)
{
    (void)state;
    new_room("mods");
    FILTER("mods", "set", "--profanity", "yes", "--profanity-silent", "no");
    talk_post(&t, MOD, "mods", PROFANE);
    talk_post(&t, BOSS, "mods", PROFANE);
    FILTER("mods", "set", "--moderators", "yes");
    assert_int_equal(say_code(MOD, "mods", PROFANE, NULL), 429);
    assert_int_equal(say_code(BOSS, "mods", PROFANE, NULL), 429);
}

static void filter__of_the_server__holds_where_the_room_says_nothing_else(void **state)
{
    (void)state;
    new_room("strict");
    new_room("free");
    const char *const global[] = {
        "filter", "set", "--global", "--profanity", "yes", "--profanity-silent", "no", NULL};
    const char *const undo[] = {"filter",      "set",     "--global",
                                "--profanity", "default", "--profanity-silent",
                                "default",     NULL};
    talk_command(&t, global);
    FILTER("free", "set", "--profanity", "no");
    settle("strict");
    assert_int_equal(say_code(ANA, "strict", PROFANE, NULL), 429);
    talk_post(&t, ANA, "free", PROFANE);
    FILTER("free", "set", "--profanity", "default");
    assert_int_equal(say_code(ANA, "free", PROFANE, NULL), 429);
    /* At the other process as well. */
    talk_move(&t, ANA, 1);
    assert_int_equal(say_code(ANA, "strict", PROFANE, NULL), 429);
    talk_move(&t, ANA, 0);
    talk_command(&t, undo);
    settle("strict");
    talk_post(&t, ANA, "strict", PROFANE);
    assert_int_equal(
        database_number(db, "SELECT count(*) FROM conclave.filters WHERE room IS NULL"), 0);
}

static void swallowed_posts__count_for_the_limit_of_posts(void **state)
{
    (void)state;
    new_room("limit");
    FILTER("limit", "set", "--profanity", "yes");
    FILTER("limit", "reply", "--text", "no");
    for (int i = 0; i < 5; i++)
        json_decref(say_swallowed(ANA, "limit", PROFANE));
    assert_int_equal(say_code(ANA, "limit", PROFANE, NULL), 429);
    assert_string_equal(t.members[ANA].community.refusal.text, "Rate limited");
    assert_int_equal(rows_in_database("limit"), 10); /* five answers, and none to the sixth */
}

/* ---- answers ---- */

/* The rows of a room that were not there at `since`, to a member. */
static json_t *news(size_t member, const char *room, int64_t since)
{
    return talk_get(&t, member, "/room/%s/messages/since/%lld?t=r", room, (long long)since);
}

static void assert_answer(const json_t *row, const json_t *swallowed, const char *text)
{
    struct message m AUTO_MESSAGE = {0};
    assert_int_equal(message_read(row, &m), OK);
    assert_true(m.verified);
    assert_int_equal(m.author.b[0], ID_BLINDED15);
    if (!span_eq_text(m.content.text, text))
        fail_msg("%.*s", (int)m.content.text.len, (const char *)m.content.text.p);
    assert_true(m.content.timestamp_ms > 0);
    assert_int_equal(m.data.p[m.data.len - 2], 0x80);
    assert_int_equal(m.data.p[m.data.len - 1], 0);
    if (swallowed == NULL)
        return;
    assert_int_equal(m.seqno, talk_int(swallowed, "seqno") + 1);
    assert_int_equal(m.id, talk_int(swallowed, "id") + 1);
    assert_true(m.posted > json_real_value(json_object_get(swallowed, "posted")));
}

static void answer__by_default__is_a_whisper_that_the_poster_alone_sees(void **state)
{
    (void)state;
    char expected[256];
    struct id_text ana;
    new_room("answers");
    FILTER("answers", "set", "--profanity", "yes");
    FILTER("answers", "reply", "--text", "\\@ not in \\r (\\t), \\p\\nsorry", "--name", "Doorman");
    int64_t sequence = talk_sequence(&t, ANA, "answers");
    json_auto_t *swallowed = say_swallowed(ANA, "answers", PROFANE);
    json_auto_t *seen = news(ANA, "answers", sequence);
    assert_int_equal(json_array_size(seen), 1);
    const json_t *row = json_array_get(seen, 0);
    talk_id(&t, ANA, &ana);
    (void)snprintf(expected, sizeof(expected), "@%s not in answers (answers), %s\nsorry", ana.s,
                   ana.s);
    assert_answer(row, swallowed, expected);
    assert_true(json_is_true(json_object_get(row, "whisper")));
    assert_true(json_is_false(json_object_get(row, "whisper_mods")));
    assert_string_equal(json_string_value(json_object_get(row, "whisper_to")), ana.s);
    for (size_t other = BEN; other < PEOPLE; other++) {
        json_auto_t *rows = news(other, "answers", sequence);
        assert_int_equal(json_array_size(rows), 0);
        talk_refused(&t, other, 404, "GET", "/room/answers/message/%lld",
                     (long long)talk_int(row, "id"));
    }
    /* The name decides who speaks. */
    json_auto_t *again = say_swallowed(ANA, "answers", PROFANE);
    json_auto_t *more = news(ANA, "answers", talk_int(again, "seqno"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(more, 0), "session_id")),
                        json_string_value(json_object_get(row, "session_id")));
    FILTER("answers", "reply", "--name", "Porter");
    json_auto_t *third = say_swallowed(ANA, "answers", PROFANE);
    json_auto_t *other = news(ANA, "answers", talk_int(third, "seqno"));
    assert_string_not_equal(
        json_string_value(json_object_get(json_array_get(other, 0), "session_id")),
        json_string_value(json_object_get(row, "session_id")));
}

static void answer__in_public__is_seen_by_everybody_and_the_post_is_not(void **state)
{
    (void)state;
    new_room("stage");
    FILTER("stage", "set", "--alphabets", "cyrillic", "--profanity", "yes");
    FILTER("stage", "reply", "--type", "cyrillic", "--text", "Latin letters, please", "--public",
           "yes");
    json_auto_t *swallowed = say_swallowed(ANA, "stage", "привет");
    for (size_t member = 0; member < PEOPLE; member++) {
        json_auto_t *rows = news(member, "stage", 0);
        assert_int_equal(json_array_size(rows), 1);
        const json_t *row = json_array_get(rows, 0);
        assert_answer(row, swallowed, "Latin letters, please");
        assert_null(json_object_get(row, "whisper"));
    }
    /* No answer for the other filter, and none when it is taken back. */
    json_auto_t *quiet = say_swallowed(ANA, "stage", PROFANE);
    assert_int_equal(talk_sequence(&t, ANA, "stage"), talk_int(quiet, "seqno"));
    FILTER("stage", "reply", "--type", "cyrillic", "--remove");
    json_auto_t *silent = say_swallowed(ANA, "stage", "привет");
    assert_int_equal(talk_sequence(&t, ANA, "stage"), talk_int(silent, "seqno"));
}

/* Android sends even a lone post in a batch, where a worker waits for the writer. */
static void answer__to_a_post_in_a_batch__comes_too(void **state)
{
    (void)state;
    new_room("batched");
    FILTER("batched", "set", "--profanity", "yes");
    FILTER("batched", "reply", "--text", "one\\\\two");
    json_auto_t *batch = json_pack("[{s:s, s:s, s:o}, {s:s, s:s}]", "method", "POST", "path",
                                   "/room/batched/message", "json",
                                   community_post_body(&t.members[ANA].community, PROFANE),
                                   "method", "GET", "path", "/room/batched/messages/since/0");
    json_auto_t *replies = NULL;
    assert_int_equal(talk_ask(&t, ANA, "POST", "/batch", batch, &replies), 200);
    const json_t *first = json_array_get(replies, 0);
    assert_int_equal(talk_int(first, "code"), 201);
    const json_t *rows = json_object_get(json_array_get(replies, 1), "body");
    assert_int_equal(json_array_size(rows), 1);
    assert_answer(json_array_get(rows, 0), json_object_get(first, "body"), "one\\two");
}

/* ---- edits ---- */

static int edit_code(size_t member, const char *room, int64_t id, const char *text)
{
    char target[128];
    json_auto_t *body = community_post_body(&t.members[member].community, text);
    (void)snprintf(target, sizeof(target), "/room/%s/message/%lld", room, (long long)id);
    return talk_ask(&t, member, "PUT", target, body, NULL);
}

static void edit__swallowed__looks_done_and_leaves_the_message_as_it_was(void **state)
{
    (void)state;
    new_room("edits");
    int64_t id = talk_post(&t, ANA, "edits", "as it was");
    FILTER("edits", "set", "--profanity", "yes");
    int64_t sequence = talk_sequence(&t, ANA, "edits");
    assert_int_equal(edit_code(ANA, "edits", id, PROFANE), 200);
    assert_int_equal(talk_sequence(&t, ANA, "edits"), sequence);
    json_auto_t *row = talk_get(&t, BEN, "/room/edits/message/%lld", (long long)id);
    struct message m AUTO_MESSAGE = {0};
    assert_int_equal(message_read(row, &m), OK);
    assert_true(span_eq_text(m.content.text, "as it was"));
    assert_null(json_object_get(row, "edited"));
    /* With an answer; to others' and to missing messages there is none. */
    FILTER("edits", "reply", "--text", "nor in edits");
    assert_int_equal(edit_code(BEN, "edits", id, PROFANE), 403);
    assert_int_equal(edit_code(ANA, "edits", id + 1000, PROFANE), 404);
    assert_int_equal(talk_sequence(&t, ANA, "edits"), sequence);
    assert_int_equal(edit_code(ANA, "edits", id, PROFANE), 200);
    json_auto_t *rows = news(ANA, "edits", sequence);
    assert_int_equal(json_array_size(rows), 1);
    assert_answer(json_array_get(rows, 0), NULL, "nor in edits");
    FILTER("edits", "set", "--profanity-silent", "no");
    assert_int_equal(edit_code(ANA, "edits", id, PROFANE), 429);
    assert_int_equal(edit_code(ANA, "edits", id, "a clean edit"), 200);
}

static void
edits__swallowed_one_after_the_other__do_not_make_the_server_talk_without_end(void **state)
{
    (void)state;
    new_room("echo");
    int64_t id = talk_post(&t, ANA, "echo", "as it was");
    FILTER("echo", "set", "--profanity", "yes");
    FILTER("echo", "reply", "--text", "no", "--public", "yes");
    for (int i = 0; i < 12; i++)
        assert_int_equal(edit_code(ANA, "echo", id, PROFANE), 200);
    assert_int_equal(rows_in_database("echo"), 1 + 5);
    /* Whoever posts is still answered. */
    json_auto_t *swallowed = say_swallowed(BEN, "echo", PROFANE);
    assert_int_equal(talk_sequence(&t, BEN, "echo"), talk_int(swallowed, "seqno") + 1);
}

/* ---- held, and the command ---- */

static void held_message__is_shown_to_nobody(void **state)
{
    (void)state;
    new_room("held");
    int64_t first = talk_post(&t, ANA, "held", "shown");
    int64_t held = talk_post(&t, ANA, "held", "held");
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "UPDATE conclave.messages SET state = 2 WHERE id = %lld",
                   (long long)held);
    database_run(db, sql);
    for (size_t server = 0; server < 2; server++) {
        world_kill_server(&t.w, server);
        assert_int_equal(world_restart_server(&t.w, server, NULL), OK);
    }
    json_auto_t *rows = news(BEN, "held", 0);
    assert_non_null(talk_row(rows, first));
    assert_nobody_sees("held", held);
}

static int command_status(const char *const *args)
{
    struct buf out AUTO_BUF = buf_make(KIB(64));
    int status = -1;
    assert_int_equal(world_conclave(&t.w, 0, args, &out, &status), OK);
    return status;
}

static void command__with_bad_words__is_usage_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const cases[][8] = {
        {"filter", NULL},
        {"filter", "set", NULL},
        {"filter", "set", "--global", "--room", "lobby", NULL},
        {"filter", "frob", "--global", NULL},
        {"filter", "set", "--global", "--profanity", "maybe", NULL},
        {"filter", "set", "--global", "--alphabets", "latin", NULL},
        {"filter", "set", "--global", "--alphabets", "arabic,,cyrillic", NULL},
        {"filter", "reply", "--global", "--text", "\\q", NULL},
        {"filter", "reply", "--global", "--text", "ends in \\", NULL},
        {"filter", "reply", "--global", "--text", "two\nlines", NULL},
        {"filter", "reply", "--global", "--text", "\xff", NULL},
        {"filter", "reply", "--global", "--name", "", NULL},
        {"filter", "reply", "--global", "--type", "latin", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (command_status(cases[i]) != 2)
            fail_msg("case %zu", i);
    const char *const unknown[] = {"filter",      "set", "--room", "nowhere",
                                   "--profanity", "yes", NULL};
    assert_int_equal(command_status(unknown), 1);
    assert_int_equal(database_number(db, "SELECT count(*) FROM conclave.filter_replies"
                                         " WHERE room IS NULL"),
                     0);
}

static void command__show__prints_what_was_set(void **state)
{
    (void)state;
    struct buf out AUTO_BUF = buf_make(KIB(64));
    int status = -1;
    new_room("shown");
    FILTER("shown", "set", "--alphabets", "arabic,persian", "--moderators", "no");
    FILTER("shown", "reply", "--text", "first", "--text", "second", "--public", "yes");
    const char *const show[] = {"filter", "show", "--room", "shown", NULL};
    assert_int_equal(world_conclave(&t.w, 0, show, &out, &status), OK);
    assert_int_equal(status, 0);
    assert_true(span_eq_text(buf_span(&out),
                             "room\talphabets persian,arabic\talphabet-silent default\t"
                             "profanity default\tprofanity-silent default\tmoderators no\n"
                             "room\treply any\tpublic yes\ttext first\ttext second\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filtered_post__silent__seems_done_and_is_seen_by_nobody),
        cmocka_unit_test(filtered_post__not_silent__is_429_and_changes_nothing),
        cmocka_unit_test(each_alphabet__is_stopped_where_it_is_listed),
        cmocka_unit_test(display_name__of_an_unwanted_word__is_stopped),
        cmocka_unit_test(post__that_no_app_can_read__is_refused_where_posts_are_filtered),
        cmocka_unit_test(moderators__are_passed_over_unless_told_otherwise),
        cmocka_unit_test(filter__of_the_server__holds_where_the_room_says_nothing_else),
        cmocka_unit_test(swallowed_posts__count_for_the_limit_of_posts),
        cmocka_unit_test(answer__by_default__is_a_whisper_that_the_poster_alone_sees),
        cmocka_unit_test(answer__in_public__is_seen_by_everybody_and_the_post_is_not),
        cmocka_unit_test(answer__to_a_post_in_a_batch__comes_too),
        cmocka_unit_test(edit__swallowed__looks_done_and_leaves_the_message_as_it_was),
        cmocka_unit_test(
            edits__swallowed_one_after_the_other__do_not_make_the_server_talk_without_end),
        cmocka_unit_test(held_message__is_shown_to_nobody),
        cmocka_unit_test(command__with_bad_words__is_usage_and_changes_nothing),
        cmocka_unit_test(command__show__prints_what_was_set),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
