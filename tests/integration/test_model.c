/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Twenty people do random things in three rooms through two server processes; every answer and
 * every list that anybody reads is compared with the model (model.h), numbers included.
 *
 * test-timeout-s: 240, test-waits: 70
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/db.h"
#include "integration/model.h"
#include "integration/talk.h"

enum { ROOMS = 3, SERVERS = 2, RUN_MS = 60000, SHORT_RUN_MS = 20000, SEEN_WITHIN_MS = 3000 };
static const char *const tokens[ROOMS] = {"red", "green", "blue"};

static struct talk talk; /* at the first server */
static struct member second[MODEL_USERS];
static struct model_room rooms[ROOMS];
static struct id_text id_texts[MODEL_USERS];
static const char *ids[MODEL_USERS];
static struct db *db;
static unsigned long long seed;

/* Repeatable: the seed is printed (xorshift64*). */
static unsigned pick(unsigned below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (unsigned)((seed * 2685821657736338717ULL) >> 33) % below;
}

static struct community *at(int user, unsigned server)
{
    return server == 0 ? &talk.members[user].community : &second[user].community;
}

static int ask(int user, unsigned server, const char *method, const char *target,
               const json_t *body, json_t **ret)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request request = {
        .method = method, .target = target, .json = body, .signing = SIGNED_BLINDED};
    enum err e = community_call(at(user, server), &request, &reply);
    if (e != OK)
        fail_msg("%s %s: the link failed (%s)", method, target, err_name(e));
    if (ret != NULL)
        *ret = json_loadb((const char *)reply.body.p, reply.body.len, JSON_DECODE_ANY, NULL);
    return reply.code;
}

/* An id that mostly exists, and mostly in this room. */
static int64_t some_id(const struct model_room *room)
{
    const struct model_room *from = pick(50) == 0 ? &rooms[pick(ROOMS)] : room;
    if (from->count == 0 || pick(50) == 0)
        return 1000000 + pick(1000);
    /* People act on what is new. */
    size_t back = pick(4) == 0 ? pick((unsigned)from->count) : pick(12);
    return from->messages[from->count - 1 - back % from->count].id;
}

static void expect(const struct model_answer *wanted, int code, const char *what)
{
    if (code != wanted->code)
        fail_msg("%s: the server says %d, the model %d", what, code, wanted->code);
}

/* ---- what people do ---- */

static void do_post(unsigned r, int user, unsigned server)
{
    static unsigned long counter;
    char text[40], target[40];
    int whisper_to = pick(12) == 0 ? (int)pick(MODEL_USERS) : MODEL_NOBODY;
    bool mods = pick(15) == 0;
    (void)snprintf(text, sizeof(text), "message %lu", ++counter);
    (void)snprintf(target, sizeof(target), "/room/%s/message", tokens[r]);
    json_auto_t *body = community_post_body(at(user, server), text);
    json_auto_t *row = NULL;
    if (whisper_to != MODEL_NOBODY)
        (void)json_object_set_new(body, "whisper_to", json_string(ids[whisper_to]));
    if (mods)
        (void)json_object_set_new(body, "whisper_mods", json_true());
    struct model_answer wanted =
        model_post(&rooms[r], user, whisper_to, mods, json_object_get(body, "data"));
    expect(&wanted, ask(user, server, "POST", target, body, &row), "post");
    if (wanted.code != 201)
        return;
    assert_int_equal(talk_int(row, "seqno"), wanted.seqno);
    model_posted(&rooms[r], talk_int(row, "id"));
}

static void do_edit(unsigned r, int user, unsigned server)
{
    static unsigned long counter;
    char text[40], target[64];
    int64_t id = some_id(&rooms[r]);
    const struct model_message *m = model_find(&rooms[r], id);
    bool same = m != NULL && !m->deleted && pick(5) == 0;
    if (m != NULL && pick(3) > 0)
        user = m->author;
    (void)snprintf(text, sizeof(text), "edit %lu", ++counter);
    (void)snprintf(target, sizeof(target), "/room/%s/message/%lld", tokens[r], (long long)id);
    json_auto_t *body = community_post_body(at(user, server), text);
    if (same)
        (void)json_object_set(body, "data", m->body);
    struct model_answer wanted =
        model_edit(&rooms[r], user, id, json_object_get(body, "data"), same);
    expect(&wanted, ask(user, server, "PUT", target, body, NULL), "edit");
}

static void do_delete(unsigned r, int user, unsigned server)
{
    char target[64];
    int64_t id = some_id(&rooms[r]);
    (void)snprintf(target, sizeof(target), "/room/%s/message/%lld", tokens[r], (long long)id);
    struct model_answer wanted = model_delete(&rooms[r], user, id);
    expect(&wanted, ask(user, server, "DELETE", target, NULL, NULL), "delete");
}

