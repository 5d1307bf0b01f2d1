/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store of attachments against PostgreSQL, with a clock of the test's own: duplicates and
 * cleaning up in each other's way, quotas, refused content. test-timeout-s: 300
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

enum { UPLOADERS = 16, ROUNDS = 1000 };

/* ---- duplicates ---- */

struct uploader {
    pthread_t thread;
    struct bytes body;
    enum err e;
};

static void *upload(void *arg)
{
    struct uploader *u = arg;
    struct db *own = database_connect(&blob_database);
    struct blob_result result;
    u->e = blob_put_with(own, u->body, BLOB_NOW, 100, FILE_UNLIMITED, &result);
    db_free(own);
    return NULL;
}

static void sixteen_uploads_of_one_body__all_succeed_and_leave_one_blob(void **state)
{
    (void)state;
    struct bytes body = blob_body(1000000, 1);
    struct uploader uploaders[UPLOADERS];
    for (size_t i = 0; i < UPLOADERS; i++) {
        uploaders[i] = (struct uploader){.body = body};
        assert_int_equal(pthread_create(&uploaders[i].thread, NULL, upload, &uploaders[i]), 0);
    }
    for (size_t i = 0; i < UPLOADERS; i++) {
        assert_int_equal(pthread_join(uploaders[i].thread, NULL), 0);
        assert_int_equal(uploaders[i].e, OK);
    }
    assert_int_equal(blob_number("SELECT count(*) FROM blobs"), 1);
    assert_int_equal(blob_number("SELECT count(*) FROM files"), 1);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks"), 4);
    assert_int_equal(blob_number("SELECT bytes FROM file_usage"), 1000000);
    assert_int_equal(blob_check(blob_db, body, BLOB_NOW), OK);
    mem_free(body.p);
}

/* ---- expiry ---- */

static void file__at_the_second_of_its_end__is_absent_and_never_revived(void **state)
{
    (void)state;
    struct bytes body = blob_body(5000, 2);
    struct file_hash hash = blob_hash_of(body);
    struct file_row file;
    blob_store(body, BLOB_NOW, 10);
    assert_int_equal(blob_check(blob_db, body, BLOB_NOW + 9.999), OK);
    assert_int_equal(blob_check(blob_db, body, BLOB_NOW + 10), ERR_MISSING);
    assert_int_equal(files_extend(blob_db, &hash, BLOB_NOW + 10, BLOB_NOW + 1000, &file),
                     ERR_MISSING);
    assert_int_equal(blob_check(blob_db, body, BLOB_NOW + 10), ERR_MISSING);
    assert_int_equal(files_extend(blob_db, &hash, BLOB_NOW + 9, BLOB_NOW + 1000, &file), OK);
    assert_int_equal(files_extend(blob_db, &hash, BLOB_NOW + 9, BLOB_NOW + 20, &file), OK);
    assert_true(file.expiry > BLOB_NOW + 999);
    assert_int_equal(blob_check(blob_db, body, BLOB_NOW + 999), OK);
    mem_free(body.p);
}

static void sweep__removes_what_has_ended_and_nothing_else(void **state)
{
    (void)state;
    struct bytes ended = blob_body(600000, 3), alive = blob_body(300000, 4);
    blob_store(ended, BLOB_NOW, 10);
    blob_store(alive, BLOB_NOW, 1000);
    assert_int_equal(blob_sweep(blob_db, BLOB_NOW + 10), 1);
    assert_int_equal(blob_number("SELECT count(*) FROM blobs"), 1);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks"),
                     2); /* by row: the day has weeks to go */
    assert_int_equal(blob_check(blob_db, alive, BLOB_NOW + 10), OK);
    blob_assert_usage();
    mem_free(ended.p);
    mem_free(alive.p);
}

/* What the janitor of the race below does until it is told to stop. */
struct janitor {
    pthread_t thread;
    atomic_bool stop;
    _Atomic int64_t now_ms;
};

static void *clean_up(void *arg)
{
    struct janitor *j = arg;
    struct db *own = database_connect(&blob_database);
    while (!atomic_load(&j->stop))
        (void)blob_sweep(own, (double)atomic_load(&j->now_ms) / 1000);
    db_free(own);
    return NULL;
}

