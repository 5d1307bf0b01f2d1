/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store of attachments against PostgreSQL, with a clock of the test's own: duplicates and cleaning up in each other's
 * way, days that are moved and dropped, quotas, and nobody made to wait.
 * test-timeout-s: 300
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
#include "crypto/sign.h"
#include "files/blob.h"
#include "integration/database.h"
#include "store/attachments.h"
#include "store/file_jobs.h"
#include "store/ring.h"
#include "store/server.h"

enum { DAY_S = 86400, TODAY = 20000, KEPT_DAYS = 14, UPLOADERS = 16, ROUNDS = 1000 };
#define NOW ((double)TODAY * DAY_S + 1000)

static struct database database;
static struct db *db;
static struct ring *ring;

static int start_all(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1};
    if (crypto_start() != OK)
        return -1;
    database_start(&database);
    return ring_new(key, &ring) == OK ? 0 : -1;
}

static int stop_all(void **state)
{
    (void)state;
    ring_free(ring);
    database_stop(&database);
    return 0;
}

static int renew(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1};
    ring_free(ring);
    assert_int_equal(ring_new(key, &ring), OK);
    database_renew(&database);
    db = database_connect(&database);
    assert_int_equal(file_jobs_partitions(db, TODAY - 2, TODAY + 40), OK);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    db_free(db);
    return 0;
}

/* ---- doing ---- */

static struct bytes body_of(size_t size, uint32_t seed)
{
    struct bytes body = {mem_alloc_zero(1, size + 1), size};
    uint8_t seed_bytes[randombytes_SEEDBYTES] = {0};
    memcpy(seed_bytes, &seed, sizeof(seed));
    assert_non_null(body.p);
    randombytes_buf_deterministic(body.p, size, seed_bytes);
    return body;
}

static struct file_hash hash_of(struct bytes body)
{
    struct file_hash hash;
    hash_file_id(hash.b, span_of_bytes(body));
    return hash;
}

static enum err put_with(struct db *on, struct bytes body, double now, double ttl, int64_t quota,
                         struct blob_result *result)
{
    struct file_hash hash = hash_of(body);
    struct blob_put put = {.body = span_of_bytes(body),
                           .now = now,
                           .expiry = now + ttl,
                           .day = (int64_t)(now / DAY_S) + KEPT_DAYS,
                           .quota = quota};
    return blob_put_shared(on, ring, &hash, &put, result);
}

static void put(struct bytes body, double now, double ttl)
{
    struct blob_result result;
    assert_int_equal(put_with(db, body, now, ttl, FILE_UNLIMITED, &result), OK);
}

static enum err get(struct db *on, struct bytes body, double now)
{
    struct blob_ref ref = {.hash = hash_of(body)};
    struct file_row file;
    struct buf out AUTO_BUF = buf_make(body.len + 1);
    enum err e = blob_stat(on, ring, &ref, NULL, now, &file);
    if (e == OK)
        e = blob_read_all(on, ring, &file, &out);
    if (e == OK && !span_eq(buf_span(&out), span_of_bytes(body)))
        return ERR_DEFECT;
    return e;
}

struct sweeping {
    double now;
    int64_t removed;
};

static enum err sweep_in_transaction(struct db *on, void *arg)
{
    struct sweeping *s = arg;
    return file_jobs_sweep(on, s->now, (int64_t)(s->now / DAY_S), 200, &s->removed);
}

static int64_t sweep(struct db *on, double now)
{
    struct sweeping s = {.now = now};
    assert_int_equal(db_tx(on, sweep_in_transaction, &s), OK);
    return s.removed;
}

struct moving {
    double now;
    int64_t day, moved;
};

static enum err move_in_transaction(struct db *on, void *arg)
{
    struct moving *m = arg;
    return file_jobs_move(on, m->day, m->now, 100, &m->moved);
}

static int64_t move(struct db *on, int64_t day, double now)
{
    struct moving m = {.now = now, .day = day};
    assert_int_equal(db_tx(on, move_in_transaction, &m), OK);
    return m.moved;
}

static int64_t number(const char *sql)
{
    return database_number(db, sql);
}

