/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a statement costs does not depend on other rooms and other people, whatever PostgreSQL has
 * counted of them: pages touched by the lists that clients ask for, in a database of 5,000 rooms of
 * which one has nearly all messages, and the plans of all statements.
 *
 * test-timeout-s: 400
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/database.h"
#include "integration/plan.h"
#include "store/store.h"

enum { MESSAGES = 200000, MESSAGES_FULL = 2000000, PEOPLE_SHARE = 20 };
enum { ROOMS = 5000, LARGE = 1, QUIET = 1000, EMPTY = ROOMS, QUIET_MESSAGES = 4 };
/* What was not filled stays uncounted: it would be counted as empty. */
#define COUNT "ANALYZE messages, users, direct_messages, permissions, rooms"

enum { MAILS = 20000, PERMISSIONS = 50000 };
enum { PAGES_MAX = 2000, LIST_ROWS = 256, CHUNK_ROWS = 65 };
/* What one lookup touches: a few levels of an index, and a row. */
enum { LOOKUP_PAGES_MAX = 100 };

static struct database database;
static long long messages;

/*
 * Messages of the quiet rooms stand among those of the large one, a quarter from the beginning. Of
 * the large room every tenth is deleted, and every fiftieth has reactions.
 */
static void fill(struct db *db)
{
    char sql[2000];
    const long long people = messages / PEOPLE_SHARE;
    (void)snprintf(sql, sizeof(sql),
                   "SET session_replication_role = replica;" /* foreign keys hold: do not look */
                   "INSERT INTO rooms (id, token, name, created) OVERRIDING SYSTEM VALUE"
                   " SELECT n, 'r' || n, 'r', 0 FROM generate_series(1, %d) n;"
                   "INSERT INTO users (id, session_id, created_hour, last_active_hour)"
                   " OVERRIDING SYSTEM VALUE"
                   " SELECT n, '\\x15' || sha256(int8send(n)), 0, 0"
                   "   FROM generate_series(1::bigint, %lld) n;"
                   "INSERT INTO messages (id, room, author, posted, seqno_creation, seqno_data,"
                   "                      seqno_reactions, key_id, body) OVERRIDING SYSTEM VALUE"
                   " SELECT n, room, 1 + n * 7919 %% %lld, n, n, n + CASE WHEN dead THEN %lld"
                   "        ELSE 0 END, CASE WHEN n %% 50 = 1 THEN n + 2 * %lld ELSE 0 END, 1,"
                   "        CASE WHEN NOT dead THEN decode(repeat('00', 104), 'hex') END"
                   "   FROM (SELECT n, n %% 10 = 0 AS dead,"
                   "                CASE WHEN n BETWEEN %lld AND %lld THEN %d + n %% %d"
                   "                     ELSE %d END AS room"
                   "           FROM generate_series(1::bigint, %lld) n) t",
                   ROOMS, people, people, messages, messages, messages / 4,
                   messages / 4 + (long long)QUIET_MESSAGES * (ROOMS - 2) - 1, LARGE + 1, ROOMS - 2,
                   LARGE, messages);
    database_run(db, sql);
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO direct_messages"
                   " (id, sender, recipient, posted_at, expires_at, key_id, body)"
                   " SELECT n, 1, 2, n, 1e10, 1, decode(repeat('00', 104), 'hex')"
                   "   FROM generate_series(1, %d) n;"
                   "INSERT INTO permissions (room, user_id, banned)"
                   " SELECT CASE WHEN n <= %d THEN %d ELSE 1 + n %% %d END, n %% %lld + 1, true"
                   "   FROM generate_series(1, %d) n"
                   "     ON CONFLICT DO NOTHING",
                   MAILS, PERMISSIONS, LARGE, ROOMS - 1, people, PERMISSIONS + ROOMS);
    database_run(db, sql);
}

/* As a worker of the server connects. */
static struct db *connect(void)
{
    const struct db_options options = {.url = database.url,
                                       .origin = DB_REQUEST,
                                       .tables = store_statements,
                                       .table_count = store_statement_count,
                                       .lock_timeout_ms = 5000};
    struct db *db = NULL;
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    return db;
}

static int start(void **state)
{
    (void)state;
    messages = getenv("CONCLAVE_TEST_FULL") != NULL ? MESSAGES_FULL : MESSAGES;
    database_start(&database);
    database_renew(&database);
    struct db *db = connect();
    /* What is counted is counted when the tests say so. */
    database_run(db, "ALTER TABLE messages SET (autovacuum_enabled = false);"
                     "ALTER TABLE users SET (autovacuum_enabled = false);"
                     "ALTER TABLE direct_messages SET (autovacuum_enabled = false);"
                     "ALTER TABLE permissions SET (autovacuum_enabled = false)");
    db_free(db);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    database_stop(&database);
    return 0;
}

/* ---- plans ---- */

/*
 * Jobs and commands, what is asked of all rooms, and who comes for the first time after being
 * appointed.
 */
static const char *const meant_to[] = {"versions.read",
                                       "rooms.list",
                                       "rooms.info",
                                       "users.special",
                                       "users.prune_activity",
                                       "users.count_active",
                                       "roles.global_count",
                                       "roles.info_all",
                                       "roles.list_global",
                                       "standing.lock_all",
                                       "pending.list",
                                       "pending.purge",
                                       "ring.forget_dms",
                                       "retries.expire",
                                       "retention.list",
                                       "ring.check_write",
                                       "ring.check_mark",
                                       "message_mac.count",
                                       "statistics.messages",
                                       "statistics.files",
                                       "statistics.active",
                                       "statistics.reactions",
                                       "file_jobs.orphan_blobs",
                                       "files.any_blocked",
                                       "retention.preview",
                                       "file_jobs.due",
                                       "pending.lock_rooms",
                                       NULL};

