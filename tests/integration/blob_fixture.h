/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content in a database of its own, without any server: what tests of the store share. The clock is
 * the test's; whatever fails here fails the test. One thread, but for what takes a db.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_BLOB_FIXTURE_H
#define CONCLAVE_TESTS_INTEGRATION_BLOB_FIXTURE_H

#include "files/blob.h"
#include "integration/database.h"

enum { DAY_S = 86400, TODAY = 20000, KEPT_DAYS = 14 };
#define BLOB_NOW ((double)TODAY * DAY_S + 1000)

extern struct database blob_database;
extern struct db *blob_db;
extern struct ring *blob_ring;

/* Of a group and of each test. */
int blob_start(void **state);
int blob_stop(void **state);
int blob_renew(void **state);
int blob_leave(void **state);

/* Random bytes, the same for the same seed; free p with mem_free. */
struct bytes blob_body(size_t size, uint32_t seed);
struct file_hash blob_hash_of(struct bytes body);
enum err blob_put_with(struct db *on, struct bytes body, double now, double ttl, int64_t quota,
                       struct blob_result *result);
/* Puts it, which must succeed. */
void blob_store(struct bytes body, double now, double ttl);
/* Reads all of it and compares. ERR_MISSING: not there. ERR_DEFECT: other bytes. */
enum err blob_check(struct db *on, struct bytes body, double now);
/* How many were removed, or moved. */
int64_t blob_sweep(struct db *on, double now);
int64_t blob_move(struct db *on, int64_t day, double now);

int64_t blob_number(const char *sql);
/* The sums that are kept are the sums of what there is. */
void blob_assert_usage(void);
bool blob_has_partition(int64_t day);

#endif
