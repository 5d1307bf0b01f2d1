/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * db/ against a real PostgreSQL: every type there and back, errors told apart, transactions run
 * again, lost connections, notifications.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "base/mem.h"
#include "integration/database.h"
#include "metrics/metrics.h"

static struct database database;

static int start(void **state)
{
    (void)state;
    database_start(&database);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    database_stop(&database);
    return 0;
}

static struct row only_row(struct rows *rows)
{
    struct row row;
    assert_int_equal(rows->count, 1);
    assert_true(rows_next(rows, &row));
    return row;
}

static void scalars__of_every_type__come_back_as_they_went(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database);
    AUTO_ROWS struct rows rows = {0};
    assert_int_equal(
        DB_QUERY(db,
                 "SELECT $1::smallint, $2::integer, $3::bigint, $4::float8, $5::boolean, $6::bytea,"
                 "       $7::text, $8::bytea",
                 &rows, PARAM_I16(-32768), PARAM_I32(INT32_MIN), PARAM_I64(INT64_MIN),
                 PARAM_F64(-DBL_MIN), PARAM_BOOL(true), PARAM_BYTES(SPAN("a\0b")),
                 PARAM_TEXT(SPAN("é☕")), PARAM_NULL),
        OK);
    struct row row = only_row(&rows);
    assert_int_equal(row_i64(&row, 0), -32768);
    assert_int_equal(row_i64(&row, 1), INT32_MIN);
    assert_true(row_i64(&row, 2) == INT64_MIN);
    double found = row_f64(&row, 3), sent = -DBL_MIN;
    assert_memory_equal(&found, &sent, sizeof found);
    assert_true(row_bool(&row, 4));
    assert_true(span_eq(row_bytes(&row, 5), SPAN("a\0b")));
    assert_true(span_eq(row_bytes(&row, 6), SPAN("é☕")));
    assert_true(row_is_null(&row, 7));
    assert_null(row_bytes(&row, 7).p);
    assert_true(rows_ok(&rows));
    db_free(db);
}

static void arrays__of_every_type__come_back_in_order(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database);
    const int64_t numbers[] = {INT64_MAX, -1, 0};
    const double doubles[] = {0.5, -1e300, 3};
    const int16_t smalls[] = {-2, 2, 0};
    const bool bools[] = {true, false, true};
    const struct span spans[] = {SPAN("x"), {NULL, 0}, SPAN("")};
    AUTO_ROWS struct rows rows = {0};
    assert_int_equal(
        DB_QUERY(
            db,
            "SELECT *"
            "  FROM unnest($1::bigint[], $2::float8[], $3::smallint[], $4::boolean[], $5::bytea[])",
            &rows, PARAM_ARRAY(P_I64_ARRAY, numbers, 3), PARAM_ARRAY(P_F64_ARRAY, doubles, 3),
            PARAM_ARRAY(P_I16_ARRAY, smalls, 3), PARAM_ARRAY(P_BOOL_ARRAY, bools, 3),
            PARAM_ARRAY(P_BYTES_ARRAY, spans, 3)),
        OK);
    struct row row;
    for (size_t i = 0; i < 3; i++) {
        assert_true(rows_next(&rows, &row));
        assert_true(row_i64(&row, 0) == numbers[i]);
        double found = row_f64(&row, 1);
        assert_memory_equal(&found, &doubles[i], sizeof found);
        assert_int_equal(row_i64(&row, 2), smalls[i]);
        assert_int_equal(row_bool(&row, 3), bools[i]);
        assert_int_equal(row_is_null(&row, 4), spans[i].p == NULL);
        assert_true(span_eq(row_bytes(&row, 4), spans[i]));
    }
    assert_false(rows_next(&rows, &row));
    assert_true(rows_ok(&rows));
    assert_int_equal(
        DB_QUERY(db, "SELECT cardinality($1::bytea[])", &rows, PARAM_ARRAY(P_BYTES_ARRAY, NULL, 0)),
        OK);
    row = only_row(&rows);
    assert_int_equal(row_i64(&row, 0), 0);
    db_free(db);
}