static void do_delete_all(unsigned r, int user, unsigned server)
{
    char target[128];
    int whose = pick(2) == 0 ? user : (int)pick(MODEL_USERS);
    (void)snprintf(target, sizeof(target), "/room/%s/all/%s", tokens[r], ids[whose]);
    struct model_answer wanted = model_delete_all(&rooms[r], user, whose);
    expect(&wanted, ask(user, server, "DELETE", target, NULL, NULL), "delete all");
}

static void put_reaction_target(char *target, size_t size, const char *kind, unsigned r, int64_t id,
                                int text)
{
    /* As the text stands in a path: a quote and a backslash may. */
    (void)snprintf(target, size, "/room/%s/%s/%lld%s%s", tokens[r], kind, (long long)id,
                   text == MODEL_NOBODY ? "" : "/", text == MODEL_NOBODY ? "" : model_texts[text]);
}

static void expect_reaction(const struct model_answer *wanted, const json_t *reply, bool adds,
                            bool counts)
{
    if (wanted->code != 200)
        return;
    const json_t *what = json_object_get(reply, adds ? "added" : "removed");
    assert_int_equal(talk_int(reply, "seqno"), wanted->seqno);
    if (counts)
        assert_int_equal(json_integer_value(what), wanted->count);
    else
        assert_int_equal(json_is_true(what), wanted->count > 0);
}

static void do_react(unsigned r, int user, unsigned server)
{
    char target[96];
    int64_t id = some_id(&rooms[r]);
    int text = (int)pick(MODEL_TEXTS);
    json_auto_t *reply = NULL;
    put_reaction_target(target, sizeof(target), "reaction", r, id, text);
    struct model_answer wanted = model_react(&rooms[r], user, id, text);
    expect(&wanted, ask(user, server, "PUT", target, NULL, &reply), "react");
    expect_reaction(&wanted, reply, true, false);
}

static void do_unreact(unsigned r, int user, unsigned server)
{
    char target[96];
    int64_t id = some_id(&rooms[r]);
    const struct model_message *m = model_find(&rooms[r], id);
    int text = (int)pick(MODEL_TEXTS);
    json_auto_t *reply = NULL;
    if (m != NULL && m->list_count > 0 && pick(4) > 0) { /* mostly one that is there */
        const struct model_reaction *one = &m->list[pick((unsigned)m->list_count)];
        text = one->text;
        user = one->users[pick((unsigned)one->count)];
    }
    put_reaction_target(target, sizeof(target), "reaction", r, id, text);
    struct model_answer wanted = model_unreact(&rooms[r], user, id, text);
    expect(&wanted, ask(user, server, "DELETE", target, NULL, &reply), "unreact");
    expect_reaction(&wanted, reply, false, false);
}

static void do_clear(unsigned r, int user, unsigned server)
{
    char target[96];
    int64_t id = some_id(&rooms[r]);
    int text = pick(2) == 0 ? MODEL_NOBODY : (int)pick(MODEL_TEXTS);
    json_auto_t *reply = NULL;
    put_reaction_target(target, sizeof(target), "reactions", r, id, text);
    struct model_answer wanted = model_clear(&rooms[r], user, id, text);
    expect(&wanted, ask(user, server, "DELETE", target, NULL, &reply), "clear");
    expect_reaction(&wanted, reply, false, true);
}

/* ---- rights ---- */

/*
 * Does this server know of the user's rights what the model says? Asked of the room, not of
 * pollInfo: that is 403 for whoever may not read, whatever else changed.
 */
static bool rights_seen(unsigned r, int user, unsigned server)
{
    const struct model_rights *wanted = &rooms[r].rights[user];
    bool moderates = wanted->moderator || wanted->admin;
    char target[64];
    json_auto_t *room = NULL;
    (void)snprintf(target, sizeof(target), "/room/%s", tokens[r]);
    int code = ask(user, server, "GET", target, NULL, &room);
    if (wanted->banned)
        return code == 404;
    return code == 200 &&
           json_is_true(json_object_get(room, "read")) == (moderates || wanted->read) &&
           json_is_true(json_object_get(room, "write")) == (moderates || wanted->write) &&
           json_is_true(json_object_get(room, "moderator")) == moderates &&
           json_is_true(json_object_get(room, "admin")) == wanted->admin;
}

/*
 * As a moderator's request or an operator's command would: rights and their version in one
 * transaction.
 */