/* The sum that is kept is the sum of what there is. */
static void assert_usage_right(void)
{
    assert_int_equal(number("SELECT bytes FROM file_usage"),
                     number("SELECT coalesce(sum(size), 0)::bigint FROM blobs WHERE NOT blocked"));
    assert_int_equal(number("SELECT count(*) FROM room_storage s WHERE bytes <>"
                            " (SELECT coalesce(sum(size), 0) FROM blobs b"
                            "   WHERE b.room = s.room AND NOT b.blocked)"),
                     0);
}

static bool has_partition(int64_t day)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_class WHERE relname = 'chunks_d%lld'",
                   (long long)day);
    return number(sql) > 0;
}

/* ---- duplicates ---- */

struct uploader {
    pthread_t thread;
    struct bytes body;
    enum err e;
};

static void *upload(void *arg)
{
    struct uploader *u = arg;
    struct db *own = database_connect(&database);
    struct blob_result result;
    u->e = put_with(own, u->body, NOW, 100, FILE_UNLIMITED, &result);
    db_free(own);
    return NULL;
}

static void sixteen_uploads_of_one_body__all_succeed_and_leave_one_blob(void **state)
{
    (void)state;
    struct bytes body = body_of(1000000, 1);
    struct uploader uploaders[UPLOADERS];
    for (size_t i = 0; i < UPLOADERS; i++) {
        uploaders[i] = (struct uploader){.body = body};
        assert_int_equal(pthread_create(&uploaders[i].thread, NULL, upload, &uploaders[i]), 0);
    }
    for (size_t i = 0; i < UPLOADERS; i++) {
        assert_int_equal(pthread_join(uploaders[i].thread, NULL), 0);
        assert_int_equal(uploaders[i].e, OK);
    }
    assert_int_equal(number("SELECT count(*) FROM blobs"), 1);
    assert_int_equal(number("SELECT count(*) FROM files"), 1);
    assert_int_equal(number("SELECT count(*) FROM chunks"), 4);
    assert_int_equal(number("SELECT bytes FROM file_usage"), 1000000);
    assert_int_equal(get(db, body, NOW), OK);
    mem_free(body.p);
}

/* ---- expiry ---- */

static void file__at_the_second_of_its_end__is_absent_and_never_revived(void **state)
{
    (void)state;
    struct bytes body = body_of(5000, 2);
    struct file_hash hash = hash_of(body);
    struct file_row file;
    put(body, NOW, 10);
    assert_int_equal(get(db, body, NOW + 9.999), OK);
    assert_int_equal(get(db, body, NOW + 10), ERR_MISSING);
    assert_int_equal(files_extend(db, &hash, NOW + 10, NOW + 1000, &file), ERR_MISSING);
    assert_int_equal(get(db, body, NOW + 10), ERR_MISSING);
    assert_int_equal(files_extend(db, &hash, NOW + 9, NOW + 1000, &file), OK);
    assert_int_equal(files_extend(db, &hash, NOW + 9, NOW + 20, &file), OK);
    assert_true(file.expiry > NOW + 999);
    assert_int_equal(get(db, body, NOW + 999), OK);
    mem_free(body.p);
}

static void sweep__removes_what_has_ended_and_nothing_else(void **state)
{
    (void)state;
    struct bytes ended = body_of(600000, 3), alive = body_of(300000, 4);
    put(ended, NOW, 10);
    put(alive, NOW, 1000);
    assert_int_equal(sweep(db, NOW + 10), 1);
    assert_int_equal(number("SELECT count(*) FROM blobs"), 1);
    assert_int_equal(number("SELECT count(*) FROM chunks"),
                     2); /* by row: the day has weeks to go */
    assert_int_equal(get(db, alive, NOW + 10), OK);
    assert_usage_right();
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
    struct db *own = database_connect(&database);
    while (!atomic_load(&j->stop))
        (void)sweep(own, (double)atomic_load(&j->now_ms) / 1000);
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
    struct janitor janitor = {.now_ms = (int64_t)(NOW * 1000)};
    struct bytes bodies[] = {body_of(1000, 5), body_of(300000, 5)};
    int swept = 0;
    assert_int_equal(pthread_create(&janitor.thread, NULL, clean_up, &janitor), 0);
    double now = NOW;
    for (int i = 0; i < rounds(); i++) {
        struct bytes body = bodies[i % 8 == 0];
        put(body, now, 1);
        now += 1; /* it ends: from here on the janitor may take it away at any moment */
        atomic_store(&janitor.now_ms, (int64_t)(now * 1000));
        struct timespec pause = {0, (long)randombytes_uniform(3000000)};
        (void)nanosleep(&pause, NULL);
        swept += number("SELECT count(*) FROM files") == 0;
        put(body, now, 1);
        enum err e = get(db, body, now);
        if (e != OK)
            fail_msg("round %d: %s", i, err_name(e));
        now += 1;
    }
    atomic_store(&janitor.stop, true);
    assert_int_equal(pthread_join(janitor.thread, NULL), 0);
    print_message("cleaned up before the second upload in %d of %d rounds\n", swept, rounds());
    assert_true(swept > 0 && swept < rounds());
    assert_usage_right();
    mem_free(bodies[0].p);
    mem_free(bodies[1].p);
}