static bool is_meant_to(const char *name)
{
    for (const char *const *at = meant_to; *at != NULL; at++)
        if (strcmp(*at, name) == 0)
            return true;
    return false;
}

/* Statements whose plan has such a fault are printed. */
static bool plans_are_narrow(struct db *db, bool (*is_faulty)(struct span plan))
{
    bool narrow = true;
    for (size_t t = 0; t < store_statement_count; t++) {
        for (const struct statement *s = store_statements[t].statements; s->name != NULL; s++) {
            struct buf plan AUTO_BUF = buf_make(KIB(64));
            plan_text(db, s->name, &plan);
            if (!is_faulty(buf_span(&plan)) || is_meant_to(s->name))
                continue;
            print_message("%s:\n%.*s", s->name, (int)plan.len, (const char *)plan.p);
            narrow = false;
        }
    }
    return narrow;
}

static void plans__while_nothing_was_counted__read_no_table_from_its_beginning(void **state)
{
    (void)state;
    struct db *db = connect();
    bool narrow = plans_are_narrow(db, plan_reads_everything);
    db_free(db);
    assert_true(narrow);
}

/* ---- pages ---- */

/* False: it touched more than that, and its plan was printed. */
static bool is_cheap(struct db *db, const char *execute, int64_t at_most)
{
    double ms = 0;
    int64_t pages = plan_pages(db, execute, at_most, &ms);
    print_message("    %-66s %5ld pages %7.2f ms\n", execute, (long)pages, ms);
    return pages <= at_most;
}

static bool lists_are_cheap(struct db *db, int room)
{
    const long long last = 3 * messages;
    const long long before[] = {INT64_MAX, messages / 4 + QUIET, messages / 8, 100, 1};
    const long long since[] = {0, messages / 4, messages, last - messages / 2, last - 50};
    char execute[200];
    bool cheap = true;
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        (void)snprintf(execute, sizeof(execute), "\"messages.before\"(%d, %lld, %d)", room,
                       before[i], LIST_ROWS);
        cheap = is_cheap(db, execute, PAGES_MAX) && cheap;
    }
    for (size_t i = 0; i < COUNT_OF(since); i++) {
        (void)snprintf(execute, sizeof(execute),
                       "\"messages.events\"(%d, %lld, %lld, %d, true, %lld)", room, since[i], last,
                       CHUNK_ROWS, since[i]);
        cheap = is_cheap(db, execute, PAGES_MAX) && cheap;
    }
    return cheap;
}

/*
 * Somebody who has no mail and no permission, where one person has all mail and one room nearly all
 * permissions.
 */
static bool lookups_are_cheap(struct db *db)
{
    char execute[300];
    bool cheap = true;
    const char *const of_person[] = {
        "\"dms.newest\"('\\x15' || sha256(int8send(77)))",
        "\"dms.inbox\"('\\x15' || sha256(int8send(77)), 0, 0, 100, 1000000)",
        "\"dms.outbox\"('\\x15' || sha256(int8send(77)), 0, 0, 100, 1000000)",
    };
    for (size_t i = 0; i < COUNT_OF(of_person); i++)
        cheap = is_cheap(db, of_person[i], LOOKUP_PAGES_MAX) && cheap;
    (void)snprintf(execute, sizeof(execute), "\"permissions.list\"(%d, 0, 1000)", QUIET);
    return is_cheap(db, execute, LOOKUP_PAGES_MAX) && cheap;
}

static bool reads_are_cheap(struct db *db, const char *when)
{
    print_message("%s:\n", when);
    bool cheap = lists_are_cheap(db, LARGE);
    cheap = lists_are_cheap(db, QUIET) && cheap;
    cheap = lists_are_cheap(db, EMPTY) && cheap;
    cheap = lookups_are_cheap(db) && cheap;
    return plans_are_narrow(db, plan_walks_past_others) && cheap;
}

/* A connection of its own, since a connection plans a statement once. */
static bool new_reads_are_cheap(const char *sql, const char *when)
{
    struct db *db = connect();
    database_run(db, sql);
    db_free(db);
    db = connect();
    bool cheap = reads_are_cheap(db, when);
    db_free(db);
    return cheap;
}

static void lists__among_many_rooms__touch_few_pages(void **state)
{
    (void)state;
    struct db *early = connect();
    bool cheap = reads_are_cheap(early, "empty");
    struct db *db = connect();
    fill(db);
    db_free(db);
    cheap = reads_are_cheap(early, "filled since it was planned") && cheap;
    db_free(early);
    cheap = new_reads_are_cheap("SELECT 1", "not analyzed") && cheap;
    cheap = new_reads_are_cheap(COUNT, "analyzed") && cheap;
    cheap = new_reads_are_cheap("ALTER TABLE messages ALTER room SET (n_distinct = 1);"
                                "ALTER TABLE permissions ALTER room SET (n_distinct = 1);" COUNT,
                                "analyzed when one room was seen") &&
            cheap;
    cheap = new_reads_are_cheap("ALTER TABLE messages ALTER room SET (n_distinct = -1);"
                                "ALTER TABLE permissions ALTER room SET (n_distinct = -1);" COUNT,
                                "analyzed when every row was of a room of its own") &&
            cheap;
    assert_true(cheap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans__while_nothing_was_counted__read_no_table_from_its_beginning),
        cmocka_unit_test(lists__among_many_rooms__touch_few_pages),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
