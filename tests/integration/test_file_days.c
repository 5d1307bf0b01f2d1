/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Days of chunks: moved, dropped, read across both, and nobody made to wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "integration/blob_fixture.h"
#include "store/file_jobs.h"
#include "store/nonces.h"
#include "store/server.h"

static void day_that_is_over__moves_what_lives_and_is_dropped(void **state)
{
    (void)state;
    struct bytes ended = blob_body(300000, 7), renewed = blob_body(600000, 8);
    struct file_hash hash = blob_hash_of(renewed);
    struct file_row file;
    const int64_t day = TODAY + KEPT_DAYS;
    blob_store(ended, BLOB_NOW, KEPT_DAYS * DAY_S);
    blob_store(renewed, BLOB_NOW, KEPT_DAYS * DAY_S);
    double last = BLOB_NOW + (KEPT_DAYS - 1) * DAY_S, after = (double)(day + 1) * DAY_S + 7200;
    assert_int_equal(files_extend(blob_db, &hash, last, last + KEPT_DAYS * DAY_S, &file), OK);
    assert_int_equal(blob_sweep(blob_db, after), 1);
    assert_int_equal(file_jobs_drop(blob_db, day), ERR_RETRY); /* not while it holds live content */
    assert_int_equal(blob_move(blob_db, day, after), 1);
    assert_int_equal(blob_check(blob_db, renewed, after), OK);
    assert_int_equal(file_jobs_drop(blob_db, day), OK);
    assert_false(blob_has_partition(day));
    assert_int_equal(blob_check(blob_db, renewed, after), OK);
    assert_int_equal(blob_check(blob_db, ended, after), ERR_MISSING);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks"), 3);
    assert_int_equal(blob_number("SELECT chunk_day::bigint FROM blobs"), day + KEPT_DAYS - 1);
    /* And the renewed one ends with its new day. */
    assert_int_equal(blob_sweep(blob_db, after + KEPT_DAYS * DAY_S), 1);
    blob_assert_usage();
    mem_free(ended.p);
    mem_free(renewed.p);
}

static void due_days__come_one_after_the_other_and_not_before_their_time(void **state)
{
    (void)state;
    int64_t day = 0;
    assert_int_equal(file_jobs_due_day(blob_db, TODAY - 2, &day), ERR_MISSING);
    assert_int_equal(file_jobs_due_day(blob_db, TODAY, &day), OK);
    assert_int_equal(day, TODAY - 2);
    assert_int_equal(file_jobs_drop(blob_db, day), OK);
    assert_int_equal(file_jobs_due_day(blob_db, TODAY, &day), OK);
    assert_int_equal(day, TODAY - 1);
}

static void content_without_end__moves_to_the_permanent_partition_and_back_into_time(void **state)
{
    (void)state;
    struct bytes body = blob_body(300000, 9);
    const int64_t day = TODAY + KEPT_DAYS;
    double after = (double)(day + 2) * DAY_S;
    blob_store(body, BLOB_NOW, 100);
    database_run(blob_db, "UPDATE files SET expiry = NULL"); /* as a pin or a picture does */
    assert_int_equal(blob_sweep(blob_db, after), 0);
    assert_int_equal(blob_move(blob_db, day, after), 1);
    assert_int_equal(file_jobs_drop(blob_db, day), OK);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks_permanent"), 2);
    assert_int_equal(blob_check(blob_db, body, after + 1000.0 * DAY_S), OK);
    database_run(blob_db, "UPDATE files SET expiry = uploaded + 1"); /* unpinned */
    assert_int_equal(blob_sweep(blob_db, after), 1);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks_permanent"), 0);
    blob_assert_usage();
    mem_free(body.p);
}

static void
file_deleted_by_a_person__loses_its_chunks_at_the_next_turn_even_on_its_last_day(void **state)
{
    (void)state;
    struct bytes body = blob_body(300000, 10);
    double last_day = (double)(TODAY + KEPT_DAYS) * DAY_S;
    blob_store(body, BLOB_NOW, 100 * DAY_S);
    database_run(blob_db, "UPDATE files SET expiry = 0");
    assert_int_equal(blob_sweep(blob_db, last_day), 1);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks"), 0);
    mem_free(body.p);
}

static void download__across_a_move_and_a_drop__gets_all_bytes(void **state)
{
    (void)state;
    struct bytes body = blob_body(3 * FILE_CHUNK_BYTES, 11);
    const int64_t day = (int64_t)(clock_wall_ms() / DAY_MS);
    double now = (double)clock_wall_ms() / 1000;
    assert_int_equal(file_jobs_partitions(blob_db, day - 20, day + 40), OK);
    /* Uploaded two weeks and a day ago, renewed: alive on a day that is over. */
    blob_store(body, now - (KEPT_DAYS + 1) * DAY_S, 100 * DAY_S);
    struct blob_ref ref = {.hash = blob_hash_of(body)};
    struct file_row file;
    struct body_source *source = NULL;
    struct span piece;
    struct buf out AUTO_BUF = buf_make(body.len);
    assert_int_equal(blob_stat(blob_db, blob_ring, &ref, NULL, now, &file), OK);
    assert_int_equal(file.blob.day, day - 1);
    assert_int_equal(blob_open(blob_ring, &ref, &file, &source), OK);
    assert_int_equal(source->next(source, blob_db, &piece), OK);
    buf_put(&out, piece);
    assert_int_equal(blob_move(blob_db, day - 1, now), 1);
    assert_int_equal(source->next(source, blob_db, &piece), OK); /* still where it was */
    buf_put(&out, piece);
    assert_int_equal(file_jobs_drop(blob_db, day - 1), OK);
    assert_int_equal(source->next(source, blob_db, &piece), OK); /* where it is now */
    buf_put(&out, piece);
    source->close(source);
    assert_true(span_eq(buf_span(&out), span_of_bytes(body)));
    mem_free(body.p);
}