static void extend__against_expiry_and_cleaning_up__is_all_or_nothing(void **state)
{
    (void)state;
    struct janitor janitor = {.now_ms = (int64_t)(NOW * 1000)};
    struct bytes body = body_of(1000, 6);
    struct file_hash hash = hash_of(body);
    int extended = 0;
    assert_int_equal(pthread_create(&janitor.thread, NULL, clean_up, &janitor), 0);
    double now = NOW;
    for (int i = 0; i < rounds(); i++) {
        struct file_row file;
        put(body, now, 1);
        now += 1;
        /* Every other time the asker's clock is just before the end, and the janitor's after it. */
        double asked = i % 2 == 0 ? now - 0.001 : now;
        atomic_store(&janitor.now_ms, (int64_t)(now * 1000));
        enum err e = files_extend(db, &hash, asked, asked + 5, &file);
        if (i % 2 == 1)
            assert_int_equal(e, ERR_MISSING);
        assert_int_equal(get(db, body, now), e == OK ? OK : ERR_MISSING);
        extended += e == OK;
        now += 10;
        atomic_store(&janitor.now_ms, (int64_t)(now * 1000));
    }
    atomic_store(&janitor.stop, true);
    assert_int_equal(pthread_join(janitor.thread, NULL), 0);
    print_message("extended in %d of %d rounds\n", extended, rounds());
    assert_true(extended > 0);
    (void)sweep(db, now + 100);
    assert_int_equal(number("SELECT count(*) FROM chunks"), 0);
    assert_usage_right();
    mem_free(body.p);
}

/* ---- days ---- */

static void day_that_is_over__moves_what_lives_and_is_dropped(void **state)
{
    (void)state;
    struct bytes ended = body_of(300000, 7), renewed = body_of(600000, 8);
    struct file_hash hash = hash_of(renewed);
    struct file_row file;
    const int64_t day = TODAY + KEPT_DAYS;
    put(ended, NOW, KEPT_DAYS * DAY_S);
    put(renewed, NOW, KEPT_DAYS * DAY_S);
    double last = NOW + (KEPT_DAYS - 1) * DAY_S, after = (double)(day + 1) * DAY_S + 7200;
    assert_int_equal(files_extend(db, &hash, last, last + KEPT_DAYS * DAY_S, &file), OK);
    assert_int_equal(sweep(db, after), 1);
    assert_int_equal(file_jobs_drop(db, day), ERR_RETRY); /* not while it holds live content */
    assert_int_equal(move(db, day, after), 1);
    assert_int_equal(get(db, renewed, after), OK);
    assert_int_equal(file_jobs_drop(db, day), OK);
    assert_false(has_partition(day));
    assert_int_equal(get(db, renewed, after), OK);
    assert_int_equal(get(db, ended, after), ERR_MISSING);
    assert_int_equal(number("SELECT count(*) FROM chunks"), 3);
    assert_int_equal(number("SELECT chunk_day::bigint FROM blobs"), day + KEPT_DAYS - 1);
    /* And the renewed one ends with its new day. */
    assert_int_equal(sweep(db, after + KEPT_DAYS * DAY_S), 1);
    assert_usage_right();
    mem_free(ended.p);
    mem_free(renewed.p);
}

static void due_days__come_one_after_the_other_and_not_before_their_time(void **state)
{
    (void)state;
    int64_t day = 0;
    assert_int_equal(file_jobs_due_day(db, TODAY - 2, &day), ERR_MISSING);
    assert_int_equal(file_jobs_due_day(db, TODAY, &day), OK);
    assert_int_equal(day, TODAY - 2);
    assert_int_equal(file_jobs_drop(db, day), OK);
    assert_int_equal(file_jobs_due_day(db, TODAY, &day), OK);
    assert_int_equal(day, TODAY - 1);
}

