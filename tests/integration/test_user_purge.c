/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ceilings on rows about people, straight at the database: what nothing refers to goes, what
 * something refers to stays, and a room has so many exceptions and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "integration/database.h"
#include "store/bans.h"
#include "store/permissions.h"
#include "store/rooms.h"
#include "store/user_purge.h"
#include "store/users.h"

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

/* ---- what nothing refers to ---- */

/* A user that was seen in that hour first and in that last. */
static int64_t seen_user(uint8_t prefix, uint8_t n, int64_t first_hour, int64_t last_hour)
{
    struct session_id id = id_of(prefix, n);
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(DB_QUERY(db,
                              "INSERT INTO conclave.users"
                              "       (session_id, created_hour, last_active_hour)"
                              "VALUES ($1, $2, $3) RETURNING id",
                              &rows, PARAM_BYTES(SPAN_OF_KEY(&id)), PARAM_I64(first_hour),
                              PARAM_I64(last_hour)),
                     OK);
    assert_true(rows_next(&rows, &row));
    return row_i64(&row, 0);
}

static void refer(const char *sql, int64_t user)
{
    assert_int_equal(DB_QUERY(db, sql, NULL, PARAM_I64(user), PARAM_I64(rooms[0])), OK);
}

static bool exists(int64_t user)
{
    return number("SELECT count(*) FROM conclave.users WHERE id = $1", user) == 1;
}

static void purge_all(int64_t hour)
{
    struct user_purge purge = {.rows = 3, .hour = hour};
    int rounds = 0;
    while (!purge.complete && rounds++ < 100)
        assert_int_equal(users_purge(db, &purge), OK);
    assert_true(purge.complete);
}

static void purge__of_people__spares_all_to_whom_something_refers(void **state)
{
    (void)state;
    static const char *const references[] = {
        "UPDATE conclave.users SET banned = true WHERE id = $1::bigint AND $2::bigint > 0",
        "UPDATE conclave.users SET moderator = true WHERE id = $1::bigint AND $2::bigint > 0",
        "INSERT INTO conclave.permissions (room, user_id, banned) VALUES ($2::bigint, $1::bigint, "
        "true)",
        "INSERT INTO conclave.permission_futures (room, user_id, at, read) VALUES ($2::bigint, "
        "$1::bigint, 9, "
        "true)",
        "INSERT INTO conclave.ban_futures (room, user_id, at, banned) VALUES ($2::bigint, "
        "$1::bigint, 9, true)",
        "INSERT INTO conclave.needs_blinding (blinded_abs, user_id)"
        " SELECT session_id, id FROM conclave.users WHERE id = $1::bigint AND $2::bigint > 0",
        "INSERT INTO conclave.messages (room, author, posted, seqno_creation, seqno_data, key_id)"
        " VALUES ($2::bigint, $1::bigint, 1, 1, 1, 1)",
        "INSERT INTO conclave.direct_messages"
        "       (id, sender, recipient, posted_at, expires_at, key_id, body)"
        " VALUES (1, $1::bigint, $1::bigint, 1, 2, 1 + 0 * $2::bigint,"
        "         decode(repeat('00', 104), 'hex'))",
    };
    enum { NOW_HOUR = 10000, REFERENCES = COUNT_OF(references) };
    int64_t kept[REFERENCES];
    const int64_t old = NOW_HOUR - ACTIVITY_KEPT_HOURS - 1;
    for (uint8_t i = 0; i < REFERENCES; i++) {
        kept[i] = seen_user(ID_BLINDED15, i, 10, old);
        refer(references[i], kept[i]);
    }
    int64_t gone = seen_user(ID_BLINDED15, 100, 10, old);
    int64_t recent = seen_user(ID_BLINDED15, 101, 10, old + 2);
    int64_t once =
        seen_user(ID_BLINDED15, 102, NOW_HOUR - ACTIVE_HOURS - 1, NOW_HOUR - ACTIVE_HOURS - 1);
    int64_t lately = seen_user(ID_BLINDED15, 103, NOW_HOUR - 1, NOW_HOUR - 1);
    int64_t reader = seen_user(ID_BLINDED15, 104, 10, old);
    refer("INSERT INTO conclave.room_users (room, user_id, last_active_hour) VALUES ($2::bigint, "
          "$1::bigint, 9990)",
          reader);
    purge_all(NOW_HOUR);
    for (size_t i = 0; i < REFERENCES; i++)
        assert_true(exists(kept[i]));
    assert_false(exists(gone));
    assert_true(exists(recent));
    assert_false(exists(once));
    assert_true(exists(lately));
    assert_true(exists(reader));
}

static void purge__of_a_ban_that_was_lifted__takes_record_and_row(void **state)
{
    (void)state;
    const struct session_id unblinded = id_of(ID_UNBLINDED, 7);
    const struct session_id blinded[2] = {id_of(ID_BLINDED15, 7), id_of(ID_BLINDED15, 8)};
    int64_t user = 0, gone = -1;
    struct session_id whose;
    const struct reach here = {.rooms = &rooms[0], .count = 1};
    const int64_t hour = NOW_MS / HOUR_MS;
    assert_int_equal(users_resolve(db, &unblinded, blinded, 2, NOW_MS, &user, &whose), OK);
    const struct ban ban = {.user = user, .reach = here};
    assert_int_equal(bans_add(db, &ban), OK);
    assert_int_equal(pending_purge(db, hour + 100, &gone), OK);
    assert_int_equal(gone, 0); /* it waits for its first contact */
    assert_int_equal(bans_lift(db, user, &here), OK);
    assert_int_equal(pending_purge(db, hour + 1, &gone), OK);
    assert_int_equal(gone, 0); /* named a moment ago: more may follow */
    assert_int_equal(pending_purge(db, hour + 100, &gone), OK);
    assert_int_equal(gone, 1);
    purge_all(hour + ACTIVE_HOURS + 1);
    assert_false(exists(user));
}

/* ---- a ceiling on exceptions ---- */

static void permissions__of_a_full_room__are_refused_and_others_go_on(void **state)
{
    (void)state;
    database_run(db, "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
                     " SELECT '\\x15'::bytea || decode(lpad(to_hex(n), 64, '0'), 'hex'), 1, 1"
                     "   FROM generate_series(1, 100000) n;"
                     "INSERT INTO conclave.permissions (room, user_id, banned)"
                     " SELECT (SELECT min(id) FROM conclave.rooms), id, true"
                     "   FROM conclave.users");
    int64_t somebody = database_number(db, "SELECT min(id) FROM conclave.users");
    int64_t another = user_of(db, &(struct session_id){{ID_BLINDED15, 0xff}});
    struct permission_change change = {
        .room = rooms[0], .user = somebody, .read = {.touched = true, .value = TRI_YES}};
    assert_int_equal(permissions_change(db, &change), OK);
    change.user = another;
    assert_int_equal(permissions_change(db, &change), ERR_TOO_LARGE);
    const struct ban ban = {.user = another, .reach = {.rooms = &rooms[0], .count = 1}};
    assert_int_equal(bans_add(db, &ban), ERR_TOO_LARGE);
    change.room = rooms[1];
    assert_int_equal(permissions_change(db, &change), OK);
    assert_int_equal(
        number("SELECT count(*) FROM conclave.permissions WHERE user_id = $1", another), 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_test, close_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(purge__of_people__spares_all_to_whom_something_refers),
        T(purge__of_a_ban_that_was_lifted__takes_record_and_row),
        T(permissions__of_a_full_room__are_refused_and_others_go_on),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