static void column__of_another_type_or_null__fails_the_result(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database);
    const char *const queries[] = {"SELECT 'text'", "SELECT NULL::bigint", "SELECT 1.5::float8",
                                   "SELECT 1::numeric"};
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        AUTO_ROWS struct rows rows = {0};
        assert_int_equal(db_query(db, queries[i], NULL, 0, &rows), OK);
        struct row row = only_row(&rows);
        assert_int_equal(row_i64(&row, 0), 0);
        assert_false(rows_ok(&rows));
    }
    AUTO_ROWS struct rows rows = {0};
    uint8_t key[4] = {9, 9, 9, 9};
    assert_int_equal(db_query(db, "SELECT '\\x010203'::bytea", NULL, 0, &rows), OK);
    struct row row = only_row(&rows);
    row_key(&row, 0, key, sizeof key);
    assert_false(rows_ok(&rows));
    assert_int_equal(key[0], 0);
    db_free(db);
}

static void errors__of_postgresql__are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum err expected;
    } cases[] = {
        {"DO $$ BEGIN RAISE unique_violation; END $$", ERR_CONFLICT},
        {"DO $$ BEGIN RAISE check_violation; END $$", ERR_CONFLICT},
        {"DO $$ BEGIN RAISE serialization_failure; END $$", ERR_RETRY},
        {"DO $$ BEGIN RAISE deadlock_detected; END $$", ERR_RETRY},
        {"DO $$ BEGIN RAISE lock_not_available; END $$", ERR_RETRY},
        {"DO $$ BEGIN RAISE disk_full; END $$", ERR_BUSY},
        {"SET statement_timeout = 20; SELECT pg_sleep(5)", ERR_BUSY},
        {"SELECT no_such_thing", ERR_DEFECT},
        {"DO $$ BEGIN RAISE not_null_violation; END $$", ERR_DEFECT},
    };
    struct db *db = database_connect_bare(&database);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(db_script(db, cases[i].sql), cases[i].expected);
        assert_true(db_connected(db));
    }
    db_free(db);
}

struct attempts {
    int made, retries_wanted;
};

static enum err retried(struct db *db, void *arg)
{
    struct attempts *a = arg;
    assert_true(db_in_transaction(db));
    assert_int_equal(db_script(db, "CREATE TABLE conclave.attempt (n integer)"),
                     OK); /* fails if the last one was kept */
    return a->made++ < a->retries_wanted ? ERR_RETRY : OK;
}

static void transaction__that_must_be_repeated__leaves_only_its_last_run(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database);
    database_run(db, "CREATE SCHEMA conclave");
    struct attempts a = {0, 3};
    assert_int_equal(db_tx(db, retried, &a), OK);
    assert_int_equal(a.made, 4);
    assert_false(db_in_transaction(db));
    database_run(db, "DROP TABLE conclave.attempt");
    a = (struct attempts){0, 100};
    assert_int_equal(db_tx(db, retried, &a), ERR_BUSY);
    assert_int_equal(a.made, 5);
    assert_false(db_in_transaction(db));
    database_run(db, "DROP SCHEMA conclave CASCADE");
    db_free(db);
}

static void commit__of_a_failed_transaction__is_no_success(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_script(db, "DO $$ BEGIN RAISE unique_violation; END $$"), ERR_CONFLICT);
    assert_int_not_equal(db_commit(db), OK);
    assert_false(db_in_transaction(db));
    db_free(db);
}

static void connection__ended_by_the_server__is_noticed_and_opened_again(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database), *other = database_connect_bare(&database);
    database_run(other, "SELECT pg_terminate_backend(pid, 5000)"
                        "  FROM pg_stat_activity"
                        " WHERE application_name = 'conclave' AND pid <> pg_backend_pid()");
    /* While idle: db_ensure sees it before anything is asked. */
    assert_int_equal(db_ensure(db), OK);
    assert_int_equal(database_number(db, "SELECT 1::bigint"), 1);
    /* While asking: the statement fails as busy, and the connection is known to be lost. */
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_script(db, "SELECT pg_terminate_backend(pg_backend_pid())"), ERR_BUSY);
    assert_false(db_connected(db));
    assert_false(db_in_transaction(db));
    assert_int_equal(db_socket(db), -1);
    assert_int_equal(db_script(db, "SELECT 1"), ERR_BUSY);
    assert_int_equal(db_ensure(db), OK);
    assert_int_equal(database_number(db, "SELECT 2::bigint"), 2);
    db_free(db);
    db_free(other);
}

