/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fate of a commit (store/outcome.h), asked while it is under way, after its end, and after a
 * crash of PostgreSQL that gives transaction ids out again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "integration/database.h"
#include "integration/world.h"
#include "store/nonces.h"
#include "store/outcome.h"
#include "store/server.h"
#include "store/store.h"

enum { LOCK_TIMEOUT_MS = 200, IDS_MAX = 100000 };
#define THIS_ID "SELECT pg_current_xact_id()::text::bigint"

static struct db *connect_to(const struct world *w, bool statements)
{
    const struct db_options options = {.url = w->database_url,
                                       .origin = DB_COMMAND,
                                       .tables = statements ? store_statements : NULL,
                                       .table_count = statements ? store_statement_count : 0,
                                       .statement_timeout_ms = 20000,
                                       .lock_timeout_ms = LOCK_TIMEOUT_MS};
    struct db *db = NULL;
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    return db;
}

/* A database with our schema and today's partitions, and no server on it. */
static void open_database(struct world *w)
{
    const struct world_options options = {.servers = 0};
    AUTO_BUF struct buf progress = buf_make(KIB(4));
    int64_t today = clock_wall_ms() / DAY_MS;
    assert_int_equal(world_prepare(w, &options), OK);
    assert_int_equal(world_start_database(w), OK);
    struct db *bare = connect_to(w, false);
    /* What is not committed shall not reach the disk by chance. */
    database_run(bare, "ALTER SYSTEM SET wal_writer_delay = '10s'");
    database_run(bare, "SELECT pg_reload_conf()");
    assert_int_equal(schema_migrate(bare, clock_wall_ms(), &progress), OK);
    db_free(bare);
    struct db *db = connect_to(w, true);
    assert_int_equal(nonces_make_days(db, today, today + 1), OK);
    db_free(db);
}

static void outcome__while_under_way_and_afterwards__is_told(void **state)
{
    (void)state;
    struct world w = {0};
    struct outcome_mark mark;
    bool committed = false;
    open_database(&w);
    struct db *a = connect_to(&w, true), *b = connect_to(&w, true);
    assert_int_equal(db_begin(a), OK);
    assert_int_equal(outcome_mark(a, &mark), OK);
    assert_int_equal(outcome_find(b, &mark, &committed), ERR_RETRY);
    assert_int_equal(db_commit(a), OK);
    assert_int_equal(outcome_find(b, &mark, &committed), OK);
    assert_true(committed);

    assert_int_equal(db_begin(a), OK);
    assert_int_equal(outcome_mark(a, &mark), OK);
    db_rollback(a);
    assert_int_equal(outcome_find(b, &mark, &committed), OK);
    assert_false(committed);
    db_free(a);
    db_free(b);
    assert_true(world_close(&w));
}

static void outcome__of_an_id_that_was_given_out_again__is_not_committed(void **state)
{
    (void)state;
    struct world w = {0};
    struct outcome_mark mark;
    bool committed = true;
    open_database(&w);
    struct db *a = connect_to(&w, true);
    assert_int_equal(db_begin(a), OK);
    assert_int_equal(outcome_mark(a, &mark), OK);
    int64_t lost = database_number(a, THIS_ID);
    assert_int_equal(world_crash_database(&w), OK);
    assert_int_equal(world_restart_database(&w), OK);
    db_free(a);
    struct db *b = connect_to(&w, true);
    int64_t id = 0;
    for (int i = 0; id < lost && i < IDS_MAX; i++)
        id = database_number(b, THIS_ID);
    /* Somebody else has committed under the id of the transaction that was lost. */
    assert_int_equal(id, lost);
    assert_int_equal(outcome_find(b, &mark, &committed), OK);
    assert_false(committed);
    db_free(b);
    assert_true(world_close(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcome__while_under_way_and_afterwards__is_told),
        cmocka_unit_test(outcome__of_an_id_that_was_given_out_again__is_not_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
