/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two processes write random batches to fifty rooms while roles change, which locks one room or all
 * of them; one element in a hundred is refused. Nobody sees a deadlock, and no refused element
 * spoils its neighbours.
 *
 * test-timeout-s: 180, test-seconds: 18
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/db.h"
#include "integration/talk.h"

enum {
    ROOMS = 50,
    SERVERS = 2,
    WRITERS = 8,
    ADMINS = 2,   /* global admins, one at each process, who change roles and ban */
    SUBJECTS = 2, /* whom they do it to */
    MEMBERS = WRITERS + ADMINS + SUBJECTS,
    ELEMENTS = 8,
    RUN_MS = 30000,
    SHORT_RUN_MS = 10000,
    TARGETS = 256, /* messages that are acted on */
};

static struct talk talk;
static _Atomic bool running;
static _Atomic int64_t posted, refused, batches, changes;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static char trouble[512];
static struct target {
    unsigned room;
    int64_t id;
} targets[TARGETS];

static void say_trouble(const char *what, const char *detail)
{
    (void)pthread_mutex_lock(&lock);
    if (trouble[0] == '\0')
        (void)snprintf(trouble, sizeof(trouble), "%.100s: %.400s", what, detail);
    (void)pthread_mutex_unlock(&lock);
}

static struct target some_target(unsigned *random)
{
    (void)pthread_mutex_lock(&lock);
    struct target t = targets[(unsigned)rand_r(random) % TARGETS];
    (void)pthread_mutex_unlock(&lock);
    return t;
}

/* ---- writers ---- */

/*
 * What an element may be answered: done, or its subject went away meanwhile; and one that must be
 * refused.
 */
enum fate { MUST_POST, MAY_MISS, MUST_FAIL };

static json_t *element(struct community *c, unsigned *random, enum fate *ret_fate)
{
    char path[96];
    unsigned draw = (unsigned)rand_r(random) % 100;
    unsigned room = (unsigned)rand_r(random) % ROOMS;
    struct target t = some_target(random);
    *ret_fate = MAY_MISS;
    if (draw == 0) { /* no such message */
        *ret_fate = MUST_FAIL;
        (void)snprintf(path, sizeof(path), "/room/r%u/message/%d", room, 987654321);
        return json_pack("{s:s, s:s, s:o}", "method", "PUT", "path", path, "json",
                         community_post_body(c, "to nothing"));
    }
    if (draw < 50 || t.id == 0) {
        *ret_fate = MUST_POST;
        (void)snprintf(path, sizeof(path), "/room/r%u/message", room);
        return json_pack("{s:s, s:s, s:o}", "method", "POST", "path", path, "json",
                         community_post_body(c, "one of many"));
    }
    if (draw < 85) {
        (void)snprintf(path, sizeof(path), "/room/r%u/reaction/%lld/%c", t.room, (long long)t.id,
                       'a' + (char)(draw % 4));
        return draw < 75 ? json_pack("{s:s, s:s, s:n}", "method", "PUT", "path", path, "json")
                         : json_pack("{s:s, s:s}", "method", "DELETE", "path", path);
    }
    (void)snprintf(path, sizeof(path), "/room/r%u/message/%lld", t.room, (long long)t.id);
    return json_pack("{s:s, s:s}", "method", "DELETE", "path", path);
}

static void remember(const json_t *sent, const json_t *reply, unsigned *random)
{
    struct target t = {0};
    const char *path = json_string_value(json_object_get(sent, "path"));
    t.id = json_integer_value(json_object_get(json_object_get(reply, "body"), "id"));
    t.room = (unsigned)strtoul(path + strlen("/room/r"), NULL, 10);
    (void)pthread_mutex_lock(&lock);
    targets[(unsigned)rand_r(random) % TARGETS] = t;
    (void)pthread_mutex_unlock(&lock);
}