static int rounds(void)
{
    return getenv("CONCLAVE_TEST_SHORT") != NULL ? ROUNDS / 3 : ROUNDS;
}

static void upload_again__while_the_old_one_is_cleaned_up__is_readable_afterwards(void **state)
{
    (void)state;
    struct janitor janitor = {.now_ms = (int64_t)(BLOB_NOW * 1000)};
    struct bytes bodies[] = {blob_body(1000, 5), blob_body(300000, 5)};
    int swept = 0;
    assert_int_equal(pthread_create(&janitor.thread, NULL, clean_up, &janitor), 0);
    double now = BLOB_NOW;
    for (int i = 0; i < rounds(); i++) {
        struct bytes body = bodies[i % 8 == 0];
        blob_store(body, now, 1);
        now += 1; /* it ends: from here on the janitor may take it away at any moment */
        atomic_store(&janitor.now_ms, (int64_t)(now * 1000));
        struct timespec pause = {0, (long)randombytes_uniform(3000000)};
        (void)nanosleep(&pause, NULL);
        swept += blob_number("SELECT count(*) FROM files") == 0;
        blob_store(body, now, 1);
        enum err e = blob_check(blob_db, body, now);
        if (e != OK)
            fail_msg("round %d: %s", i, err_name(e));
        now += 1;
    }
    atomic_store(&janitor.stop, true);
    assert_int_equal(pthread_join(janitor.thread, NULL), 0);
    print_message("cleaned up before the second upload in %d of %d rounds\n", swept, rounds());
    assert_true(swept > 0 && swept < rounds());
    blob_assert_usage();
    mem_free(bodies[0].p);
    mem_free(bodies[1].p);
}

static void extend__against_expiry_and_cleaning_up__is_all_or_nothing(void **state)
{
    (void)state;
    struct janitor janitor = {.now_ms = (int64_t)(BLOB_NOW * 1000)};
    struct bytes body = blob_body(1000, 6);
    struct file_hash hash = blob_hash_of(body);
    int extended = 0;
    assert_int_equal(pthread_create(&janitor.thread, NULL, clean_up, &janitor), 0);
    double now = BLOB_NOW;
    for (int i = 0; i < rounds(); i++) {
        struct file_row file;
        blob_store(body, now, 1);
        now += 1;
        /* Every other time the asker's clock is just before the end, and the janitor's after it. */
        double asked = i % 2 == 0 ? now - 0.001 : now;
        atomic_store(&janitor.now_ms, (int64_t)(now * 1000));
        enum err e = files_extend(blob_db, &hash, asked, asked + 5, &file);
        if (i % 2 == 1)
            assert_int_equal(e, ERR_MISSING);
        assert_int_equal(blob_check(blob_db, body, now), e == OK ? OK : ERR_MISSING);
        extended += e == OK;
        now += 10;
        atomic_store(&janitor.now_ms, (int64_t)(now * 1000));
    }
    atomic_store(&janitor.stop, true);
    assert_int_equal(pthread_join(janitor.thread, NULL), 0);
    print_message("extended in %d of %d rounds\n", extended, rounds());
    assert_true(extended > 0);
    (void)blob_sweep(blob_db, now + 100);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks"), 0);
    blob_assert_usage();
    mem_free(body.p);
}

/* ---- bounds ---- */

static void quota__of_the_server__is_exact_and_a_duplicate_costs_nothing(void **state)
{
    (void)state;
    struct bytes a = blob_body(60000, 13), b = blob_body(40001, 14), c = blob_body(40000, 15);
    struct blob_result result;
    assert_int_equal(blob_put_with(blob_db, a, BLOB_NOW, 100, 100000, &result), OK);
    assert_int_equal(result.stored_bytes, 60000);
    assert_int_equal(blob_put_with(blob_db, b, BLOB_NOW, 100, 100000, &result), ERR_DENIED);
    assert_int_equal(result.refusal, BLOB_QUOTA);
    assert_int_equal(blob_check(blob_db, b, BLOB_NOW), ERR_MISSING);
    assert_int_equal(blob_put_with(blob_db, c, BLOB_NOW, 100, 100000, &result), OK);
    assert_int_equal(blob_put_with(blob_db, a, BLOB_NOW, 200, 100000, &result), OK);
    assert_int_equal(blob_number("SELECT bytes FROM file_usage"), 100000);
    assert_int_equal(blob_sweep(blob_db, BLOB_NOW + 100), 1); /* c; a was renewed */
    assert_int_equal(blob_put_with(blob_db, b, BLOB_NOW + 100, 100, 100001, &result), OK);
    blob_assert_usage();
    mem_free(a.p);
    mem_free(b.p);
    mem_free(c.p);
}

