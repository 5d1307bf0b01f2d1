/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests of files share: a world of one server, random bodies, numbers out of the database,
 * moved clocks of rows. Whatever fails here fails the test. One thread.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_FILE_FIXTURE_H
#define CONCLAVE_TESTS_INTEGRATION_FILE_FIXTURE_H

#include "client/file_client.h"
#include "client/room_file.h"
#include "db/db.h"
#include "integration/world.h"

/* Opens a world with these settings; env ends with NULL, or is NULL. */
void file_world_open(struct world *w, const struct world_options *options);
struct member file_world_member(const struct world *w, size_t account);

/* Bytes that no one has seen: ready to be compared. Release with buf_done. */
struct buf file_random(size_t size);
/* The same bytes for the same seed. */
struct buf file_seeded(size_t size, uint32_t seed);

/* A connection to the world's database without our statements; one number; some text of ours. */
struct db *file_db(const struct world *w);
int64_t file_number(const struct world *w, const char *sql);
void file_sql(const struct world *w, const char *sql);
/* Makes all files older by so many seconds: what a clock would do. */
void file_age(const struct world *w, int64_t seconds);
/* Waits until the query answers the number, at most limit_ms. False: it did not. */
bool file_wait_number(const struct world *w, const char *sql, int64_t wanted, int64_t limit_ms);

double file_metric(struct world *w, const char *name);

/* conclave ARGS...; its exit status. args is NULL-ended. */
int file_command(struct world *w, const char *const *args);

#endif