/* ---- nobody waits ---- */

struct bystander {
    pthread_t thread;
    atomic_bool stop;
    struct bytes body;
    int64_t longest_ms;
    int done;
};

/* Reads and uploads all the while. */
static void *stand_by(void *arg)
{
    struct bystander *b = arg;
    struct db *own = database_connect(&blob_database);
    for (uint32_t i = 0; !atomic_load(&b->stop); i++) {
        struct bytes fresh = blob_body(1000, 100000 + i);
        struct blob_result result;
        int64_t began = clock_mono_ms();
        if (blob_check(own, b->body, BLOB_NOW) == OK &&
            blob_put_with(own, fresh, BLOB_NOW, 100, FILE_UNLIMITED, &result) == OK)
            b->done++;
        int64_t took = clock_mono_ms() - began;
        b->longest_ms = took > b->longest_ms ? took : b->longest_ms;
        mem_free(fresh.p);
    }
    db_free(own);
    return NULL;
}

static void drop__behind_a_long_reader__gives_up_and_nobody_waits(void **state)
{
    (void)state;
    struct bystander other = {.body = blob_body(300000, 12)};
    blob_store(other.body, BLOB_NOW, 1000);
    /* As pg_dump does: one transaction that has read all tables. */
    struct db *reader = database_connect(&blob_database);
    assert_int_equal(db_begin(reader), OK);
    assert_true(database_number(reader, "SELECT count(*) FROM chunks") > 0);
    assert_int_equal(pthread_create(&other.thread, NULL, stand_by, &other), 0);
    for (int i = 0; i < 3; i++) {
        int64_t began = clock_mono_ms();
        assert_int_equal(file_jobs_drop(blob_db, TODAY - 2), ERR_RETRY);
        assert_in_range(clock_mono_ms() - began, 0, 1500);
    }
    assert_true(blob_has_partition(TODAY - 2));
    db_rollback(reader);
    assert_int_equal(file_jobs_drop(blob_db, TODAY - 2), OK);
    atomic_store(&other.stop, true);
    assert_int_equal(pthread_join(other.thread, NULL), 0);
    print_message("bystander: %d rounds, the longest %lld ms\n", other.done,
                  (long long)other.longest_ms);
    assert_true(other.done > 3);
    assert_in_range(other.longest_ms, 0, 999);
    db_free(reader);
    mem_free(other.body.p);
}

static void drop__during_a_backup__is_put_off(void **state)
{
    (void)state;
    struct db *backup = database_connect(&blob_database);
    assert_int_equal(advisory_try_shared(backup, ADVISORY_BACKUP), OK);
    assert_int_equal(file_jobs_drop(blob_db, TODAY - 2), ERR_CONFLICT);
    assert_true(blob_has_partition(TODAY - 2));
    /* Nor are nonces, which everybody who posts writes to. */
    assert_int_equal(nonces_make_days(blob_db, TODAY, TODAY), OK);
    assert_int_equal(nonces_drop_days(blob_db, TODAY + 1), OK);
    static const char nonces[] =
        "SELECT count(*) FROM pg_class WHERE relname ~ '^nonces_d[0-9]+$' AND relkind = 'r'";
    assert_true(database_number(blob_db, nonces) > 0);
    db_free(backup); /* its lock goes with it */
    for (int64_t limit = clock_mono_ms() + 5000; file_jobs_drop(blob_db, TODAY - 2) != OK;)
        assert_true(clock_mono_ms() < limit);
    assert_int_equal(nonces_drop_days(blob_db, TODAY + 1), OK);
    assert_int_equal(database_number(blob_db, nonces), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(day_that_is_over__moves_what_lives_and_is_dropped,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(
            due_days__come_one_after_the_other_and_not_before_their_time, blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(
            content_without_end__moves_to_the_permanent_partition_and_back_into_time, blob_renew,
            blob_leave),
        cmocka_unit_test_setup_teardown(download__across_a_move_and_a_drop__gets_all_bytes,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(drop__behind_a_long_reader__gives_up_and_nobody_waits,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(drop__during_a_backup__is_put_off, blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(
            file_deleted_by_a_person__loses_its_chunks_at_the_next_turn_even_on_its_last_day,
            blob_renew, blob_leave),
    };
    return cmocka_run_group_tests(tests, blob_start, blob_stop);
}