static void judge(const json_t *sent, const json_t *reply, enum fate fate, unsigned *random)
{
    int64_t code = json_integer_value(json_object_get(reply, "code"));
    bool fine = fate == MUST_POST   ? code == 201
                : fate == MUST_FAIL ? code == 404
                                    : code == 200 || code == 404 || code == 403;
    if (fate == MUST_POST && fine) {
        (void)atomic_fetch_add(&posted, 1);
        remember(sent, reply, random);
    }
    if (fate == MUST_FAIL && fine)
        (void)atomic_fetch_add(&refused, 1);
    if (!fine) {
        char *text = json_dumps(reply, JSON_COMPACT);
        say_trouble(json_string_value(json_object_get(sent, "path")), text != NULL ? text : "");
        free(text);
    }
}

static void *write_on(void *arg)
{
    size_t member = *(size_t *)arg;
    unsigned random = (unsigned)member + 1;
    struct community *c = &talk.members[member].community;
    while (atomic_load(&running)) {
        enum fate fates[ELEMENTS];
        json_auto_t *batch = json_array();
        json_auto_t *replies = NULL;
        for (size_t i = 0; i < ELEMENTS; i++)
            (void)json_array_append_new(batch, element(c, &random, &fates[i]));
        enum err e = community_send(c, "POST", "/batch", batch, &replies);
        if (e != OK || json_array_size(replies) != ELEMENTS) {
            say_trouble("batch", c->refusal.text);
            return NULL;
        }
        for (size_t i = 0; i < ELEMENTS; i++)
            judge(json_array_get(batch, i), json_array_get(replies, i), fates[i], &random);
        (void)atomic_fetch_add(&batches, 1);
    }
    return NULL;
}

/* ---- roles ---- */

static const char *some_room(unsigned *random, char text[static 8])
{
    (void)snprintf(text, 8, "r%u", (unsigned)rand_r(random) % ROOMS);
    return text;
}

/* Three rooms in any order, or all of them. */
static json_t *some_places(unsigned *random, bool may_be_global)
{
    char a[8], b[8], c[8];
    unsigned draw = (unsigned)rand_r(random) % 8;
    if (draw == 0 && may_be_global)
        return json_pack("{s:b}", "global", 1);
    if (draw <= 1)
        return json_pack("{s:[s]}", "rooms", "*");
    (void)some_room(random, a);
    while (strcmp(some_room(random, b), a) == 0)
        ;
    do {
        (void)some_room(random, c);
    } while (strcmp(c, a) == 0 || strcmp(c, b) == 0);
    return json_pack("{s:[s,s,s]}", "rooms", a, b, c);
}

/*
 * What locks one room, some, or all. A banned person cannot be appointed: that refusal is part of
 * it.
 */
static void *administer(void *arg)
{
    size_t member = *(size_t *)arg;
    unsigned random = (unsigned)member;
    struct community *c = &talk.members[member].community;
    while (atomic_load(&running)) {
        static const char *const actions[] = {"moderator", "moderator", "ban", "unban"};
        const char *action = actions[(unsigned)rand_r(&random) % COUNT_OF(actions)];
        struct id_text id;
        char target[128];
        size_t subject = WRITERS + ADMINS + (unsigned)rand_r(&random) % SUBJECTS;
        bool appoints = strcmp(action, "moderator") == 0;
        json_auto_t *body = some_places(&random, appoints);
        if (appoints)
            (void)json_object_set_new(body, "moderator", json_boolean(rand_r(&random) % 2));
        (void)snprintf(target, sizeof(target), "/user/%s/%s", talk_id(&talk, subject, &id), action);
        enum err e = community_send(c, "POST", target, body, NULL);
        if (e == OK)
            (void)atomic_fetch_add(&changes, 1);
        else if (c->refusal.code != 403 && c->refusal.code != 409)
            say_trouble(target, c->refusal.text);
        (void)poll(NULL, 0, 5);
    }
    return NULL;
}

/* ---- after it ---- */