static void do_rights(unsigned r, int user)
{
    struct model_rights now = {.read = pick(5) > 0, .write = pick(4) > 0};
    unsigned role = pick(6);
    now.admin = role == 0;
    now.moderator = role <= 1;
    now.banned = role == 2;
    rooms[r].rights[user] = now;
    const struct session_id *id = &talk.members[user].community.blinded.id;
    assert_int_equal(
        DB_QUERY(db,
                 "WITH place AS ("
                 "    SELECT r.id AS room, u.id AS person"
                 "      FROM conclave.rooms r, conclave.users u"
                 "     WHERE r.token = convert_from($1::bytea, 'UTF8') AND u.session_id = $2),"
                 "given AS ("
                 "    INSERT INTO conclave.permissions"
                 "           (room, user_id, read, write, banned, moderator, admin)"
                 "    SELECT room, person, $3::boolean, $4::boolean, $5::boolean, $6::boolean,"
                 "           $7::boolean"
                 "      FROM place"
                 "        ON CONFLICT (room, user_id) DO UPDATE"
                 "       SET read = $3, write = $4, banned = $5, moderator = $6, admin = $7"
                 "    RETURNING room)"
                 "UPDATE conclave.versions v SET value = value + 1"
                 "  FROM given WHERE v.scope IN (2, 3) AND v.id = given.room",
                 NULL, PARAM_BYTES(span_of_text(tokens[r])), PARAM_BYTES(SPAN_OF_KEY(id)),
                 PARAM_BOOL(now.read), PARAM_BOOL(now.write), PARAM_BOOL(now.banned),
                 PARAM_BOOL(now.moderator), PARAM_BOOL(now.admin)),
        OK);
    for (unsigned server = 0; server < SERVERS; server++) {
        int64_t deadline_ms = clock_mono_ms() + SEEN_WITHIN_MS;
        while (!rights_seen(r, user, server)) {
            if (clock_mono_ms() > deadline_ms)
                fail_msg("server %u does not know the new rights", server);
            (void)poll(NULL, 0, 10);
        }
    }
}

/* ---- what people read ---- */

struct look {
    unsigned room;
    struct model_reader reader;
    int64_t n; /* since or before */
    bool is_since;
};

/* True if the server shows what the model shows. */
static bool agrees(const struct look *look, unsigned server, bool tell)
{
    char target[128];
    json_auto_t *got = NULL;
    (void)snprintf(target, sizeof(target), "/room/%s/messages/%s/%lld?limit=%d&reactors=%d%s",
                   tokens[look->room], look->is_since ? "since" : "before", (long long)look->n,
                   look->reader.limit, look->reader.reactors, look->reader.t_r ? "&t=r" : "");
    json_auto_t *wanted = look->is_since ? model_since(&rooms[look->room], &look->reader, look->n)
                                         : model_before(&rooms[look->room], &look->reader, look->n);
    assert_int_equal(ask(look->reader.user, server, "GET", target, NULL, &got), 200);
    model_strip(got);
    if (json_equal(got, wanted))
        return true;
    if (!tell)
        return false;
    print_message("%s by user %d of server %u\n", target, look->reader.user, server);
    for (size_t i = 0; i < json_array_size(got) || i < json_array_size(wanted); i++) {
        const json_t *g = json_array_get(got, i), *w = json_array_get(wanted, i);
        if (g != NULL && w != NULL && json_equal(g, w))
            continue;
        char *got_text = g ? json_dumps(g, JSON_COMPACT) : NULL;
        char *wanted_text = w ? json_dumps(w, JSON_COMPACT) : NULL;
        print_message("row %zu\n  got    %s\n  wanted %s\n", i, got_text ? got_text : "-",
                      wanted_text ? wanted_text : "-");
        break;
    }
    return false;
}

/* What the other process committed may take a moment; what is wrong stays wrong. */
static void compare(const struct look *look, unsigned server)
{
    int64_t deadline_ms = clock_mono_ms() + SEEN_WITHIN_MS;
    while (!agrees(look, server, false)) {
        if (clock_mono_ms() > deadline_ms) {
            (void)agrees(look, server, true);
            fail();
        }
        (void)poll(NULL, 0, 5);
    }
}

