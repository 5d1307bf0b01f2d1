/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bodies, clocks and numbers for tests of files.
 */
#include "integration/file_fixture.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

enum { POLL_MS = 50, SQL_MAX = 512 };

void file_world_open(struct world *w, const struct world_options *options)
{
    if (world_open(w, options) != OK)
        fail_msg("%s", w->trouble);
}

struct member file_world_member(const struct world *w, size_t account)
{
    struct member m = {0};
    assert_int_equal(member_open(w, account, 0, false, &m), OK);
    return m;
}

struct buf file_random(size_t size)
{
    struct buf b = buf_make(size + 1);
    uint8_t *p = buf_reserve(&b, size);
    assert_true(p != NULL || size == 0);
    if (size > 0)
        randombytes_buf(p, size);
    buf_commit(&b, size);
    return b;
}

struct buf file_seeded(size_t size, uint32_t seed)
{
    struct buf b = buf_make(size + 1);
    uint8_t bytes[randombytes_SEEDBYTES] = {0};
    memcpy(bytes, &seed, sizeof(seed));
    uint8_t *p = buf_reserve(&b, size);
    assert_non_null(p);
    randombytes_buf_deterministic(p, size, bytes);
    buf_commit(&b, size);
    return b;
}

struct db *file_db(const struct world *w)
{
    struct db_options options = {
        .url = w->database_url, .statement_timeout_ms = 30000, .lock_timeout_ms = 10000};
    struct db *db = NULL;
    assert_int_equal(db_new(&options, &db), OK);
    assert_int_equal(db_ensure(db), OK);
    return db;
}

static int64_t number_of(struct db *db, const char *sql)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    assert_int_equal(db_query(db, sql, NULL, 0, &rows), OK);
    assert_true(rows_next(&rows, &row));
    int64_t number = row_i64(&row, 0);
    assert_true(rows_ok(&rows));
    return number;
}

int64_t file_number(const struct world *w, const char *sql)
{
    struct db *db = file_db(w);
    int64_t number = number_of(db, sql);
    db_free(db);
    return number;
}

void file_sql(const struct world *w, const char *sql)
{
    struct db *db = file_db(w);
    assert_int_equal(db_script(db, sql), OK);
    db_free(db);
}

void file_age(const struct world *w, int64_t seconds)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE files SET uploaded = uploaded - %lld,"
                   " expiry = CASE WHEN expiry > 0 THEN expiry - %lld ELSE expiry END",
                   (long long)seconds, (long long)seconds);
    file_sql(w, sql);
}

bool file_wait_number(const struct world *w, const char *sql, int64_t wanted, int64_t limit_ms)
{
    int64_t deadline_ms = clock_mono_ms() + limit_ms;
    struct db *db = file_db(w); /* one for all questions: a connection costs much more than one */
    bool found = number_of(db, sql) == wanted;
    while (!found && clock_mono_ms() <= deadline_ms) {
        struct timespec pause = {0, POLL_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
        found = number_of(db, sql) == wanted;
    }
    db_free(db);
    return found;
}

double file_metric(struct world *w, const char *name)
{
    double value = 0;
    assert_int_equal(world_metric(w, 0, name, &value), OK);
    return value;
}

int file_command(struct world *w, const char *const *args)
{
    AUTO_BUF struct buf out = buf_make(KIB(64));
    int status = -1;
    assert_int_equal(world_conclave(w, 0, args, &out, &status), OK);
    return status;
}
