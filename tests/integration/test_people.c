/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is stored about people, straight at the database: what is due is applied in order, whatever
 * waits for a 05 id moves whole and once, and many who change rights at once do not lock each other
 * out (store/futures.h, pending.h, roles.h, bans.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "integration/database.h"
#include "jobs/jobs.h"
#include "store/bans.h"
#include "store/futures.h"
#include "store/pending.h"
#include "store/permissions.h"
#include "store/posting.h"
#include "store/roles.h"
#include "store/rooms.h"

enum { ROOMS = 4, NOW_S = 1000000, NOW_MS = NOW_S * 1000 };

static struct database database;
static struct db *db;
static struct arena *mem;
static int64_t rooms[ROOMS]; /* ascending */

static int open_stage(void **state)
{
    (void)state;
    log_setup(LOG_ERROR, LOG_FORMAT_TEXT);
    database_start(&database);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    database_stop(&database);
    return 0;
}

static int open_test(void **state)
{
    (void)state;
    database_renew(&database);
    db = database_connect(&database);
    mem = arena_new(MIB(16));
    for (int i = 0; i < ROOMS; i++) {
        char token[16];
        (void)snprintf(token, sizeof(token), "r%d", i);
        assert_int_equal(
            rooms_create(db, span_of_text(token), SPAN("n"), (struct span){0}, NOW_MS, &rooms[i]),
            OK);
    }
    return 0;
}

static int close_test(void **state)
{
    (void)state;
    db_free(db);
    arena_free(mem);
    return 0;
}

static struct session_id id_of(uint8_t prefix, uint8_t n)
{
    struct session_id id = {{prefix}};
    id.b[1] = n;
    return id;
}

static int64_t user_of(struct db *at, const struct session_id *id)
{
    int64_t user = 0;
    struct session_id session;
    assert_int_equal(users_resolve(at, id, NULL, 0, NOW_MS, &user, &session), OK);
    return user;
}

/* One number that a query with one parameter answers. */
static int64_t number(const char *sql, int64_t id)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(DB_QUERY(db, sql, &rows, PARAM_I64(id)), OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

static struct permission_row permission(int64_t room, int64_t user)
{
    struct permission_row row = {.read = TRI_NULL, .write = TRI_NULL, .upload = TRI_NULL};
    enum err e = permissions_one(db, mem, room, user, &row);
    assert_true(e == OK || e == ERR_MISSING);
    return row;
}

static void ban_at(int64_t room, int64_t user, double at, bool banned)
{
    const struct reach here = {room == 0, &room, room != 0};
    assert_int_equal(futures_add_ban(db, user, &here, at, banned), OK);
}

static void permit_at(struct permission_future f)
{
    assert_int_equal(futures_add(db, &f), OK);
}

/* ---- what is due ---- */

static void due__several_for_one_person__are_applied_in_the_order_of_time(void **state)
{
    (void)state;
    struct session_id id = id_of(0x15, 1);
    int64_t user = user_of(db, &id);
    /*
     * The later row wins, whichever was written first; NULL keeps; what the room says is no
     * override.
     */
    permit_at((struct permission_future){rooms[0], user, NOW_S - 1, TRI_NO, TRI_NULL, TRI_NO});
    permit_at((struct permission_future){rooms[0], user, NOW_S - 3, TRI_YES, TRI_NO, TRI_NULL});
    permit_at((struct permission_future){rooms[0], user, NOW_S - 2, TRI_NULL, TRI_YES, TRI_NULL});
    permit_at((struct permission_future){rooms[0], user, NOW_S + 1, TRI_YES, TRI_YES, TRI_YES});
    assert_int_equal(jobs_apply_futures(db, NOW_MS), OK);
    struct permission_row row = permission(rooms[0], user);
    assert_int_equal(row.read, TRI_NO);
    assert_int_equal(row.write, TRI_NULL);
    assert_int_equal(row.upload, TRI_NO);
    assert_int_equal(database_number(db, "SELECT count(*) FROM conclave.permission_futures"), 1);
    assert_int_equal(jobs_apply_futures(db, NOW_MS + 1000), OK);
    assert_int_equal(database_number(db, "SELECT count(*) FROM conclave.permissions"), 0);
    assert_int_equal(database_number(db, "SELECT count(*) FROM conclave.permission_futures"), 0);
}

static void due__ban_and_its_end__both_happen(void **state)
{
    (void)state;
    struct session_id id = id_of(0x15, 1), other = id_of(0x15, 2);
    int64_t user = user_of(db, &id), second = user_of(db, &other);
    int64_t rights =
        number("SELECT value FROM conclave.versions WHERE scope = 3 AND id = $1", rooms[0]);
    ban_at(rooms[0], user, NOW_S - 2, true);
    ban_at(rooms[0], user, NOW_S + 9, false); /* stays scheduled although a ban is applied now */
    ban_at(0, second, NOW_S - 1, true);
    assert_int_equal(jobs_apply_futures(db, NOW_MS), OK);
    assert_true(permission(rooms[0], user).banned);
    assert_int_equal(number("SELECT banned::int FROM conclave.users WHERE id = $1", second), 1);
    assert_true(number("SELECT value FROM conclave.versions WHERE scope = 3 AND id = $1",
                       rooms[0]) > rights);
    ban_at(0, second, NOW_S + 8, false);
    assert_int_equal(jobs_apply_futures(db, NOW_MS + 9000), OK);
    assert_false(permission(rooms[0], user).banned);
    assert_int_equal(number("SELECT banned::int FROM conclave.users WHERE id = $1", second), 0);
    assert_int_equal(database_number(db, "SELECT count(*) FROM conclave.ban_futures"), 0);
}

static void due__ban_of_who_got_a_role__is_passed_over_and_others_go_on(void **state)
{
    (void)state;
    struct session_id ids[3] = {id_of(0x15, 1), id_of(0x15, 2), id_of(0x15, 3)};
    int64_t users[3];
    const struct role moderator = {.moderator = true, .visible = true};
    for (int i = 0; i < 3; i++)
        users[i] = user_of(db, &ids[i]);
    ban_at(rooms[0], users[0], NOW_S - 3, true);
    ban_at(0, users[1], NOW_S - 2, true);
    ban_at(rooms[0], users[1], NOW_S - 2, true); /* a global moderator is not banned from a room */
    ban_at(rooms[0], users[2], NOW_S - 1, true);
    assert_int_equal(roles_set_in_rooms(db, users[0], &rooms[0], &moderator, 1), OK);
    assert_int_equal(roles_set_global(db, users[1], moderator), OK);
    assert_int_equal(jobs_apply_futures(db, NOW_MS), OK);
    assert_true(permission(rooms[0], users[0]).moderator);
    assert_false(permission(rooms[0], users[1]).banned);
    assert_int_equal(number("SELECT moderator::int FROM conclave.users WHERE id = $1", users[1]),
                     1);
    assert_true(permission(rooms[0], users[2]).banned);
    assert_int_equal(database_number(db, "SELECT count(*) FROM conclave.ban_futures"), 0);
}

static void due__of_a_room_that_goes__goes_with_it(void **state)
{
    (void)state;
    struct session_id id = id_of(0x15, 1);
    int64_t user = user_of(db, &id);
    ban_at(rooms[0], user, NOW_S - 1, true);
    permit_at((struct permission_future){rooms[0], user, NOW_S - 1, TRI_NO, TRI_NULL, TRI_NULL});
    assert_int_equal(rooms_remove(db, rooms[0]), OK);
    assert_int_equal(jobs_apply_futures(db, NOW_MS), OK);
    assert_int_equal(database_number(db, "SELECT count(*) FROM conclave.ban_futures"), 0);
}

/* ---- first contact ---- */

struct waiting {
    struct session_id account, absolute, arrived;
    int64_t account_user;
};

static struct waiting someone_waits_for(uint8_t n)
{
    struct waiting w = {.account = id_of(0x05, n), .absolute = id_of(0x15, n)};
    w.arrived = w.absolute;
    w.arrived.b[32] |= 0x80; /* the other sign */
    struct session_id candidates[2] = {w.absolute, w.arrived}, session;
    assert_int_equal(
        users_resolve(db, &w.account, candidates, 2, NOW_MS, &w.account_user, &session), OK);
    assert_true(session_id_eq(&session, &w.account));
    return w;
}

static void move__onto_somebody_with_rows_of_his_own__merges_them(void **state)
{
    (void)state;
    const struct role moderator = {.moderator = true, .visible = true};
    const struct role hidden_admin = {.moderator = true, .admin = true};
    struct waiting w = someone_waits_for(7);
    int64_t arrived = user_of(db, &w.arrived);
    const struct reach first = {.rooms = &rooms[0], .count = 1};
    const struct reach second = {.rooms = &rooms[1], .count = 1};
    /*
     * 0: a ban waits for a moderator. 1: a role waits for somebody banned. 2: a higher role. 3:
     * permissions of both.
     */
    assert_int_equal(
        bans_add(db, &(struct ban){.user = w.account_user, .reach = first, .ends = false}), OK);
    assert_int_equal(roles_set_in_rooms(db, arrived, &rooms[0], &moderator, 1), OK);
    assert_int_equal(roles_set_in_rooms(db, w.account_user, &rooms[1], &moderator, 1), OK);
    assert_int_equal(bans_add(db, &(struct ban){.user = arrived, .reach = second}), OK);
    assert_int_equal(roles_set_in_rooms(db, w.account_user, &rooms[2], &hidden_admin, 1), OK);
    assert_int_equal(roles_set_in_rooms(db, arrived, &rooms[2], &moderator, 1), OK);
    const struct permission_change theirs = {rooms[3], w.account_user, .read = {true, TRI_NO},
                                             .write = {true, TRI_YES}};
    const struct permission_change own = {rooms[3], arrived, .read = {true, TRI_YES},
                                          .upload = {true, TRI_NO}};
    assert_int_equal(permissions_change(db, &theirs), OK);
    assert_int_equal(permissions_change(db, &own), OK);
    assert_int_equal(roles_set_global(db, arrived, moderator), OK);
    assert_int_equal(bans_add(db, &(struct ban){.user = w.account_user, .reach = {.global = true}}),
                     OK);

    assert_int_equal(pending_move(db, &w.absolute, &w.arrived), OK);
    assert_true(permission(rooms[0], arrived).banned);
    assert_false(permission(rooms[0], arrived).moderator);
    assert_true(permission(rooms[1], arrived).banned);
    assert_false(permission(rooms[1], arrived).moderator);
    assert_true(permission(rooms[2], arrived).admin);
    assert_false(permission(rooms[2], arrived).visible);
    struct permission_row p = permission(rooms[3], arrived);
    assert_int_equal(p.read, TRI_NO); /* what was decided later */
    assert_int_equal(p.write, TRI_YES);
    assert_int_equal(p.upload, TRI_NO);
    assert_int_equal(number("SELECT moderator::int FROM conclave.users WHERE id = $1", arrived), 1);
    assert_int_equal(number("SELECT banned::int FROM conclave.users WHERE id = $1", arrived), 0);
    assert_int_equal(
        number("SELECT count(*) FROM conclave.permissions WHERE user_id = $1", w.account_user), 0);
    /* A second time there is nothing to do. */
    assert_int_equal(pending_move(db, &w.absolute, &w.arrived), OK);
}

static void move__keeps_when_the_account_was_first_known(void **state)
{
    (void)state;
    struct waiting w = someone_waits_for(9);
    database_run(db, "UPDATE conclave.users SET created_hour = 5, last_active_hour = 6");
    assert_int_equal(pending_move(db, &w.absolute, &w.arrived), OK);
    int64_t arrived = user_of(db, &w.arrived);
    assert_int_equal(number("SELECT created_hour FROM conclave.users WHERE id = $1", arrived), 5);
}

/* ---- many at once ---- */

struct worker {
    pthread_t thread;
    unsigned seed;
    enum err worst; /* ERR_BUSY: gave up after five deadlocks */
    const struct waiting *waiting;
    int64_t counted;
};

static void note(struct worker *w, enum err e)
{
    if (e != OK && e != ERR_CONFLICT && w->worst == OK)
        w->worst = e;
}

enum { RACE_ROUNDS = 40 };

static void *bans_again_and_again(void *arg)
{
    struct worker *w = arg;
    struct db *own = database_connect(&database);
    struct session_id candidates[2] = {w->waiting->absolute, w->waiting->arrived}, session;
    int64_t user;
    for (int i = 0; i < RACE_ROUNDS; i++) {
        const struct reach here = {.rooms = &rooms[i % ROOMS], .count = 1};
        note(w, db_begin(own));
        note(w, users_resolve(own, &w->waiting->account, candidates, 2, NOW_MS, &user, &session));
        enum err e = bans_add(own, &(struct ban){.user = user, .reach = here});
        if (e == OK)
            e = db_commit(own);
        else
            db_rollback(own);
        w->counted += e == OK;
        note(w, e);
    }
    db_free(own);
    return NULL;
}

static void *moves_again_and_again(void *arg)
{
    struct worker *w = arg;
    struct db *own = database_connect(&database);
    for (int i = 0; i < RACE_ROUNDS; i++)
        note(w, pending_move(own, &w->waiting->absolute, &w->waiting->arrived));
    db_free(own);
    return NULL;
}

static void move__while_bans_are_decided__loses_none(void **state)
{
    (void)state;
    for (uint8_t n = 1; n <= 5; n++) {
        struct waiting waiting = someone_waits_for(n);
        struct worker workers[3] = {
            {.waiting = &waiting}, {.waiting = &waiting}, {.waiting = &waiting}};
        assert_int_equal(
            pthread_create(&workers[0].thread, NULL, bans_again_and_again, &workers[0]), 0);
        for (int i = 1; i < 3; i++)
            assert_int_equal(
                pthread_create(&workers[i].thread, NULL, moves_again_and_again, &workers[i]), 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(pending_move(db, &waiting.absolute, &waiting.arrived), OK);
        assert_int_equal(workers[1].worst, OK);
        assert_int_equal(workers[2].worst, OK);
        assert_true(workers[0].counted > ROOMS);
        int64_t arrived = user_of(db, &waiting.arrived);
        for (int i = 0; i < ROOMS; i++)
            assert_true(permission(rooms[i], arrived).banned);
        assert_int_equal(number("SELECT count(*) FROM conclave.permissions WHERE user_id = $1",
                                waiting.account_user),
                         0);
    }
}

enum { CROWD = 6, CROWD_MS = 4000 };

/* Bans and roles in random sets of rooms, globally, and the writer's own locks. */
static void one_change(struct worker *w, struct db *own, struct arena *own_mem,
                       const int64_t *users)
{
    int64_t some[ROOMS];
    size_t count = 0;
    unsigned chosen = 1U + (unsigned)rand_r(&w->seed) % ((1U << ROOMS) - 1);
    for (size_t i = 0; i < ROOMS; i++)
        if (chosen & 1U << i)
            some[count++] = rooms[i];
    const struct role moderator = {.moderator = true, .visible = true};
    const struct role roles[ROOMS] = {moderator, moderator, moderator, moderator};
    const struct reach here = {.rooms = some, .count = count};
    int64_t user = users[rand_r(&w->seed) % CROWD];
    struct room_lock *locks = NULL;
    size_t locked = 0;
    switch (rand_r(&w->seed) % 6) {
    case 0:
        note(w, bans_add(own, &(struct ban){user, here, true, NOW_S}));
        return;
    case 1:
        note(w, bans_lift(own, user, &here));
        return;
    case 2:
        note(w, roles_set_in_rooms(own, user, some, roles, count));
        return;
    case 3:
        note(w, roles_set_global(own, user, (struct role){.moderator = chosen & 1U}));
        return;
    case 4:
        note(w, jobs_apply_futures(own, NOW_MS));
        return;
    default:
        note(w, db_begin(own));
        enum err e = posting_lock_rooms(own, own_mem, some, count, &locks, &locked);
        if (e == OK)
            e = posting_advance(
                own,
                &(const struct room_advance){some, (const int64_t[ROOMS]){1, 1, 1, 1},
                                             (const int64_t[ROOMS]){0}, (const int64_t[ROOMS]){0}},
                count);
        if (e == OK)
            e = db_commit(own);
        else
            db_rollback(own);
        note(w, e == ERR_RETRY ? OK : e); /* the writer runs its batch again */
    }
}

static void *change_at_random(void *arg)
{
    struct worker *w = arg;
    struct db *own = database_connect(&database);
    AUTO_ARENA struct arena *own_mem = arena_new(MIB(1));
    int64_t users[CROWD];
    for (uint8_t i = 0; i < CROWD; i++) {
        struct session_id id = id_of(0x15, i);
        users[i] = user_of(own, &id);
    }
    for (int64_t until = clock_mono_ms() + CROWD_MS; clock_mono_ms() < until; w->counted++) {
        arena_reset(own_mem);
        one_change(w, own, own_mem, users);
    }
    db_free(own);
    return NULL;
}

/* So far. Who noticed one has counted it by the time that its connection is gone. */
static int64_t deadlocks(void)
{
    for (int64_t until = clock_mono_ms() + 10000; clock_mono_ms() < until;)
        if (database_number(db, "SELECT count(*) FROM pg_stat_activity"
                                " WHERE datname = current_database()"
                                "   AND backend_type = 'client backend'") == 1)
            break;
    return database_number(db, "SELECT deadlocks FROM pg_stat_database"
                               " WHERE datname = current_database()");
}

static void changes__by_six_at_once__surface_no_deadlock(void **state)
{
    (void)state;
    struct worker workers[CROWD] = {{0}};
    int64_t changes = 0;
    int64_t before = deadlocks();
    for (unsigned i = 0; i < CROWD; i++) {
        workers[i].seed = i + 1;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, change_at_random, &workers[i]),
                         0);
    }
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(workers[i].worst, OK);
        changes += workers[i].counted;
    }
    print_message("%lld changes\n", (long long)changes);
    /* Nobody is banned and moderates, whatever raced. */
    assert_int_equal(
        database_number(db, "SELECT count(*) FROM conclave.permissions WHERE banned AND moderator"),
        0);
    print_message("%lld deadlocks, all of them run again\n", (long long)(deadlocks() - before));
    assert_int_equal(deadlocks(), before);
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_test, close_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(due__several_for_one_person__are_applied_in_the_order_of_time),
        T(due__ban_and_its_end__both_happen),
        T(due__ban_of_who_got_a_role__is_passed_over_and_others_go_on),
        T(due__of_a_room_that_goes__goes_with_it),
        T(move__onto_somebody_with_rows_of_his_own__merges_them),
        T(move__keeps_when_the_account_was_first_known),
        T(move__while_bans_are_decided__loses_none),
        T(changes__by_six_at_once__surface_no_deadlock),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
