/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a start takes with a large database: until a server with a million messages serves, and
 * one with two million permissions.
 *
 * test-timeout-s: 240
 *
 * test-alone: it measures times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/db.h"
#include "integration/file_fixture.h"

enum { MESSAGES = 1000000, START_MS = 2000, PERMISSIONS_START_MS = 5000 };

static void open_world(struct world *w, size_t servers)
{
    const struct world_options options = {.servers = servers, .accounts = 1, .no_fsync = true};
    if (world_open(w, &options) != OK)
        fail_msg("%s", w->trouble);
}

/* A million rows take longer than the statements of other tests may. */
static void run_sql(const struct world *w, const char *sql)
{
    const struct db_options options = {.url = w->database_url, .lock_timeout_ms = 30000};
    struct db *db = NULL;
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    assert_int_equal(db_script(db, sql), OK);
    db_free(db);
}

static void server__with_a_million_messages__serves_within_two_seconds(void **state)
{
    (void)state;
    static struct world w;
    const char *divisor = getenv("CONCLAVE_TEST_SHORT");
    /* Under a sanitizer the server is several times slower: fewer messages, more time. */
    long part = divisor != NULL ? strtol(divisor, NULL, 10) : 1;
    long messages = MESSAGES / part;
    char sql[900];
    int64_t longest_ms = 0;
    open_world(&w, 1);
    assert_int_equal(world_stop_server(&w, 0), 0);
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
        " SELECT '\\x15' || sha256(int8send(n)), 0, 0 FROM generate_series(1, 1000) n;"
        "INSERT INTO conclave.rooms (token, name, created) SELECT 'room' || n, 'n', 0 FROM "
        "generate_series(1, 20) n;"
        "INSERT INTO conclave.messages (room, author, posted, seqno_creation, seqno_data, key_id, "
        "body)"
        " SELECT r.id, (SELECT min(id) FROM conclave.users) + n %% 1000, n, n, n, 1, "
        "decode(repeat('00', 200), 'hex')"
        "   FROM (SELECT id FROM conclave.rooms ORDER BY id LIMIT 20) r, generate_series(1, %ld) n;"
        "UPDATE conclave.rooms SET message_sequence = %ld",
        messages / 20, messages / 20);
    run_sql(&w, sql);
    assert_in_range(file_number(&w, "SELECT count(*) FROM conclave.messages"), messages - 20,
                    messages);
    run_sql(&w, "ANALYZE conclave.messages");
    for (int i = 0; i < 3; i++) {
        int64_t from_ms = clock_mono_ms();
        assert_int_equal(world_restart_server(&w, 0, NULL), OK);
        int64_t ms = clock_mono_ms() - from_ms;
        longest_ms = ms > longest_ms ? ms : longest_ms;
        /* It serves: the picture shows where the rooms stand. */
        struct member ana;
        json_auto_t *room = NULL;
        assert_int_equal(member_open(&w, 0, 0, false, &ana), OK);
        assert_int_equal(community_join(&ana.community, "room7", &room), OK);
        assert_int_equal(json_integer_value(json_object_get(room, "message_sequence")),
                         messages / 20);
        member_close(&ana);
        assert_int_equal(world_stop_server(&w, 0), 0);
    }
    print_message("ready after at most %ld ms with %ld messages\n", (long)longest_ms, messages);
    assert_in_range(longest_ms, 0, START_MS * part);
    assert_true(world_close(&w));
}

/* Rooms that are as full of exceptions as they may be. */
static void server__with_two_million_permissions__serves_within_five_seconds(void **state)
{
    (void)state;
    static struct world w;
    const bool full = getenv("CONCLAVE_TEST_FULL") != NULL;
    const int rooms = full ? 20 : 1; /* of a hundred thousand each */
    char sql[700];
    open_world(&w, 1);
    assert_int_equal(world_stop_server(&w, 0), 0);
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
                   " SELECT '\\x15' || sha256(int8send(n)), 0, 0"
                   "   FROM generate_series(1, 100000) n;"
                   "INSERT INTO conclave.rooms (token, name, created)"
                   " SELECT 'room' || n, 'n', 0 FROM generate_series(1, %d) n;"
                   "SET session_replication_role = replica;" /* foreign keys hold: do not look */
                   "INSERT INTO conclave.permissions (room, user_id, banned)"
                   " SELECT r.id, u.id, true FROM conclave.rooms r, conclave.users u"
                   "  WHERE r.token <> 'lobby'",
                   rooms);
    run_sql(&w, sql);
    int64_t from_ms = clock_mono_ms();
    assert_int_equal(world_restart_server(&w, 0, NULL), OK);
    int64_t ms = clock_mono_ms() - from_ms;
    print_message("ready after %ld ms with %d00,000 permissions\n", (long)ms, rooms);
    if (getenv("CONCLAVE_TEST_SHORT") == NULL)
        assert_in_range(ms, 0, PERMISSIONS_START_MS);
    assert_true(world_close(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server__with_a_million_messages__serves_within_two_seconds),
        cmocka_unit_test(server__with_two_million_permissions__serves_within_five_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