static int64_t number(struct db *db, const char *sql)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(db_query(db, sql, NULL, 0, &rows), OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

static void two_processes__random_batches_and_role_changes__nobody_sees_a_deadlock(void **state)
{
    (void)state;
    size_t members[MEMBERS];
    pthread_t threads[WRITERS + ADMINS];
    atomic_store(&running, true);
    for (size_t i = 0; i < WRITERS + ADMINS; i++) {
        members[i] = i;
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < WRITERS ? write_on : administer, &members[i]), 0);
    }
    (void)poll(NULL, 0, getenv("CONCLAVE_TEST_SHORT") != NULL ? SHORT_RUN_MS : RUN_MS);
    atomic_store(&running, false);
    for (size_t i = 0; i < WRITERS + ADMINS; i++)
        (void)pthread_join(threads[i], NULL);
    struct db *db = talk_database(&talk);
    print_message("%lld batches, %lld posts, %lld refused, %lld changes of roles and bans\n",
                  (long long)batches, (long long)posted, (long long)refused, (long long)changes);
    if (trouble[0] != '\0')
        fail_msg("%s", trouble);
    assert_true(refused > 0 && changes > 0);
    /* Retries would hide them from people; rooms that are locked in one order do not have any. */
    assert_int_equal(number(db, "SELECT deadlocks FROM pg_stat_database"
                                " WHERE datname = current_database()"),
                     0);
    assert_int_equal(number(db, "SELECT count(*) FROM conclave.messages"), posted);
    assert_int_equal(number(db, "SELECT count(*) FROM conclave.rooms r"
                                " WHERE message_sequence <> coalesce((SELECT max(seqno)"
                                "        FROM conclave.messages m WHERE m.room = r.id), 0)"),
                     0);
    assert_int_equal(number(db, "SELECT count(*) FROM conclave.reactions r"
                                " WHERE users <> (SELECT count(*) FROM conclave.user_reactions u"
                                "                  WHERE u.reaction = r.id)"),
                     0);
    db_free(db);
    for (size_t server = 0; server < SERVERS; server++) {
        AUTO_BUF struct buf log = buf_make(MIB(16));
        assert_int_equal(world_log(&talk.w, server, &log), OK);
        assert_null(memmem(log.p, log.len, "writer.refused", 14));
    }
}

/* A reference to a room, as an upload makes one, holds its row by the foreign key until its end. */
static void post__while_a_transaction_refers_to_the_room__does_not_wait_for_it(void **state)
{
    enum { AT_ONCE_MS = 2000 }; /* lock_timeout is 3 s */
    (void)state;
    (void)talk_post(&talk, 0, "r7", "known");
    struct db *db = talk_database(&talk);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_query(db,
                              "INSERT INTO conclave.room_users (room, user_id, last_active_hour)"
                              "SELECT r.id, u.id, 0 FROM conclave.rooms r, conclave.users u"
                              " WHERE r.token = 'r7'"
                              "    ON CONFLICT DO NOTHING",
                              NULL, 0, NULL),
                     OK);
    int64_t began_ms = clock_mono_ms();
    (void)talk_post(&talk, 0, "r7", "meanwhile");
    assert_true(clock_mono_ms() - began_ms < AT_ONCE_MS);
    db_rollback(db);
    db_free(db);
}

static int set_up(void **state)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off", "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off", NULL};
    (void)state;
    talk_open(&talk, SERVERS, MEMBERS, env);
    struct db *db = talk_database(&talk);
    assert_int_equal(DB_QUERY(db,
                              "WITH made AS ("
                              "    INSERT INTO conclave.rooms (token, name, created)"
                              "    SELECT 'r' || n, 'r' || n, 0"
                              "      FROM generate_series(0, $1::bigint - 1) AS n"
                              "    RETURNING id)"
                              "UPDATE conclave.versions SET value = value + 1"
                              " WHERE scope = 0 AND (SELECT count(*) FROM made) > 0",
                              NULL, PARAM_I64(ROOMS)),
                     OK);
    db_free(db);
    talk_room(&talk, "last"); /* whoever knows this one knows them all */
    for (size_t i = 0; i < MEMBERS; i++)
        talk_move(&talk, i, i % SERVERS);
    for (size_t i = 0; i < ADMINS; i++)
        talk_appoint(&talk, WRITERS + i, NULL, "--admin");
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
        cmocka_unit_test(two_processes__random_batches_and_role_changes__nobody_sees_a_deadlock),
        cmocka_unit_test(post__while_a_transaction_refers_to_the_room__does_not_wait_for_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