/* What PostgreSQL says of a refused row quotes it. */
static void log__of_refused_statements__holds_nothing_of_their_rows(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "INSERT INTO conclave.quoted VALUES ('marker-text', 2)", /* unique */
        "INSERT INTO conclave.quoted VALUES ('marker-text', NULL)",
        "INSERT INTO conclave.quoted VALUES ('marker-text', -1)",
        "SELECT 'marker-text'::integer",
        "DO $$ BEGIN RAISE disk_full USING MESSAGE = 'marker-text'; END $$",
    };
    static char text[1 << 14];
    struct db *db = database_connect_bare(&database);
    FILE *log = tmpfile();
    assert_non_null(log);
    database_run(db, "CREATE SCHEMA IF NOT EXISTS conclave;"
                     "DROP TABLE IF EXISTS conclave.quoted;"
                     "CREATE TABLE conclave.quoted (name text UNIQUE, n integer NOT NULL"
                     "                              CHECK (n > 0));"
                     "INSERT INTO conclave.quoted VALUES ('marker-text', 1)");
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        enum err e = db_script(db, refused[i]);
        (void)e;
        if (e == OK)
            text[0] = 'x';
    }
    (void)dup2(kept, STDERR_FILENO);
    (void)close(kept);
    assert_int_equal(text[0], 0);
    rewind(log);
    size_t n = fread(text, 1, sizeof(text) - 1, log);
    (void)fclose(log);
    assert_true(n > 0);
    assert_non_null(strstr(text, "sqlstate=23502"));
    assert_null(strstr(text, "marker-text"));
    database_run(db, "DROP SCHEMA conclave CASCADE");
    db_free(db);
}

static void ensure__without_a_server__is_busy(void **state)
{
    (void)state;
    struct db *db;
    const struct db_options options = {.url = "postgresql:///x?host=/nonexistent",
                                       .statement_timeout_ms = 1000};
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), ERR_BUSY);
    assert_false(db_connected(db));
    db_free(db);
}

static void ensure__with_a_statement_that_does_not_fit__is_a_defect(void **state)
{
    (void)state;
    static const struct statement statements[] = {
        {"good", "SELECT 1"}, {"bad", "SELECT x FROM nowhere"}, {NULL, NULL}};
    static const struct statement_table table = {statements};
    struct db *db;
    const struct db_options options = {
        .url = database.url, .tables = &table, .table_count = 1, .statement_timeout_ms = 1000};
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), ERR_DEFECT);
    assert_false(db_connected(db));
    db_free(db);
}

static void session__of_every_connection__is_set_by_us(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database);
    assert_int_equal(
        database_number(db, "SELECT count(*) FROM pg_settings WHERE (name, setting) IN ("
                            "('search_path', 'pg_catalog, conclave, pg_temp'), ('TimeZone', 'UTC'),"
                            "('statement_timeout', '20000'), ('lock_timeout', '5000'),"
                            "('application_name', 'conclave'), ('client_encoding', 'UTF8'),"
                            "('default_transaction_isolation', 'read committed'))"),
        7);
    db_free(db);
}

static void notification__from_another_connection__ends_the_wait(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database), *other = database_connect_bare(&database);
    database_run(db, "LISTEN conclave");
    assert_int_equal(db_wait_notification(db, 30), ERR_MISSING);
    database_run(other, "NOTIFY conclave");
    assert_int_equal(db_wait_notification(db, 5000), OK);
    assert_int_equal(db_wait_notification(db, 30), ERR_MISSING);
    /* One that came together with the answer to something else is not lost. */
    database_run(other, "NOTIFY conclave");
    database_run(db, "SELECT 1");
    database_run(db, "SELECT 1");
    assert_int_equal(db_wait_notification(db, 5000), OK);
    database_run(other, "SELECT pg_terminate_backend(pid, 5000)"
                        "  FROM pg_stat_activity"
                        " WHERE application_name = 'conclave' AND pid <> pg_backend_pid()");
    enum err e = ERR_MISSING;
    for (int i = 0; i < 50 && e == ERR_MISSING; i++)
        e = db_wait_notification(db, 100);
    assert_int_equal(e, ERR_BUSY);
    assert_false(db_connected(db));
    db_free(db);
    db_free(other);
}

static void statements__sent__are_counted_by_origin(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct db *db;
    const struct db_options options = {
        .url = database.url, .origin = DB_JOB, .metrics = metrics, .statement_timeout_ms = 1000};
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    int64_t before = metrics_get(metrics, METRIC_SQL_JOB);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_query(db, "SELECT 1", NULL, 0, NULL), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(metrics_get(metrics, METRIC_SQL_JOB) - before, 3);
    assert_int_equal(metrics_get(metrics, METRIC_SQL_REQUEST), 0);
    db_free(db);
    metrics_free(metrics);
}

