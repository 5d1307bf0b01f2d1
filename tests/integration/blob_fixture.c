/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Putting, reading, sweeping and moving content as the server and its jobs do.
 */
#include "integration/blob_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>

#include "base/mem.h"
#include "crypto/sign.h"
#include "store/file_jobs.h"
#include "store/ring.h"

struct database blob_database;
struct db *blob_db;
struct ring *blob_ring;

int blob_start(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1};
    if (crypto_start() != OK)
        return -1;
    database_start(&blob_database);
    return ring_new(key, &blob_ring) == OK ? 0 : -1;
}

int blob_stop(void **state)
{
    (void)state;
    ring_free(blob_ring);
    database_stop(&blob_database);
    return 0;
}

int blob_renew(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1};
    ring_free(blob_ring);
    assert_int_equal(ring_new(key, &blob_ring), OK);
    database_renew(&blob_database);
    blob_db = database_connect(&blob_database);
    assert_int_equal(file_jobs_partitions(blob_db, TODAY - 2, TODAY + 40), OK);
    return 0;
}

int blob_leave(void **state)
{
    (void)state;
    db_free(blob_db);
    return 0;
}

struct bytes blob_body(size_t size, uint32_t seed)
{
    struct bytes body = {mem_alloc_zero(1, size + 1), size};
    uint8_t seed_bytes[randombytes_SEEDBYTES] = {0};
    memcpy(seed_bytes, &seed, sizeof(seed));
    assert_non_null(body.p);
    randombytes_buf_deterministic(body.p, size, seed_bytes);
    return body;
}

struct file_hash blob_hash_of(struct bytes body)
{
    struct file_hash hash = {{0}};
    hash_file_id(hash.b, span_of_bytes(body));
    return hash;
}

enum err blob_put_with(struct db *on, struct bytes body, double now, double ttl, int64_t quota,
                       struct blob_result *result)
{
    struct file_hash hash = blob_hash_of(body);
    struct blob_put put = {.body = span_of_bytes(body),
                           .now = now,
                           .expiry = now + ttl,
                           .day = (int64_t)(now / DAY_S) + KEPT_DAYS,
                           .quota = {quota, quota}};
    return blob_put_shared(on, blob_ring, &hash, &put, result);
}

void blob_store(struct bytes body, double now, double ttl)
{
    struct blob_result result;
    assert_int_equal(blob_put_with(blob_db, body, now, ttl, FILE_UNLIMITED, &result), OK);
}

enum err blob_check(struct db *on, struct bytes body, double now)
{
    struct blob_ref ref = {.hash = blob_hash_of(body)};
    struct file_row file;
    struct buf out AUTO_BUF = buf_make(body.len + 1);
    enum err e = blob_stat(on, blob_ring, &ref, NULL, now, &file);
    if (e == OK)
        e = blob_read_all(on, blob_ring, &file, &out);
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

int64_t blob_sweep(struct db *on, double now)
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

int64_t blob_move(struct db *on, int64_t day, double now)
{
    struct moving m = {.now = now, .day = day};
    assert_int_equal(db_tx(on, move_in_transaction, &m), OK);
    return m.moved;
}

int64_t blob_number(const char *sql)
{
    return database_number(blob_db, sql);
}

/* The sum that is kept is the sum of what there is. */
void blob_assert_usage(void)
{
    static const char *const sums[][2] = {{"bytes", "true"},
                                          {"anonymous_bytes", "room IS NULL"},
                                          {"strangers_bytes", "room IS NOT NULL AND by_stranger"}};
    for (size_t i = 0; i < COUNT_OF(sums); i++) {
        char sql[256];
        (void)snprintf(sql, sizeof(sql),
                       "SELECT %s - (SELECT coalesce(sum(greatest(size, 8192)), 0)::bigint"
                       "               FROM blobs WHERE NOT blocked AND %s) FROM file_usage",
                       sums[i][0], sums[i][1]);
        assert_int_equal(blob_number(sql), 0);
    }
    assert_int_equal(blob_number("SELECT count(*) FROM room_storage s WHERE bytes <>"
                                 " (SELECT coalesce(sum(greatest(size, 8192)), 0) FROM blobs b"
                                 "   WHERE b.room = s.room AND NOT b.blocked)"),
                     0);
}

bool blob_has_partition(int64_t day)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_class WHERE relname = 'chunks_d%lld'",
                   (long long)day);
    return blob_number(sql) > 0;
}