static void content_without_end__moves_to_the_permanent_partition_and_back_into_time(void **state)
{
    (void)state;
    struct bytes body = body_of(300000, 9);
    const int64_t day = TODAY + KEPT_DAYS;
    double after = (double)(day + 2) * DAY_S;
    put(body, NOW, 100);
    database_run(db, "UPDATE files SET expiry = NULL"); /* as a pin or a picture does */
    assert_int_equal(sweep(db, after), 0);
    assert_int_equal(move(db, day, after), 1);
    assert_int_equal(file_jobs_drop(db, day), OK);
    assert_int_equal(number("SELECT count(*) FROM chunks_permanent"), 2);
    assert_int_equal(get(db, body, after + 1000.0 * DAY_S), OK);
    database_run(db, "UPDATE files SET expiry = uploaded + 1"); /* unpinned */
    assert_int_equal(sweep(db, after), 1);
    assert_int_equal(number("SELECT count(*) FROM chunks_permanent"), 0);
    assert_usage_right();
    mem_free(body.p);
}

static void
file_deleted_by_a_person__loses_its_chunks_at_the_next_turn_even_on_its_last_day(void **state)
{
    (void)state;
    struct bytes body = body_of(300000, 10);
    double last_day = (double)(TODAY + KEPT_DAYS) * DAY_S;
    put(body, NOW, 100 * DAY_S);
    database_run(db, "UPDATE files SET expiry = 0");
    assert_int_equal(sweep(db, last_day), 1);
    assert_int_equal(number("SELECT count(*) FROM chunks"), 0);
    mem_free(body.p);
}