/* Nobody's two bytes cost less than the block that they take on the disk. */
static void tiny_content__is_charged_a_block_and_given_back_as_one(void **state)
{
    (void)state;
    struct bytes a = blob_body(2, 22), b = blob_body(3, 23);
    struct blob_result result;
    assert_int_equal(blob_put_with(blob_db, a, BLOB_NOW, 100, FILE_BLOCK_BYTES + 100, &result), OK);
    assert_int_equal(result.stored_bytes, FILE_BLOCK_BYTES);
    assert_int_equal(blob_put_with(blob_db, b, BLOB_NOW, 100, FILE_BLOCK_BYTES + 100, &result),
                     ERR_DENIED);
    assert_int_equal(result.refusal, BLOB_QUOTA);
    assert_int_equal(blob_sweep(blob_db, BLOB_NOW + 100), 1);
    assert_int_equal(blob_number("SELECT bytes FROM file_usage"), 0);
    blob_assert_usage();
    mem_free(a.p);
    mem_free(b.p);
}

/* What a program of before the shares added and removed is set right by the job, once a day. */
static void sums__that_another_version_left_wrong__are_counted_anew(void **state)
{
    (void)state;
    struct bytes body = blob_body(10000, 24);
    blob_store(body, BLOB_NOW, 100);
    database_run(blob_db, "UPDATE file_usage SET bytes = bytes + 5, strangers_bytes = 7;"
                          "INSERT INTO room_storage (room, bytes) SELECT id, 9 FROM rooms LIMIT 1");
    assert_int_equal(files_recount(blob_db), OK);
    assert_int_equal(blob_number("SELECT bytes FROM file_usage"), 10000);
    blob_assert_usage();
    mem_free(body.p);
}

static void day_without_partition__refuses_and_stores_nothing(void **state)
{
    (void)state;
    struct bytes body = blob_body(1000, 16);
    struct blob_result result;
    assert_int_equal(
        blob_put_with(blob_db, body, BLOB_NOW + 100 * DAY_S, 100, FILE_UNLIMITED, &result),
        ERR_CONFLICT);
    assert_int_equal(blob_number("SELECT count(*) FROM blobs"), 0);
    blob_assert_usage();
    mem_free(body.p);
}

static void blocked_content__is_gone_refused_and_may_be_welcome_again(void **state)
{
    (void)state;
    struct bytes body = blob_body(300000, 17);
    struct file_hash hash = blob_hash_of(body);
    struct blob_result result;
    blob_store(body, BLOB_NOW, 100);
    assert_int_equal(blob_block(blob_db, &hash), OK);
    assert_int_equal(blob_check(blob_db, body, BLOB_NOW), ERR_MISSING);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks"), 0);
    assert_int_equal(blob_number("SELECT bytes FROM file_usage"), 0);
    assert_int_equal(blob_put_with(blob_db, body, BLOB_NOW, 100, FILE_UNLIMITED, &result),
                     ERR_DENIED);
    assert_int_equal(result.refusal, BLOB_BLOCKED);
    assert_int_equal(blob_block(blob_db, &hash), ERR_CONFLICT);
    /* It does not keep its day from being dropped, and no sweep removes the refusal. */
    assert_int_equal(file_jobs_drop(blob_db, TODAY + KEPT_DAYS), OK);
    assert_int_equal(blob_sweep(blob_db, BLOB_NOW + 1000), 0);
    int64_t orphans = 0;
    assert_int_equal(file_jobs_orphans(blob_db, TODAY, &orphans), OK);
    assert_int_equal(blob_put_with(blob_db, body, BLOB_NOW, 100, FILE_UNLIMITED, &result),
                     ERR_DENIED);
    assert_int_equal(blob_unblock(blob_db, &hash), OK);
    assert_int_equal(blob_unblock(blob_db, &hash), ERR_MISSING);
    assert_int_equal(file_jobs_partitions(blob_db, TODAY, TODAY + 20), OK);
    blob_store(body, BLOB_NOW, 100);
    assert_int_equal(blob_check(blob_db, body, BLOB_NOW), OK);
    blob_assert_usage();
    mem_free(body.p);
}