static void statements_sent__without_waiting__run_in_order(void **state)
{
    (void)state;
    const char *const prepare =
        "CREATE TEMP TABLE sent (n bigint, data bytea); SET search_path = pg_temp, pg_catalog;"
        "PREPARE send_one (bigint, bytea) AS INSERT INTO sent VALUES (10 / $1, $2);";
    enum { COUNT = 40, LARGE_BYTES = 256 * 1024 };
    struct db *db = database_connect_bare(&database);
    uint8_t *large = mem_alloc_zero(1, LARGE_BYTES);
    assert_non_null(large);
    assert_int_equal(db_settle(db), OK); /* nothing was sent */
    assert_int_equal(db_script(db, prepare), OK);
    assert_int_equal(db_begin(db), OK);
    for (int64_t i = 1; i <= COUNT; i++)
        assert_int_equal(
            DB_SEND(db, "send_one", PARAM_I64(i), PARAM_BYTES(span_of(large, LARGE_BYTES))), OK);
    assert_int_equal(db_settle(db), OK);
    assert_int_equal(db_commit(db), OK);
    AUTO_ROWS struct rows rows = {0};
    assert_int_equal(
        db_query(db, "SELECT count(*), sum(octet_length(data))::bigint FROM sent", NULL, 0, &rows),
        OK);
    struct row row = only_row(&rows);
    assert_int_equal(row_i64(&row, 0), COUNT);
    assert_int_equal(row_i64(&row, 1), (int64_t)COUNT * LARGE_BYTES);
    mem_free(large);
    db_free(db);
}

static void statement_sent__that_fails__fails_the_whole_and_leaves_a_connection(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database);
    assert_int_equal(
        db_script(db, "CREATE TEMP TABLE sent (n bigint PRIMARY KEY);"
                      "PREPARE send_one (bigint) AS INSERT INTO pg_temp.sent VALUES ($1);"),
        OK);
    const int64_t numbers[] = {1, 2, 1, 3};
    assert_int_equal(db_begin(db), OK);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        assert_int_equal(DB_SEND(db, "send_one", PARAM_I64(numbers[i])), OK);
    assert_int_equal(db_settle(db), ERR_CONFLICT);
    db_rollback(db);
    assert_false(db_in_transaction(db));
    AUTO_ROWS struct rows rows = {0};
    assert_int_equal(db_query(db, "SELECT count(*) FROM pg_temp.sent", NULL, 0, &rows), OK);
    struct row row = only_row(&rows);
    assert_int_equal(row_i64(&row, 0), 0);
    db_free(db);
}

static void statements_sent__to_a_database_that_ends__are_busy(void **state)
{
    (void)state;
    struct db *db = database_connect_bare(&database);
    assert_int_equal(db_script(db, "PREPARE last_words AS"
                                   " SELECT pg_terminate_backend(pg_backend_pid())"),
                     OK);
    assert_int_equal(db_send(db, "last_words", NULL, 0), OK);
    assert_int_equal(db_settle(db), ERR_BUSY);
    assert_false(db_connected(db));
    assert_int_equal(db_ensure(db), OK);
    assert_int_equal(db_settle(db), OK);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars__of_every_type__come_back_as_they_went),
        cmocka_unit_test(arrays__of_every_type__come_back_in_order),
        cmocka_unit_test(column__of_another_type_or_null__fails_the_result),
        cmocka_unit_test(errors__of_postgresql__are_told_apart),
        cmocka_unit_test(transaction__that_must_be_repeated__leaves_only_its_last_run),
        cmocka_unit_test(commit__of_a_failed_transaction__is_no_success),
        cmocka_unit_test(connection__ended_by_the_server__is_noticed_and_opened_again),
        cmocka_unit_test(log__of_refused_statements__holds_nothing_of_their_rows),
        cmocka_unit_test(ensure__without_a_server__is_busy),
        cmocka_unit_test(ensure__with_a_statement_that_does_not_fit__is_a_defect),
        cmocka_unit_test(session__of_every_connection__is_set_by_us),
        cmocka_unit_test(notification__from_another_connection__ends_the_wait),
        cmocka_unit_test(statements__sent__are_counted_by_origin),
        cmocka_unit_test(statements_sent__without_waiting__run_in_order),
        cmocka_unit_test(statement_sent__that_fails__fails_the_whole_and_leaves_a_connection),
        cmocka_unit_test(statements_sent__to_a_database_that_ends__are_busy),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