static void do_read(unsigned r, int user, unsigned server)
{
    struct look look = {.room = r,
                        .reader = {.user = user,
                                   .limit = 1 + (int)pick(pick(2) == 0 ? 20 : 256),
                                   .reactors = (int)pick(21),
                                   .t_r = pick(4) > 0,
                                   .ids = ids},
                        .is_since = pick(3) > 0};
    if (!model_reads(&rooms[r], user)) {
        char target[64];
        (void)snprintf(target, sizeof(target), "/room/%s/messages/recent", tokens[r]);
        assert_int_equal(ask(user, server, "GET", target, NULL, NULL), 403);
        return;
    }
    int64_t back = pick(3) == 0 ? pick((unsigned)rooms[r].sequence + 1) : pick(60);
    if (look.is_since)
        look.n = rooms[r].sequence > back ? rooms[r].sequence - back : 0;
    else
        look.n = pick(2) == 0 ? INT64_MAX : some_id(&rooms[r]);
    compare(&look, server);
}

/* The counters of a room as each process tells them. */
static void compare_counters(void)
{
    for (unsigned r = 0; r < ROOMS; r++)
        for (unsigned server = 0; server < SERVERS; server++) {
            int64_t got = -1;
            int user = 0;
            while (!model_reads(&rooms[r], user))
                user++;
            char target[64];
            (void)snprintf(target, sizeof(target), "/room/%s", tokens[r]);
            for (int64_t end = clock_mono_ms() + SEEN_WITHIN_MS;
                 got != rooms[r].sequence && clock_mono_ms() < end;) {
                json_auto_t *object = NULL;
                assert_int_equal(ask(user, server, "GET", target, NULL, &object), 200);
                got = talk_int(object, "message_sequence");
            }
            assert_int_equal(got, rooms[r].sequence);
        }
}

/* All of every room, for everybody who may read it, at both processes. */
static void compare_all(void)
{
    for (unsigned r = 0; r < ROOMS; r++)
        for (int user = 0; user < MODEL_USERS; user++) {
            struct look look = {
                .room = r,
                .reader = {.user = user, .limit = 256, .reactors = 20, .t_r = true, .ids = ids},
                .is_since = true};
            if (!model_reads(&rooms[r], user))
                continue;
            for (look.n = 0; look.n < rooms[r].sequence; look.n += 150)
                compare(&look, (unsigned)(user + look.n) % SERVERS);
        }
    compare_counters();
}

static void do_something(void)
{
    static const struct {
        unsigned weight;
        void (*act)(unsigned r, int user, unsigned server);
    } acts[] = {{24, do_post},    {10, do_edit}, {8, do_delete}, {24, do_react},
                {10, do_unreact}, {3, do_clear}, {20, do_read},  {1, do_delete_all}};
    unsigned r = pick(ROOMS), server = pick(SERVERS), draw = pick(100);
    int user = (int)pick(MODEL_USERS);
    if (pick(100) == 0) {
        do_rights(r, user);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(acts); i++) {
        if (draw < acts[i].weight) {
            acts[i].act(r, user, server);
            return;
        }
        draw -= acts[i].weight;
    }
}

static void two_processes__doing_random_things__agree_with_the_model(void **state)
{
    (void)state;
    int64_t run_ms = getenv("CONCLAVE_TEST_SHORT") != NULL ? SHORT_RUN_MS : RUN_MS;
    const char *given = getenv("CONCLAVE_TEST_SEED");
    seed = given != NULL ? strtoull(given, NULL, 10) : (unsigned long long)clock_wall_ms();
    print_message("CONCLAVE_TEST_SEED=%llu\n", seed);
    for (unsigned r = 0; r < ROOMS; r++)
        for (int user = 0; user < MODEL_USERS; user++)
            do_post(r, user, (unsigned)user % SERVERS); /* everybody is known from now on */
    size_t done = 0;
    for (int64_t end = clock_mono_ms() + run_ms; clock_mono_ms() < end; done++)
        do_something();
    compare_all();
    print_message("%zu things done; rooms at %lld, %lld, %lld\n", done,
                  (long long)rooms[0].sequence, (long long)rooms[1].sequence,
                  (long long)rooms[2].sequence);
    assert_true(done > 100);
}

static int set_up(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off", NULL};
    (void)state;
    talk_open(&talk, SERVERS, MODEL_USERS, env);
    for (unsigned r = 0; r < ROOMS; r++) {
        talk_room(&talk, tokens[r]);
        model_room_init(&rooms[r]);
    }
    for (size_t i = 0; i < MODEL_USERS; i++) {
        assert_int_equal(member_open(&talk.w, i, 1, false, &second[i]), OK);
        ids[i] = talk_id(&talk, i, &id_texts[i]);
    }
    db = talk_database(&talk);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_free(db);
    for (unsigned r = 0; r < ROOMS; r++)
        model_room_done(&rooms[r]);
    for (size_t i = 0; i < MODEL_USERS; i++)
        member_close(&second[i]);
    talk_close(&talk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processes__doing_random_things__agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