static void hash_nobody_uploaded__can_be_blocked_ahead(void **state)
{
    (void)state;
    struct bytes body = blob_body(1000, 18);
    struct file_hash hash = blob_hash_of(body);
    struct blob_result result;
    assert_int_equal(blob_block(blob_db, &hash), OK);
    assert_int_equal(blob_put_with(blob_db, body, BLOB_NOW, 100, FILE_UNLIMITED, &result),
                     ERR_DENIED);
    blob_assert_usage();
    mem_free(body.p);
}

static void orphans__are_found_and_what_is_known_stays(void **state)
{
    (void)state;
    struct bytes lost = blob_body(600000, 19), kept = blob_body(300000, 20),
                 nameless = blob_body(999, 21);
    int64_t chunks = 0;
    blob_store(lost, BLOB_NOW, 100);
    blob_store(kept, BLOB_NOW, 100);
    blob_store(nameless, BLOB_NOW, 100);
    /* What no code of ours does: a blob without its row, a row without its file. */
    database_run(blob_db,
                 "DELETE FROM files WHERE blob IN (SELECT id FROM blobs WHERE size = 600000);"
                 "DELETE FROM blobs WHERE size = 600000;"
                 "DELETE FROM files WHERE blob IN (SELECT id FROM blobs WHERE size = 999);"
                 "UPDATE file_usage"
                 "   SET bytes = bytes - 600000, anonymous_bytes = anonymous_bytes - 600000");
    assert_int_equal(file_jobs_orphans(blob_db, TODAY, &chunks), OK);
    assert_int_equal(chunks, 3);
    assert_int_equal(blob_number("SELECT count(*) FROM chunks"), 2);
    assert_int_equal(blob_number("SELECT count(*) FROM blobs"), 1);
    assert_int_equal(blob_check(blob_db, kept, BLOB_NOW), OK);
    blob_assert_usage();
    mem_free(lost.p);
    mem_free(kept.p);
    mem_free(nameless.p);
}

static void chunk__exchanged_or_damaged_in_the_database__does_not_open(void **state)
{
    (void)state;
    struct bytes body = blob_body(2 * FILE_CHUNK_BYTES, 22);
    blob_store(body, BLOB_NOW, 100);
    database_run(blob_db,
                 "UPDATE chunks SET n = 2 WHERE n = 0;"
                 "UPDATE chunks SET n = 0 WHERE n = 1; UPDATE chunks SET n = 1 WHERE n = 2");
    assert_int_equal(blob_check(blob_db, body, BLOB_NOW), ERR_MISSING);
    mem_free(body.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sixteen_uploads_of_one_body__all_succeed_and_leave_one_blob,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(file__at_the_second_of_its_end__is_absent_and_never_revived,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(sweep__removes_what_has_ended_and_nothing_else, blob_renew,
                                        blob_leave),
        cmocka_unit_test_setup_teardown(
            upload_again__while_the_old_one_is_cleaned_up__is_readable_afterwards, blob_renew,
            blob_leave),
        cmocka_unit_test_setup_teardown(extend__against_expiry_and_cleaning_up__is_all_or_nothing,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(
            quota__of_the_server__is_exact_and_a_duplicate_costs_nothing, blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(tiny_content__is_charged_a_block_and_given_back_as_one,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(sums__that_another_version_left_wrong__are_counted_anew,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(day_without_partition__refuses_and_stores_nothing,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(blocked_content__is_gone_refused_and_may_be_welcome_again,
                                        blob_renew, blob_leave),
        cmocka_unit_test_setup_teardown(hash_nobody_uploaded__can_be_blocked_ahead, blob_renew,
                                        blob_leave),
        cmocka_unit_test_setup_teardown(orphans__are_found_and_what_is_known_stays, blob_renew,
                                        blob_leave),
        cmocka_unit_test_setup_teardown(chunk__exchanged_or_damaged_in_the_database__does_not_open,
                                        blob_renew, blob_leave),
    };
    return cmocka_run_group_tests(tests, blob_start, blob_stop);
}