static void download__across_a_move_and_a_drop__gets_all_bytes(void **state)
{
    (void)state;
    struct bytes body = body_of(3 * FILE_CHUNK_BYTES, 11);
    const int64_t day = (int64_t)(clock_wall_ms() / DAY_MS);
    double now = (double)clock_wall_ms() / 1000;
    assert_int_equal(file_jobs_partitions(db, day - 20, day + 40), OK);
    /* Uploaded two weeks and a day ago, renewed: alive on a day that is over. */
    put(body, now - (KEPT_DAYS + 1) * DAY_S, 100 * DAY_S);
    struct blob_ref ref = {.hash = hash_of(body)};
    struct file_row file;
    struct body_source *source = NULL;
    struct span piece;
    struct buf out AUTO_BUF = buf_make(body.len);
    assert_int_equal(blob_stat(db, ring, &ref, NULL, now, &file), OK);
    assert_int_equal(file.blob.day, day - 1);
    assert_int_equal(blob_open(ring, &ref, &file, &source), OK);
    assert_int_equal(source->next(source, db, &piece), OK);
    buf_put(&out, piece);
    assert_int_equal(move(db, day - 1, now), 1);
    assert_int_equal(source->next(source, db, &piece), OK); /* still where it was */
    buf_put(&out, piece);
    assert_int_equal(file_jobs_drop(db, day - 1), OK);
    assert_int_equal(source->next(source, db, &piece), OK); /* where it is now */
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
    struct db *own = database_connect(&database);
    for (uint32_t i = 0; !atomic_load(&b->stop); i++) {
        struct bytes fresh = body_of(1000, 100000 + i);
        struct blob_result result;
        int64_t began = clock_mono_ms();
        if (get(own, b->body, NOW) == OK &&
            put_with(own, fresh, NOW, 100, FILE_UNLIMITED, &result) == OK)
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
    struct bystander other = {.body = body_of(300000, 12)};
    put(other.body, NOW, 1000);
    /* As pg_dump does: one transaction that has read all tables. */
    struct db *reader = database_connect(&database);
    assert_int_equal(db_begin(reader), OK);
    assert_true(database_number(reader, "SELECT count(*) FROM chunks") > 0);
    assert_int_equal(pthread_create(&other.thread, NULL, stand_by, &other), 0);
    for (int i = 0; i < 3; i++) {
        int64_t began = clock_mono_ms();
        assert_int_equal(file_jobs_drop(db, TODAY - 2), ERR_RETRY);
        assert_in_range(clock_mono_ms() - began, 0, 1500);
    }
    assert_true(has_partition(TODAY - 2));
    db_rollback(reader);
    assert_int_equal(file_jobs_drop(db, TODAY - 2), OK);
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
    struct db *backup = database_connect(&database);
    assert_int_equal(advisory_wait(backup, ADVISORY_BACKUP), OK);
    assert_int_equal(file_jobs_drop(db, TODAY - 2), ERR_CONFLICT);
    assert_true(has_partition(TODAY - 2));
    assert_int_equal(advisory_release(backup, ADVISORY_BACKUP), OK);
    assert_int_equal(file_jobs_drop(db, TODAY - 2), OK);
    db_free(backup);
}

/* ---- bounds ---- */

static void quota__of_the_server__is_exact_and_a_duplicate_costs_nothing(void **state)
{
    (void)state;
    struct bytes a = body_of(600, 13), b = body_of(401, 14), c = body_of(400, 15);
    struct blob_result result;
    assert_int_equal(put_with(db, a, NOW, 100, 1000, &result), OK);
    assert_int_equal(result.stored_bytes, 600);
    assert_int_equal(put_with(db, b, NOW, 100, 1000, &result), ERR_DENIED);
    assert_int_equal(result.refusal, BLOB_QUOTA);
    assert_int_equal(get(db, b, NOW), ERR_MISSING);
    assert_int_equal(put_with(db, c, NOW, 100, 1000, &result), OK);
    assert_int_equal(put_with(db, a, NOW, 200, 1000, &result), OK);
    assert_int_equal(number("SELECT bytes FROM file_usage"), 1000);
    assert_int_equal(sweep(db, NOW + 100), 1); /* c; a was renewed */
    assert_int_equal(put_with(db, b, NOW + 100, 100, 1001, &result), OK);
    assert_usage_right();
    mem_free(a.p);
    mem_free(b.p);
    mem_free(c.p);
}

static void day_without_partition__refuses_and_stores_nothing(void **state)
{
    (void)state;
    struct bytes body = body_of(1000, 16);
    struct blob_result result;
    assert_int_equal(put_with(db, body, NOW + 100 * DAY_S, 100, FILE_UNLIMITED, &result),
                     ERR_CONFLICT);
    assert_int_equal(number("SELECT count(*) FROM blobs"), 0);
    assert_usage_right();
    mem_free(body.p);
}

static void blocked_content__is_gone_refused_and_may_be_welcome_again(void **state)
{
    (void)state;
    struct bytes body = body_of(300000, 17);
    struct file_hash hash = hash_of(body);
    struct blob_result result;
    put(body, NOW, 100);
    assert_int_equal(blob_block(db, &hash), OK);
    assert_int_equal(get(db, body, NOW), ERR_MISSING);
    assert_int_equal(number("SELECT count(*) FROM chunks"), 0);
    assert_int_equal(number("SELECT bytes FROM file_usage"), 0);
    assert_int_equal(put_with(db, body, NOW, 100, FILE_UNLIMITED, &result), ERR_DENIED);
    assert_int_equal(result.refusal, BLOB_BLOCKED);
    assert_int_equal(blob_block(db, &hash), ERR_CONFLICT);
    /* It does not keep its day from being dropped, and no sweep removes the refusal. */
    assert_int_equal(file_jobs_drop(db, TODAY + KEPT_DAYS), OK);
    assert_int_equal(sweep(db, NOW + 1000), 0);
    int64_t orphans = 0;
    assert_int_equal(file_jobs_orphans(db, TODAY, &orphans), OK);
    assert_int_equal(put_with(db, body, NOW, 100, FILE_UNLIMITED, &result), ERR_DENIED);
    assert_int_equal(blob_unblock(db, &hash), OK);
    assert_int_equal(blob_unblock(db, &hash), ERR_MISSING);
    assert_int_equal(file_jobs_partitions(db, TODAY, TODAY + 20), OK);
    put(body, NOW, 100);
    assert_int_equal(get(db, body, NOW), OK);
    assert_usage_right();
    mem_free(body.p);
}

static void hash_nobody_uploaded__can_be_blocked_ahead(void **state)
{
    (void)state;
    struct bytes body = body_of(1000, 18);
    struct file_hash hash = hash_of(body);
    struct blob_result result;
    assert_int_equal(blob_block(db, &hash), OK);
    assert_int_equal(put_with(db, body, NOW, 100, FILE_UNLIMITED, &result), ERR_DENIED);
    assert_usage_right();
    mem_free(body.p);
}

static void orphans__are_found_and_what_is_known_stays(void **state)
{
    (void)state;
    struct bytes lost = body_of(600000, 19), kept = body_of(300000, 20),
                 nameless = body_of(999, 21);
    int64_t chunks = 0;
    put(lost, NOW, 100);
    put(kept, NOW, 100);
    put(nameless, NOW, 100);
    /* What no code of ours does: a blob without its row, a row without its file. */
    database_run(db, "DELETE FROM files WHERE blob IN (SELECT id FROM blobs WHERE size = 600000);"
                     "DELETE FROM blobs WHERE size = 600000;"
                     "DELETE FROM files WHERE blob IN (SELECT id FROM blobs WHERE size = 999);"
                     "UPDATE file_usage SET bytes = bytes - 600000");
    assert_int_equal(file_jobs_orphans(db, TODAY, &chunks), OK);
    assert_int_equal(chunks, 3);
    assert_int_equal(number("SELECT count(*) FROM chunks"), 2);
    assert_int_equal(number("SELECT count(*) FROM blobs"), 1);
    assert_int_equal(get(db, kept, NOW), OK);
    assert_usage_right();
    mem_free(lost.p);
    mem_free(kept.p);
    mem_free(nameless.p);
}

static void chunk__exchanged_or_damaged_in_the_database__does_not_open(void **state)
{
    (void)state;
    struct bytes body = body_of(2 * FILE_CHUNK_BYTES, 22);
    put(body, NOW, 100);
    database_run(db, "UPDATE chunks SET n = 2 WHERE n = 0;"
                     "UPDATE chunks SET n = 0 WHERE n = 1; UPDATE chunks SET n = 1 WHERE n = 2");
    assert_int_equal(get(db, body, NOW), ERR_SEALED);
    mem_free(body.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sixteen_uploads_of_one_body__all_succeed_and_leave_one_blob,
                                        renew, leave),
        cmocka_unit_test_setup_teardown(file__at_the_second_of_its_end__is_absent_and_never_revived,
                                        renew, leave),
        cmocka_unit_test_setup_teardown(sweep__removes_what_has_ended_and_nothing_else, renew,
                                        leave),
        cmocka_unit_test_setup_teardown(
            upload_again__while_the_old_one_is_cleaned_up__is_readable_afterwards, renew, leave),
        cmocka_unit_test_setup_teardown(extend__against_expiry_and_cleaning_up__is_all_or_nothing,
                                        renew, leave),
        cmocka_unit_test_setup_teardown(day_that_is_over__moves_what_lives_and_is_dropped, renew,
                                        leave),
        cmocka_unit_test_setup_teardown(
            due_days__come_one_after_the_other_and_not_before_their_time, renew, leave),
        cmocka_unit_test_setup_teardown(
            content_without_end__moves_to_the_permanent_partition_and_back_into_time, renew, leave),
        cmocka_unit_test_setup_teardown(
            file_deleted_by_a_person__loses_its_chunks_at_the_next_turn_even_on_its_last_day, renew,
            leave),
        cmocka_unit_test_setup_teardown(download__across_a_move_and_a_drop__gets_all_bytes, renew,
                                        leave),
        cmocka_unit_test_setup_teardown(drop__behind_a_long_reader__gives_up_and_nobody_waits,
                                        renew, leave),
        cmocka_unit_test_setup_teardown(drop__during_a_backup__is_put_off, renew, leave),
        cmocka_unit_test_setup_teardown(
            quota__of_the_server__is_exact_and_a_duplicate_costs_nothing, renew, leave),
        cmocka_unit_test_setup_teardown(day_without_partition__refuses_and_stores_nothing, renew,
                                        leave),
        cmocka_unit_test_setup_teardown(blocked_content__is_gone_refused_and_may_be_welcome_again,
                                        renew, leave),
        cmocka_unit_test_setup_teardown(hash_nobody_uploaded__can_be_blocked_ahead, renew, leave),
        cmocka_unit_test_setup_teardown(orphans__are_found_and_what_is_known_stays, renew, leave),
        cmocka_unit_test_setup_teardown(chunk__exchanged_or_damaged_in_the_database__does_not_open,
                                        renew, leave),
    };
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
